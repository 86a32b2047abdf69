"""What the lab prints: a line for each scenario as it ends, a table of all, and JSON on the last line."""

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.ledger import Verdict
from tests.faults.registry import Scenario

COLUMNS: Final = ("emails", "lost", "duplicate", "unexplained", "wrong", "in doubt", "limit", "recovers", "took")
SHOWN: Final = 5  # addresses of each kind of trouble


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a scenario. `failure` is what it asserted in vain, empty when it went to its end."""

    scenario: Scenario
    verdict: Verdict
    seconds_to_recover: float
    took: float
    figures: dict[str, float]
    failure: str = ""

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return self.verdict.holds and not self.failure

    def line(self) -> str:
        """The result in one line."""
        verdict = self.verdict
        figures = "".join(f", {name} {value:.3g}" for name, value in self.figures.items())
        return (
            f"{'ok  ' if self.holds else 'FAIL'} {self.scenario.name}: lost {len(verdict.lost)}, "
            f"duplicate {verdict.duplicates} ({len(verdict.unexplained)} unexplained), "
            f"in doubt {verdict.in_doubt} (limit {verdict.limit}), {self.seconds_to_recover:.1f} s to recover, "
            f"{verdict.emails} emails in {self.took:.0f} s{figures}"
        )

    def troubles(self) -> list[str]:
        """What is the matter, in words."""
        verdict = self.verdict
        found = [f"  {self.failure}"] if self.failure else []
        for kind in ("lost", "unexplained", "wrong"):
            each: dict[str, str] = getattr(verdict, kind)
            found += [f"  {kind}: {recipient}: {why}" for recipient, why in list(each.items())[:SHOWN]]
        if verdict.in_doubt > verdict.limit:
            found.append(f"  in doubt: {verdict.in_doubt}, and at most {verdict.limit} connections were open")
        return found

    def row(self) -> tuple[str, ...]:
        """The cells of the table."""
        verdict = self.verdict
        numbers = (
            verdict.emails,
            len(verdict.lost),
            verdict.duplicates,
            len(verdict.unexplained),
            len(verdict.wrong),
            verdict.in_doubt,
            verdict.limit,
        )
        return (*map(str, numbers), f"{self.seconds_to_recover:.1f} s", f"{self.took:.0f} s")

    def data(self) -> dict[str, Any]:
        """The result as JSON."""
        verdict = self.verdict
        return {
            "ok": self.holds,
            "emails": verdict.emails,
            "lost": len(verdict.lost),
            "duplicate": verdict.duplicates,
            "unexplained": len(verdict.unexplained),
            "wrong": len(verdict.wrong),
            "in_doubt": verdict.in_doubt,
            "in_doubt_limit": verdict.limit,
            "seconds_to_recover": round(self.seconds_to_recover, 2),
            "seconds": round(self.took, 1),
            **{name: round(value, 3) for name, value in self.figures.items()},
        }


def table(results: list[Result]) -> str:
    """All results, aligned."""
    rows = [("scenario", *COLUMNS)] + [(result.scenario.name, *result.row()) for result in results]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def last_line(results: list[Result], *, seed: int, seconds: float) -> str:
    """The JSON."""
    return json.dumps(
        {
            "ok": all(result.holds for result in results),
            "seed": seed,
            "seconds": round(seconds, 1),
            "lost": sum(len(result.verdict.lost) for result in results),
            "duplicate": sum(result.verdict.duplicates for result in results),
            "unexplained": sum(len(result.verdict.unexplained) for result in results),
            "in_doubt": sum(result.verdict.in_doubt for result in results),
            "scenarios": {result.scenario.name: result.data() for result in results},
        }
    )
