"""`postlog suppressions` against a running API."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from cli.commands.suppressions import app
from cli.errors import CommandError
from shared.db.read_models import suppressions
from shared.events import SuppressionAdded, SuppressionRemoved
from shared.records import decode_suppression
from shared.topics import SUPPRESSIONS
from tests.integration.api.stage import Stage
from tests.logs import read

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def put(stage: Stage, count: int) -> None:
    """The read model as if the projector had read so many."""
    row = {"tenant": "default", "scope": "tenant", "added_at": NOW, "event_id": UUID(int=7)}
    rows = [row | {"recipient_ref": f"{n:032x}", "reason": "odd, by, name" if n % 2 else "even"} for n in range(count)]
    stage.put(suppressions, *rows)


def test_one_is_added_and_removed(served: Stage) -> None:
    assert "suppressed, list:news" in run("add", "ada@example.org", "--scope", "list:news").output
    assert run("remove", "ada@example.org", "--scope", "list:news").output == "removed\n"
    assert [type(one) for one in served.facts()] == [SuppressionAdded, SuppressionRemoved]


def test_a_file_is_imported_and_its_bad_lines_are_named(served: Stage, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    good = "".join(f"reader{n}@example.org,list:news,asked,2027-01-01T00:00:00Z\n" for n in range(1001))
    file.write_text(f"recipient,scope,reason,expires_at\n{good}nobody,tenant,,\nada@example.org,shop,,\n")
    done = run("import", str(file))
    assert "1001 added, 2 refused" in done.output and isinstance(done.exception, CommandError)
    assert "line 1003: invalid_address" in done.stderr and "line 1004: wrong_type" in done.stderr
    assert not any(address in done.output for address in ("reader", "ada@"))
    facts = served.facts()
    assert len(facts) == 1001 and all(isinstance(one, SuppressionAdded) and one.scope == "list:news" for one in facts)
    values = [decode_suppression(one.value() or b"") for one in read(served.settings, SUPPRESSIONS.name)]
    assert len(values) == 1001 and {one.reason for one in values} == {"asked"}


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_what_is_exported_can_be_imported(served: Stage, tmp_path: Path, form: str) -> None:
    put(served, 1003)
    written = run("export", "--form", form).output
    file = tmp_path / f"all.{form}"
    file.write_text(written)
    assert run("import", str(file)).output == "1003 added, 0 refused\n"
    found = {(one.recipient_ref, one.reason) for one in served.facts() if isinstance(one, SuppressionAdded)}
    assert found == {(f"{n:032x}", "odd, by, name" if n % 2 else "even") for n in range(1003)}


def test_they_are_searched(served: Stage) -> None:
    put(served, 4)
    assert run("list", "--reason", "even").output.count(" even ") == 2
    only = json.loads(run("export", "--form", "ndjson", "--reason", "even").output.splitlines()[0])
    assert (only["recipient"], only["scope"]) == (f"{0:032x}", "tenant")


@pytest.mark.parametrize(("name", "text"), [("a.csv", "address\nada@example.org\n"), ("a.ndjson", "[]\n")])
def test_what_is_no_such_file(served: Stage, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    refused = run("import", str(tmp_path / name))
    assert isinstance(refused.exception, CommandError) and served.facts() == []
