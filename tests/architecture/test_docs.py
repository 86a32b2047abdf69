"""What the prose names is there: files, commands, settings, topics, error codes, make targets."""

import re
from pathlib import Path
from typing import Final

import pytest

from cli.main import COMMANDS
from shared.events import ALL_EVENTS
from shared.events.codec import event_type
from shared.problems import PROBLEMS
from shared.topics import TOPICS
from tests.architecture.source import ROOT

PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PROSE: Final = {path: path.read_text(encoding="utf-8") for path in PAGES}
_SETTINGS = re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs/settings.md").read_text(encoding="utf-8"), re.MULTILINE)
SETTINGS: Final = {each.partition("__")[0] for each in _SETTINGS}
# Names of things to come, or of no file: a pattern that says where something new goes.
PATTERN: Final = re.compile(r"[<{…*]")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_to_files(path: Path) -> None:
    links = re.findall(r"\]\(([\w./:-]+)(?:#[^)]*)?\)", PROSE[path])
    broken = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_paths_in_code_style_are_there(path: Path) -> None:
    quoted = re.findall(r"`((?:services|shared|cli|tests|docs|requirements|examples)/[^`\s]*)`", PROSE[path])
    missing = [each for each in quoted if not PATTERN.search(each) and not (ROOT / each).exists()]
    assert missing == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_commands_are_there(path: Path) -> None:
    assert set(re.findall(r"(?:`|bin/)postlog ([a-z][a-z-]*)", PROSE[path])) <= set(COMMANDS)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_make_targets_are_there(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", PROSE[path], re.MULTILINE)) <= targets


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_settings_are_there(path: Path) -> None:
    named = set(re.findall(r"`(POSTLOG_[A-Z_]+|KAFKA_[A-Z_]+)", PROSE[path]))
    assert {each.removesuffix("_FILE").partition("__")[0] for each in named} <= SETTINGS


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_topics_and_events_are_there(path: Path) -> None:
    known = {topic.name for topic in TOPICS} | {event_type(kind) for kind in ALL_EVENTS} | {"email.<plural>"}
    assert set(re.findall(r"`(email\.[a-z_.-]+)`", PROSE[path])) <= known


def test_every_error_code_is_documented() -> None:
    page = PROSE[ROOT / "docs/errors.md"]
    assert all(f"| `{code}` |" in page for code in PROBLEMS)


def test_every_event_and_topic_is_documented() -> None:
    assert all(f"## `{event_type(kind)}`" in PROSE[ROOT / "docs/events.md"] for kind in ALL_EVENTS)
    assert all(f"## `{topic.name}`" in PROSE[ROOT / "docs/topics.md"] for topic in TOPICS)


def test_every_decision_has_its_four_parts() -> None:
    for path in (ROOT / "docs/decisions").glob("*.md"):
        for part in ("Context", "Decision", "Consequences", "Alternatives"):
            assert re.search(rf"(\*\*{part}\.\*\*|^## {part})", PROSE[path], re.MULTILINE), f"{name(path)}: {part}"
