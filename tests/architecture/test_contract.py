"""The contract's documents are what the code says, and what the code says is what stands on the log."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from cli.contract import schemas
from cli.contract.files import differing
from shared import commands
from shared.events import ALL_EVENTS, Event, codec
from shared.topics import TOPICS
from tests import golden

ROOT = Path(__file__).parents[2]
SCHEMAS: dict[str, Any] = json.loads((ROOT / "docs/schemas.json").read_text(encoding="utf-8"))
ASYNCAPI: dict[str, Any] = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text(encoding="utf-8"))
RECORDS = [path for group in ("events", "commands", "records") for path in golden.paths(group)]


def validator(name: str) -> Draft202012Validator:
    """Judges records of one type by the committed schemas."""
    return Draft202012Validator(SCHEMAS | {"$ref": f"#/$defs/{name}"}, format_checker=FormatChecker())


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(golden.value(path))
    return found


def test_the_documents_are_as_the_code_says() -> None:
    assert differing(ROOT) == [], "write them with: postlog contract write"


def test_the_schemas_are_schemas() -> None:
    Draft202012Validator.check_schema(SCHEMAS)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: f"{path.parts[-3]}/{path.parts[-2]}/{path.stem}")
def test_golden_records_are_valid_by_their_schema(path: Path) -> None:
    validator(golden.schema_of(path)).validate(document(path))


@pytest.mark.parametrize("kind", ALL_EVENTS, ids=codec.event_type)
def test_a_schema_refuses_what_the_codec_refuses(kind: type[Event]) -> None:
    good = document(next(path for path in golden.paths("events") if golden.schema_of(path) == kind.__name__))
    judge = validator(kind.__name__)
    for bad in (good | {"event_id": "17"}, good | {"occurred_at": 17}, good | {"type": "email.other"}, {}):
        assert not judge.is_valid(bad)


def test_a_command_with_an_unknown_field_is_not_valid() -> None:
    for path in golden.paths("commands"):
        assert not validator(golden.schema_of(path)).is_valid(document(path) | {"nonsense": 1})


def test_the_schemas_name_every_command_and_every_record() -> None:
    assert {kind.__name__ for kind in schemas.COMMANDS} == {kind.__name__ for kind in commands.Command.__args__}
    assert {kind.__name__ for kind in schemas.RECORDS} == set(golden.RECORDS)


def test_headers_are_as_the_document_says() -> None:
    judge = Draft202012Validator(ASYNCAPI["components"]["schemas"]["CloudEventsHeaders"])
    for path in golden.paths("events"):
        pairs = codec.headers(codec.decode(golden.value(path)), source="/postlog/sender")
        judge.validate({name: value.decode() for name, value in pairs if isinstance(value, bytes)})
    assert not judge.is_valid({"ce_id": "17"})


# AsyncAPI 3: the official parser runs in Node only; these are the rules of it that matter here.


def refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from [part] if name == "$ref" else refs(part)
    elif isinstance(value, list):
        for part in value:
            yield from refs(part)


def resolve(ref: str) -> Any:
    found: Any = ASYNCAPI
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_every_reference_leads_somewhere() -> None:
    found = set(refs(ASYNCAPI))
    assert len(found) > 50
    for ref in found:
        assert resolve(ref)


def test_the_document_has_what_asyncapi_3_requires() -> None:
    assert ASYNCAPI["asyncapi"].startswith("3.")
    assert {"title", "version"} <= set(ASYNCAPI["info"])
    assert all({"host", "protocol"} <= set(server) for server in ASYNCAPI["servers"].values())
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in ("send", "receive")
        (channel,) = refs({"$ref": operation["channel"]["$ref"]})
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/")


def test_every_topic_is_a_channel_with_its_messages_and_users() -> None:
    assert set(ASYNCAPI["channels"]) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        channel = ASYNCAPI["channels"][topic.name]
        assert channel["address"] == topic.name
        assert set(channel["messages"]) == set(schemas.messages_of(topic))
        assert channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == [
            topic.broker_config()["cleanup.policy"]
        ]
        actions = {name.split(".")[1] for name in ASYNCAPI["operations"] if name.split(".", 2)[2] == topic.name}
        assert actions == {"send", "receive"}


def test_every_event_is_a_message_with_headers_and_examples() -> None:
    for kind in ALL_EVENTS:
        message = ASYNCAPI["components"]["messages"][kind.__name__]
        assert message["name"] == codec.event_type(kind)
        assert message["headers"] == {"$ref": "#/components/schemas/CloudEventsHeaders"}
        assert message["examples"] and message["summary"]
        for example in message["examples"]:
            assert codec.decode(msgspec.json.encode(example["payload"]))
