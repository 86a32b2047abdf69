"""Commands: strict to read, equal to compare."""

from uuid import uuid4

import msgspec
import pytest
from msgspec.structs import replace

from shared import commands
from shared.commands import CancelEmail, SendEmail, request_hash
from tests import golden

SEND = golden.decode(golden.FOLDER / "commands" / "SendEmail" / "template.json")


@pytest.mark.parametrize("value", [None, b"", b"null", b"[]", b"\x00", b"{}", b'{"type":"SendMail"}', b'{"type":1}'])
def test_what_is_no_command(value: bytes | None) -> None:
    with pytest.raises(msgspec.DecodeError):
        commands.decode(value)


@pytest.mark.parametrize("path", golden.paths("commands"), ids=lambda path: path.parent.name)
def test_an_unknown_field_is_refused(path: object) -> None:
    document = msgspec.json.decode(golden.value(path))  # type: ignore[arg-type]
    with pytest.raises(msgspec.ValidationError, match="unknown field `nonsense`"):
        commands.decode(msgspec.json.encode(document | {"nonsense": 1}))


def test_a_time_without_an_offset_is_refused() -> None:
    body = {"type": "RescheduleEmail", "email_id": str(uuid4()), "send_at": "2026-11-23T09:00:00"}
    with pytest.raises(msgspec.ValidationError, match="send_at"):
        commands.decode(msgspec.json.encode(body))


def test_the_same_request_has_the_same_hash_whatever_the_order_of_its_members_and_its_own_id() -> None:
    turned = commands.decode(msgspec.json.encode(dict(reversed(msgspec.json.decode(commands.encode(SEND)).items()))))
    assert isinstance(turned, SendEmail)
    variables = dict(reversed(SEND.variables.items()))
    assert request_hash(SEND) == request_hash(turned) == request_hash(replace(SEND, command_id=uuid4()))
    assert request_hash(SEND) == request_hash(replace(SEND, variables=variables))
    assert request_hash(SEND) == "755968ce70ceafb6df8af8e0be2c4ac5"


@pytest.mark.parametrize("field", ["email_id", "tenant", "to", "variables", "send_at", "tags", "stream"])
def test_another_request_has_another_hash(field: str) -> None:
    changed = {
        "email_id": uuid4(),
        "tenant": "b",
        "to": "yu@example.org",
        "variables": {},
        "send_at": None,
        "tags": (),
        "stream": "broadcast",
    }
    assert request_hash(replace(SEND, **{field: changed[field]})) != request_hash(SEND)


def test_a_command_says_its_type() -> None:
    assert msgspec.json.decode(commands.encode(CancelEmail(email_id=uuid4())))["type"] == "CancelEmail"
