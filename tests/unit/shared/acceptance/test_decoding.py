"""Documents that cannot be decoded: the code, the field, and none of the caller's values."""

import msgspec
import pytest

from shared import commands
from shared.acceptance import Refusal, from_decode_error
from shared.problems import PROBLEMS

HEAD = b'{"type":"SendEmail","email_id":"0193a5c0-0000-7000-8000-000000000001",'
GOOD = HEAD + b'"from":"a@example.test","to":"b@example.org"'


def refusal(document: bytes) -> Refusal:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError, RecursionError)) as caught:
        commands.decode(document)
    return from_decode_error(caught.value)


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        (b"", "malformed_json", None),
        (b"{", "malformed_json", None),
        (b"\xff\xfe", "malformed_json", None),
        (HEAD + b'"from":"\xff"}', "malformed_json", None),
        (GOOD + b"} and more", "malformed_json", None),
        (GOOD + b',"variables":{"a":NaN}}', "malformed_json", None),
        (GOOD + b',"subject":"\\ud800 "}', "malformed_json", None),
        (b"[]", "wrong_type", None),
        (b"null", "wrong_type", None),
        (b'{"type":"StealEmail"}', "wrong_type", "type"),
        (HEAD + b'"from":3,"to":"b@example.org"}', "wrong_type", "from"),
        (GOOD + b',"tags":["a",1]}', "wrong_type", "tags[1]"),
        (GOOD + b',"headers":{"X-A":1}}', "wrong_type", "headers"),
        (GOOD + b',"stream":"ada@example.org"}', "wrong_type", "stream"),
        (GOOD + b',"send_at":"2026-11-03T12:00:00"}', "wrong_type", "send_at"),
        (GOOD + b',"variables":{"a":1e999}}', "wrong_type", "variables"),
        (GOOD + b',"variables":{"a":' + b"9" * 10_000 + b"}}", "wrong_type", "variables"),
        (GOOD + b',"colour":"red"}', "unknown_field", "colour"),
        (GOOD + b',"reply_to":{"email":"a@b.example","colour":1}}', "unknown_field", "reply_to.colour"),
        (GOOD + b',"ada@example.org":"red"}', "unknown_field", None),
        (HEAD + b'"to":"b@example.org"}', "missing_field", "from"),
        (GOOD + b',"attachments":[{"content":""}]}', "missing_field", "attachments[0].filename"),
        (GOOD + b',"variables":{"a":' + b"[" * 64 + b"]" * 64 + b"}}", "nesting_too_deep", None),
        (GOOD + b',"variables":{"a":' + b"[" * 990 + b"]" * 990 + b"}}", "nesting_too_deep", None),
        (GOOD + b',"variables":{"a":' + b"[" * 5000 + b"]" * 5000 + b"}}", "nesting_too_deep", None),
    ],
)
def test_documents_that_cannot_be_read(document: bytes, code: str, field: str | None) -> None:
    found = refusal(document)
    assert (found.code, found.field) == (code, field)
    assert code in PROBLEMS
    assert "example.org" not in f"{found.field} {found.detail}"


def test_whatever_is_decoded_can_be_encoded_and_hashed() -> None:
    command = commands.decode(GOOD + b',"variables":{"a":' + b"[" * 63 + b"]" * 63 + b"}}")
    assert isinstance(command, commands.SendEmail)
    assert commands.decode(commands.encode(command)) == command
    assert commands.request_hash(command)


@pytest.mark.parametrize("tenant", ["", "a/b", "a\\n", "a\\u0000", "t" * 65, "ü"])
def test_tenants_are_plain_names(tenant: str) -> None:
    found = refusal(GOOD + f',"tenant":"{tenant}"}}'.encode())
    assert (found.code, found.field) == ("wrong_type", "tenant")


@pytest.mark.parametrize("reason", ["r" * 201, "a\\n", "a\\u0000b", "\\u2028"])
def test_reasons_are_short_and_clean(reason: str) -> None:
    head = HEAD.replace(b"SendEmail", b"CancelEmail")
    found = refusal(head + f'"reason":"{reason}"}}'.encode())
    assert (found.code, found.field) == ("wrong_type", "reason")
