"""`postlog bounces classify`, and a user's rules as `postlog config check` sees them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.commands.bounces import app
from cli.commands.config import app as config
from shared.bounces.builtin import classifier

RULES = """
[[rule]]
id = "acme.no"
category = "policy"
text = ["acme says no"]
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTLOG_TOKEN_KEYS", "1:" + "ab" * 32)
    monkeypatch.setenv("POSTLOG_RECIPIENT_KEY", "cd" * 32)
    return tmp_path


def said(reply: str) -> dict[str, str]:
    result = CliRunner().invoke(app, ["classify", reply])
    assert result.exit_code == 0, result.output
    return dict(line.split() for line in result.output.splitlines())


def test_it_says_what_and_why() -> None:
    assert said("550 5.1.1 <jo@example.com>: User unknown") == {
        "class": "hard",
        "category": "invalid_recipient",
        "rule": "invalid.words",
        "suppresses": "yes",
        "version": str(classifier().version),
    }
    assert said("Acme says no")["rule"] == "none"


def test_rules_of_the_user_come_first(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "ours.toml").write_text(RULES)
    monkeypatch.setenv("POSTLOG_BOUNCE_RULES", "ours.toml")
    found = said("Acme says no")
    assert (found["rule"], found["category"], found["suppresses"]) == ("acme.no", "policy", "no")
    assert int(found["version"]) == classifier(RULES).version
    assert CliRunner().invoke(config, ["check"]).output == "ok\n"


def test_each_mistake_of_the_file_is_a_line_of_config_check(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "ours.toml").write_text(RULES.replace("policy", "polcy") + RULES.replace("text", "texts"))
    monkeypatch.setenv("POSTLOG_BOUNCE_RULES", "ours.toml")
    result = CliRunner().invoke(config, ["check"])
    lines = result.output.splitlines()
    assert result.exit_code == 2
    assert len(lines) == 3
    assert all(line.startswith("POSTLOG_BOUNCE_RULES: rule ") for line in lines)


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read"), (b"\xff", "not UTF-8"), (b"[[", "not TOML")])
def test_a_file_that_is_none(monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (folder / "ours.toml").write_bytes(content)
    monkeypatch.setenv("POSTLOG_BOUNCE_RULES", "ours.toml")
    (line,) = CliRunner().invoke(config, ["check"]).output.splitlines()
    assert line.startswith("POSTLOG_BOUNCE_RULES: ")
    assert why in line
