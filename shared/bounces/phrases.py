"""Phrases: words with alternatives, options and gaps, as regular expressions that cannot run away.

    no such $mailbox            words in a row; $mailbox is a set of words, any of them
    mailbox|account is? full    alternatives; a word with ? may be missing
    quota ... exceed*           ... is up to six words; * stands for the rest of a word
    not_found|unknown           _ joins the words of one alternative

In scripts without spaces (Chinese, Japanese, Korean) the parts of a phrase are found inside the text, in order.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.bounces.reading import words_of

GAP: Final = r"(?:\S+ ){0,6}?"
MOST_GAPS: Final = 2
_PIECE: Final = re.compile(r"\.\.\.|[$\w|*]+\??")
_WITHOUT_SPACES: Final = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")


class BadPhrase(ValueError):
    """A phrase that cannot be read; the message says why."""


@dataclass(frozen=True)
class Phrase:
    """`needs`: a text that matches has a word of each of these sets; the set whose words are rarest comes first."""

    source: str
    pattern: re.Pattern[str]
    needs: tuple[frozenset[str], ...]

    def found_in(self, text: str, words: frozenset[str]) -> bool:
        """Whether the phrase is in `text`, of which `words` are the words."""
        return not any(need.isdisjoint(words) for need in self.needs) and self.pattern.search(text) is not None


def phrase(source: str, *, sets: Mapping[str, Sequence[str]]) -> Phrase:
    """The phrase that `source` writes, with its $sets replaced by their words. Raises BadPhrase."""
    pieces = source.split()
    if not pieces:
        raise BadPhrase("the phrase is empty")
    if _WITHOUT_SPACES.search(source):
        parts = [re.escape(words_of(piece).strip()) for piece in pieces if piece != "..."]
        return Phrase(source, re.compile(".{0,20}?".join(parts)), ())
    _check_edges(pieces, source)
    parts, needs = [" "], []
    for piece in pieces:
        if piece == "...":
            parts.append(GAP)
            continue
        words, optional = _alternatives(piece, source, sets=sets), piece.endswith("?")
        parts.append(_pattern(words, optional=optional))
        heads = [word.split("_")[0] for word in words]
        if not optional and not any(head.endswith("*") for head in heads):
            needs.append(frozenset(heads))
    return Phrase(source, re.compile("".join(parts)), tuple(sorted(needs, key=_frequency)))


def _check_edges(pieces: Sequence[str], source: str) -> None:
    if pieces.count("...") > MOST_GAPS:
        raise BadPhrase(f"more than {MOST_GAPS} gaps (...) in {source!r}: write two phrases")
    if any(edge == "..." or edge.endswith("?") for edge in (pieces[0], pieces[-1])):
        raise BadPhrase(f"a gap (...) or an option (?) at the edge of {source!r}: leave it out, it changes nothing")


def _alternatives(piece: str, source: str, *, sets: Mapping[str, Sequence[str]]) -> list[str]:
    """The words that a piece stands for, sets within it replaced by theirs."""
    if not _PIECE.fullmatch(piece):
        raise BadPhrase(f"{piece!r} in {source!r}: words are letters and digits; the rest is | * ? _ $ and ...")
    found: list[str] = []
    for word in piece.removesuffix("?").split("|"):
        if not word.startswith("$"):
            found.append(_spelt(word))
        elif (name := word[1:]) in sets:
            found += map(_spelt, sets[name])
        else:
            raise BadPhrase(f"no set of words is called {word}; there are {', '.join(sets) or 'none'}")
    return found


def _spelt(word: str) -> str:
    """The word as texts are spelt, joined by _ still; its * stays at the end."""
    spelt = words_of(word.removesuffix("*")).strip().replace(" ", "_")
    if not spelt or "*" in spelt:
        raise BadPhrase(f"{word!r} is no word: a * stands at the end of one")
    return spelt + ("*" if word.endswith("*") else "")


def _pattern(words: Sequence[str], *, optional: bool) -> str:
    each = (
        re.escape(word.removesuffix("*")).replace("_", " ") + (r"\S*" if word.endswith("*") else "") for word in words
    )
    return f"(?:(?:{'|'.join(each)}) ){'?' if optional else ''}"


def _frequency(words: frozenset[str]) -> tuple[int, int]:
    """Few and long words are rare."""
    return len(words), -min(map(len, words))
