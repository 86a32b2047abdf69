"""Composed mail: what it holds, and that it is the same in every attempt."""

from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from services.sender.adapters.content import File
from services.sender.adapters.mime import CannotCompose, compose
from services.sender.wire import stuffed
from shared.commands import Address, Tracking
from shared.rendering.renderer import Rendered
from tests.unit.sender.adapters.mails import HOUSE, KEYS, NOW, an_email, composed, parsed

QUIET = Tracking(opens=False, clicks=False)
LOGO = File(filename="logo.png", content_type="image/png", content=b"png", content_id="logo")
PDF = File(filename="Rechnung März.pdf", content_type="application/pdf", content=b"%PDF" * 1000)


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_plain_mail_to_the_letter() -> None:
    mail = composed(an_email())
    assert mail.message.decode() == (
        'From: "Acme, Inc." <billing@acme.test>\r\n'
        "To: jo@example.com\r\n"
        "Subject: Invoice 1\r\n"
        "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\n"
        "Message-ID: <01a20d00-0000-7000-8000-000000000001@acme.test>\r\n"
        "MIME-Version: 1.0\r\n"
        "Feedback-ID: -:transactional:default:postlog\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "Hello\r\n"
    )
    assert mail.recipient == "jo@example.com" and mail.from_domain == "acme.test" and mail.date == NOW
    assert mail.envelope_id == "01a20d00-0000-7000-8000-000000000001"
    assert not mail.smtputf8 and not mail.eight_bit


def test_the_envelope_sender_names_the_email() -> None:
    local, _, domain = composed(an_email()).envelope_sender.partition("@")
    prefix, _, token = local.partition("+")
    assert (prefix, domain) == ("bounces", "bounce.acme.test") and len(local) <= 64
    assert KEYS.verify_verp(token) == an_email().request.email_id


def test_every_level_that_is_needed_and_none_more() -> None:
    def kinds(*files: File, **changes: Any) -> list[str]:
        email = an_email(tracking=QUIET, **changes)
        return [part.get_content_type() for part in parsed(composed(email, files=files)).walk()]

    html = "<p>Hello</p>"
    assert kinds() == ["text/plain"]
    assert kinds(html=html) == ["multipart/alternative", "text/plain", "text/html"]
    assert kinds(PDF) == ["multipart/mixed", "text/plain", "application/pdf"]
    assert kinds(PDF, LOGO, html=html) == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    assert kinds(html="<img src=x>", text=None) == ["text/html"]  # there is nothing to be read in it


def test_files_arrive_whole() -> None:
    (file,) = parsed(composed(an_email(), files=[PDF])).iter_attachments()
    assert file.get_filename() == PDF.filename and file.get_payload(decode=True) == PDF.content


def test_a_missing_text_is_made_of_the_html_before_its_links_are_tracked() -> None:
    message = parsed(composed(an_email(text=None, html='<p>Hello <a href="https://acme.test/pay">pay</a></p>')))
    text = body(message, "plain")
    assert "Hello pay" in text and "https://acme.test/pay" in text and "t.acme.test" not in text
    assert "https://t.acme.test/c/" in body(message, "html") and "https://t.acme.test/o/" in body(message, "html")


@pytest.mark.parametrize(("opens", "clicks"), [(True, False), (False, True), (False, False)])
def test_tracking_can_be_switched_off(opens: bool, clicks: bool) -> None:
    email = an_email(html='<a href="https://acme.test">x</a>', tracking=Tracking(opens=opens, clicks=clicks))
    html = body(parsed(composed(email)), "html")
    assert ("/o/" in html, "/c/" in html) == (opens, clicks)


def test_broadcast_can_be_left_with_one_click() -> None:
    email = an_email(stream="broadcast", list="news", batch_id=UUID(int=11))
    message = parsed(composed(email))
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    https, mailto = message["List-Unsubscribe"].split(", ")
    token = KEYS.verify("unsubscribe", https.removeprefix("<https://t.acme.test/u/").removesuffix(">"))
    assert token and token.list == "news"
    verp = mailto.removeprefix("<mailto:unsubscribe+").partition("@")[0]
    assert KEYS.verify_verp(verp) == email.request.email_id
    assert message["Feedback-ID"] == f"{UUID(int=11)}:broadcast:default:postlog"
    assert "List-Unsubscribe" not in parsed(composed(an_email()))


def test_broadcast_carries_the_postal_address_once() -> None:
    house = replace(HOUSE, postal_address="1 Main St & Co, Springfield")
    changes: dict[str, Any] = {"stream": "broadcast", "html": "<body><p>Hi</p></body>", "text": "Hi"}
    message = parsed(composed(an_email(**changes), house))
    assert body(message, "plain").endswith("Hi\n\n-- \n1 Main St & Co, Springfield")
    assert body(message, "html").count("1 Main St &amp; Co, Springfield") == 1

    told = changes | {"html": "<p>1 Main St &amp; Co, Springfield</p>", "text": "1 Main St & Co, Springfield"}
    message = parsed(composed(an_email(**told), house))
    assert body(message, "plain").count("1 Main St & Co") == body(message, "html").count("1 Main St &amp; Co") == 1
    assert "1 Main St" in body(parsed(composed(an_email(**(changes | {"text": None})), house)), "plain")
    assert "1 Main St" not in str(parsed(composed(an_email(html="<p>Hi</p>"), house)))


def test_addresses_beyond_ascii() -> None:
    mail = composed(an_email(to=Address("josé@münchen.example", "José Müller"), reply_to="help@bücher.example"))
    assert mail.recipient == "josé@xn--mnchen-3ya.example" and mail.smtputf8 and mail.eight_bit
    assert "To: =?utf-8?b?Sm9zw6kgTcO8bGxlcg==?= <josé@xn--mnchen-3ya.example>\r\n".encode() in mail.message
    assert b"Reply-To: help@xn--bcher-kva.example\r\n" in mail.message
    assert not composed(an_email(to="jo@münchen.example")).smtputf8


def test_callers_headers_are_carried() -> None:
    message = parsed(composed(an_email(headers={"X-Order": "42 – größer", "Auto-Submitted": "auto-generated"})))
    assert (message["X-Order"], message["Auto-Submitted"]) == ("42 – größer", "auto-generated")


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"Bcc": "x@example.com"}},
        {"headers": {"DKIM-Signature": "x"}},
        {"headers": {"list-unsubscribe": "x"}},
        {"headers": {"X-A\r\nBcc": "x"}},
        {"headers": {"X-A": "x\r\nBcc: y"}},
        {"headers": {"X A": "x"}},
        {"headers": {"X-A:": "x"}},
        {"subject": "x\nBcc: y"},
        {"to": "nobody"},
        {"to": Address("jo@example.com", "x\r\nBcc: y")},
        {"sender": "a@b@c"},
        {"reply_to": "x y"},
        {"text": None},
    ],
)
def test_what_slipped_through_is_refused_again(changes: dict[str, Any]) -> None:
    with pytest.raises(CannotCompose):
        composed(an_email(**changes))


def test_it_is_dated_when_it_was_due() -> None:
    later = NOW + timedelta(days=3)
    assert composed(an_email(send_at=later)).date == later
    assert composed(an_email(send_at=NOW - timedelta(days=3))).date == NOW


SUBJECTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=100)
TEXTS = st.none() | st.text(max_size=300)


@given(subject=SUBJECTS, html=TEXTS, text=TEXTS)
def test_the_same_bytes_in_every_attempt_fit_for_the_wire(subject: str, html: str | None, text: str | None) -> None:
    assume(html is not None or text is not None)
    content = Rendered(subject=subject, html=html, text=text)
    email = an_email(stream="broadcast", list="news", headers={"X-A": "b"})
    again = structs.replace(email, status="deferred", attempt=3, due_at=NOW + timedelta(hours=1))
    first = compose(email, content, house=HOUSE, files=[PDF, LOGO])
    assert compose(again, content, house=HOUSE, files=[PDF, LOGO]) == first
    assert stuffed(first.message)
    assert parsed(first)["Subject"] == subject.strip()


def test_a_tls_report_is_a_report() -> None:
    file = File(filename="r.json.gz", content_type="application/tlsrpt+gzip", content=b"x")
    message = parsed(composed(an_email(), files=[file]))
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "tlsrpt"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "application/tlsrpt+gzip"]
