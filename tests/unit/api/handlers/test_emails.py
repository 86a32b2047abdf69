"""Single emails: written once, recognised again, large parts apart."""

import base64
from uuid import uuid4

import pytest

from services.api.domain.errors import ApiError
from shared.commands import Attachment, SendEmail, request_hash
from shared.ids import email_id_for
from shared.topics import REQUESTS, REQUESTS_BULK
from tests.unit.api.stage import TRACE, Stage, content, origin

pytestmark = pytest.mark.asyncio


async def test_one_command_with_its_headers() -> None:
    stage = Stage()
    receipt = await stage.emails.send(content(tags=("a",)), origin=origin("acme"), key=None)
    (record,) = stage.log.records
    (command,) = stage.log.commands()
    assert isinstance(command, SendEmail)
    assert (command.email_id, command.tenant, command.tags) == (receipt.email_id, "acme", ("a",))
    assert (record.topic, record.key) == (REQUESTS.name, str(receipt.email_id).encode())
    headers = dict(record.headers)
    assert headers["ce_id"] == str(command.command_id).encode()
    assert headers["ce_source"] == b"/postlog/api"
    assert headers["traceparent"] == TRACE.encode()


async def test_broadcast_has_a_topic_of_its_own() -> None:
    stage = Stage()
    await stage.emails.send(content(stream="broadcast"), origin=origin(), key=None)
    assert stage.log.records[0].topic == REQUESTS_BULK.name


async def test_a_refused_email_writes_nothing() -> None:
    stage = Stage()
    with pytest.raises(ApiError) as caught:
        await stage.emails.send(content(to="nobody", text="x" * 70_000), origin=origin(), key=None)
    assert (caught.value.code, caught.value.field, caught.value.status) == ("invalid_address", "to", 422)
    assert stage.log.records == [] and stage.blobs.parts == {}


async def test_a_key_gives_the_same_id_and_one_record() -> None:
    stage = Stage()
    first = await stage.emails.send(content(), origin=origin(), key="k1")
    again = await stage.emails.send(content(), origin=origin(), key="k1")
    assert first == again and first.email_id == email_id_for(tenant="default", operation="emails", key="k1")
    assert len(stage.log.records) == 1
    other = await stage.emails.send(content(), origin=origin("other"), key="k1")
    assert other.email_id != first.email_id


async def test_another_body_under_the_same_key() -> None:
    stage = Stage()
    await stage.emails.send(content(), origin=origin(), key="k1")
    with pytest.raises(ApiError) as caught:
        await stage.emails.send(content(subject="Other"), origin=origin(), key="k1")
    assert (caught.value.code, caught.value.status) == ("idempotency_conflict", 422)
    assert len(stage.log.records) == 1


async def test_an_older_key_is_recognised_by_the_read_models() -> None:
    stage, later = Stage(), Stage()
    receipt = await stage.emails.send(content(), origin=origin(), key="k1")
    (command,) = stage.log.commands()
    assert isinstance(command, SendEmail)
    later.facts.emails["default", receipt.email_id] = request_hash(command)
    assert await later.emails.send(content(), origin=origin(), key="k1") == receipt
    assert later.log.records == []
    with pytest.raises(ApiError, match="idempotency_conflict"):
        await later.emails.send(content(subject="Other"), origin=origin(), key="k1")


async def test_without_the_database_the_sender_decides() -> None:
    stage = Stage()
    stage.facts.away = True
    await stage.emails.send(content(), origin=origin(), key="k1")
    assert len(stage.log.records) == 1


async def test_when_kafka_fails_nothing_is_remembered() -> None:
    stage = Stage()
    stage.log.fail_after = 0
    with pytest.raises(ApiError, match="kafka_unavailable"):
        await stage.emails.send(content(), origin=origin(), key="k1")
    stage.log.fail_after = None
    await stage.emails.send(content(subject="Other"), origin=origin(), key="k1")
    assert len(stage.log.records) == 1


async def test_large_parts_are_stored_apart_and_once() -> None:
    stage = Stage()
    data = base64.b64encode(b"%PDF").decode()
    attachments = (Attachment(filename="a.pdf", content=data), Attachment(filename="b.pdf", content=data))
    await stage.emails.send(content(html="<p>" + "ü" * 40_000, attachments=attachments), origin=origin(), key=None)
    (command,) = stage.log.commands()
    assert isinstance(command, SendEmail)
    assert command.html is None and command.text == "Hi" and command.html_blob is not None
    assert [one.content for one in command.attachments] == [None, None]
    assert {command.html_blob, command.attachments[0].blob} == set(stage.blobs.parts)
    assert stage.blobs.parts[command.html_blob] == ("<p>" + "ü" * 40_000).encode()
    assert len(stage.log.records[0].value or b"") < 2000


async def test_what_does_not_fit_a_record_is_refused() -> None:
    stage = Stage()
    huge = content(template="invoice", variables={"number": "x" * 950_000})
    with pytest.raises(ApiError) as caught:
        await stage.emails.send(huge, origin=origin(), key=None)
    assert (caught.value.code, caught.value.status) == ("body_too_large", 413)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"html_blob": "a" * 64}, "html_blob"),
        ({"text_blob": "a" * 64}, "text_blob"),
        ({"attachments": (Attachment(filename="a", blob="a" * 64),)}, "attachments[0].blob"),
    ],
)
async def test_stored_parts_cannot_be_named_over_http(changes: dict[str, object], field: str) -> None:
    with pytest.raises(ApiError) as caught:
        await Stage().emails.send(content(**changes), origin=origin(), key=None)
    assert (caught.value.code, caught.value.field) == ("unknown_field", field)


async def test_templates_are_the_tenants_own() -> None:
    stage = Stage()
    await stage.emails.send(content(template="invoice", variables={"number": 1}), origin=origin(), key=None)
    for tenant, version, code in (("other", None, "unknown_template"), ("default", 1, "unknown_template")):
        asked = content(template="invoice", template_version=version, variables={"number": 1})
        with pytest.raises(ApiError, match=code):
            await stage.emails.send(asked, origin=origin(tenant), key=None)
    with pytest.raises(ApiError) as caught:
        await stage.emails.send(content(template="invoice"), origin=origin(), key=None)
    assert (caught.value.code, caught.value.field) == ("missing_variable", "variables.number")


async def test_only_so_many_are_remembered() -> None:
    stage = Stage(room=2)
    ids = [uuid4() for _ in range(3)]
    for each in ids:
        stage.known.remember("default", {each: "hash"})
    assert [stage.known.recent("default", each) for each in ids] == [None, "hash", "hash"]
    assert stage.known.recent("other", ids[2]) is None
