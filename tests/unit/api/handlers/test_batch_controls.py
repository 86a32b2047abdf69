"""Pause, resume and cancel a batch: a control for the senders, and a fact."""

from uuid import UUID, uuid4

import pytest

from services.api.domain.errors import ApiError
from shared.events import BatchCancelled, BatchPaused, BatchResumed
from shared.records import decode_control
from shared.topics import CONTROLS
from tests.unit.api.stage import NOW, Stage, origin

pytestmark = pytest.mark.asyncio


def known(stage: Stage) -> UUID:
    """A batch that the read models know."""
    batch_id = uuid4()
    stage.facts.streams["default", batch_id] = "broadcast"
    return batch_id


def hear(stage: Stage) -> None:
    """The copy of the controls has what was written last."""
    records = [one for one in stage.log.records if one.topic == CONTROLS.name]
    stage.controls.say(decode_control(records[-1].value or b""))


async def test_pause_and_resume() -> None:
    stage = Stage()
    batch_id = known(stage)
    for paused, kind in ((True, BatchPaused), (False, BatchResumed)):
        await stage.batch_controls.control(batch_id, paused=paused, origin=origin(), wait=0)
        key, value = stage.log.values(CONTROLS.name)[-1]
        assert (key, value.get("paused", False)) == (f"default/batch/{batch_id}", paused)
        fact = stage.log.facts()[-1]
        assert isinstance(fact, kind) and (fact.batch_id, fact.stream) == (batch_id, "broadcast")


async def test_a_batch_of_another_tenant_or_none_is_not_found() -> None:
    stage = Stage()
    batch_id = known(stage)
    for tenant, unknown in (("other", batch_id), ("default", uuid4())):
        with pytest.raises(ApiError, match="not_found"):
            await stage.batch_controls.control(unknown, paused=True, origin=origin(tenant), wait=0.01)
        with pytest.raises(ApiError, match="not_found"):
            await stage.batch_controls.cancel(unknown, reason=None, origin=origin(tenant), wait=0.01)
    assert stage.log.records == []


async def test_a_batch_that_was_just_accepted_is_known_without_the_read_models() -> None:
    stage, batch_id = Stage(), uuid4()
    stage.known.remember("default", {batch_id: "transactional"})
    await stage.batch_controls.control(batch_id, paused=True, origin=origin(), wait=0)
    (fact,) = stage.log.facts()
    assert isinstance(fact, BatchPaused) and fact.stream == "transactional"


async def test_cancel_is_a_control_of_its_own_and_one_fact_however_often() -> None:
    stage = Stage()
    batch_id = known(stage)
    asked = await stage.batch_controls.cancel(batch_id, reason="the wrong list", origin=origin(), wait=0)
    hear(stage)
    again = await stage.batch_controls.cancel(batch_id, reason="another", origin=origin(), wait=0)
    assert asked == again and (asked.batch_id, asked.asked) == (batch_id, "cancel")
    first, second = stage.log.facts()
    assert isinstance(first, BatchCancelled) and first == second
    assert (first.reason, first.by, first.occurred_at) == ("the wrong list", "api:abc", NOW)
    assert [key for key, _ in stage.log.values(CONTROLS.name)] == [f"default/cancelled/{batch_id}"] * 2


async def test_a_rate_is_a_control_and_lifting_it_a_tombstone() -> None:
    stage = Stage()
    batch_id = known(stage)
    found = await stage.batch_controls.limit(batch_id, 2.5, origin=origin(), wait=0)
    assert (found.batch_id, found.max_rate) == (batch_id, 2.5)
    await stage.batch_controls.limit(batch_id, None, origin=origin(), wait=0)
    said, gone = (one for one in stage.log.records if one.topic == CONTROLS.name)
    assert said.key == gone.key == f"default/rate/{batch_id}".encode()
    assert decode_control(said.value or b"").rate == 2.5 and gone.value is None
    with pytest.raises(ApiError, match="not_found"):
        await stage.batch_controls.limit(batch_id, 1, origin=origin("other"), wait=0)


async def test_a_cancelled_batch_is_neither_paused_nor_resumed() -> None:
    stage = Stage()
    batch_id = known(stage)
    await stage.batch_controls.cancel(batch_id, reason=None, origin=origin(), wait=0)
    hear(stage)
    for paused in (True, False):
        with pytest.raises(ApiError, match="batch_cancelled"):
            await stage.batch_controls.control(batch_id, paused=paused, origin=origin(), wait=0)
    assert len(stage.log.facts()) == 1
