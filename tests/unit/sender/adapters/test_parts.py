"""MIME parts: what goes in comes out of the standard library's parser, and no line is too long."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sender.adapters.content import File
from services.sender.adapters.headers import CannotCompose
from services.sender.adapters.parts import Part, file_part, multipart, text_part

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(["\n", "\r", ".", " ", "\t", "="]))
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200).map(str.strip).filter(bool)


def read(part: Part) -> EmailMessage:
    raw = b"MIME-Version: 1.0\r\n" + bytes(part)
    assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n")
    message = BytesParser(policy=policy.default).parsebytes(raw)
    assert not message.defects
    return message


def body_lines(part: Part) -> list[bytes]:
    assert part.body.endswith(b"\r\n")
    return part.body.split(b"\r\n")


@given(ANY_TEXT)
@example("From me\n.\n..x\n \t\n" + "ü" * 500 + " \n\r\rend ")
@example("日本語" * 300)
def test_texts(text: str) -> None:
    part = text_part(text, subtype="plain")
    lines = "\n".join(text.replace("\r\n", "\n").split("\r"))
    decoded = read(part).get_payload(decode=True)
    assert isinstance(decoded, bytes)
    assert decoded.replace(b"\r\n", b"\n").decode() == (lines if lines.endswith("\n") else lines + "\n")
    assert all(len(line) <= 76 and not line.endswith((b" ", b"\t")) for line in body_lines(part))


def test_the_shorter_encoding_is_taken() -> None:
    assert (
        "Content-Transfer-Encoding: quoted-printable" in text_part("Viele Grüße aus dem Norden", subtype="html").fields
    )
    assert "Content-Transfer-Encoding: base64" in text_part("Здравствуйте", subtype="html").fields


@given(NAMES, st.binary(max_size=300))
@example("a" * 200, b"")
@example("請求書" * 60 + ".pdf", b"x")
@example("100%41.pdf", b"x")
@example('a"b\\c;d=e.pdf', b"x")
def test_files(name: str, content: bytes) -> None:
    part = file_part(File(filename=name, content_type="application/pdf", content=content))
    message = read(part)
    assert message.get_filename() == name
    assert message.get_content_disposition() == "attachment" and message.get_content_type() == "application/pdf"
    assert message.get_payload(decode=True) == content
    assert all(len(line) <= 78 for field in part.fields for line in field.split("\r\n"))
    assert all(field.isascii() for field in part.fields)


def test_inline_images() -> None:
    message = read(file_part(File(filename="l.png", content_type="image/png", content=b"png", content_id="logo@acme")))
    assert message["Content-ID"] == "<logo@acme>" and message.get_content_disposition() == "inline"


def test_parameters_of_a_type_are_kept() -> None:
    file = File(filename="a.ics", content_type="text/calendar; method=REQUEST; charset=utf-8", content=b"x")
    assert read(file_part(file)).get_param("method") == "REQUEST"


@pytest.mark.parametrize(
    "changes",
    [
        {"filename": "a\r\nX-Evil: 1"},
        {"content_type": "text/plain\r\nX-Evil: 1"},
        {"content_id": "a>\r\nX-Evil: 1"},
        {"content_id": "<a>"},
        {"content_id": "a b"},
    ],
)
def test_no_line_end_gets_in(changes: dict[str, str]) -> None:
    fine = {"filename": "a", "content_type": "text/plain"}
    with pytest.raises(CannotCompose):
        file_part(File(content=b"", **(fine | changes)))


def test_nesting() -> None:
    inner = multipart("alternative", [text_part("a", subtype="plain"), text_part("b", subtype="html")], boundary="=_a")
    whole = multipart("mixed", [inner, file_part(File(filename="f", content_type="a/b", content=b"c"))], boundary="=_m")
    assert [part.get_content_type() for part in read(whole).walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "a/b",
    ]
    assert multipart("mixed", [inner], boundary="=_m") is inner
