"""Cancelling: the sender's word decides what is answered."""

import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.api.domain.errors import ApiError
from shared.commands import CancelEmail
from shared.events import EmailCancelled, EmailCancelRefused, EmailRequestRefused, Event
from tests.unit.api.stage import NOW, Stage, content, origin

pytestmark = pytest.mark.asyncio
ID = uuid4()


def fact(kind: Any, **changes: Any) -> Any:
    def answer(cause: UUID) -> Event:
        envelope = {"event_id": uuid4(), "occurred_at": NOW, "tenant": "default", "causation_id": cause}
        made: Event = kind(**envelope, email_id=ID, stream="transactional", **changes)
        return made

    return answer


async def cancel(stage: Stage, email_id: UUID = ID, *, wait: float = 0) -> str:
    answer = await stage.cancel.cancel(email_id, origin=origin(), reason="mistake", wait=wait)
    return answer.status


async def test_cancelled() -> None:
    stage = Stage()
    stage.facts.answer = fact(EmailCancelled, by="api:abc")
    assert await cancel(stage) == "cancelled"
    (command,) = stage.log.commands()
    assert isinstance(command, CancelEmail)
    assert (command.email_id, command.tenant, command.reason, command.by) == (ID, "default", "mistake", "api:abc")


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        (fact(EmailCancelRefused, reason="the email is sending"), "too_late", 409),
        (fact(EmailRequestRefused, error_code="already_final"), "already_final", 409),
    ],
)
async def test_refused(answer: Any, code: str, status: int) -> None:
    stage = Stage()
    stage.facts.answer = answer
    with pytest.raises(ApiError) as caught:
        await cancel(stage)
    assert (caught.value.code, caught.value.status) == (code, status)


async def test_cancelling_again_is_no_error() -> None:
    stage = Stage()
    stage.facts.emails["default", ID] = "hash"
    stage.facts.statuses["default", ID] = "cancelled"
    stage.facts.answer = fact(EmailCancelRefused, reason="the email is cancelled")
    assert await cancel(stage) == "cancelled"


async def test_without_an_answer_in_time_the_request_stands() -> None:
    stage = Stage()
    stage.facts.emails["default", ID] = "hash"
    assert await cancel(stage, wait=0.05) == "requested"
    recent = await stage.emails.send(content(), origin=origin(), key=None)
    assert await cancel(stage, recent.email_id) == "requested"


async def test_an_id_that_nothing_is_known_of_is_asked_for_all_the_same() -> None:
    stage = Stage()
    stage.facts.emails["other", ID] = "hash"
    with pytest.raises(ApiError, match="unknown_email"):
        await cancel(stage)
    assert len(stage.log.commands()) == 1


async def test_an_id_of_another_tenants_takes_as_long_as_one_of_nobodys() -> None:
    stage = Stage()
    stage.facts.answer = fact(EmailRequestRefused, error_code="unknown_email")
    asked = time.monotonic()
    with pytest.raises(ApiError, match="unknown_email"):
        await cancel(stage, wait=0.2)
    assert time.monotonic() - asked >= 0.2


async def test_without_the_database_nobody_is_made_to_wait() -> None:
    stage = Stage()
    stage.facts.away = True
    assert await cancel(stage, wait=30) == "requested"
    assert len(stage.log.commands()) == 1
