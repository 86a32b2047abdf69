"""JSON Schemas (2020-12) of everything that stands on the log, generated from the types."""

from typing import Any, Final

import msgspec

from shared import commands, records
from shared.events import ALL_EVENTS, Event
from shared.topics import Topic

COMMANDS: Final = (
    commands.SendEmail,
    commands.CancelEmail,
    commands.RescheduleEmail,
    commands.HoldEmail,
    commands.ReleaseEmail,
    commands.ReportOutcome,
    commands.ResolveEmail,
)
RECORDS: Final = (
    records.OpenEmail,
    records.FinalEmail,
    records.WaitingCommands,
    records.PersonalPart,
    records.TemplateVersion,
    records.PublishedTemplate,
    records.Suppression,
    records.Control,
)
Schema = dict[str, Any]


def schemas(*, at: str = "#/$defs/{name}") -> dict[str, Schema]:
    """The schema of each type by its name; references are written as `at` says."""
    _, found = msgspec.json.schema_components([*ALL_EVENTS, *COMMANDS, *RECORDS], ref_template=at)
    return {name: _plain(schema) for name, schema in found.items()}


def _plain(value: Any) -> Any:
    """Without OpenAPI's `discriminator`, which JSON Schema does not know: the tags say the same."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items() if name != "discriminator"}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def messages_of(topic: Topic) -> list[str]:
    """The names of the types whose records a topic holds."""
    if topic.schemas == ("Event",):
        return [kind.__name__ for kind in ALL_EVENTS]
    return list(topic.schemas)


def event_types() -> dict[str, type[Event]]:
    """The event types by the name of their Python type."""
    return {kind.__name__: kind for kind in ALL_EVENTS}


def document() -> Schema:
    """All schemas in one JSON Schema document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Records of Postlog",
        "$defs": schemas(),
    }
