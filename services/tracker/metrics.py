"""What the tracker counts. Labels are kinds and outcomes: never a token, a tenant or an address."""

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge

_reports: Final = Counter("postlog_tracker_reports", "opens, clicks and unsubscribes", ["kind", "outcome"])
_records: Final = Counter("postlog_tracker_records", "records by what became of them", ["outcome"])
_spool_bytes: Final = Gauge("postlog_tracker_spool_bytes", "bytes that wait on disk for Kafka's acknowledgement")


def hit(kind: str, *, genuine: bool) -> None:
    """An open or a click; not genuine: the token is not ours, is damaged, or leads where nobody is sent."""
    _reports.labels(kind, "genuine" if genuine else "forged").inc()


def forged_unsubscribe() -> None:
    """An unsubscribe token that is not ours or is damaged."""
    _reports.labels("unsubscribe", "forged").inc()


def unsubscribed(*, safe: bool) -> None:
    """A wish to leave, and whether it could be kept."""
    _reports.labels("unsubscribe", "genuine" if safe else "refused").inc()


def record(outcome: str) -> None:
    """A sending was acknowledged, refused (the disk keeps the record for another) or lost (the disk has it not)."""
    _records.labels(outcome).inc()


def watch_spool(size: Callable[[], int]) -> None:
    """Show the spool's size whenever metrics are asked for."""
    _spool_bytes.set_function(size)
