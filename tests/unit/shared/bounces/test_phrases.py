"""Phrases: what they find, what is wrong with them, and that no text makes them slow."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.bounces.builtin import classifier
from shared.bounces.phrases import BadPhrase, phrase
from shared.bounces.reading import read, words_of

SETS = {"box": ["mailbox", "account"], "gone": ["not_found", "unknown", "vanish*"]}


def found(source: str, text: str) -> bool:
    words = words_of(text)
    return phrase(source, sets=SETS).found_in(words, frozenset(words.split()))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("no such user", "550 No such user."),
        ("no such $box", "no-such-mailbox"),
        ("$box is? full", "MAILBOX FULL"),
        ("$box is? full", "your account is full!"),
        ("$box ... $gone", "mailbox <a@example.com> in this domain: not found"),
        ("$box ... $gone", "account has vanished"),
        ("over_quota", "user is overquota"),
        ("email address", "E-Mail address"),
        ("does_not|doesnt exist", "it doesn’t exist"),
        ("empfanger unbekannt", "Empfänger unbekannt"),
        ("邮箱 满", "收件人邮箱已满"),
        ("存在しま", "そのユーザは存在しません"),
        ("не найден", "Пользователь не найден"),
    ],
)
def test_it_is_found(source: str, text: str) -> None:
    assert found(source, text)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("no such user", "no such username"),
        ("no such user", "such no user"),
        ("$box full", "mailbox is full"),
        ("$box ... $gone", "mailbox one two three four five six seven unknown"),
        ("exceed* quota", "exceeded the quota"),
        ("邮箱 满", "满 邮箱"),
    ],
)
def test_it_is_not_found(source: str, text: str) -> None:
    assert not found(source, text)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "is empty"),
        ("a ... b ... c ... d", "more than 2 gaps"),
        ("... a", "at the edge"),
        ("a b?", "at the edge"),
        ("no $such", "no set of words is called $such; there are box, gone"),
        ("a (b)", "words are letters and digits"),
        ("a|* b", "'*' is no word"),
    ],
)
def test_what_is_wrong_is_told(source: str, why: str) -> None:
    with pytest.raises(BadPhrase) as error:
        phrase(source, sets=SETS)
    assert why in str(error.value)


TELLING = ["mailbox", "not", "user", "found", "unknown", "exceeded", "invalid", "a.b", "x@y", "::", "5.1.", "http://"]


@settings(deadline=None)  # the test has one of its own, in processor time
@given(st.lists(st.sampled_from(TELLING)))
def test_no_text_is_slow(words: list[str]) -> None:
    text = " ".join(words * 40) + "".join(words * 40)
    classifier()
    began = time.process_time()
    classifier().judge(read(text))
    assert time.process_time() - began < 0.1
