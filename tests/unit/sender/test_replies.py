"""Replies: status codes, redaction, kinds of bounces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.replies import classify, clean, enhanced_status, redact
from shared.bounces.builtin import classifier
from shared.bounces.judgement import Judgement
from shared.commands import SmtpResult


@pytest.mark.parametrize(
    ("code", "text", "found"),
    [
        (550, "5.1.1 no such user", "5.1.1"),
        (250, "2.0.0 ok\n2.0.0 queued", "2.0.0"),
        (550, "5.1.10", "5.1.10"),
        (450, "5.1.1 contradicts its code", None),
        (550, "no such user 5.1.1", None),
        (550, "5.1.1.1 an address of a network", None),
        (550, "5.1 too short", None),
        (250, "", None),
    ],
)
def test_enhanced_status_code(code: int, text: str, found: str | None) -> None:
    assert enhanced_status(code, text) == found


@pytest.mark.parametrize(
    ("recipient", "text", "expected"),
    [
        ("jo@example.com", "<jo@example.com>: unknown", "<recipient>: unknown"),
        ("jo@example.com", "unknown JO@Example.COM.", "unknown <recipient>."),
        ("jo@example.com", "user jo unknown, job done, banjo", "user <recipient> unknown, job done, banjo"),
        ("jo@example.com", "mailbox jo@other.example full", "mailbox <recipient>@other.example full"),
        ("jo+shop@example.com", "jo@example.com over quota", "<recipient> over quota"),
        ("jo+shop@example.com", "jo+shop unknown", "<recipient> unknown"),
        ("j.o@example.com", "jxo@example.com j.o", "jxo@example.com <recipient>"),
        ("jo@xn--mnchen-3ya.example", "jo@münchen.example", "<recipient>"),
        ("jo@xn--999999999.example", "<jo@xn--999999999.example>", "<recipient>"),
        ("josé@example.com", "JOSÉ@example.com", "<recipient>"),
        ("550@example.com", "550 at 5.5.0", "<recipient> at 5.5.0"),
    ],
)
def test_the_recipient_is_replaced(recipient: str, text: str, expected: str) -> None:
    assert redact(text, recipient=recipient) == expected


@given(
    st.from_regex(r"[a-z]{3,10}(\+[a-z]{1,5})?", fullmatch=True),
    st.sampled_from(["{}", "<{}>", "x <{}>: no", "({})", "a\n{}\nb", '"{}"', "to={},"]),
    st.booleans(),
)
def test_no_address_is_left(local: str, frame: str, shout: bool) -> None:
    address = f"{local}@mail.example"
    text = frame.format(address.upper() if shout else address)
    assert address not in redact(text, recipient=address).lower()


def test_clean_text_is_whole_readable_and_not_endless() -> None:
    assert clean("a\nb\x00\x07\udce9\u2028", recipient="x@example.com") == "a\nb\ufffd\ufffd\ufffd\ufffd"
    assert len(clean("é" * 10_000)) == 4096


@pytest.mark.parametrize(
    ("code", "text", "bounce_class", "category"),
    [
        (550, "5.1.1 <recipient>: Recipient address rejected: User unknown", "hard", "invalid_recipient"),
        (556, "5.1.10 domain has a null MX", "hard", "bad_domain"),
        (550, "5.1.2 bad system", "hard", "bad_domain"),
        (550, "5.1.8 sender domain not found", "admin", "auth_failed"),
        (550, "5.2.1 disabled", "hard", "inactive_mailbox"),
        (552, "5.2.2 mailbox full", "soft", "mailbox_full"),
        (552, "5.3.4 too big", "soft", "message_too_large"),
        (552, "5.2.3 too long", "soft", "message_too_large"),
        (554, "5.4.4 unable to route", "soft", "dns_failure"),
        (554, "5.4.6 loop", "soft", "bad_connection"),
        (501, "5.5.4 bad arguments", "admin", "protocol_error"),
        (554, "5.6.0 content", "admin", "protocol_error"),
        (550, "5.7.26 unauthenticated", "admin", "auth_failed"),
        (550, "5.7.28 flood", "block", "rate_limited"),
        (550, "5.7.509 some policy", "block", "policy"),
        (554, "5.7.1 Service unavailable; Client host blocked using Spamhaus", "block", "spam_reputation"),
        (554, "5.7.1 message looks like spam", "block", "spam_content"),
        (554, "5.7.1 <recipient>: Relay access denied", "admin", "relay_denied"),
        (554, "5.7.1 denied by policy", "block", "policy"),
        (550, "No such user here", "hard", "invalid_recipient"),
        (550, "5.0.0 user <recipient> does not exist", "hard", "invalid_recipient"),
        (550, "unknown user", "hard", "invalid_recipient"),
        (550, "mailbox unavailable", "hard", "invalid_recipient"),
        (552, "mailbox is full", "soft", "mailbox_full"),
        (550, "account disabled", "hard", "inactive_mailbox"),
        (552, "message size exceeds the limit", "soft", "message_too_large"),
        (550, "too many messages", "block", "rate_limited"),
        (535, "authentication failed", "admin", "auth_failed"),
        (521, "no mail here", "hard", "bad_domain"),
        (554, "transaction failed", "undetermined", "uncategorized"),
        (550, "", "undetermined", "uncategorized"),
        (None, None, "undetermined", "uncategorized"),
    ],
)
def test_kinds_of_bounces(code: int | None, text: str | None, *, bounce_class: str, category: str) -> None:
    result = SmtpResult(
        smtp_reply_code=code,
        smtp_reply_text=text,
        enhanced_status_code=enhanced_status(code, text) if code is not None and text is not None else None,
    )
    assert classify(result, classifier=classifier()) == Judgement(bounce_class, category)


@pytest.mark.parametrize("text", ["5.7.1 no such user", "5.1.0 user unknown in local recipient table"])
def test_words_count_where_the_code_says_little(text: str) -> None:
    result = SmtpResult(smtp_reply_code=550, smtp_reply_text=text, enhanced_status_code=text[:5])
    assert classify(result, classifier=classifier()).category == "invalid_recipient"
