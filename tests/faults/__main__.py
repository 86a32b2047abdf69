"""`make faults`: run the scenarios, say what came of each. Exit code 1 when a promise was broken in any of them."""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Final

from tests.faults import scenarios
from tests.faults.lab import Lab, running_lab
from tests.faults.registry import SCENARIOS, Scenario
from tests.faults.report import Result, last_line, table
from tests.faults.trial import Trial

SEED: Final = 20_260_729


def main() -> int:
    """Run what was asked for."""
    scenarios.load()
    asked = _arguments()
    if asked.list:
        print("\n".join(f"{one.name:<34} {one.proves}" for one in SCENARIOS.values()))
        return 0
    chosen = [one for one in SCENARIOS.values() if _is_chosen(one, asked)]
    begun = time.monotonic()
    data = Path(tempfile.mkdtemp(prefix="postlog-faults-"))
    results = _run_all(chosen, data=data, seed=asked.seed, quick=asked.quick)
    print(table(results))
    print(last_line(results, seed=asked.seed, seconds=time.monotonic() - begun), flush=True)
    if all(result.holds for result in results):
        shutil.rmtree(data)
        return 0
    print(f"the services' logs are in {data}", file=sys.stderr)
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios to run; all when none is named")
    parser.add_argument("--list", action="store_true", help="say which scenarios there are")
    parser.add_argument("--quick", action="store_true", help="the subset of `make test`, with fewer repetitions")
    parser.add_argument("--seed", type=int, default=SEED, help="of everything random")
    asked = parser.parse_args()
    if unknown := set(asked.names) - SCENARIOS.keys():
        parser.error(f"no scenario {', '.join(sorted(unknown))}; see --list")
    return asked


def _is_chosen(one: Scenario, asked: argparse.Namespace) -> bool:
    if asked.names:
        return one.name in asked.names
    return one.quick or not asked.quick


def _run_all(chosen: list[Scenario], *, data: Path, seed: int, quick: bool) -> list[Result]:
    """Scenario after scenario in one lab, and in a new one after one that failed or for another number of brokers."""
    results: list[Result] = []
    left = sorted(chosen, key=lambda one: one.brokers)
    while left:
        begun, brokers = time.monotonic(), left[0].brokers
        with running_lab(data / f"lab-{len(left)}", brokers=brokers) as lab:
            print(f"the lab is ready in {time.monotonic() - begun:.0f} s, brokers: {brokers}", flush=True)
            while left and left[0].brokers == brokers:
                results.append(_run(left.pop(0), lab, seed=seed, quick=quick))
                if not results[-1].holds:
                    break  # what it has left behind shall not fail the others
    return results


def _run(one: Scenario, lab: Lab, *, seed: int, quick: bool) -> Result:
    print(f"---- {one.name}: {one.proves}", flush=True)
    begun, failure = time.monotonic(), ""
    trial = Trial(lab, name=one.name, seed=seed, quick=quick)
    try:
        one.run(trial)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
        traceback.print_exc()
    verdict = trial.judge()
    if verdict.holds and not failure:
        trial.clean_up()
    result = Result(
        scenario=one,
        verdict=verdict,
        seconds_to_recover=trial.seconds_to_recover,
        took=time.monotonic() - begun,
        figures=trial.figures,
        failure=failure,
    )
    print("\n".join([result.line(), *result.troubles()]), flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
