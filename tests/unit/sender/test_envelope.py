"""MAIL and RCPT, word by word."""

from dataclasses import replace

import pytest

from services.sender.envelope import mail_from, rcpt_to, xtext
from services.sender.wire import UnsafeOnTheWire
from tests.unit.sender.adapters.mails import an_email, composed

MAIL = composed(an_email(to="jo+x@example.com"))
SENDER = f"MAIL FROM:<{MAIL.envelope_sender}>".encode()


def test_nothing_is_said_that_is_not_offered() -> None:
    assert mail_from(MAIL, offered={}) == SENDER + b"\r\n"
    assert rcpt_to(MAIL, offered={}) == b"RCPT TO:<jo+x@example.com>\r\n"


def test_all_extensions() -> None:
    offered = dict.fromkeys(("size", "8bitmime", "smtputf8", "dsn"), "")
    said = b" SIZE=%d RET=HDRS ENVID=01a20d00-0000-7000-8000-000000000001\r\n" % len(MAIL.message)
    assert mail_from(MAIL, offered=offered) == SENDER + said
    asked = b"RCPT TO:<jo+x@example.com> NOTIFY=FAILURE,DELAY ORCPT=rfc822;jo+2Bx@example.com\r\n"
    assert rcpt_to(MAIL, offered=offered) == asked


def test_beyond_ascii() -> None:
    offered = dict.fromkeys(("8bitmime", "smtputf8", "dsn"), "")
    mail = composed(an_email(to="josé@example.com"))
    assert b"> BODY=8BITMIME SMTPUTF8 RET=" in mail_from(mail, offered=offered)
    assert rcpt_to(mail, offered=offered) == "RCPT TO:<josé@example.com> NOTIFY=FAILURE,DELAY\r\n".encode()
    with pytest.raises(UnsafeOnTheWire, match=r"5\.6\.7"):
        mail_from(mail, offered={})


def test_addresses_are_looked_at() -> None:
    with pytest.raises(UnsafeOnTheWire):
        mail_from(replace(MAIL, envelope_sender="a@b.example> SIZE=1"), offered={})
    with pytest.raises(UnsafeOnTheWire):
        rcpt_to(replace(MAIL, recipient="a@b.example\r\nDATA"), offered={})


def test_xtext() -> None:
    assert xtext("a+b=c d\u00e9") == b"a+2Bb+3Dc+20d+C3+A9"
