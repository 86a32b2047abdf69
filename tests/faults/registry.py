"""The scenarios by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.faults.trial import Trial

Run = Callable[["Trial"], None]
SCENARIOS: Final[dict[str, "Scenario"]] = {}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One thing that goes wrong. `proves` is a sentence; `quick` ones run in `make test`, with `Trial.quick` set."""

    name: str
    proves: str
    run: Run
    brokers: int
    quick: bool


def scenario(proves: str, *, brokers: int = 1, quick: bool = False) -> Callable[[Run], Run]:
    """Register a function as the scenario of its name."""

    def register(run: Run) -> Run:
        name = run.__name__
        assert name not in SCENARIOS, f"two scenarios are called {name}"
        SCENARIOS[name] = Scenario(name=name, proves=proves, run=run, brokers=brokers, quick=quick)
        return run

    return register
