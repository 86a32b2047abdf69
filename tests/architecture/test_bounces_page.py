"""docs/bounces.md: its table of categories, its commands and its example of rules are true."""

import re
from typing import Final

import pytest
from typer.testing import CliRunner

from cli.commands.bounces import app
from shared.bounces.builtin import classifier
from shared.bounces.judgement import CLASS_OF, Judgement
from shared.bounces.reading import read
from tests.architecture.source import ROOT

PAGE: Final = (ROOT / "docs" / "bounces.md").read_text(encoding="utf-8")
EXAMPLE: Final = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]


def test_the_table_is_that_of_the_code() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE)) == dict(CLASS_OF)


def test_the_table_says_who_is_suppressed() -> None:
    said = re.findall(r"^\| `(\w+)` .*suppressed\*\*", PAGE, re.MULTILINE)
    assert said == [name for name in CLASS_OF if Judgement.of(name).suppresses]


@pytest.mark.parametrize(
    ("text", "phase", "rule"),
    [
        ("550 Jo of Acme Corp has left", "rcpt_to", "acme.left"),
        ("550 she no longer works for ACME", "rcpt_to", "acme.left"),
        ("450 Jo of Acme has left", "rcpt_to", None),
        ("550 Jo of Acme has left on vacation", "rcpt_to", None),
        ("554 5.7.1 the gate says no", "end_of_data", "acme.filter"),
        ("554 5.7.1 the gate says no", "mail_from", None),
    ],
)
def test_the_example_judges_as_it_seems(text: str, phase: str, rule: str | None) -> None:
    found = classifier(EXAMPLE).rule_for(read(text, phase=phase)).id
    assert (found if found.startswith("acme") else None) == rule


def test_the_command_runs() -> None:
    (reply,) = re.findall(r'^postlog bounces classify "(.+)"', PAGE, re.MULTILINE)
    result = CliRunner().invoke(app, ["classify", reply])
    assert result.exit_code == 0
    assert "invalid_recipient" in result.output


def test_every_condition_is_explained() -> None:
    assert all(f"`{name}`" in PAGE for name in ("text", "unless", "status", "code", "phase"))
