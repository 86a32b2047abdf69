"""`make scale`: timers, races, retention, takeover, a million open emails. Exit code 1 when a promise is broken."""

import argparse
import json
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from cli.stack.kafka import kafka_part
from cli.stack.ports import free_port
from cli.stack.supervisor import Supervisor
from tests.scale import million, races, retention, takeover, timers
from tests.scale.place import Place, a_place
from tests.servers import LoopThread

SEED: Final = 20_261_124
IMPATIENT: Final = "log.retention.check.interval.ms=1000\nlog.initial.task.delay.ms=1000\n"
Program = Callable[[Place], dict[str, float]]


def main() -> int:
    """Run what was asked for, each on topics of its own."""
    asked = _arguments()
    programs = _programs(asked)
    folder = Path(tempfile.mkdtemp(prefix="postlog-scale-"))
    results: dict[str, object] = {}
    with _kafka(folder / "kafka") as kafka:
        for name in asked.names or programs:
            print(f"---- {name}", flush=True)
            results[name] = _run(name, programs[name], kafka=kafka, folder=folder / name)
            print(f"{name}: {json.dumps(results[name])}", flush=True)
    broken = [name for name, figures in results.items() if isinstance(figures, str)]
    print(json.dumps({"ok": not broken, "seed": SEED, **results}), flush=True)
    if broken:
        print(f"the senders' logs are in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _programs(asked: argparse.Namespace) -> dict[str, Program]:
    plan = timers.Plan(emails=asked.emails, real=asked.seconds, restarts=4, lead=20 + asked.emails / 800)
    return {
        "timers": lambda place: timers.run(place, plan),
        "races": lambda place: races.run(place, races=asked.races, seconds=20, seed=SEED, restart=False),
        "races_and_kill": lambda place: races.run(place, races=asked.races, seconds=20, seed=SEED, restart=True),
        "retention": lambda place: retention.run(place, emails=200, seconds=90, expire=retention.by_retention),
        "takeover": takeover.run,
        "million": lambda place: million.run(place, emails=asked.open),
    }


def _run(name: str, program: Program, *, kafka: str, folder: Path) -> dict[str, float] | str:
    began = time.monotonic()
    try:
        with a_place(kafka, folder, prefix=f"{name}.") as place:
            found = program(place)
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return {each: round(value, 3) for each, value in (found | {"took": time.monotonic() - began}).items()}


@contextmanager
def _kafka(folder: Path) -> Iterator[str]:
    """A Kafka of its own, which looks for what its retention lets it delete every second."""
    usual = kafka_part(folder, port=free_port(), controller_port=free_port(), say=print)

    async def prepare() -> None:
        await usual.prepare()
        with (folder / "server.properties").open("a") as properties:
            properties.write(IMPATIENT)

    thread, supervisor = LoopThread(), Supervisor(logs=folder, say=print)
    folder.mkdir(parents=True)
    thread.run(supervisor.start(replace(usual, prepare=prepare)))
    try:
        yield usual.address
    finally:
        thread.run(supervisor.stop(usual.name))
        thread.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("names", nargs="*", help="which; all when none is named")
    parser.add_argument("--emails", type=int, default=100_000, help="scheduled over an hour")
    parser.add_argument("--seconds", type=float, default=300, help="that the hour takes")
    parser.add_argument("--races", type=int, default=1000, help="cancels and reschedules in the due moment")
    parser.add_argument("--open", type=int, default=1_000_000, help="open emails")
    asked = parser.parse_args()
    if unknown := set(asked.names) - _programs(asked).keys():
        parser.error(f"no program {', '.join(sorted(unknown))}; there are {', '.join(_programs(asked))}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
