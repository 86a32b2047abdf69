"""How well the built-in rules judge real replies: recall and precision, printed and held to a floor."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from shared.bounces.builtin import classifier
from shared.bounces.reading import read

CORPUS: Final = Path(__file__).with_name("replies.tsv")
GROUPS: Final = {
    "invalid_recipient": "invalid",
    "mailbox_full": "full",
    "policy": "block",
    "spam_content": "block",
    "spam_reputation": "block",
}
FLOORS: Final = {"invalid": (0.90, 0.93), "full": (0.92, 0.93), "block": (0.85, 0.93)}


@dataclass(frozen=True)
class Labelled:
    """A reply, and the group that a reader put it in."""

    group: str
    text: str


def corpus(half: str) -> list[Labelled]:
    lines = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = [line.split("\t") for line in lines]
    return [Labelled(group, text) for name, group, _, text in rows if name == half]


def figures(replies: list[Labelled]) -> dict[str, tuple[float, float]]:
    """Recall and precision of each group."""
    judged = [(each.group, GROUPS.get(classifier().judge(read(each.text)).category, "other")) for each in replies]
    are, said = Counter(group for group, _ in judged), Counter(group for _, group in judged)
    right = Counter(group for group, found in judged if group == found)
    return {group: (right[group] / are[group], right[group] / said[group]) for group in FLOORS}


@pytest.mark.parametrize("half", ["written", "held"])
def test_recall_and_precision(half: str) -> None:
    replies = corpus(half)
    assert len(replies) > 100
    found = figures(replies)
    for group, (recall, precision) in found.items():
        print(f"{half}: {group}: recall {recall:.1%}, precision {precision:.1%}")
    for group, floor in FLOORS.items():
        assert all(value >= least for value, least in zip(found[group], floor, strict=True)), group


def test_the_groups_are_known() -> None:
    for half in ("written", "held"):
        assert {each.group for each in corpus(half)} == {*GROUPS.values(), "other"}
