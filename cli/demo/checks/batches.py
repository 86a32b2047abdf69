"""Batches, reports and suppressions of the API against the fold of the log."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cli.demo.checks.figure import Check, counts, each
from cli.demo.evidence import Evidence
from cli.demo.fold import Event, by_batch, summary


def _one(name: str) -> Callable[[Event], Iterable[str]]:
    return lambda queued: [queued[name]] if queued.get(name) else []


KEYS: Final[Mapping[str, Callable[[Event], Iterable[str]]]] = {
    "day": lambda queued: [queued["occurred_at"][:10]] if queued else [],
    "template": _one("template"),
    "tag": lambda queued: queued.get("tags", []),
    "recipient_domain": _one("recipient_domain"),
}


def checks(seen: Evidence) -> list[Check]:
    """Sums that the API keeps."""
    of_batches = [check for number, batch in enumerate(seen.order.batches, 1) for check in _batch(seen, number, batch)]
    return [*of_batches, *(_report(seen, by) for by in KEYS), _suppressions(seen)]


def _batch(seen: Evidence, number: int, batch_id: str) -> list[Check]:
    view = seen.answers.batches[batch_id]
    acknowledged = seen.order.batches[batch_id]
    return [
        Check(
            figure=f"batch {number}: API = fold",
            expected=counts(by_batch(seen.stories).get(batch_id, {})),
            found=counts(view["counts"]),
        ),
        Check(
            figure=f"batch {number}: acknowledged, sum of its counts, unread",
            expected=(acknowledged, acknowledged, 0),
            found=(view["acknowledged"], sum(view["counts"].values()), view["received"]),
        ),
    ]


def _report(seen: Evidence, by: str) -> Check:
    told = seen.answers.reports[by]
    rows = {row["key"]: _numbers(row["counts"]) for row in told["rows"]}
    folded = {key: _numbers(row) for key, row in summary(seen.stories, KEYS[by]).items()}
    everything = summary(seen.stories, lambda queued: ["total"])
    return each(
        f"report by {by.replace('_', ' ')}: API = fold",
        expected=folded | {name: _numbers(row) for name, row in everything.items()},
        found=rows | {"total": _numbers(told["total"])},
    )


def _suppressions(seen: Evidence) -> Check:
    """An address of which the server says that there is no such user is not written to again."""
    unknown = [email_id for email_id, email in seen.order.emails.items() if "5.1.1" in (email.behaviour.reply or "")]
    refs = [seen.stories[email_id].queued["recipient_ref"] for email_id in unknown if email_id in seen.stories]
    return each(
        "suppressed: the addresses that do not exist",
        expected=dict.fromkeys(refs, True),
        found=dict.fromkeys(seen.answers.suppressed, True),
    )


def _numbers(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: count for name, count in row.items() if count}
