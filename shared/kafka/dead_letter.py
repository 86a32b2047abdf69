"""Records nobody could read: the original bytes and headers go to `email.dead-letters`, with the reason and place."""

from typing import Final, cast

from confluent_kafka import Message

from shared.kafka.producer import Headers

MAX_ORIGINAL: Final = 900_000  # bytes; a larger one is kept as a reference, since a record holds 1 MB
MAX_HEADERS: Final = 64_000  # bytes of the original's headers; the rest is left out


class TooManyDeadLetters(RuntimeError):
    """Our own producers write what we cannot read: a bad deploy must not divert every record (P13)."""


class DeadLetterLimit:
    """Stops a service loudly when more than `limit` records of our own producers were unreadable."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def count(self, *, own: bool) -> None:
        """Count one; strangers' garbage never stops anything."""
        if own:
            self._left -= 1
            if self._left < 0:
                raise TooManyDeadLetters("too many unreadable records of our own producers: is a release mixed up?")


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
