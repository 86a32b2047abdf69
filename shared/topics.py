"""Every topic as data: key, partitions, retention, producers, consumers, what its records are."""

from dataclasses import dataclass
from typing import Final

DAY_MS: Final = 86_400_000
MURMUR2: Final = "murmur2_random"  # the Java clients' default; librdkafka must be told


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic. `partitions` None means "as many as the setting says": those are co-partitioned by `email_id`."""

    name: str
    holds: str
    key: str
    schemas: tuple[str, ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    partitions: int | None = None
    compacted: bool = False
    retention_ms: int = -1
    config: tuple[tuple[str, str], ...] = ()

    def broker_config(self) -> dict[str, str]:
        """The topic's settings on the broker, all said explicitly."""
        found = {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "compression.type": "producer",
            "max.message.bytes": "1048588",
        }
        if not self.compacted:
            found |= {"retention.ms": str(self.retention_ms), "retention.bytes": "-1"}
        return found | dict(self.config)


LOG_APPEND: Final = (("message.timestamp.type", "LogAppendTime"),)
DAILY_ROLL: Final = (("segment.ms", str(DAY_MS)),)
COMPACT_DAILY: Final = (("max.compaction.lag.ms", str(DAY_MS)), ("min.cleanable.dirty.ratio", "0.1"))

REQUESTS: Final = Topic(
    name="email.requests",
    holds="commands of the transactional stream, and every command on an existing email",
    key="email_id",
    schemas=(
        "SendEmail",
        "CancelEmail",
        "RescheduleEmail",
        "HoldEmail",
        "ReleaseEmail",
        "ResolveEmail",
        "ReportOutcome",
    ),
    producers=("api", "sender", "any other service"),
    consumers=("sender", "api"),
    retention_ms=7 * DAY_MS,
    config=LOG_APPEND + DAILY_ROLL,
)
REQUESTS_BULK: Final = Topic(
    name="email.requests.bulk",
    holds="SendEmail of the broadcast stream and of all batches",
    key="email_id",
    schemas=("SendEmail",),
    producers=("api", "sender", "any other service"),
    consumers=("sender", "api"),
    retention_ms=7 * DAY_MS,
    config=LOG_APPEND + DAILY_ROLL,
)
WORK: Final = Topic(
    name="email.work",
    holds="the open emails: last state of each; when final a small marker, then a tombstone",
    key="email_id",
    schemas=("OpenEmail", "FinalEmail", "WaitingCommands"),
    producers=("sender",),
    consumers=("sender",),
    compacted=True,
    config=(*COMPACT_DAILY, ("delete.retention.ms", str(7 * DAY_MS))),
)
EVENTS: Final = Topic(
    name="email.events",
    holds="the facts: the source of truth",
    key="email_id (batch_id, recipient_ref or destination for facts that are not about one email)",
    schemas=("Event",),
    producers=("sender", "tracker", "api"),
    consumers=("projector", "sender", "anyone"),
    config=LOG_APPEND,
)
PERSONAL: Final = Topic(
    name="email.personal",
    holds="the personal part of an email: address, names, subject, metadata; a tombstone erases it",
    key="email_id",
    schemas=("PersonalPart",),
    producers=("sender",),
    consumers=("projector",),
    compacted=True,
    config=COMPACT_DAILY,
)
CONTROLS: Final = Topic(
    name="email.controls",
    holds="the last word on each batch, stream, tenant and destination: holds, limits, weights, what replies imposed",
    key="tenant/kind/name",
    schemas=("Control",),
    producers=("api", "sender"),
    consumers=("api", "sender"),
    partitions=1,
    compacted=True,
)
TEMPLATES: Final = Topic(
    name="email.templates",
    holds="one immutable record per tenant/name/version, and a pointer to the published one",
    key="tenant/name/version, tenant/name",
    schemas=("TemplateVersion", "PublishedTemplate"),
    producers=("api",),
    consumers=("api", "sender"),
    partitions=1,
    compacted=True,
)
SUPPRESSIONS: Final = Topic(
    name="email.suppressions",
    holds="the addresses not to be sent to, as keyed hashes; derived: every change is also an event",
    key="tenant/scope/recipient_ref",
    schemas=("Suppression",),
    producers=("api", "sender", "tracker"),
    consumers=("sender",),
    partitions=1,
    compacted=True,
)
DEAD_LETTERS: Final = Topic(
    name="email.dead-letters",
    holds="records nobody could read: original bytes and headers, reason, source topic, partition and offset",
    key="as the original",
    schemas=("bytes",),
    producers=("sender", "projector"),
    consumers=("operators: postlog dead-letters",),
    partitions=1,
    retention_ms=30 * DAY_MS,
)

TOPICS: Final = (
    REQUESTS,
    REQUESTS_BULK,
    WORK,
    EVENTS,
    PERSONAL,
    CONTROLS,
    TEMPLATES,
    SUPPRESSIONS,
    DEAD_LETTERS,
)
CO_PARTITIONED: Final = tuple(topic for topic in TOPICS if topic.partitions is None)


def murmur2(data: bytes) -> int:
    """The hash of Kafka's Java partitioner, as an unsigned 32-bit number."""
    m, length = 0x5BD1E995, len(data)
    h = (0x9747B28C ^ length) & 0xFFFFFFFF
    for at in range(0, length - length % 4, 4):
        k = int.from_bytes(data[at : at + 4], "little")
        k = (k * m) & 0xFFFFFFFF
        k = ((k ^ (k >> 24)) * m) & 0xFFFFFFFF
        h = ((h * m) & 0xFFFFFFFF) ^ k
    tail = data[length - length % 4 :]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * m) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * m) & 0xFFFFFFFF
    return h ^ (h >> 15)


def partition_for(key: bytes, partitions: int) -> int:
    """The partition that the Java clients (and `murmur2_random`) put `key` into."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
