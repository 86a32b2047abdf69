"""The classifier: the first rule that holds decides."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from shared.bounces.judgement import Judgement
from shared.bounces.phrases import Phrase
from shared.bounces.reading import Reply
from shared.bounces.rules import Rule, RuleFile

VERSION: Final = 2  # of rules.toml and of what reads it: raised whenever a judgement may change
NO_RULE: Final = Rule(id="none", category="uncategorized")
USER_RULES: Final = 10**10  # a version above it has the checksum of the user's rules in its last ten digits


class Classifier:
    """Rules, ready to be asked. Only phrases that have a word in common with the reply are tried.

    `version` names all that decides: VERSION, and before the last ten digits when there are rules of a user, of which
    those digits are the CRC-32.
    """

    def __init__(self, builtin: RuleFile, *, user: RuleFile | None = None) -> None:
        self.version = VERSION * USER_RULES + user.checksum if user else VERSION
        self._rules = (*(user.rules if user else ()), *builtin.rules)
        self._by_word: dict[str, list[tuple[int, Phrase]]] = defaultdict(list)
        self._always: list[tuple[int, Phrase | None]] = []
        self._other_scripts: list[tuple[int, Phrase | None]] = []
        for number, rule in enumerate(self._rules):
            self._index(number, rule)

    def _index(self, number: int, rule: Rule) -> None:
        if not rule.text:
            self._always.append((number, None))
        for each in rule.text:
            if not each.needs:
                (self._always if each.source.isascii() else self._other_scripts).append((number, each))
            for word in each.needs[0] if each.needs else ():
                self._by_word[word].append((number, each))

    def judge(self, reply: Reply) -> Judgement:
        """What the reply means."""
        return Judgement.of(self.rule_for(reply).category)

    def rule_for(self, reply: Reply) -> Rule:
        """The rule that decides."""
        words = frozenset(reply.words.split())
        for number, phrase in sorted(self._candidates(reply.words, words), key=_number):
            if phrase is None or phrase.found_in(reply.words, words):
                rule = self._rules[number]
                if rule.allows(reply, words):
                    return rule
        return NO_RULE

    def _candidates(self, text: str, words: frozenset[str]) -> Iterator[tuple[int, Phrase | None]]:
        yield from self._always
        if not text.isascii():
            yield from self._other_scripts
        for word in words & self._by_word.keys():
            yield from self._by_word[word]


def _number(candidate: tuple[int, Phrase | None]) -> int:
    return candidate[0]
