"""Rules as files: what holds, which comes first, and every mistake of a file told at once."""

import pytest

from shared.bounces.builtin import classifier, rules
from shared.bounces.classifier import USER_RULES, VERSION
from shared.bounces.judgement import CLASS_OF
from shared.bounces.reading import read
from shared.bounces.rules import BadRules, parse

OURS = """
[words]
acme = "acme acmecorp"

[[rule]]
id = "acme.gone"
category = "invalid_recipient"
text = ["$acme says|said no", "$gone at acme"]
unless = ["by policy"]
status = ["X.7.1", "X.3.X"]
code = ["5xx", "450"]
phase = ["rcpt_to"]
"""


def rule_for(text: str, *, phase: str = "rcpt_to") -> str:
    return classifier(OURS).rule_for(read(text, phase=phase)).id


def test_a_rule_of_the_user_comes_first_when_all_of_it_holds() -> None:
    assert rule_for("550 5.7.1 Acme says no") == "acme.gone"
    assert rule_for("450 4.3.9 acmecorp said: no!") == "acme.gone"
    assert rule_for("550 5.7.1 unknown at acme") == "acme.gone"  # a set of the built-in rules


@pytest.mark.parametrize(
    "text", ["550 5.1.1 Acme says no", "451 4.7.1 Acme says no", "550 5.7.1 Acme says no by policy", "550 5.7.1 no"]
)
def test_it_does_not_hold_when_one_thing_is_missing(text: str) -> None:
    assert rule_for(text) != "acme.gone"


def test_it_does_not_hold_in_another_phase() -> None:
    assert rule_for("550 5.7.1 Acme says no", phase="data") != "acme.gone"


def test_the_version_tells_whose_rules_decided() -> None:
    assert classifier().version == VERSION
    assert classifier(OURS).version // USER_RULES == VERSION
    assert classifier(OURS).version != classifier(OURS + "\n").version
    assert classifier(OURS).version < 2**53


def test_the_built_in_rules_name_every_category() -> None:
    assert {rule.category for rule in rules().rules} == set(CLASS_OF) - {"uncategorized"}


MISTAKES = """
rules = 1

[words]
empty = ""

[[rule]]
category = "polcy"
text = ["(bad)", "no $such"]

[[rule]]
id = "twice"
category = "policy"
texts = ["x"]

[[rule]]
id = "codes"
category = "policy"
code = [550]
status = ["5.7.1"]
phase = ["mail"]

[[rule]]
id = "twice"
category = "policy"
text = ["a"]

[[rule]]
id = "twice"
category = "policy"
text = ["b"]
"""


@pytest.mark.parametrize(
    "line",
    [
        "the file: no such key: rules (did you mean rule?)",
        'words.empty: write the words as one text: empty = "one two three"',
        "rule 1: id is missing",
        "rule 1: no category is called 'polcy' (did you mean policy?)",
        "rule 1: text: '(bad)' in '(bad)': words are letters and digits",
        "rule 1: text: no set of words is called $such",
        "rule 2 (twice): no such key: texts (did you mean text?)",
        "rule 2 (twice): it would hold for every reply; give it text, status, code or phase",
        'rule 3 (codes): code is not a list of texts: code = ["…"]',
        "rule 3 (codes): status: '5.7.1' is not X.7.1 or X.7.X",
        "rule 3 (codes): phase: 'mail' is not connect, ehlo",
        "two rules are called 'twice'",
    ],
)
def test_every_mistake_has_a_line(line: str) -> None:
    with pytest.raises(BadRules) as error:
        parse(MISTAKES)
    assert [each for each in error.value.mistakes if each.startswith(line)], error.value.mistakes


@pytest.mark.parametrize(
    ("text", "line"),
    [("[[rule", "not TOML: "), ("rule = 1", "rule: write each rule as a table"), ("words = 1", "words: write sets of")],
)
def test_what_is_no_file_of_rules(text: str, line: str) -> None:
    with pytest.raises(BadRules) as error:
        parse(text)
    assert str(error.value).startswith(line)
