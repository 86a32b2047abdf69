"""Header fields: what a mail program reads is what was meant, whatever it was."""

from email import policy
from email.header import decode_header, make_header
from email.parser import BytesParser
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.adapters.headers import CannotCompose, address_field, fold, text_field

CLEAN = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn"], exclude_characters="\u00ad"), max_size=200
)
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)


def read(field: str) -> object:
    """The only field of a message, as the standard library understands it."""
    message = BytesParser(policy=policy.default).parsebytes(f"{field}\r\n\r\n".encode())
    (value,) = message.values()
    assert not value.defects
    return value


def lines(field: str) -> list[str]:
    found = field.split("\r\n")
    assert all(line.strip() and "\r" not in line and "\n" not in line for line in found)
    assert all(line[0] == " " for line in found[1:])
    return found


@given(CLEAN | PLAIN)
def test_subjects(value: str) -> None:
    field = text_field("Subject", value)
    assert field.isascii()
    assert all(len(line) <= 78 or " " not in line.strip() or line.count(" ") == 1 for line in lines(field))
    assert str(read(field)) == value.strip()


@given(CLEAN | PLAIN)
def test_names(name: str) -> None:
    field = address_field("To", "jo@example.com", display=name)
    lines(field)
    assert field.isascii()
    (found,) = read(field).addresses  # type: ignore[attr-defined]
    assert found.addr_spec == "jo@example.com"
    phrase = parseaddr(field.removeprefix("To: ").replace("\r\n", ""))[0]
    shown = str(make_header(decode_header(phrase)))  # (the parser above keeps white space between encoded words)
    assert shown.split() == name.split()  # how much white space is not said in a name


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (None, "To: jo@example.com"),
        ("Jo Smith", "To: Jo Smith <jo@example.com>"),
        ('Jo "J" Smith, Inc.', 'To: "Jo \\"J\\" Smith, Inc." <jo@example.com>'),
        ("José", "To: =?utf-8?b?Sm9zw6k=?= <jo@example.com>"),
        ("=?utf-8?q?evil?=", "To: =?utf-8?b?PT91dGYtOD9xP2V2aWw/PQ==?= <jo@example.com>"),
        ("a" * 70, f"To: {'a' * 70}\r\n <jo@example.com>"),
    ],
)
def test_address_fields(name: str | None, field: str) -> None:
    assert address_field("To", "jo@example.com", display=name) == field


def test_encoded_words_are_no_longer_than_75() -> None:
    field = text_field("Subject", "Zażółć gęślą jaźń " * 20)
    assert len(lines(field)) > 3
    assert all(len(word) <= 75 for line in lines(field) for word in line.split() if word.startswith("=?"))


def test_long_words_are_not_torn_unless_they_must_be() -> None:
    url = "https://example.com/" + "x" * 300
    assert text_field("X-Link", f"see {url} there") == f"X-Link: see\r\n {url}\r\n there"
    assert max(len(line) for line in lines(text_field("X-Link", "y" * 998))) <= 78


def test_folding_keeps_all_white_space() -> None:
    value = "a  b " + "c" * 80 + "   d"
    assert fold("X:", value).replace("\r\n", "") == f"X: {value}"


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y.example", "a\nb", "a\rb", "a\x00b", "a\u2028b", "a\x85b", "a\ud800b"])
def test_no_line_end_gets_in(value: str) -> None:
    with pytest.raises(CannotCompose):
        text_field("X", value)
    with pytest.raises(CannotCompose):
        address_field("To", "jo@example.com", display=value)
    with pytest.raises(CannotCompose):
        address_field("To", f"{value}@example.com")
