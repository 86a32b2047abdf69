"""MAIL and RCPT, word by word."""

from dataclasses import replace

import pytest

from services.sender.envelope import mail_from, rcpt_to, xtext
from services.sender.wire import UnsafeOnTheWire
from tests.unit.sender.adapters.mails import an_email, composed

MAIL = composed(an_email(to="jo+x@example.com"))
SENDER = f"FROM:<{MAIL.envelope_sender}>".encode()


def test_nothing_is_said_that_is_not_offered() -> None:
    assert mail_from(MAIL, offered={}) == [b"MAIL", SENDER]
    assert rcpt_to(MAIL, offered={}) == [b"RCPT", b"TO:<jo+x@example.com>"]


def test_all_extensions() -> None:
    offered = dict.fromkeys(("size", "8bitmime", "smtputf8", "dsn"), "")
    envid = b"ENVID=01a20d00-0000-7000-8000-000000000001"
    assert mail_from(MAIL, offered=offered) == [b"MAIL", SENDER, b"SIZE=%d" % len(MAIL.message), b"RET=HDRS", envid]
    assert rcpt_to(MAIL, offered=offered)[2:] == [b"NOTIFY=FAILURE,DELAY", b"ORCPT=rfc822;jo+2Bx@example.com"]


def test_beyond_ascii() -> None:
    offered = dict.fromkeys(("8bitmime", "smtputf8", "dsn"), "")
    mail = composed(an_email(to="josé@example.com"))
    assert mail_from(mail, offered=offered)[2:4] == [b"BODY=8BITMIME", b"SMTPUTF8"]
    assert rcpt_to(mail, offered=offered) == [b"RCPT", "TO:<josé@example.com>".encode(), b"NOTIFY=FAILURE,DELAY"]
    with pytest.raises(UnsafeOnTheWire, match=r"5\.6\.7"):
        mail_from(mail, offered={})


def test_addresses_are_looked_at() -> None:
    with pytest.raises(UnsafeOnTheWire):
        mail_from(replace(MAIL, envelope_sender="a@b.example> SIZE=1"), offered={})
    with pytest.raises(UnsafeOnTheWire):
        rcpt_to(replace(MAIL, recipient="a@b.example\r\nDATA"), offered={})


def test_xtext() -> None:
    assert xtext("a+b=c d\u00e9") == b"a+2Bb+3Dc+20d+C3+A9"
