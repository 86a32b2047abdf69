"""What the API writes: records for Kafka, made of commands, facts and last values."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import msgspec

from shared import commands
from shared.commands import Command, SendEmail
from shared.events import Event, codec
from shared.events.codec import Headers
from shared.topics import EVENTS, REQUESTS, REQUESTS_BULK

SOURCE = "/postlog/api"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record. `topic` is the name in `shared.topics`; a `value` of None is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a request comes from: whose it is, its trace (W3C), and when it came."""

    tenant: str
    by: str
    traceparent: str
    now: datetime


def command(asked: Command, *, origin: Origin) -> Record:
    """A command on its request topic: bulk for broadcast mail and for batches, else the transactional one."""
    bulk = isinstance(asked, SendEmail) and (asked.stream == "broadcast" or asked.batch_id is not None)
    headers: Headers = [
        ("ce_id", str(asked.command_id).encode()),
        ("ce_type", f"email.command.{type(asked).__name__}".encode()),
        *_same(origin),
    ]
    return Record(
        topic=(REQUESTS_BULK if bulk else REQUESTS).name,
        key=str(asked.email_id).encode(),
        value=commands.encode(asked),
        headers=headers,
    )


@lru_cache(maxsize=16)  # a batch has a million commands of one origin
def _same(origin: Origin) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_source", SOURCE.encode()),
        ("ce_time", origin.now.isoformat().encode()),
        ("ce_specversion", b"1.0"),
        ("content-type", b"application/json"),
        ("traceparent", origin.traceparent.encode()),
    )


def fact(event: Event, *, origin: Origin) -> Record:
    """A fact on `email.events`."""
    return Record(
        topic=EVENTS.name,
        key=codec.key(event),
        value=codec.encode(event),
        headers=codec.headers(event, source=SOURCE, traceparent=origin.traceparent),
    )


def last_value(topic: str, key: str, value: msgspec.Struct | None, *, origin: Origin) -> Record:
    """A value on a compacted topic; None deletes it."""
    return Record(
        topic=topic,
        key=key.encode(),
        value=None if value is None else msgspec.json.encode(value),
        headers=[("ce_source", SOURCE.encode()), ("traceparent", origin.traceparent.encode())],
    )
