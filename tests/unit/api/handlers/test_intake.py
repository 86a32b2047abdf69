"""Streamed batches: portions as they come, what was refused, and going on after a break under the same key."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from services.api.domain.errors import ApiError
from services.api.domain.forms import Asked, Csv, Ndjson
from services.api.domain.lines import Line
from services.api.domain.preferences import RejectionCursor, read_cursor
from services.api.domain.rejections import StreamReceipt
from services.api.handlers.intake import Outcome
from shared.commands import SendEmail, request_hash
from shared.events import BatchClosed, BatchOpened
from shared.ids import batch_id_for, email_id_for
from shared.topics import CONTROLS, EVENTS, REQUESTS_BULK
from tests.unit.api.stage import Stage, origin

pytestmark = pytest.mark.asyncio

HEAD = {"defaults": {"from": "shop@acme.test", "template": "invoice", "variables": {"year": 2026}}, "tags": ["q4"]}
BAD = {"to": "nobody", "variables": {"number": 1}}


class Broken(Exception):
    """The client went away."""


def good(number: int) -> dict[str, Any]:
    return {"to": f"c{number}@example.org", "variables": {"number": number}}


async def portions(lines: list[dict[str, Any]], size: int, *, breaks: bool = False) -> AsyncIterator[list[Line]]:
    numbered = [Line(number, json.dumps(one).encode()) for number, one in enumerate(lines, start=1)]
    for at in range(0, len(numbered), size):
        yield numbered[at : at + size]
    if breaks:
        raise Broken


async def send(
    stage: Stage,
    *emails: dict[str, Any],
    head: dict[str, Any] = HEAD,
    key: str | None = "k",
    size: int = 2,
    dry: bool = False,
    breaks: bool = False,
) -> Outcome:
    lines = portions([head, *emails], size, breaks=breaks)
    return await stage.intake.send(lines, Ndjson(Asked()), origin=origin(), key=key, dry=dry)


def results(receipt: StreamReceipt) -> list[tuple[int, int, str]]:
    return [(one.line, one.index, one.code) for one in receipt.rejections]


async def test_what_is_written_and_in_which_order() -> None:
    stage = Stage()
    outcome = await send(stage, good(0), BAD, good(2))
    receipt = outcome.receipt
    assert (receipt.acknowledged, receipt.refused, receipt.resumed_from, outcome.fresh) == (2, 1, None, 2)
    assert results(receipt) == [(3, 1, "invalid_address")]
    topics = [one.topic for one in stage.log.records]
    assert topics[0] == EVENTS.name and topics[-2:] == [EVENTS.name, CONTROLS.name]
    assert topics.count(REQUESTS_BULK.name) == 2
    opened, closed = stage.log.facts()
    assert isinstance(opened, BatchOpened) and isinstance(closed, BatchClosed)
    assert (opened.template, opened.tags) == ("invoice", ("q4",))
    assert (closed.acknowledged, closed.refused) == (2, 1)
    first = stage.log.commands()[0]
    assert isinstance(first, SendEmail)
    assert (first.variables, first.tags, first.batch_id) == ({"year": 2026, "number": 0}, ("q4",), receipt.batch_id)


async def test_ids_are_those_of_the_same_emails_in_one_document() -> None:
    stage = Stage()
    receipt = (await send(stage, good(0), BAD, good(2))).receipt
    assert receipt.batch_id == batch_id_for(tenant="default", key="k")
    assert [one.email_id for one in stage.log.commands()] == [
        email_id_for(tenant="default", operation="batches", key="k", line=line) for line in (0, 2)
    ]


async def test_a_csv_stream() -> None:
    stage, form = Stage(), Csv(Asked(defaults={"from": "shop@acme.test", "template": "invoice"}))

    async def rows() -> AsyncIterator[list[Line]]:
        yield list(form.lines(b"to,number\na@example.org,1\n\nnobody,2\n"))

    outcome = await stage.intake.send(rows(), form, origin=origin(), key="k", dry=False)
    assert results(outcome.receipt) == [(4, 1, "invalid_address")]
    (sent,) = stage.log.commands()
    assert isinstance(sent, SendEmail) and sent.variables == {"number": "1"}


async def test_a_dry_run_writes_nothing_to_the_log() -> None:
    stage = Stage()
    receipt = (await send(stage, good(0), BAD, key=None, dry=True)).receipt
    assert (receipt.acknowledged, receipt.refused, receipt.dry_run) == (1, 1, True)
    assert stage.log.records == [] and stage.blobs.parts == {}
    page = await stage.refused.page(receipt.batch_id, cursor=None, limit=10, origin=origin())
    assert page.rejections == receipt.rejections


async def test_a_dry_run_does_not_use_the_key_up() -> None:
    stage = Stage()
    dry = (await send(stage, good(0), dry=True)).receipt
    real = (await send(stage, good(1))).receipt
    assert dry.batch_id != real.batch_id and real.resumed_from is None


async def test_a_stream_has_a_key() -> None:
    with pytest.raises(ApiError) as caught:
        await send(Stage(), good(0), key=None)
    assert (caught.value.code, caught.value.field) == ("invalid_parameter", "Idempotency-Key")


async def test_after_a_break_the_same_key_goes_on() -> None:
    stage = Stage()
    emails = [good(0), BAD, good(2), good(3), good(4)]
    with pytest.raises(Broken):
        await send(stage, *emails[:3], breaks=True)
    written = stage.log.commands()
    assert len(written) == 2  # what was under way when it broke is written whole
    outcome = await send(stage, *emails, size=4)
    receipt = outcome.receipt
    assert (receipt.acknowledged, receipt.refused, receipt.resumed_from, outcome.fresh) == (4, 1, 3, 2)
    assert results(receipt) == [(3, 1, "invalid_address")]
    assert len({one.email_id for one in stage.log.commands()}) == len(stage.log.commands()) == 4
    assert [type(one) for one in stage.log.facts()] == [BatchOpened, BatchClosed]
    closed = stage.log.facts()[-1]
    assert isinstance(closed, BatchClosed) and (closed.acknowledged, closed.refused) == (4, 1)


async def test_a_whole_stream_again_changes_nothing() -> None:
    stage = Stage()
    emails = [good(0), BAD, good(2)]
    first = (await send(stage, *emails)).receipt
    records = len(stage.log.records)
    outcome = await send(stage, *emails, size=100)
    again = outcome.receipt
    assert (again.batch_id, again.acknowledged, again.refused) == (first.batch_id, 2, 1)
    assert (again.rejections, again.resumed_from, outcome.fresh) == (first.rejections, 3, 0)
    assert len(stage.log.records) == records


@pytest.mark.parametrize(
    "emails",
    [
        [good(0), good(7), good(2)],
        [good(0), good(1)],
        [good(0), good(1), good(2), good(3)],
    ],
    ids=["another email", "fewer", "more than there were"],
)
async def test_another_stream_under_the_same_key(emails: list[dict[str, Any]]) -> None:
    stage = Stage()
    await send(stage, good(0), good(1), good(2))
    records = len(stage.log.records)
    with pytest.raises(ApiError, match="idempotency_conflict"):
        await send(stage, *emails)
    assert len(stage.log.records) == records


async def test_another_shared_part_under_the_same_key() -> None:
    stage = Stage()
    await send(stage, good(0))
    with pytest.raises(ApiError, match="idempotency_conflict"):
        await send(stage, good(0), head=HEAD | {"tags": ["other"]})


async def test_an_email_that_was_written_but_not_counted_is_recognised_and_a_differing_one_is_not() -> None:
    stage = Stage()
    stage.log.fail_after = 2  # opened and the first emails; then Kafka is away
    with pytest.raises(ApiError, match="kafka_unavailable"):
        await send(stage, good(0), good(1), good(2))
    stage.log.fail_after = None
    (written,) = stage.log.commands()
    assert isinstance(written, SendEmail)
    stage.facts.emails["default", written.email_id] = request_hash(written)
    with pytest.raises(ApiError, match="idempotency_conflict") as caught:
        await send(stage, good(9), good(1))
    assert caught.value.errors[0].index == 0
    receipt = (await send(stage, good(0), good(1))).receipt
    assert (receipt.acknowledged, receipt.resumed_from) == (2, None)
    assert [one.email_id for one in stage.log.commands()] == [
        email_id_for(tenant="default", operation="batches", key="k", line=line) for line in (0, 1)
    ]


async def test_when_all_are_refused_nothing_is_written() -> None:
    stage = Stage()
    with pytest.raises(ApiError) as caught:
        await send(stage, BAD, BAD, BAD)
    assert (caught.value.code, [one.index for one in caught.value.errors]) == ("content_missing", [0, 1, 2])
    assert stage.log.records == []


@pytest.mark.parametrize("key", ["k", None])
async def test_a_stream_without_emails(key: str | None) -> None:
    with pytest.raises(ApiError, match="missing_field"):
        await send(Stage(), key=key, dry=key is None)


async def test_what_is_wrong_with_the_whole() -> None:
    stage = Stage()
    with pytest.raises(ApiError, match="too_many_items"):
        await send(stage, good(0), head=HEAD | {"tags": ["t"] * 21})
    assert stage.log.records == []


async def test_rejections_come_in_pages_and_only_to_their_tenant() -> None:
    stage = Stage()
    receipt = (await send(stage, good(0), BAD, BAD, good(3), BAD)).receipt
    first = await stage.refused.page(receipt.batch_id, cursor=None, limit=2, origin=origin())
    assert [one.index for one in first.rejections] == [1, 2]
    cursor = read_cursor(first.next_cursor, RejectionCursor)
    second = await stage.refused.page(receipt.batch_id, cursor=cursor, limit=2, origin=origin())
    assert ([one.index for one in second.rejections], second.next_cursor) == ([4], None)
    for tenant, batch_id in (("other", receipt.batch_id), ("default", uuid4())):
        with pytest.raises(ApiError, match="not_found"):
            await stage.refused.page(batch_id, cursor=None, limit=2, origin=origin(tenant))


async def test_a_thousand_are_in_the_answer_and_all_in_the_pages() -> None:
    stage = Stage()
    receipt = (await send(stage, good(0), *[BAD] * 1500, size=400)).receipt
    assert (receipt.refused, len(receipt.rejections)) == (1500, 1000)
    page = await stage.refused.page(receipt.batch_id, cursor=RejectionCursor(1000), limit=1000, origin=origin())
    assert [one.index for one in page.rejections] == list(range(1001, 1501))
