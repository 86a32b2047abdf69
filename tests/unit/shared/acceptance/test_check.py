"""Each rule on a new email, by what it refuses and what it lets pass."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from shared.acceptance import Accepted, Mailbox, Refusal, check
from shared.acceptance.limits import MAX_ATTACHMENTS_BYTES, MAX_RECORD
from shared.commands import Address, Attachment, SendEmail
from shared.problems import PROBLEMS
from shared.records import TemplateVersion

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
ID = UUID("0193a5c0-0000-7000-8000-000000000001")
INVOICE = TemplateVersion(
    tenant="default", name="invoice", version=3, subject="{{ number }}", html="…", required=("number",)
)


def send(**changes: Any) -> SendEmail:
    own: dict[str, Any] = {"subject": "Hello", "text": "Hi"} if "template" not in changes else {}
    basic: dict[str, Any] = {"sender": "shop@example.test", "to": "ada@example.org", "email_id": ID}
    return SendEmail(**(basic | own | changes))


def judge(command: SendEmail, **changes: Any) -> Accepted | Refusal:
    known: dict[str, Any] = {
        "sending_domains": frozenset({"example.test"}),
        "template": INVOICE if command.template == "invoice" else None,
        "broadcast_ready": True,
        "now": NOW,
    }
    return check(command, **(known | changes))


def attached(**changes: Any) -> SendEmail:
    basic = {"filename": "a.txt", "content": base64.b64encode(b"hello").decode()}
    return send(attachments=(Attachment(**(basic | changes)),))


def test_an_email_with_everything_is_accepted() -> None:
    command = send(
        sender=Address("Shop@EXAMPLE.test", "Der Laden"),
        to="Ada Lovelace <ada@bücher.example>",
        reply_to="help@example.test",
        html="<p>Hi</p>",
        headers={"X-Order": "4711", "In-Reply-To": "<a@b.example>"},
        attachments=(
            Attachment(filename="Rechnung März.pdf", content_type="application/pdf", content="aGVsbG8="),
            Attachment(filename="logo.png", content_type="image/png", blob="a" * 64, content_id="logo@shop"),
            Attachment(filename="x.ics", content_type='text/calendar; charset=utf-8; method="REQUEST"', content=""),
        ),
        send_at=NOW + timedelta(days=364),
        expires_at=NOW + timedelta(days=365),
        stream="broadcast",
        list="news",
        tags=("invoice", "q4 2026"),
        reference="order/4711",
        metadata={"customer": "Müller & Söhne"},
    )
    assert judge(command) == Accepted(
        sender=Mailbox(address="Shop@example.test", name="Der Laden"),
        recipient=Mailbox(address="ada@xn--bcher-kva.example", name="Ada Lovelace"),
        reply_to=Mailbox(address="help@example.test"),
        recipient_domain="xn--bcher-kva.example",
    )


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("用户@例子.test", "用户@xn--fsqu00a.test"),
        ("e\u0301@example.org", "é@example.org"),
        ('"Müller, Hans" <hans@example.org>', "hans@example.org"),
        ("a.b+tag@Sub.Example.ORG", "a.b+tag@sub.example.org"),
        (Address("a@example.org", "Щедрин, Михаил <x>"), "a@example.org"),
    ],
)
def test_addresses_in_normal_form(address: str | Address, normal: str) -> None:
    found = judge(send(to=address))
    assert isinstance(found, Accepted)
    assert found.recipient.address == normal


BAD: list[tuple[SendEmail, str, str | None]] = [
    # Line ends and control characters, in every place.
    (send(subject="Hi\r\nBcc: eve@example.org"), "invalid_characters", "subject"),
    (send(subject="a\x85b"), "invalid_characters", "subject"),
    (send(subject="a\u2028b"), "invalid_characters", "subject"),
    (send(to=Address("a@example.org", "A\nB")), "invalid_characters", "to.name"),
    (send(to="a@example.org\r\nb@example.org"), "invalid_characters", "to"),
    (send(sender=Address("shop@example.test", "\x00")), "invalid_characters", "from.name"),
    (send(reply_to="A\x7f <a@example.org>"), "invalid_characters", "reply_to"),
    (send(headers={"X-A": "b\r\nc"}), "invalid_characters", "headers.X-A"),
    (send(headers={"X-A\r\nBcc": "b"}), "invalid_characters", "headers"),
    (attached(filename="a\r\n.txt"), "invalid_characters", "attachments[0].filename"),
    (attached(content_type="text/plain\r\nX: y"), "invalid_characters", "attachments[0].content_type"),
    (attached(content_id="a\nb"), "invalid_characters", "attachments[0].content_id"),
    (send(tags=("fine", "a\tb")), "invalid_characters", "tags[1]"),
    (send(reference="a\nb"), "invalid_characters", "reference"),
    (send(list="a\nb"), "invalid_characters", "list"),
    (send(list="a/b"), "invalid_characters", "list"),
    (send(tenant="a/b"), "invalid_characters", "tenant"),
    (send(tenant=""), "invalid_characters", "tenant"),
    (send(metadata={"a\nb": "c"}), "invalid_characters", "metadata"),
    (send(metadata={"a": "b\x00"}), "invalid_characters", "metadata"),
    # Addresses.
    (send(to="nobody"), "invalid_address", "to"),
    (send(to=""), "invalid_address", "to"),
    (send(to="a@localhost"), "invalid_address", "to"),
    (send(to="a@example.invalid"), "invalid_address", "to"),
    (send(to="a@[127.0.0.1]"), "invalid_address", "to"),
    (send(to="a@b..example"), "invalid_address", "to"),
    (send(to="a@example.org, b@example.org"), "invalid_address", "to"),
    (send(to="a" * 65 + "@example.org"), "invalid_address", "to"),
    (send(to="é" * 33 + "@example.org"), "invalid_address", "to"),
    (send(to="a@" + "b" * 64 + ".example"), "invalid_address", "to"),
    (send(to=Address("Ada <a@example.org>")), "invalid_address", "to"),
    (send(reply_to="@example.org"), "invalid_address", "reply_to"),
    (send(sender="shop@elsewhere.test"), "unknown_sender_domain", "from"),
    (send(sender="shop@sub.example.test"), "unknown_sender_domain", "from"),
    # Counts and lengths.
    (send(tags=("t",) * 21), "too_many_items", "tags"),
    (send(tags=("t" * 65,)), "too_long", "tags[0]"),
    (send(metadata={str(n): "" for n in range(51)}), "too_many_items", "metadata"),
    (send(metadata={"a": "b" * 501}), "too_long", "metadata"),
    (send(metadata={"a" * 65: "b"}), "too_long", "metadata"),
    (send(headers={f"X-{n}": "" for n in range(51)}), "too_many_items", "headers"),
    (send(headers={"X-A": "b" * 999}), "too_long", "headers.X-A"),
    (send(subject="s" * 999), "too_long", "subject"),
    (send(reference="r" * 201), "too_long", "reference"),
    (send(to=Address("a@example.org", "n" * 201)), "too_long", "to.name"),
    (send(text="x" * (5 * 1024 * 1024 + 1)), "too_long", "text"),
    (send(text="x" * MAX_RECORD), "body_too_large", None),
    # Content.
    (send(subject=None), "content_missing", "subject"),
    (send(subject=""), "content_missing", "subject"),
    (send(text=None), "content_missing", "html"),
    (send(text="", html=""), "content_missing", "html"),
    (send(html="x", html_blob="a" * 64), "content_conflict", "html_blob"),
    (send(html_blob="../../etc/passwd"), "wrong_type", "html_blob"),
    (send(variables={"a": 1}), "content_conflict", "variables"),
    (send(template_version=1), "content_conflict", "template_version"),
    (send(template="invoice", variables={"number": 1}, subject="S"), "content_conflict", "subject"),
    (send(template="invoice", variables={"number": 1}, html="S"), "content_conflict", "html"),
    (send(template="invoice", variables={"number": 1}, text_blob="a" * 64), "content_conflict", "text_blob"),
    (send(template="invoice", variables={"number": 1}, template_version=0), "unknown_template", "template_version"),
    (send(template="unheard-of"), "unknown_template", "template"),
    (send(template="invoice"), "missing_variable", "variables.number"),
    (send(template="invoice", variables={"Number": 1}), "missing_variable", "variables.number"),
    # Attachments.
    (send(attachments=(Attachment(filename="a", content=""),) * 21), "too_many_items", "attachments"),
    (attached(filename=""), "attachment_invalid", "attachments[0].filename"),
    (attached(filename=".."), "attachment_invalid", "attachments[0].filename"),
    (attached(filename="../a"), "attachment_invalid", "attachments[0].filename"),
    (attached(filename="a\\b"), "attachment_invalid", "attachments[0].filename"),
    (attached(filename="f" * 201), "too_long", "attachments[0].filename"),
    (attached(content_type="pdf"), "attachment_invalid", "attachments[0].content_type"),
    (attached(content_type="multipart/mixed"), "attachment_invalid", "attachments[0].content_type"),
    (attached(content_type="Message/rfc822"), "attachment_invalid", "attachments[0].content_type"),
    (attached(content_id="<logo>"), "attachment_invalid", "attachments[0].content_id"),
    (attached(content="a b c"), "attachment_invalid", "attachments[0].content"),
    (attached(content="aGVsbG8"), "attachment_invalid", "attachments[0].content"),
    (attached(content="aGVs\nbG8="), "attachment_invalid", "attachments[0].content"),
    (attached(content="é"), "attachment_invalid", "attachments[0].content"),
    (attached(content=None), "attachment_invalid", "attachments[0]"),
    (attached(blob="a" * 64), "attachment_invalid", "attachments[0]"),
    (attached(content=None, blob="A" * 64), "wrong_type", "attachments[0].blob"),
    # Times.
    (send(send_at=NOW + timedelta(days=365, seconds=1)), "send_at_too_far", "send_at"),
    (send(expires_at=NOW), "already_expired", "expires_at"),
    (send(send_at=NOW + timedelta(hours=2), expires_at=NOW + timedelta(hours=1)), "already_expired", "expires_at"),
]


@pytest.mark.parametrize(("command", "code", "field"), BAD, ids=[f"{code}-{field}" for _, code, field in BAD])
def test_each_rule_refuses(command: SendEmail, code: str, field: str | None) -> None:
    found = judge(command)
    assert isinstance(found, Refusal)
    assert (found.code, found.field) == (code, field)
    assert code in PROBLEMS
    assert "example.org" not in found.detail


OURS = [
    "From",
    "to",
    "CC",
    "Bcc",
    "subject",
    "DATE",
    "Message-ID",
    "Reply-To",
    "Sender",
    "Return-Path",
    "Received",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "DKIM-Signature",
    "ARC-Seal",
    "Resent-To",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "Authentication-Results",
    "X-Postlog-Tenant",
]


@pytest.mark.parametrize("name", OURS)
def test_headers_that_are_ours(name: str) -> None:
    assert judge(send(headers={name: "x"})) == Refusal(
        "header_not_allowed", f"headers.{name}", "this header is written by the service"
    )


@pytest.mark.parametrize("name", ["", "X A", "X:A", "Ünï", "-X", "X" * 77])
def test_header_names_that_are_none(name: str) -> None:
    found = judge(send(headers={name: "x"}))
    assert isinstance(found, Refusal)
    assert (found.code, found.field) == ("header_not_allowed", "headers")


def test_a_header_given_twice_in_another_case() -> None:
    found = judge(send(headers={"X-A": "1", "x-a": "2"}))
    assert isinstance(found, Refusal)
    assert found.code == "header_not_allowed"


def test_broadcast_needs_a_postal_address() -> None:
    found = judge(send(stream="broadcast"), broadcast_ready=False)
    assert isinstance(found, Refusal)
    assert found.code == "postal_address_missing"
    assert isinstance(judge(send(stream="broadcast")), Accepted)
    assert isinstance(judge(send(), broadcast_ready=False), Accepted)


def test_a_template_with_its_variables() -> None:
    assert isinstance(judge(send(template="invoice", variables={"number": None, "more": [1]})), Accepted)


@pytest.mark.parametrize(("depth", "fine"), [(15, True), (16, False), (200, False)])
def test_variables_nest_so_deep(depth: int, fine: bool) -> None:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    found = judge(send(template="invoice", variables={"number": value}))
    assert isinstance(found, Accepted) == fine
    if isinstance(found, Refusal):
        assert (found.code, found.field) == ("nesting_too_deep", "variables")


def test_attachments_are_measured_together_and_before_they_are_decoded() -> None:
    half = Attachment(filename="a", content=base64.b64encode(bytes(MAX_ATTACHMENTS_BYTES // 2)).decode())
    assert isinstance(judge(send(attachments=(half, half)), largest=2**25), Accepted)
    found = judge(send(attachments=(half, half, Attachment(filename="b", content="YWFh"))), largest=2**25)
    assert isinstance(found, Refusal)
    assert (found.code, found.field) == ("attachment_too_large", "attachments[2].content")
    bomb = Attachment(filename="a", content="!" * (MAX_ATTACHMENTS_BYTES * 2))
    assert isinstance(judge(send(attachments=(bomb,))), Refusal)


def test_what_is_refused_later_has_clean_labels() -> None:
    found = judge(send(to="nobody", tags=("a\x00",), tenant="fine"))
    assert isinstance(found, Refusal)
    assert found.field == "tags[0]"


def test_the_extremes_of_time_are_no_crash() -> None:
    first = msgspec.json.decode(b'"0001-01-01T00:00:00+23:59"', type=datetime)
    last = msgspec.json.decode(b'"9999-12-31T23:59:59-23:59"', type=datetime)
    assert isinstance(judge(send(send_at=first, expires_at=last)), Accepted)
    assert isinstance(judge(send(send_at=last)), Refusal)


def test_variables_that_break_the_templates_schema() -> None:
    template = msgspec.structs.replace(INVOICE, variables_schema={"properties": {"number": {"type": "string"}}})
    assert isinstance(judge(send(template="invoice", variables={"number": "7"}), template=template), Accepted)
    found = judge(send(template="invoice", variables={"number": 7}), template=template)
    assert isinstance(found, Refusal) and (found.code, found.field) == ("invalid_variable", "variables.number")
