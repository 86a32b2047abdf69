"""The table of topics against the code: who is said to write or read a topic does, and nobody else."""

from pathlib import Path
from typing import Final

import pytest

from cli.contract.schemas import messages_of
from shared import topics
from shared.topics import DEAD_LETTERS, TOPICS, Topic
from tests import golden
from tests.architecture.source import ROOT, imports, modules

SERVICES: Final = ("api", "sender", "tracker", "projector")
OUTSIDERS: Final = {"any other service", "anyone", "operators: postlog dead-letters"}
CONSTANTS: Final = {value.name: name for name, value in vars(topics).items() if isinstance(value, Topic)}


def uses(path: Path, topic: Topic) -> bool:
    return ("shared.topics", CONSTANTS[topic.name]) in imports(path)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_a_producer_and_a_consumer(topic: Topic) -> None:
    named = {*topic.producers, *topic.consumers}
    assert topic.producers and topic.consumers
    assert named <= {*SERVICES, *OUTSIDERS}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_services_named_use_it_and_no_other_does(topic: Topic) -> None:
    users = {name for name in SERVICES if any(uses(path, topic) for path in modules(f"services/{name}"))}
    assert users == {*topic.producers, *topic.consumers} & set(SERVICES)


def test_operators_can_read_dead_letters() -> None:
    assert uses(ROOT / "cli" / "commands" / "dead_letters.py", DEAD_LETTERS)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_golden_records_of_all_that_it_holds(topic: Topic) -> None:
    shown = {golden.schema_of(path) for group in ("events", "commands", "records") for path in golden.paths(group)}
    assert set(messages_of(topic)) - {"bytes"} <= shown


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic != DEAD_LETTERS], ids=lambda topic: topic.name)
def test_a_reader_of_every_topic_can_bury_what_it_cannot_read(topic: Topic) -> None:
    readers = [name for name in topic.consumers if name in SERVICES]
    assert any(uses(path, DEAD_LETTERS) for name in readers for path in modules(f"services/{name}"))


def test_topic_names_are_written_in_one_place() -> None:
    names = {topic.name for topic in TOPICS} - {"email.events"}  # an event type could be called so
    for path in modules("services", "shared", "cli"):
        text = path.read_text(encoding="utf-8")
        found = [name for name in names if f'"{name}"' in text]
        assert not found or path.name == "topics.py", path
