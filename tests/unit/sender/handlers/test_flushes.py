"""An operator's flush of a destination, in portions, over aborts and takeovers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from services.sender.adapters.open_emails import OpenEmails
from services.sender.group import Group
from services.sender.handlers import flushes
from services.sender.handlers.flushes import Flushes
from shared.records import Control, OpenEmail
from tests.fakes.controls import Said
from tests.unit.sender.examples import an_open

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class StoppedClock:
    """It is always the same time."""

    def now(self) -> datetime:
        return NOW

    def boottime(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        """No time passes."""


class World:
    """One partition's table and a flush."""

    def __init__(self, folder: Path) -> None:
        self.said = Said()
        self.tables = {0: OpenEmails(folder / "p.db")}
        self.flushes = self.restarted()
        self.count = 0

    def restarted(self) -> Flushes:
        return Flushes(
            controls=self.said,
            tables=self.tables,
            operators="default",
            site_of=lambda domain: "mx.example" if domain in ("b.example", "c.example") else domain,
            clock=StoppedClock(),
        )

    def add(self, status: str = "deferred", *, tenant: str = "acme", domain: str = "a.example", **more: Any) -> UUID:
        self.count += 1
        email_id = UUID(int=self.count)
        email = an_open(status=status, due_at=NOW + timedelta(minutes=5), recipient_domain=domain, **more)
        email = replace(email, request=replace(email.request, tenant=tenant, email_id=email_id))
        self.tables[0].put(email_id, email)
        self.keep()
        return email_id

    def keep(self) -> None:
        table = self.tables[0]
        table.commit(table.changes(), changelog_offset=None, at=NOW)

    def flush(self, name: str = "a.example", *, tenant: str = "default", at: datetime = NOW) -> None:
        self.said.say(Control(tenant=tenant, kind="flush", name=name, at=at, deferred=True))

    def steps(self, number: int = 20) -> None:
        for _ in range(number):
            self.flushes.handle(Group(self.tables))
            self.keep()

    def due(self) -> set[UUID]:
        rows = {UUID(int=number + 1): self.tables[0].get(UUID(int=number + 1)) for number in range(self.count)}
        return {email_id for email_id, row in rows.items() if isinstance(row, OpenEmail) and row.due_at <= NOW}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.tables[0].close()


def test_what_is_deferred_for_the_destination_is_due_and_nothing_else(world: World) -> None:
    meant = {world.add(), world.add(tenant="globex")}
    world.add("scheduled")
    world.add(domain="z.example")
    world.add("deferred", held=True)
    world.flush()
    world.steps()
    assert world.due() == meant


def test_a_site_means_all_its_domains(world: World) -> None:
    meant = {world.add(domain="b.example"), world.add(domain="c.example")}
    world.add(domain="a.example")
    world.flush("mx.example")
    world.steps()
    assert world.due() == meant


def test_a_tenants_own_flush_leaves_the_others_alone(world: World) -> None:
    mine = world.add(tenant="acme")
    world.add(tenant="globex")
    world.flush(tenant="acme")
    world.steps()
    assert world.due() == {mine}


def test_many_are_made_due_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushes, "AT_ONCE", 4)
    meant = {world.add() for _ in range(10)}
    world.flush()
    world.steps(1)
    assert len(world.due()) == 4
    world.steps(2)
    assert world.due() == meant


def test_a_group_that_is_given_up_is_done_again(world: World) -> None:
    email_id = world.add()
    world.flush()
    group = Group(world.tables)
    world.flushes.handle(group)
    world.tables[0].rollback()
    for call in group.given_up:
        call()
    assert world.due() == set()
    world.steps()
    assert world.due() == {email_id}


def test_what_is_deferred_again_afterwards_waits_its_time(world: World) -> None:
    world.flush()
    world.steps()
    world.add()
    world.steps()
    assert world.due() == set()


def test_a_new_owner_carries_out_a_new_flush_but_no_old_one(world: World) -> None:
    email_id = world.add()
    world.flush(at=NOW - timedelta(minutes=11))
    world.steps()
    assert world.due() == set()
    world.flush(at=NOW - timedelta(minutes=1))
    world.flushes = world.restarted()
    world.steps()
    assert world.due() == {email_id}
