"""Progress, live on a terminal and in plain lines elsewhere, until every email is final and every reader has read."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.demo.asked import Order
from cli.demo.clients import Api

FINAL: Final = ("delivered", "bounced", "failed", "cancelled", "suppressed", "rejected")
PATIENCE: Final = 120.0  # seconds for everything to become final
PAUSE: Final = 0.3  # seconds between two looks
LINE_EVERY: Final = 3.0  # seconds between two lines
Numbers = Mapping[str, int]


def watch(api: Api, order: Order, *, console: Console) -> bool:
    """Show how far things are; whether everything came in time."""
    goals = {"final": len(order.emails), "opened": order.readers(), "clicked": order.readers()}
    deadline = time.monotonic() + PATIENCE
    with display(console, goals) as show:
        while (reached := _reached(api)) != goals:
            show(reached)
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
        show(reached)
    return True


def _reached(api: Api) -> dict[str, int]:
    total = api.get("/v1/reports/summary", by="day")["total"]
    return {"final": sum(total[n] for n in FINAL), "opened": total["opened"], "clicked": total["clicked"]}


@contextmanager
def display(console: Console, goals: Numbers) -> Iterator[Callable[[Numbers], None]]:
    """A function that shows how far things are: bars on a terminal, lines elsewhere."""
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            tasks = {name: progress.add_task(name, total=goal) for name, goal in goals.items()}
            yield lambda reached: _fill(progress, tasks, reached)
    else:
        yield _Lines(console, goals).show


def _fill(progress: Progress, tasks: Mapping[str, int], reached: Numbers) -> None:
    for name, task in tasks.items():
        progress.update(task, completed=reached[name])  # type: ignore[arg-type]


class _Lines:
    """A line when something has changed, and not too often."""

    def __init__(self, console: Console, goals: Numbers) -> None:
        self._console, self._goals = console, goals
        self._shown: Numbers = {}
        self._next = 0.0

    def show(self, reached: Numbers) -> None:
        """Print where things are, unless that was said a moment ago."""
        now = time.monotonic()
        if reached == self._shown or (now < self._next and reached != self._goals):
            return
        self._console.print("   ".join(f"{name} {count}/{self._goals[name]}" for name, count in reached.items()))
        self._shown, self._next = reached, now + LINE_EVERY
