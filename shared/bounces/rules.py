"""Rules: what must hold of a reply, and what it then is. Read from TOML; every mistake of a file is told."""

import re
import tomllib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from shared.bounces.judgement import CLASS_OF
from shared.bounces.phrases import BadPhrase, Phrase, phrase
from shared.bounces.reading import Reply

KEYS: Final = ("id", "category", "text", "unless", "status", "code", "phase")
_LISTS: Final = ("text", "unless", "status", "code", "phase")
_CONDITIONS: Final = ("text", "status", "code", "phase")
_NO_SETS: Final = MappingProxyType[str, tuple[str, ...]]({})
_SHAPES: Final = {
    "status": (re.compile(r"X\.\d{1,3}\.(\d{1,3}|X)"), "X.7.1 or X.7.X"),
    "code": (re.compile(r"[45](\d\d|xx)"), "550 or 5xx, in quotes"),
    "phase": (
        re.compile("connect|ehlo|starttls|auth|mail_from|rcpt_to|data|end_of_data"),
        "connect, ehlo, starttls, auth, mail_from, rcpt_to, data or end_of_data",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """All that is given must hold: one of the phrases of `text`, none of `unless`, one of the codes, …

    A reply whose phase is not known, such as one in a DSN, may be of any.
    """

    id: str
    category: str
    text: tuple[Phrase, ...] = ()
    unless: tuple[Phrase, ...] = ()
    status: frozenset[str] = frozenset()
    code: frozenset[str] = frozenset()
    phase: frozenset[str] = frozenset()

    def allows(self, reply: Reply, words: frozenset[str]) -> bool:
        """Whether all but `text` holds."""
        return (
            (not self.status or _has_status(self.status, reply.status))
            and (not self.code or _has_code(self.code, reply.code))
            and (not self.phase or reply.phase is None or reply.phase in self.phase)
            and not any(each.found_in(reply.words, words) for each in self.unless)
        )


def _has_status(wanted: frozenset[str], status: str | None) -> bool:
    return status is not None and (f"X.{status}" in wanted or f"X.{status.partition('.')[0]}.X" in wanted)


def _has_code(wanted: frozenset[str], code: int | None) -> bool:
    return code is not None and (str(code) in wanted or f"{code // 100}xx" in wanted)


@dataclass(frozen=True, kw_only=True)
class RuleFile:
    """The rules of one file in their order, and the sets of words that it names."""

    rules: tuple[Rule, ...] = ()
    sets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    checksum: int = 0


@dataclass
class _Reading:
    sets: dict[str, Sequence[str]]
    mistakes: list[str] = field(default_factory=list)

    def phrases(self, place: str, sources: Sequence[str]) -> tuple[Phrase, ...]:
        found = []
        for source in sources:
            try:
                found.append(phrase(source, sets=self.sets))
            except BadPhrase as error:
                self.mistakes.append(f"{place}: {error}")
        return tuple(found)


class BadRules(ValueError):
    """A file of rules with mistakes: a line for each."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


def parse(text: str, *, sets: Mapping[str, Sequence[str]] = _NO_SETS) -> RuleFile:
    """The rules of a file. `sets` are those that its phrases may use beside its own. Raises BadRules."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRules([f"not TOML: {error}"]) from None
    reading = _Reading({**sets})
    reading.mistakes += _unknown(document, ("words", "rule"), "the file")
    reading.sets.update(_sets(document.get("words", {}), reading))
    tables = document.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadRules(["rule: write each rule as a table that begins with [[rule]]"])
    rules = [rule for number, table in enumerate(tables, 1) if (rule := _rule(table, number, reading))]
    reading.mistakes += _said_twice(rules)
    if reading.mistakes:
        raise BadRules(reading.mistakes)
    return RuleFile(rules=tuple(rules), sets=reading.sets, checksum=zlib.crc32(text.encode()))


def _sets(tables: Any, reading: _Reading) -> dict[str, Sequence[str]]:
    if not isinstance(tables, dict):
        reading.mistakes.append('words: write sets of words as a table: [words], then name = "one two three"')
        return {}
    bad = [name for name, words in tables.items() if not isinstance(words, str) or not words.split()]
    reading.mistakes += [f'words.{name}: write the words as one text: {name} = "one two three"' for name in bad]
    return {name: words.split() for name, words in tables.items() if name not in bad}


def _rule(table: Mapping[str, Any], number: int, reading: _Reading) -> Rule | None:
    place = f"rule {number}" + (f" ({table['id']})" if isinstance(table.get("id"), str) else "")
    mistakes = [*_unknown(table, KEYS, place), *_wrong(table, place)]
    text, unless = (reading.phrases(f"{place}: {name}", _texts(table.get(name, []))) for name in ("text", "unless"))
    reading.mistakes += mistakes
    if mistakes:
        return None
    return Rule(
        id=table["id"],
        category=table["category"],
        text=text,
        unless=unless,
        status=frozenset(table.get("status", [])),
        code=frozenset(table.get("code", [])),
        phase=frozenset(table.get("phase", [])),
    )


def _texts(values: Any) -> Sequence[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _wrong(table: Mapping[str, Any], place: str) -> Iterator[str]:
    for name in ("id", "category"):
        if not isinstance(table.get(name), str) or not table[name]:
            yield f"{place}: {name} is missing; give it as a text"
    category = table.get("category")
    if isinstance(category, str) and category not in CLASS_OF:
        yield f"{place}: no category is called {category!r}{_hint(category, CLASS_OF)}; there are {', '.join(CLASS_OF)}"
    for name in _LISTS:
        yield from _wrong_list(table.get(name, []), name, place)
    if not any(table.get(name) for name in _CONDITIONS):
        yield f"{place}: it would hold for every reply; give it {', '.join(_CONDITIONS[:-1])} or {_CONDITIONS[-1]}"


def _wrong_list(values: Any, name: str, place: str) -> Iterator[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        yield f'{place}: {name} is not a list of texts: {name} = ["…"]'
    elif name in _SHAPES:
        shape, example = _SHAPES[name]
        yield from (f"{place}: {name}: {value!r} is not {example}" for value in values if not shape.fullmatch(value))


def _unknown(table: Mapping[str, Any], known: Sequence[str], place: str) -> Iterator[str]:
    yield from (f"{place}: no such key: {name}{_hint(name, known)}" for name in table if name not in known)


def _hint(name: str, known: Sequence[str] | Mapping[str, str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _said_twice(rules: Sequence[Rule]) -> list[str]:
    ids = [rule.id for rule in rules]
    twice = [each for each in dict.fromkeys(ids) if ids.count(each) > 1]
    return [f"two rules are called {each!r}: give each an id of its own" for each in twice]
