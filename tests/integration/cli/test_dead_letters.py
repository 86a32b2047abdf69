"""`postlog dead-letters` on real Kafka: found by topic and reason, shown, and sent again where that is safe."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Message
from typer.testing import CliRunner, Result

from cli.commands.dead_letters import app
from cli.errors import CommandError
from shared.kafka import config
from shared.kafka.admin import ensure_topics
from shared.kafka.dead_letter import MAX_ORIGINAL, dead_letter
from shared.kafka.producer import FutureProducer, Headers
from shared.settings import KafkaSettings
from shared.topics import CONTROLS, DEAD_LETTERS, REQUESTS, Topic
from tests.logs import read

pytestmark = pytest.mark.integration
Run = Callable[..., Result]
KEY = b"0193a5c0-0000-7000-8000-000000000001"
HEADERS: Headers = [("ce_id", b"17"), ("ce_source", b"/shop")]


@pytest.fixture
def settings(kafka_url: str, topic_prefix: str) -> KafkaSettings:
    found = KafkaSettings(kafka_bootstrap_servers=kafka_url, topic_prefix=topic_prefix, partitions=3)
    ensure_topics(found)
    return found


@pytest.fixture
def run(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("POSTLOG_TOPIC_PREFIX", settings.topic_prefix)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, words)


def bury(settings: KafkaSettings, topic: Topic, value: bytes, *, reason: str) -> None:
    """A record on a topic, and its dead letter."""
    producer = FutureProducer(config.producer(settings) | {"message.max.bytes": 1_048_000})
    producer.send(settings.topic(topic.name), key=KEY, value=value, headers=HEADERS).result(20)
    original: Message = read(settings, topic.name)[-1]
    key, body, headers = dead_letter(original, reason=reason)
    producer.send(settings.topic(DEAD_LETTERS.name), key=key, value=body, headers=headers).result(20)
    producer.close()


def offsets(result: Result) -> list[int]:
    return [json.loads(line)["offset"] for line in result.output.splitlines()]


def test_they_are_found_and_shown(run: Run, settings: KafkaSettings) -> None:
    assert run("list", "--json").output == ""
    bury(settings, REQUESTS, b'{"to":"ada@example.org"', reason="Input data was truncated")
    bury(settings, CONTROLS, b"garbage", reason="JSON is malformed")
    assert offsets(run("list", "--json")) == [0, 1]
    assert offsets(run("list", "--json", "--topic", REQUESTS.name)) == [0]
    assert offsets(run("list", "--json", "--reason", "MALFORMED")) == [1]
    assert offsets(run("list", "--json", "--limit", "1")) == [1]
    shown = run("show", "0").output
    assert "reason: Input data was truncated" in shown and "header ce_source: /shop" in shown
    assert "send again: yes" in shown and "ada@" not in shown
    assert '{"to":"ada@example.org"' in run("show", "0", "--content").output
    assert "replace a newer one" in run("show", "1").output
    for number in ("2", "99"):
        assert isinstance(run("show", number).exception, CommandError)


def test_one_is_sent_again_as_it_was_or_mended(run: Run, settings: KafkaSettings, tmp_path: Path) -> None:
    bury(settings, REQUESTS, b"{", reason="truncated")
    assert run("resend", "0").output == "1 to be sent again: say --yes\n"
    assert len(read(settings, REQUESTS.name)) == 1
    assert run("resend", "0", "--yes").output == "1 sent again\n"
    (tmp_path / "mended.json").write_bytes(b"{}")
    assert run("resend", "0", "--yes", "--file", str(tmp_path / "mended.json")).output == "1 sent again\n"
    sent = read(settings, REQUESTS.name)
    assert [one.value() for one in sent] == [b"{", b"{", b"{}"]
    assert {one.partition() for one in sent} == {sent[0].partition()} and {one.key() for one in sent} == {KEY}
    assert all(one.headers() == HEADERS for one in sent)


def test_many_are_sent_again_but_for_those_that_cannot_be(run: Run, settings: KafkaSettings) -> None:
    bury(settings, REQUESTS, b"a", reason="unknown field")
    bury(settings, REQUESTS, b"b" * (MAX_ORIGINAL + 1), reason="unknown field")
    bury(settings, CONTROLS, b"c", reason="unknown field")
    bury(settings, REQUESTS, b"d", reason="another")
    done = run("resend", "--reason", "unknown field", "--yes")
    assert "1 sent again" in done.output and "1: left out" in done.stderr and "2: left out" in done.stderr
    assert [one.value() for one in read(settings, REQUESTS.name) if len(one.value() or b"") == 1].count(b"a") == 2
    assert len(read(settings, CONTROLS.name)) == 1
    for words in ((), ("--topic", REQUESTS.name, "--file", "x")):
        refused = run("resend", *words)
        assert isinstance(refused.exception, CommandError) and refused.exception.exit_code == 2
