"""What the projector measures. Labels are topics and partitions: never a tenant or an address."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_records: Final = Counter("postlog_projector_records", "Records projected.", ["topic"])
_commit_seconds: Final = Histogram(
    "postlog_projector_commit_seconds",
    "One transaction of the read models, with the fold before it.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
_offset: Final = Gauge("postlog_projector_offset", "Next offset to be projected.", ["topic", "partition"])
_lag_records: Final = Gauge("postlog_projector_lag_records", "Records not projected yet.", ["topic", "partition"])
_lag_seconds: Final = Gauge(
    "postlog_projector_lag_seconds", "Age of the read models at most: 0 when they have all; NaN while unknown."
)
_dead_letters: Final = Counter(
    "postlog_projector_dead_letters", "Records that nobody could read or store, gone to email.dead-letters."
)


def projected(topic: str, records: int) -> None:
    """Count records."""
    _records.labels(topic).inc(records)


def committed(*, seconds: float) -> None:
    """Count a transaction."""
    _commit_seconds.observe(seconds)


def stands(topic: str, partition: int, *, next_offset: int, end: int) -> None:
    """Tell how far a partition has been projected, and where it ends."""
    _offset.labels(topic, str(partition)).set(next_offset)
    _lag_records.labels(topic, str(partition)).set(max(0, end - next_offset))


def behind(seconds: float | None) -> None:
    """Tell how old the read models are at most; None while unknown."""
    _lag_seconds.set(float("nan") if seconds is None else seconds)


def left(topic: str, partition: int) -> None:
    """Another projector has the partition now."""
    _offset.remove(topic, str(partition))
    _lag_records.remove(topic, str(partition))


def dead_letter() -> None:
    """Count a record that nobody could read."""
    _dead_letters.inc()
