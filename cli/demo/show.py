"""What the demo prints."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cli.demo.checks.figure import Check

Json = dict[str, Any]
SHOWN: Final = 5  # things that differ, of one figure


def timeline(console: Console, view: Json) -> None:
    """One email's whole story, with the servers' own words."""
    personal = view["personal"] or {}
    console.rule(f"One email: {personal.get('name') or personal.get('address')}, {view['status']}")
    table = Table("time (UTC)", "event", "attempt", "what", box=None)
    for fact in view["timeline"]:
        table.add_row(fact["occurred_at"][11:23], fact["type"], str(fact.get("attempt", "")), _what(fact))
    console.print(table)


def _what(fact: Json) -> str:
    if reply := fact.get("smtp_reply_text"):
        return f"{fact.get('smtp_reply_code')} {reply}"
    for name in ("detail", "reason", "evidence", "user_agent", "mx_host", "send_at", "template"):
        if fact.get(name):
            return f"{name}: {fact[name]}"
    return ""


def batches(console: Console, found: Mapping[str, Json]) -> None:
    """Each batch with its counts."""
    statuses = sorted({status for batch in found.values() for status in batch["counts"]})
    table = Table("batch", "acknowledged", *statuses, title="Batches")
    for batch_id, batch in found.items():
        table.add_row(batch_id, str(batch["acknowledged"]), *(str(batch["counts"].get(s, 0)) for s in statuses))
    console.print(table)


def report(console: Console, found: Json, *, by: str) -> None:
    """The summary report."""
    names = [name for name, count in found["total"].items() if count]
    table = Table(by.replace("_", " "), *names, title=f"Report by {by.replace('_', ' ')}")
    for row in found["rows"]:
        table.add_row(row["key"], *(str(row["counts"][name]) for name in names))
    table.add_section()
    table.add_row("total", *(str(found["total"][name]) for name in names))
    console.print(table)


def figures(console: Console, found: Collection[Check]) -> None:
    """Every figure with what it should be, and below the table what differs."""
    table = Table(title="Checks (fold: of the log, by rules of the demo's own)", expand=True)
    for name, ratio in (("figure", 6), ("expected", 3), ("found", 3)):
        table.add_column(name, ratio=ratio)
    table.add_column(min_width=len("DIFFERS"))
    for check in found:
        mark = "[green]ok[/]" if check.holds else "[bold red]DIFFERS[/]"
        table.add_row(check.figure, _plain(check.expected), _plain(check.found), mark)
    console.print(table)
    for check in found:
        for line in check.differ[:SHOWN]:
            console.print(f"{check.figure}: {line}", style="red", markup=False)
        if len(check.differ) > SHOWN:
            console.print(f"{check.figure}: and {len(check.differ) - SHOWN} more", style="red", markup=False)


def verdict(console: Console, found: Collection[Check], *, took: str) -> None:
    """The last line."""
    wrong = sum(not check.holds for check in found)
    style = "bold red" if wrong else "bold green"
    console.print(f"{len(found)} figures checked, {wrong} differ; {took}", style=style, highlight=False)


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
