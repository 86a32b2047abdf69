"""Dead letters as they stand on Kafka: read with an end in sight, and sent again where that is safe."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import uuid4

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from cli.errors import CommandError
from shared.kafka.config import consumer, producer
from shared.kafka.producer import FutureProducer, Headers, ProduceFailed
from shared.settings import KafkaSettings
from shared.topics import DEAD_LETTERS, EVENTS, REQUESTS, REQUESTS_BULK

NOTES: Final = ("source_topic", "source_partition", "source_offset", "reason")
# On the other topics the last record wins: an old one, sent again, would take the place of a newer.
AGAIN: Final = (REQUESTS, REQUESTS_BULK, EVENTS)
_ORIGINAL: Final = "original_"
_PATIENCE: Final = 10.0  # seconds for Kafka to answer


@dataclass(frozen=True)
class Letter:
    """One dead letter: its place, what was noted of it, and the original's key, value and headers."""

    offset: int
    notes: dict[str, str]
    key: bytes
    value: bytes | None
    headers: Headers

    def matches(self, *, topic: str | None, reason: str | None) -> bool:
        """Whether it came from that topic, for a reason with those words."""
        said = self.notes.get("reason", "")
        return topic in (None, self.notes.get("source_topic")) and (reason is None or reason.lower() in said.lower())

    def row(self) -> dict[str, Any]:
        """What a list shows of it; never the content."""
        noted = {name: self.notes[name] for name in NOTES if name in self.notes}
        return {"offset": self.offset, "bytes": len(self.value or b"")} | noted

    def hindrance(self, settings: KafkaSettings) -> str | None:
        """Why it cannot be sent again, in a sentence."""
        source = self.notes.get("source_topic")
        if source not in [settings.topic(topic.name) for topic in AGAIN]:
            return f"it came from {source or 'nowhere known'}, where an old record would replace a newer one"
        return "the original was too large to be kept" if "reference" in self.notes else None


def letters(settings: KafkaSettings, *, start: int = 0) -> Iterator[Letter]:
    """Those from offset `start` up to the end, as it is now."""
    place = TopicPartition(settings.topic(DEAD_LETTERS.name), 0, start)
    reader = Consumer(consumer(settings, group_id=f"postlog-dead-letters-{uuid4()}"))
    try:
        first, end = reader.get_watermark_offsets(place, timeout=_PATIENCE)
        if max(first, start) >= end:
            return
        reader.assign([TopicPartition(place.topic, 0, max(first, start))])
        while (message := reader.poll(_PATIENCE)) is not None and message.error() is None:
            yield _letter(message)
            if (message.offset() or 0) >= end - 1:
                return
    except KafkaException as error:
        raise CommandError(f"Kafka (KAFKA_BOOTSTRAP_SERVERS): {error.args[0].str()}") from None
    finally:
        reader.close()


def one(settings: KafkaSettings, offset: int) -> Letter:
    """The one at this offset; raises CommandError when there is none."""
    found = next(letters(settings, start=offset), None)
    if found is None or found.offset != offset:
        raise CommandError("there is no dead letter at this offset: see `postlog dead-letters list`")
    return found


def send_again(settings: KafkaSettings, found: list[Letter], *, mended: bytes | None = None) -> None:
    """Put the originals, or the `mended` value of the only one, onto the topics where they were; until acknowledged."""
    client = FutureProducer(producer(settings))
    try:
        for letter in found:
            value = letter.value if mended is None else mended
            sent = client.send(letter.notes["source_topic"], key=letter.key, value=value, headers=letter.headers)
            sent.result(_PATIENCE)
    except (ProduceFailed, TimeoutError) as error:
        raise CommandError(f"Kafka did not take dead letter {letter.offset} ({error}); those before are sent") from None
    finally:
        client.close()


def _letter(message: Message) -> Letter:
    headers = cast(Headers, message.headers() or [])
    notes = {name: text_of(value) for name, value in headers if not name.startswith(_ORIGINAL)}
    original: Headers = [(name.removeprefix(_ORIGINAL), value) for name, value in headers if name.startswith(_ORIGINAL)]
    key = message.key() or b""
    value = None if notes.get("source_null") == "true" else message.value() or b""
    return Letter(message.offset() or 0, notes, key if isinstance(key, bytes) else key.encode(), value, original)


def text_of(value: str | bytes | None) -> str:
    """A header's value, to be read by people."""
    return value if isinstance(value, str) else (value or b"").decode("utf-8", "replace")
