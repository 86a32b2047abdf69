"""The cancellation of a batch, in portions, over aborts and takeovers: what waits ends at once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from services.sender.adapters.open_emails import OpenEmails
from services.sender.group import Group
from services.sender.handlers import cancelling
from services.sender.handlers.cancelling import Cancelling
from shared.events import EmailCancelled, EmailFailed
from shared.ids import event_id_for
from shared.records import Control, FinalEmail, OpenEmail
from tests.fakes.controls import Said
from tests.unit.sender.examples import NOW, an_open

BATCH, OTHER = UUID(int=7 << 64), UUID(int=8 << 64)


class StoppedClock:
    """It is always the same time."""

    def now(self) -> datetime:
        return NOW

    def boottime(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        """No time passes."""


class World:
    """One partition's table, and what is said of batches."""

    def __init__(self, folder: Path) -> None:
        self.said = Said()
        self.tables = {0: OpenEmails(folder / "p.db")}
        self.facts: list[Any] = []
        self.count = 0
        self.cancelling = self.restarted()

    def restarted(self) -> Cancelling:
        return Cancelling(controls=self.said, tables=self.tables, clock=StoppedClock())

    def cancel(self, batch: UUID = BATCH, *, tenant: str = "default") -> None:
        self.said.say(Control(tenant=tenant, kind="cancelled", name=str(batch), by="api:abc", at=NOW))

    def email(self, status: str = "queued", *, batch: UUID | None = BATCH, **more: Any) -> OpenEmail:
        self.count += 1
        email = an_open(status=status, **more)
        return replace(email, request=replace(email.request, email_id=UUID(int=self.count), batch_id=batch))

    def add(self, status: str = "queued", **more: Any) -> UUID:
        email = self.email(status, **more)
        self.tables[0].put(email.request.email_id, email)
        self.keep()
        return email.request.email_id

    def keep(self) -> None:
        table = self.tables[0]
        table.commit(table.changes(), changelog_offset=None, at=NOW)

    def step(self, *decided: OpenEmail) -> None:
        """A step of the owner, in which others have decided about these."""
        group = Group(self.tables)
        for email in decided:
            group.put(0, email.request.email_id, email)
        self.cancelling.handle(group)
        self.facts += [fact for fact, _ in group.facts]
        self.keep()

    def steps(self, number: int = 30) -> None:
        for _ in range(number):
            self.step()

    def ended(self) -> dict[UUID, str]:
        rows = {UUID(int=number + 1): self.tables[0].get(UUID(int=number + 1)) for number in range(self.count)}
        return {email_id: row.outcome for email_id, row in rows.items() if isinstance(row, FinalEmail)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.tables[0].close()


def test_all_that_waits_is_cancelled_and_nothing_else(world: World) -> None:
    later = NOW + timedelta(days=300)
    meant = {
        world.add(),
        world.add("scheduled", due_at=later, expires_at=later),
        world.add("deferred", attempt=2, due_at=NOW + timedelta(hours=1)),
        world.add(held=True),
        world.add(recipient_domain="other.example"),
    }
    world.add(batch=OTHER)
    world.add(batch=None)
    world.add("sending", attempt=1)
    world.add("in_doubt", attempt=1, doubts=1)
    world.cancel()
    world.steps()
    assert world.ended() == dict.fromkeys(meant, "cancelled")
    causes = {(fact.by, fact.causation_id) for fact in world.facts if isinstance(fact, EmailCancelled)}
    assert causes == {("api:abc", event_id_for(subject=BATCH, kind="email.batch.cancelled"))}
    assert len(world.facts) == len(meant)


def test_another_tenants_word_cancels_nothing(world: World) -> None:
    world.add()
    world.cancel(tenant="other")
    world.steps()
    assert world.ended() == {}


def test_what_is_decided_after_the_cancellation_ends_in_the_same_step(world: World) -> None:
    world.cancel()
    world.steps(3)
    read, refused = world.email(), world.email("deferred", attempt=1)
    world.step(read, refused, world.email("sending", attempt=1), world.email(batch=None))
    assert world.ended() == dict.fromkeys((read.request.email_id, refused.request.email_id), "cancelled")


def test_what_was_read_in_the_step_that_hears_of_it_is_not_missed(world: World) -> None:
    later = NOW + timedelta(days=30)
    group = Group(world.tables)
    email = world.email("scheduled", due_at=later, expires_at=later)
    group.put(0, email.request.email_id, email)
    world.cancelling.handle(group)  # nothing is heard yet
    world.cancel()
    world.keep()
    world.steps(4)
    assert world.ended() == {email.request.email_id: "cancelled"}


def test_of_what_may_have_arrived_nothing_is_tried_again(world: World) -> None:
    email_id = world.add("deferred", attempt=1, doubts=1, in_doubt_of=1)
    world.cancel()
    world.steps()
    assert world.ended() == {email_id: "failed"}
    (fact,) = world.facts
    assert isinstance(fact, EmailFailed) and fact.reason == "in_doubt"


def test_many_are_cancelled_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "AT_ONCE", 4)
    meant = {world.add() for _ in range(10)}
    world.cancel()
    world.steps(2)
    assert len(world.ended()) == 4
    world.steps(2)
    assert world.ended().keys() == meant


def test_a_group_that_is_given_up_is_done_again(world: World) -> None:
    email_id = world.add()
    world.cancel()
    world.step()
    group = Group(world.tables)
    world.cancelling.handle(group)
    assert [type(fact) for fact, _ in group.facts] == [EmailCancelled]
    world.tables[0].rollback()
    for call in group.given_up:
        call()
    assert world.ended() == {}
    world.steps(3)
    assert world.ended() == {email_id: "cancelled"}


def test_a_second_batch_and_a_new_owner(world: World) -> None:
    first, second = world.add(), world.add(batch=OTHER)
    world.cancel()
    world.steps()
    assert world.ended() == {first: "cancelled"}
    world.cancel(OTHER)
    third = world.add()
    world.cancelling = world.restarted()
    world.steps()
    assert world.ended().keys() == {first, second, third}
