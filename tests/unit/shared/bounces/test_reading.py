"""Reading a reply: its codes, the words of the reply itself, one spelling."""

import pytest

from shared.bounces.reading import read, words_of


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("550 5.1.1 no such user", 550, "1.1"),
        ("550-5.7.26 first line\n550 5.7.26 second", 550, "7.26"),
        ("smtp; 452 4.2.2 over quota", 452, "2.2"),
        ("host mx.example.com[192.0.2.1] said: 554 5.0.0 nobody (#5.1.1) (in reply to RCPT TO command)", 554, "1.1"),
        ("Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found'", 550, "1.10"),
        ("sorry, no mailbox here by that name. (#5.1.1)", None, "1.1"),
        ("message size 5545579 exceeds 4310016", None, None),
        ("192.0.2.1 is listed; 5.1.1.1 is an address", None, None),
        ("", None, None),
    ],
)
def test_codes(text: str, code: int | None, status: str | None) -> None:
    reply = read(text)
    assert (reply.code, reply.status) == (code, status)


def test_codes_that_are_given_count_but_a_vague_status_yields_to_the_text() -> None:
    assert read("554 busy", code=550, status="5.2.2").status == "2.2"
    assert read("554 busy", code=550, status="5.2.2").code == 550
    assert read("nobody (#5.1.1)", code=550, status="5.0.0").status == "1.1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("host spam.example.com[192.0.2.1] said: 550 user unknown (in reply to RCPT TO command)", " user unknown "),
        ("192.0.2.7 does not like recipient. Remote host said: 550 no user. Giving up on 192.0.2.7.", " no user "),
        ("550 user unknown\n503 need RCPT first\n554 5.5.1 no valid recipients", " user unknown "),
        ("mailbox full (552)", " mailbox full 552 "),
    ],
)
def test_only_the_words_of_the_reply_itself_are_kept(text: str, words: str) -> None:
    assert read(text).words == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("User_unknown: <jo@mail.example.com>, sorry!", " user unknown addr sorry "),
        ("(jo@example.com:blocked)", " addr blocked "),
        ("can't find the E-Mail's Mail Box", " cant find the emails mailbox "),
        (
            "blocked using zen.spamhaus.org, see https://www.spamhaus.org/query/ip/192.0.2.1",
            " blocked using spamhaus see spamhaus ",
        ),
        ("no account at mx.yahoo.co.uk", " no account at yahoo "),
        ("See https://support.google.com/mail/?p=NoSuchUser now", " see google nosuchuser now "),
        ("[192.0.2.1] and [2001:db8::1] are listed", " ip and ip are listed "),
        ("not found.Try again", " not found try again "),
        ("Boîte pleine ß", " boite pleine ß "),
    ],
)
def test_one_spelling(text: str, words: str) -> None:
    assert words_of(text) == words
