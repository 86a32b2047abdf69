"""What the sender counts. Labels are event types: never a domain, a tenant or an address."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_events: Final = Counter("postlog_events", "events committed", ["type"])
_commit: Final = Histogram(
    "postlog_group_commit_seconds", "one Kafka transaction", buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5, 15)
)
in_hand: Final = Gauge("postlog_emails_in_hand", "emails in the delivery's hands")
partitions: Final = Gauge("postlog_partitions_owned", "partitions owned")


def group_committed(kinds: dict[str, int], *, seconds: float) -> None:
    """Count a group."""
    _commit.observe(seconds)
    for kind, number in kinds.items():
        _events.labels(kind).inc(number)
