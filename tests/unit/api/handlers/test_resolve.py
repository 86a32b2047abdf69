"""Resolving a doubt: the sender's word decides what is answered."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.api.domain.answers import ResolveRequest
from services.api.domain.errors import ApiError
from shared.commands import ResolveEmail
from shared.events import EmailRequestRefused, EmailResolved, Event
from tests.unit.api.stage import NOW, Stage, origin

pytestmark = pytest.mark.asyncio
ID = uuid4()
ASKED = ResolveRequest(outcome="delivered", reason="the recipient has confirmed it")


def fact(kind: Any, **changes: Any) -> Any:
    def answer(cause: UUID) -> Event:
        envelope = {"event_id": uuid4(), "occurred_at": NOW, "tenant": "default", "causation_id": cause}
        made: Event = kind(**envelope, email_id=ID, stream="transactional", **changes)
        return made

    return answer


async def resolve(stage: Stage) -> str:
    return (await stage.resolve.resolve(ID, ASKED, origin=origin(), wait=0)).status


async def test_resolved() -> None:
    stage = Stage()
    stage.facts.answer = fact(EmailResolved, decision="delivered", by="api:abc", reason=ASKED.reason)
    assert await resolve(stage) == "resolved"
    (command,) = stage.log.commands()
    assert isinstance(command, ResolveEmail)
    assert (command.email_id, command.tenant, command.by) == (ID, "default", "api:abc")
    assert (command.outcome, command.reason) == (ASKED.outcome, ASKED.reason)


@pytest.mark.parametrize("code", ["not_in_doubt", "already_final"])
async def test_refused(code: str) -> None:
    stage = Stage()
    stage.facts.answer = fact(EmailRequestRefused, error_code=code)
    with pytest.raises(ApiError, match=code) as caught:
        await resolve(stage)
    assert caught.value.status == 409


async def test_without_an_answer_in_time_the_request_stands() -> None:
    stage = Stage()
    stage.facts.emails["default", ID] = "hash"
    assert await resolve(stage) == "requested"
    stage.facts.away = True
    assert await resolve(stage) == "requested"
    assert len(stage.log.commands()) == 2


async def test_an_email_that_nothing_is_known_of() -> None:
    with pytest.raises(ApiError, match="unknown_email"):
        await resolve(Stage())
