"""What the sender measures. Labels are event types, streams, topics and destinations: never a tenant or an address."""

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from services.sender.domain.loud import OTHERS, Loud
from shared.events import EMAIL_EVENTS
from shared.events.codec import event_type

_events: Final = Counter("postlog_sender_events", "Facts committed, by type: the states that emails enter.", ["type"])
_commit_seconds: Final = Histogram(
    "postlog_sender_commit_seconds",
    "One group commit: the Kafka transaction and the tables after it.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5, 15),
)
_commit_events: Final = Histogram(
    "postlog_sender_commit_events", "Facts in one group commit.", buckets=(0, 1, 3, 10, 30, 100, 300, 1000, 3000)
)
_given_up: Final = Counter(
    "postlog_sender_commits_given_up",
    "Group commits that were done again: Kafka had aborted them, or nobody knew how they ended (unknown).",
    ["result"],
)
_to_reply: Final = Histogram(
    "postlog_sender_queued_to_reply_seconds",
    "From queued_at (or send_at) of an email to the 250 that took it, delivered by its first attempt or a later one.",
    ["stream", "attempt"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 28800, 86400),
)
_deferrals: Final = Counter(
    "postlog_sender_deferrals",
    "Attempts deferred, by destination (a group of MX hosts or a domain). A destination has a label of its own from "
    f"its 10th deferral on, and at most 100 have one; the rest counts as `{OTHERS}`.",
    ["destination"],
)
_dead_letters: Final = Counter(
    "postlog_sender_dead_letters",
    "Records that went to email.dead-letters: `unreadable`, or `too_large` to be forwarded to the right partition.",
    ["reason"],
)
_lag_records: Final = Gauge(
    "postlog_sender_lag_records", "Requests of an owned partition not read yet.", ["topic", "partition"]
)
_lag_seconds: Final = Gauge(
    "postlog_sender_lag_seconds",
    "Age of the last request read, while there are others behind it; 0 at the end of the partition.",
    ["topic", "partition"],
)
_partitions: Final = Gauge("postlog_sender_partitions", "Partitions owned.")
_in_hand: Final = Gauge("postlog_sender_emails_in_hand", "Emails in the delivery's hands.")
_dialogues: Final = Gauge("postlog_sender_dialogues", "Emails marked as being sent: at most these can come in doubt.")
_connections: Final = Gauge("postlog_sender_connections", "SMTP connections open, used or kept.")
_open_emails: Final = Gauge(
    "postlog_sender_open_emails", "Emails that wait for an attempt: queued, scheduled or deferred.", ["stream"]
)
_in_doubt: Final = Gauge("postlog_sender_in_doubt_emails", "Emails in doubt that wait for a decision.")
_oldest_due: Final = Gauge(
    "postlog_sender_oldest_due_seconds",
    "How long the oldest email that is due has been so without being attempted; what is on hold does not count.",
    ["stream"],
)
_suppressions_age: Final = Gauge(
    "postlog_sender_suppressions_age_seconds",
    "Age of the copy of the suppressions; past 2 s all mail waits.",
)

_loud: Final = Loud()
# A count that begins at 0 shows its first rise.
for _kind in EMAIL_EVENTS:
    _events.labels(event_type(_kind))
for _result in ("aborted", "unknown"):
    _given_up.labels(_result)
for _reason in ("unreadable", "too_large"):
    _dead_letters.labels(_reason)


def committed(kinds: dict[str, int], *, seconds: float) -> None:
    """A group was committed: how many facts of each type."""
    _commit_seconds.observe(seconds)
    _commit_events.observe(sum(kinds.values()))
    for kind, number in kinds.items():
        _events.labels(kind).inc(number)


def given_up(*, unknown: bool) -> None:
    """A group is done again."""
    _given_up.labels("unknown" if unknown else "aborted").inc()


def delivered(stream: str, *, attempt: int, seconds: float) -> None:
    """An email was taken by the other side."""
    _to_reply.labels(stream, "first" if attempt == 1 else "later").observe(seconds)


def deferred(destination: str) -> None:
    """A destination took an email not yet."""
    _deferrals.labels(_loud.label(destination)).inc()


def dead_letter(reason: str) -> None:
    """A record went to the dead letters."""
    _dead_letters.labels(reason).inc()


def lags(topic: str, partition: int, *, records: int, seconds: float | None) -> None:
    """How far reading is behind; None: nothing has been read yet."""
    _lag_records.labels(topic, str(partition)).set(records)
    _lag_seconds.labels(topic, str(partition)).set(float("nan") if seconds is None else seconds)


def left(partition: int) -> None:
    """Another sender has the partition now."""
    for gauge in (_lag_records, _lag_seconds):
        gauge.remove_by_labels({"partition": str(partition)})


def watch(
    *,
    partitions: Callable[[], float],
    in_hand: Callable[[], float],
    dialogues: Callable[[], float],
    suppressions_age: Callable[[], float],
) -> None:
    """Ask these whenever metrics are asked for."""
    _partitions.set_function(partitions)
    _in_hand.set_function(in_hand)
    _dialogues.set_function(dialogues)
    _suppressions_age.set_function(suppressions_age)


def watch_connections(count: Callable[[], float]) -> None:
    """The same for the connections."""
    _connections.set_function(count)


def watch_open(
    stream: str,
    *,
    emails: Callable[[], float],
    oldest_due: Callable[[], float],
) -> None:
    """The same for what waits in a stream."""
    _open_emails.labels(stream).set_function(emails)
    _oldest_due.labels(stream).set_function(oldest_due)


def watch_doubts(emails: Callable[[], float]) -> None:
    """The same for what is in doubt."""
    _in_doubt.set_function(emails)
