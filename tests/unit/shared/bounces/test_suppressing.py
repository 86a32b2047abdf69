"""Who is suppressed: nobody but recipients that do not exist; above all nobody because machines had trouble."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bounces.builtin import classifier
from shared.bounces.judgement import CLASS_OF, Judgement
from shared.bounces.reading import read

CODES = st.sampled_from([421, 450, 451, 452, 454, 471, 500, 501, 503, 550, 551, 552, 553, 554, 556])
STATUSES = st.sampled_from([None, "0.0", "1.1", "1.2", "1.6", "2.1", "2.2", "3.0", "4.1", "4.4", "5.0", "7.1", "7.17"])
TROUBLE = (
    "temporary failure",
    "LDAP lookup failure",
    "user lookup timeout",
    "internal error",
    "internal server error, recipient not verified",
    "system error while resolving user",
    "server busy",
    "connection timed out",
    "connection to the mailbox server lost",
    "database temporarily unavailable",
    "recipient temporarily unavailable",
    "greylisted for 300 seconds",
    "too many connections",
    "try again later",
    "recipient server overloaded",
    "insufficient resources to deliver to this user",
    "user unknown: temporary lookup failure",
    "delivery deferred, mailbox busy",
    "down for maintenance",
)
BLOCKS = (
    "blocked using zen.spamhaus.org",
    "message identified as spam",
    "rejected for policy reasons",
    "poor reputation",
)


def test_one_category_suppresses() -> None:
    assert [name for name in CLASS_OF if Judgement.of(name).suppresses] == ["invalid_recipient"]


@given(st.sampled_from(TROUBLE), CODES, STATUSES)
def test_trouble_of_machines_suppresses_nobody_whatever_the_codes(text: str, code: int, status: str | None) -> None:
    whole = f"{code // 100}.{status}" if status else None
    assert not classifier().judge(read(text, code=code, status=whole)).suppresses


@given(st.sampled_from(BLOCKS), CODES, STATUSES)
def test_a_block_suppresses_nobody_whatever_the_codes(text: str, code: int, status: str | None) -> None:
    whole = f"{code // 100}.{status}" if status else None
    assert not classifier().judge(read(text, code=code, status=whole)).suppresses


@given(st.text(), CODES, STATUSES)
def test_every_reply_has_a_class(text: str, code: int, status: str | None) -> None:
    judged = classifier().judge(read(text, code=code, status=f"5.{status}" if status else None))
    assert CLASS_OF[judged.category] == judged.bounce_class


@pytest.mark.parametrize("category", sorted(CLASS_OF))
def test_a_class_follows_from_the_category_alone(category: str) -> None:
    judged = Judgement.of(category)
    assert judged.suppresses == ((judged.bounce_class, category) == ("hard", "invalid_recipient"))


@given(
    st.sampled_from(["user unknown", "no such mailbox", "mailbox unavailable", "invalid address", "does not exist"]),
    st.sampled_from(["connect", "ehlo", "starttls", "auth", "mail_from"]),
    CODES,
    STATUSES,
)
def test_before_the_recipient_is_named_nobody_is_suppressed(
    text: str, phase: str, code: int, status: str | None
) -> None:
    whole = f"{code // 100}.{status}" if status else None
    assert not classifier().judge(read(text, code=code, status=whole, phase=phase)).suppresses
