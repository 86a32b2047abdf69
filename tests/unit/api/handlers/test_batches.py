"""Bulk requests: a result for each email, the batch's facts around them, and repeats that change nothing."""

from typing import Any

import pytest

from services.api.domain.batches import BatchRequest
from services.api.domain.errors import ApiError
from shared.commands import SendEmail, request_hash
from shared.events import BatchClosed, BatchOpened
from shared.ids import batch_id_for, email_id_for
from shared.topics import CONTROLS, EVENTS, REQUESTS_BULK
from tests.unit.api.stage import Stage, origin

pytestmark = pytest.mark.asyncio

DEFAULTS = {"from": "shop@acme.test", "template": "invoice", "variables": {"year": 2026}}


def batch(*emails: dict[str, Any], **changes: Any) -> BatchRequest:
    return BatchRequest(emails=list(emails), **({"defaults": DEFAULTS} | changes))


GOOD = {"to": "ada@example.org", "variables": {"number": 1}}
BAD = {"to": "nobody", "variables": {"number": 1}}


async def test_each_email_has_a_result_of_its_own() -> None:
    stage = Stage()
    worse = {"to": "ada@example.org", "colour": "red"}
    receipt = await stage.batches.send(batch(GOOD, BAD, worse, GOOD, tags=("q4",)), origin=origin(), key=None)
    assert (receipt.acknowledged, receipt.refused) == (2, 2)
    assert [one.index for one in receipt.emails] == [0, 1, 2, 3]
    assert [one.problem and (one.problem.code, one.problem.field) for one in receipt.emails] == [
        None,
        ("invalid_address", "to"),
        ("unknown_field", "colour"),
        None,
    ]
    assert [one.topic for one in stage.log.records] == [
        EVENTS.name,
        REQUESTS_BULK.name,
        REQUESTS_BULK.name,
        EVENTS.name,
    ]
    sent = stage.log.commands()
    assert [one.email_id for one in sent] == [receipt.emails[0].email_id, receipt.emails[3].email_id]
    first = sent[0]
    assert isinstance(first, SendEmail)
    assert first.variables == {"year": 2026, "number": 1}
    assert (first.tags, first.batch_id, first.template) == (("q4",), receipt.batch_id, "invoice")


async def test_the_facts_of_a_batch() -> None:
    stage = Stage()
    receipt = await stage.batches.send(batch(GOOD, BAD, reference="run/7"), origin=origin("default"), key=None)
    opened, closed = stage.log.facts()
    assert isinstance(opened, BatchOpened) and isinstance(closed, BatchClosed)
    assert (opened.batch_id, opened.template, opened.reference) == (receipt.batch_id, "invoice", "run/7")
    assert (closed.batch_id, closed.acknowledged, closed.refused) == (receipt.batch_id, 1, 1)


async def test_the_rate_is_said_before_the_first_email_and_not_again() -> None:
    stage = Stage()
    receipt = await stage.batches.send(batch(GOOD, max_rate=5.0), origin=origin(), key="k1")
    assert [one.topic for one in stage.log.records] == [CONTROLS.name, EVENTS.name, REQUESTS_BULK.name, EVENTS.name]
    ((key, value),) = stage.log.values(CONTROLS.name)
    assert (key, value["rate"]) == (f"default/rate/{receipt.batch_id}", 5.0)
    await stage.batches.send(batch(GOOD, max_rate=5.0), origin=origin(), key="k1")
    assert len(stage.log.values(CONTROLS.name)) == 1, "it may have been changed since"


async def test_when_all_are_refused_nothing_is_written() -> None:
    stage = Stage()
    with pytest.raises(ApiError) as caught:
        await stage.batches.send(batch(BAD, BAD), origin=origin(), key=None)
    assert caught.value.status == 422
    assert [(one.index, one.code) for one in caught.value.errors] == [(0, "invalid_address"), (1, "invalid_address")]
    assert stage.log.records == []


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        (batch(), "missing_field", "emails"),
        (batch(*[GOOD] * 1001), "too_many_items", "emails"),
        (batch(GOOD, tags=("t",) * 21), "too_many_items", "tags"),
        (batch(GOOD, tags=("a\nb",)), "invalid_characters", "tags[0]"),
        (batch(GOOD, reference="r" * 201), "too_long", "reference"),
    ],
)
async def test_what_is_wrong_with_the_whole(request_: BatchRequest, code: str, field: str) -> None:
    stage = Stage()
    with pytest.raises(ApiError) as caught:
        await stage.batches.send(request_, origin=origin(), key=None)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert stage.log.records == []


async def test_the_stream_is_the_whole_batchs() -> None:
    stage = Stage()
    receipt = await stage.batches.send(batch(GOOD, GOOD | {"stream": "broadcast"}), origin=origin(), key=None)
    problem = receipt.emails[1].problem
    assert problem is not None and (problem.code, problem.field) == ("content_conflict", "stream")


async def test_a_key_names_the_batch_and_each_line() -> None:
    stage = Stage()
    first = await stage.batches.send(batch(GOOD, BAD, GOOD), origin=origin(), key="k1")
    assert first.batch_id == batch_id_for(tenant="default", key="k1")
    assert first.emails[2].email_id == email_id_for(tenant="default", operation="batches", key="k1", line=2)
    before = len(stage.log.commands())
    again = await stage.batches.send(batch(GOOD, BAD, GOOD), origin=origin(), key="k1")
    assert again == first and len(stage.log.commands()) == before
    facts = stage.log.facts()
    assert [one.event_id for one in facts[:2]] == [one.event_id for one in facts[2:]]


async def test_after_a_failure_the_same_key_completes_the_batch() -> None:
    stage = Stage()
    stage.log.fail_after = 2
    with pytest.raises(ApiError, match="kafka_unavailable"):
        await stage.batches.send(batch(GOOD, GOOD), origin=origin(), key="k1")
    stage.log.fail_after = None
    receipt = await stage.batches.send(batch(GOOD, GOOD), origin=origin(), key="k1")
    assert {one.email_id for one in stage.log.commands()} == {one.email_id for one in receipt.emails}
    assert [type(one) for one in stage.log.facts()] == [BatchOpened, BatchOpened, BatchClosed]


async def test_another_line_under_the_same_key() -> None:
    stage, later = Stage(), Stage()
    receipt = await stage.batches.send(batch(GOOD, GOOD), origin=origin(), key="k1")
    for command in stage.log.commands():
        assert isinstance(command, SendEmail)
        later.facts.emails["default", command.email_id] = request_hash(command)
    other = GOOD | {"to": "grace@example.org"}
    for each in (stage, later):
        with pytest.raises(ApiError) as caught:
            await each.batches.send(batch(GOOD, other), origin=origin(), key="k1")
        assert caught.value.code == "idempotency_conflict"
        assert caught.value.errors[0].index == 1
    assert await later.batches.send(batch(GOOD, GOOD), origin=origin(), key="k1") == receipt
    assert later.log.commands() == []
