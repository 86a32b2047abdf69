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

# What the modules that name a topic do with it.
WRITE: Final[dict[str, set[str]]] = {
    "email.requests": {"api/domain/record", "sender/handlers/intake", "sender/handlers/reports"},
    "email.requests.bulk": {"api/domain/record", "sender/handlers/intake"},
    "email.work": {"sender/consumer"},
    "email.events": {"api/domain/record", "sender/group", "tracker/handlers/records"},
    "email.personal": {"sender/group"},
    "email.controls": {
        "api/domain/batches",
        "api/handlers/batch_controls",
        "api/handlers/intake",
        "api/handlers/operating",
        "sender/handlers/imposing",
        "sender/handlers/warming",
    },
    "email.templates": {"api/handlers/templates"},
    "email.suppressions": {"api/handlers/suppressions", "sender/group", "tracker/handlers/records"},
    "email.dead-letters": {"sender/handlers/intake", "sender/handlers/reports", "projector/main"},
}
READ: Final[dict[str, set[str]]] = {
    "email.requests": {"sender/main", "api/adapters/sources"},
    "email.requests.bulk": {"sender/main", "api/adapters/sources"},
    "email.work": {"sender/adapters/changelog"},
    "email.events": {"projector/consumer", "projector/handlers/reading", "sender/adapters/proofs"},
    "email.personal": {"projector/consumer"},
    "email.controls": {"api/adapters/controls", "sender/adapters/tables"},
    "email.templates": {"api/adapters/templates", "sender/adapters/tables"},
    "email.suppressions": {"sender/adapters/tables"},
    "email.dead-letters": set(),
}
MENTION: Final[dict[str, set[str]]] = {
    "email.requests": {"api/domain/places", "api/handlers/queries"},
    "email.requests.bulk": {"api/domain/places"},
    "email.events": {"sender/consumer", "projector/handlers/projection"},
    "email.personal": {"projector/handlers/projection"},
}
BURIES: Final = {
    "email.requests": "sender",
    "email.requests.bulk": "sender",
    "email.work": "sender",
    "email.events": "projector",
    "email.personal": "projector",
    "email.controls": "sender",
    "email.templates": "sender",
    "email.suppressions": "sender",
}


def uses(path: Path, topic: Topic) -> bool:
    return ("shared.topics", CONSTANTS[topic.name]) in imports(path)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_a_producer_and_a_consumer(topic: Topic) -> None:
    named = {*topic.producers, *topic.consumers}
    assert topic.producers and topic.consumers
    assert named <= {*SERVICES, *OUTSIDERS}


def users(topic: Topic) -> set[str]:
    """The modules of services that name the topic's constant."""
    paths = [path for path in modules("services") if uses(path, topic)]
    return {path.relative_to(ROOT / "services").with_suffix("").as_posix() for path in paths}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_services_named_write_it_or_read_it_and_no_other_does(topic: Topic) -> None:
    """What a module that names a topic does with it stands in the tables above: a new one wants a line there."""
    writers, readers = WRITE[topic.name], READ[topic.name]
    assert users(topic) - MENTION.get(topic.name, set()) == writers | readers
    assert {path.partition("/")[0] for path in writers} == {*topic.producers} & {*SERVICES}
    assert {path.partition("/")[0] for path in readers} == {*topic.consumers} & {*SERVICES}


def test_operators_can_read_dead_letters() -> None:
    assert uses(ROOT / "cli" / "dead_letters.py", DEAD_LETTERS)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_golden_records_of_all_that_it_holds(topic: Topic) -> None:
    shown = {golden.schema_of(path) for group in ("events", "commands", "records") for path in golden.paths(group)}
    assert set(messages_of(topic)) - {"bytes"} <= shown


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic != DEAD_LETTERS], ids=lambda topic: topic.name)
def test_one_reader_of_every_topic_buries_what_it_cannot_read(topic: Topic) -> None:
    """One and not each, or each record would be buried twice. That it does, tests/e2e/test_garbage.py shows."""
    assert BURIES[topic.name] in topic.consumers
    assert BURIES[topic.name] in DEAD_LETTERS.producers


def test_topic_names_are_written_in_one_place() -> None:
    names = {topic.name for topic in TOPICS} - {"email.events"}  # an event type could be called so
    for path in modules("services", "shared", "cli"):
        text = path.read_text(encoding="utf-8")
        found = [name for name in names if f'"{name}"' in text]
        assert not found or path.name == "topics.py", path
