"""Golden records: bytes as they stand on the log, of every type and version ever written. Added, never edited.

A new file gets a line in SHA256SUMS: `cd tests/golden && sha256sum events/<type>/v<n>/<name>.json >> SHA256SUMS`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from shared import commands, records
from shared.events import Event, codec

FOLDER: Final = Path(__file__).parent
Decode = Callable[[bytes], Any]
RECORDS: Final[dict[str, Decode]] = {
    "OpenEmail": records.decode_work,
    "FinalEmail": records.decode_work,
    "WaitingCommands": records.decode_work,
    "PersonalPart": records.decode_personal,
    "TemplateVersion": records.decode_template,
    "PublishedTemplate": records.decode_template,
    "Suppression": records.decode_suppression,
    "Control": records.decode_control,
}
E = TypeVar("E", bound=Event)


def paths(group: str) -> list[Path]:
    """The golden files of `events`, `commands` or `records`."""
    return sorted((FOLDER / group).rglob("*.json"))


def schema_of(path: Path) -> str:
    """The name of the type that a golden file holds."""
    if path.is_relative_to(FOLDER / "events"):
        return codec.TYPES[path.parts[-3]].__name__
    return path.parent.name


def value(path: Path) -> bytes:
    """The record's value."""
    return path.read_bytes().rstrip(b"\n")


def decode(path: Path) -> Any:
    """What today's code reads in a golden file."""
    if path.is_relative_to(FOLDER / "events"):
        return codec.decode(value(path))
    return RECORDS.get(path.parent.name, commands.decode)(value(path))


def event(kind: type[E], name: str = "full") -> E:
    """A golden event in its current version: a prototype for tests (`msgspec.structs.replace` what matters)."""
    found = decode(FOLDER / "events" / codec.event_type(kind) / f"v{kind.VERSION}" / f"{name}.json")
    assert isinstance(found, kind)
    return found
