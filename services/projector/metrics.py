"""What the projector counts. Labels are topics and partitions: never a tenant or an address."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_records: Final = Counter("postlog_projected_records", "records projected", ["topic"])
_seconds: Final = Histogram(
    "postlog_projection_seconds",
    "one transaction of the read models",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
_position: Final = Gauge("postlog_projection_position", "next offset to be projected", ["topic", "partition"])
_lag: Final = Gauge("postlog_projection_lag_records", "records not projected yet", ["topic", "partition"])
unreadable: Final = Counter("postlog_projector_dead_letters", "records that could not be read")
behind: Final = Gauge("postlog_projection_behind_seconds", "age of the read models at most; -1 while unknown")


def projected(topic: str, records: int) -> None:
    """Count records."""
    _records.labels(topic).inc(records)


def committed(*, seconds: float) -> None:
    """Count a transaction."""
    _seconds.observe(seconds)


def stands(topic: str, partition: int, *, next_offset: int, end: int) -> None:
    """Tell how far a partition has been projected, and where it ends."""
    _position.labels(topic, str(partition)).set(next_offset)
    _lag.labels(topic, str(partition)).set(max(0, end - next_offset))


def left(topic: str, partition: int) -> None:
    """Another projector has the partition now."""
    _position.remove(topic, str(partition))
    _lag.remove(topic, str(partition))
