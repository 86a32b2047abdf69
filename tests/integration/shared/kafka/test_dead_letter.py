"""Dead letters on real Kafka: whatever was read, the letter can be written and says where it comes from."""

from collections.abc import Iterator
from typing import cast

import pytest
from confluent_kafka import Message

from shared.kafka import config
from shared.kafka.dead_letter import DeadLetterLimit, TooManyDeadLetters, dead_letter
from shared.kafka.producer import FutureProducer, Headers
from shared.settings import KafkaSettings
from shared.topics import DEAD_LETTERS, REQUESTS
from tests.logs import read

pytestmark = pytest.mark.integration


@pytest.fixture
def producer(settings: KafkaSettings) -> Iterator[FutureProducer]:
    producer = FutureProducer(config.producer(settings) | {"message.max.bytes": 1_048_000})
    yield producer
    producer.close()


def bury(
    producer: FutureProducer, settings: KafkaSettings, value: bytes | None, *, key: bytes, headers: Headers
) -> tuple[Message, dict[str, bytes]]:
    """Put a record onto a topic, read it, write its dead letter with our own producer, read that."""
    producer.send(settings.topic(REQUESTS.name), key=key, value=value, headers=headers, partition=1).result(20)
    (original,) = read(settings, REQUESTS.name)
    ours = FutureProducer(config.producer(settings))
    name, body, notes = dead_letter(original, reason="not a command")
    ours.send(settings.topic(DEAD_LETTERS.name), key=name, value=body, headers=notes).result(20)
    ours.close()
    (letter,) = read(settings, DEAD_LETTERS.name)
    found = {header: value for header, value in cast(Headers, letter.headers() or []) if isinstance(value, bytes)}
    return letter, found


def test_a_letter_holds_the_original_and_where_it_was(producer: FutureProducer, settings: KafkaSettings) -> None:
    headers: Headers = [("ce_id", b"17"), ("null", None)]
    letter, found = bury(producer, settings, b"\x00garbage", key=b"k", headers=headers)
    assert (letter.key(), letter.value()) == (b"k", b"\x00garbage")
    assert found == {
        "reason": b"not a command",
        "source_topic": settings.topic(REQUESTS.name).encode(),
        "source_partition": b"1",
        "source_offset": b"0",
        "source_null": b"false",
        "original_ce_id": b"17",
    }
    assert ("original_null", None) in (letter.headers() or [])


def test_a_null_is_told_from_an_empty_value(producer: FutureProducer, settings: KafkaSettings) -> None:
    letter, found = bury(producer, settings, None, key=b"", headers=[])
    assert not letter.value() and found["source_null"] == b"true"


@pytest.mark.parametrize(
    ("value", "key", "headers"),
    [
        (b"x" * 1_000_000, b"k", []),
        (b"x" * 890_000, b"k", [(f"h{number}", b"y" * 4000) for number in range(35)]),
        (b"x" * 100, b"k" * 500_000, [("h", b"y" * 300_000)]),
        (b"x" * 899_990, b"k" * 100_000, [("n" * 20_000, b"")]),
    ],
    ids=["value", "value and headers", "key and header", "all"],
)
def test_the_largest_records_have_letters_too(
    producer: FutureProducer, settings: KafkaSettings, value: bytes, key: bytes, headers: Headers
) -> None:
    letter, found = bury(producer, settings, value, key=key, headers=headers)
    assert (found["source_partition"], found["source_offset"]) == (b"1", b"0")
    assert key.startswith(letter.key() or b"-")
    if len(value) > 900_000:
        assert not letter.value() and found["reference"] == f"{settings.topic(REQUESTS.name)}/1/0".encode()
    else:
        assert letter.value() == value and "reference" not in found


def test_strangers_never_stop_a_service_and_our_own_do_after_a_limit() -> None:
    limit = DeadLetterLimit(2)
    headers: list[Headers] = [[], [("ce_source", b"/billing")], [("ce_source", None)], [("source", b"/postlog/api")]]
    for strangers in headers * 20:
        limit.count(Message(headers=strangers))
    ours = Message(headers=[("ce_id", b"1"), ("ce_source", b"/postlog/sender")])
    limit.count(ours)
    limit.count(ours)
    with pytest.raises(TooManyDeadLetters, match="our own producers"):
        limit.count(ours)
