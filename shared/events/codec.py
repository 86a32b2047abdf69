"""The one codec of `email.events`: JSON on the wire, CloudEvents 1.0 attributes in binary mode headers."""

from typing import Any, Final, Union

import msgspec

from shared.events import ALL_EVENTS, BatchEvent, EmailEvent, Event, SuppressionAdded, SuppressionRemoved
from shared.events.other import DestinationLimited, VerificationCompleted
from shared.events.upcasters import upcast
from shared.ids import text_of

Headers = list[tuple[str, str | bytes | None]]


class UnreadableRecord(ValueError):
    """Bytes that are no event of ours; the message says why."""


class UnknownFact(ValueError):
    """A fact of a type or version this release does not know: stop and upgrade, never divert (P13)."""

    def __init__(self, kind: str, version: int) -> None:
        super().__init__(f"a fact {kind} of version {version} is on the log: this release does not know it, upgrade it")
        self.kind = kind
        self.version = version


class _Head(msgspec.Struct):
    type: str
    version: int = 1


TYPES: Final[dict[str, type[Event]]] = {str(kind.__struct_config__.tag): kind for kind in ALL_EVENTS}
_encoder = msgspec.json.Encoder()
_head = msgspec.json.Decoder(_Head)
_of_today: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Union[*ALL_EVENTS])


def event_type(event: Event | type[Event]) -> str:
    """The event's CloudEvents type, such as `email.queued`."""
    return str(event.__struct_config__.tag)


def encode(event: Event) -> bytes:
    """The event as JSON."""
    return _encoder.encode(event)


def headers(event: Event, *, source: str, traceparent: str | None = None) -> Headers:
    """CloudEvents 1.0 Kafka binding, binary content mode, and W3C trace context."""
    found: Headers = [
        ("ce_id", str(event.event_id).encode()),
        ("ce_source", source.encode()),
        ("ce_type", event_type(event).encode()),
        ("ce_time", event.occurred_at.isoformat().encode()),
        ("ce_specversion", b"1.0"),
        ("content-type", b"application/json"),
    ]
    if traceparent:
        found.append(("traceparent", traceparent.encode()))
    return found


def key(event: Event) -> bytes:
    """The record key: what has to stay in order together."""
    match event:
        case EmailEvent():
            return text_of(event.email_id).encode()
        case BatchEvent():
            return str(event.batch_id).encode()
        case SuppressionAdded() | SuppressionRemoved() | VerificationCompleted():
            return event.recipient_ref.encode()
        case DestinationLimited():
            return event.destination.encode()
        case _:
            raise TypeError(f"{type(event).__name__} has no key")


def decode(value: bytes | None) -> Event:
    """The event in `value`. Raises `UnreadableRecord`, or `UnknownFact` for a type or version of the future."""
    try:
        event = _of_today.decode(value or b"")
    except (ValueError, RecursionError):
        return _decode_other(value)
    return event if event.version == event.VERSION else _decode_other(value)


def _decode_other(value: bytes | None) -> Event:
    """What is no event of today's version: an older one, one of the future, or none."""
    try:
        head = _head.decode(value or b"")
    except (ValueError, RecursionError) as error:
        raise UnreadableRecord(f"not an event: {error}") from None
    if not head.type.startswith("email."):
        raise UnreadableRecord(f"not an event of ours: type {head.type!r:.80}")
    kind = TYPES.get(head.type)
    if kind is None or head.version > kind.VERSION:
        raise UnknownFact(head.type, head.version)
    try:
        if head.version == kind.VERSION:
            return msgspec.json.decode(value or b"", type=kind)
        document: dict[str, Any] = upcast(msgspec.json.decode(value or b""), kind=head.type, current=kind.VERSION)
        return msgspec.convert(document, kind)
    except (ValueError, KeyError) as error:
        raise UnreadableRecord(f"not a valid {head.type}: {error}") from None
