"""Records nobody could read: the original bytes and headers go to `email.dead-letters`, with the reason and place."""

import threading
from typing import Final, cast

from confluent_kafka import Message

from shared.kafka.producer import Headers

MAX_ORIGINAL: Final = 900_000  # bytes; a larger one is kept as a reference, since a record holds 1 MB
OWN: Final = b"/postlog/"  # how ce_source begins in the records of our own producers, on every topic
MAX_HEADERS: Final = 64_000  # bytes of the original's headers; the rest is left out


class TooManyDeadLetters(RuntimeError):
    """Our own producers write what we cannot read: a bad deploy must not divert every record (P13)."""


class DeadLetterLimit:
    """Stops a service loudly when more than `limit` records of our own producers were unreadable.

    One for all topics that a service reads, whichever thread reads them.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._lock = threading.Lock()

    def count(self, message: Message) -> None:
        """Count an unreadable record; strangers' garbage never stops anything."""
        if not is_ours(message):
            return
        with self._lock:
            self._left -= 1
        if self._left < 0:
            raise TooManyDeadLetters("too many unreadable records of our own producers: is a release mixed up?")


def is_ours(message: Message) -> bool:
    """Whether one of our own producers wrote the record, as its `ce_source` says."""
    headers = cast(Headers, message.headers() or [])
    return any(name == "ce_source" and isinstance(value, bytes) and value.startswith(OWN) for name, value in headers)


def dead_letter(message: Message, *, reason: str) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of the dead letter for `message`; too large an original is replaced by a reference."""
    original = message.value() or b""
    where = f"{message.topic()}/{message.partition()}/{message.offset()}"
    headers: Headers = [
        ("reason", reason.encode()[:1000]),
        ("source_topic", (message.topic() or "").encode()),
        ("source_partition", str(message.partition()).encode()),
        ("source_offset", str(message.offset()).encode()),
        ("source_null", b"true" if message.value() is None else b"false"),
    ]
    room = MAX_HEADERS
    for name, value in cast(Headers, message.headers() or []):
        room -= len(name.encode()) + len(value or b"")
        if room >= 0:
            headers.append((f"original_{name}", value))
    if len(original) > MAX_ORIGINAL:
        headers.append(("reference", where.encode()))
        original = b""
    key = message.key() or b""
    return (key if isinstance(key, bytes) else key.encode())[:1000], original, headers
