"""The AsyncAPI 3 document: channels, operations and messages from the table of topics and the types."""

from importlib import metadata
from pathlib import Path
from typing import Any, Final

import msgspec

from cli.contract.schemas import event_types, messages_of, schemas
from shared.events.codec import event_type
from shared.topics import CO_PARTITIONED, DEAD_LETTERS, TOPICS, Topic

Document = dict[str, Any]
SERVICES: Final = ("api", "sender", "tracker", "projector")
EXAMPLES: Final = Path("tests/golden")
_SETTINGS: Final = ("retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes")
_ABOUT: Final = (
    "Every record of Postlog: what may be asked (email.requests), what happened (email.events), the state beside it. "
    "email.requests is a trusted interface: who may write there may send as any tenant. Producers should partition "
    "as the Java clients do (murmur2_random in librdkafka); a record in another partition is forwarded."
)


def document(root: Path) -> Document:
    """The document; examples are the golden records below `root`."""
    names = sorted({name for topic in TOPICS for name in messages_of(topic)} - {"bytes"})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Postlog",
            "version": metadata.version("postlog"),
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "127.0.0.1:9092", "protocol": "kafka", "bindings": {"kafka": {}}}},
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {name: operation for topic in TOPICS for name, operation in _operations(topic).items()},
        "components": {
            "messages": {name: _message(name, root) for name in names} | {"bytes": _dead_letter()},
            "schemas": schemas(at="#/components/schemas/{name}") | {"CloudEventsHeaders": _cloud_events()},
        },
    }


def _channel(topic: Topic) -> Document:
    counted = {} if topic in CO_PARTITIONED else {"partitions": topic.partitions}
    return {
        "address": topic.name,
        "description": f"{topic.holds[0].upper()}{topic.holds[1:]}. Key: {topic.key}. {kept(topic)}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages_of(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                **counted,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": "0.5.0",
            }
        },
    }


def kept(topic: Topic) -> str:
    """How long records are kept, in words."""
    if topic.compacted:
        return "Compacted: the last record of each key is kept, a null erases it"
    if topic.retention_ms < 0:
        return "Kept for ever"
    return f"Kept for {topic.retention_ms // 86_400_000} days"


def _configuration(topic: Topic) -> Document:
    config = topic.broker_config()
    numbers: Document = {name: int(config[name]) for name in _SETTINGS if name in config}
    return {"cleanup.policy": [config["cleanup.policy"]], **numbers}


def _operations(topic: Topic) -> dict[str, Document]:
    found = {}
    for action, names in (("send", topic.producers), ("receive", topic.consumers)):
        for name in names:
            found[f"{name if name in SERVICES else 'others'}.{action}.{topic.name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": f"{name}: {'writes' if action == 'send' else 'reads'} {topic.name}",
                "tags": [{"name": name if name in SERVICES else "others"}],
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/{each}"} for each in messages_of(topic)],
            }
    return found


def _message(name: str, root: Path) -> Document:
    kind = event_types().get(name)
    about = schemas()[name].get("description", "")
    found: Document = {
        "name": event_type(kind) if kind else name,
        "title": name,
        "summary": about.split("\n\n")[0],
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
    }
    if kind is not None:
        found["headers"] = {"$ref": "#/components/schemas/CloudEventsHeaders"}
    return found | {"examples": _examples(name, root)}


def _examples(name: str, root: Path) -> list[Document]:
    kind = event_types().get(name)
    if kind is not None:
        folder = root / EXAMPLES / "events" / event_type(kind) / f"v{kind.VERSION}"
    else:
        folder = next((root / EXAMPLES).glob(f"*/{name}"))
    return [
        {"name": path.stem, "payload": msgspec.json.decode(path.read_bytes())} for path in sorted(folder.glob("*.json"))
    ]


def _cloud_events() -> Document:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "CloudEvents 1.0, Kafka protocol binding, binary content mode; W3C trace context beside it.",
        "required": ["ce_id", "ce_source", "ce_type", "ce_time", "ce_specversion", "content-type"],
        "properties": {
            "ce_id": {"type": "string", "format": "uuid", "description": "the event_id"},
            "ce_source": {"type": "string", "format": "uri-reference", "description": "such as /postlog/sender"},
            "ce_type": text | {"description": "such as email.queued"},
            "ce_time": {"type": "string", "format": "date-time", "description": "the occurred_at"},
            "ce_specversion": {"const": "1.0"},
            "content-type": {"const": "application/json"},
            "traceparent": text,
        },
    }


def _dead_letter() -> Document:
    notes = ("reason", "source_topic", "source_partition", "source_offset", "source_null", "reference")
    return {
        "name": "bytes",
        "title": "DeadLetter",
        "summary": f"The original bytes of a record nobody could read; those headers of its own, as original_<name>. "
        f"Too large an original is left out, and {DEAD_LETTERS.name} has a reference to it.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "required": list(notes[:-1]),
            "properties": {note: {"type": "string"} for note in notes},
        },
    }
