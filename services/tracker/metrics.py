"""What the tracker measures. Labels are kinds and outcomes: never a token, a tenant or an address."""

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge

_reports: Final = Counter(
    "postlog_tracker_reports",
    "Opens, clicks and unsubscribes by outcome: genuine, forged (a token that is not ours), refused (an unsubscribe "
    "that neither Kafka nor the disk took; the reader was told so).",
    ["kind", "outcome"],
)
_records: Final = Counter(
    "postlog_tracker_records",
    "Sendings to Kafka by outcome: acknowledged, refused (the spool sends it again), lost (the disk had no room).",
    ["outcome"],
)
for _outcome in ("acknowledged", "refused", "lost"):
    _records.labels(_outcome)  # a count that begins at 0 shows its first rise
_spool_bytes: Final = Gauge("postlog_tracker_spool_bytes", "Bytes that wait on disk for Kafka's acknowledgement.")
_spool_limit: Final = Gauge("postlog_tracker_spool_limit_bytes", "Bytes that the spool may hold.")


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


def watch_spool(size: Callable[[], int], *, limit: int) -> None:
    """Show the spool's size whenever metrics are asked for."""
    _spool_bytes.set_function(size)
    _spool_limit.set(limit)
