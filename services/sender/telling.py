"""What a committed group of facts tells operators: metrics, and log lines about what did not go well. No address."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import structlog
from confluent_kafka import Message

from services.sender import metrics
from shared.events import (
    EmailBounced,
    EmailDeferred,
    EmailDelivered,
    EmailEvent,
    EmailFailed,
    EmailInDoubt,
    EmailRejected,
    EmailResolved,
    Event,
    codec,
)
from shared.telemetry import trace_id

log = structlog.get_logger()
Facts = Sequence[tuple[Event, str | None]]
# The others are said at level debug: a line costs about 10 µs, and delivered mail needs none.
SAID: Final = frozenset((EmailDeferred, EmailBounced, EmailFailed, EmailInDoubt, EmailResolved, EmailRejected))
# Never a field with free text: it may quote the recipient.
FIELDS: Final = (
    "tenant",
    "stream",
    "batch_id",
    "attempt",
    "mx_host",
    "smtp_phase",
    "smtp_reply_code",
    "enhanced_status_code",
    "bounce_class",
    "bounce_category",
    "decision",
    "error_code",
)


def tell(facts: Facts, *, seconds: float) -> None:
    """The facts, each with its trace context, were committed; the commit took so long."""
    kinds = Counter(type(event) for event, _ in facts)
    metrics.committed({codec.event_type(kind): number for kind, number in kinds.items()}, seconds=seconds)
    everything = log.is_enabled_for(logging.DEBUG)
    for event, traceparent in facts:
        if isinstance(event, EmailDelivered):
            metrics.delivered(event.stream, attempt=event.attempt, seconds=event.queue_ms / 1000)
        if everything or type(event) in SAID:
            _say(event, traceparent)


def buried(message: Message, *, kind: str) -> None:
    """A record is a dead letter now: `unreadable`, or `too_large`. What it holds is not said."""
    metrics.dead_letter(kind)
    place = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
    log.warning("a record is a dead letter", reason=kind, **place)


def _say(event: Event, traceparent: str | None) -> None:
    write = log.info if type(event) in SAID else log.debug
    write(codec.event_type(event), **about(event, traceparent))


def about(event: Event, traceparent: str | None) -> dict[str, Any]:
    """The fields of a line about a fact."""
    found = {name: getattr(event, name, None) for name in FIELDS}
    if isinstance(event, EmailEvent):
        found |= {"email_id": str(event.email_id), "trace_id": trace_id(traceparent)}
    if isinstance(event, EmailFailed):
        found["reason"] = event.reason
    return {name: str(value) if name == "batch_id" else value for name, value in found.items() if value is not None}
