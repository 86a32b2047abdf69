"""Golden records: today's code reads what was ever written, and writes it back as it was."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from shared import commands, records
from shared.events import ALL_EVENTS, Event, codec
from tests import golden

EVENTS, COMMANDS, RECORDS = (golden.paths(group) for group in ("events", "commands", "records"))


def named(path: Path) -> str:
    return "/".join(path.relative_to(golden.FOLDER).parts)


@pytest.mark.parametrize("path", EVENTS + COMMANDS + RECORDS, ids=named)
def test_a_golden_record_is_read_and_written_back(path: Path) -> None:
    read = golden.decode(path)
    encode = codec.encode if isinstance(read, Event) else records.encode
    assert type(read).__name__ == golden.schema_of(path)
    assert golden.decode(path) == read
    if path.parts[-3] != "events" or read.version == int(path.parent.name[1:]):
        assert encode(read) == golden.value(path)


@pytest.mark.parametrize("path", EVENTS, ids=named)
def test_a_golden_event_lies_where_its_type_and_version_say(path: Path) -> None:
    document = msgspec.json.decode(golden.value(path))
    assert (document["type"], f"v{document.get('version', 1)}") == (path.parts[-3], path.parts[-2])


@pytest.mark.parametrize("path", EVENTS, ids=named)
def test_no_address_stands_in_a_golden_event(path: Path) -> None:
    document = msgspec.json.decode(golden.value(path))
    document.pop("sender", None)
    assert "@" not in str(document)


def test_golden_files_are_added_and_never_edited() -> None:
    lines = (golden.FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    pinned = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
    found = {named(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in EVENTS + COMMANDS + RECORDS}
    assert found == pinned


@pytest.mark.parametrize("kind", ALL_EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_type_has_golden_records_of_every_version(kind: type[Event]) -> None:
    for version in range(1, kind.VERSION + 1):
        assert list((golden.FOLDER / "events" / codec.event_type(kind) / f"v{version}").glob("*.json"))


def test_every_command_and_every_record_has_golden_records() -> None:
    kinds = {kind.__name__ for kind in commands.Command.__args__}
    assert {path.parent.name for path in COMMANDS} == kinds
    assert {path.parent.name for path in RECORDS} == set(golden.RECORDS)


@pytest.mark.parametrize("kind", ALL_EVENTS, ids=lambda kind: kind.__name__)
def test_golden_events_show_every_field_that_their_type_adds(kind: type[Event]) -> None:
    shown = {
        name
        for path in EVENTS
        if golden.schema_of(path) == kind.__name__
        for name in msgspec.json.decode(golden.value(path))
    }
    parent = kind.__mro__[1]
    assert issubclass(parent, Event)
    assert set(kind.__struct_fields__) - set(parent.__struct_fields__) <= shown
