"""The API's ports: one suite for each fake and for the real thing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from msgspec.structs import replace

from services.api.adapters.blobs import BlobParts
from services.api.adapters.controls import ControlCopy
from services.api.adapters.database import Database
from services.api.adapters.log import KafkaLog
from services.api.adapters.read_models import ReadModels
from services.api.adapters.rejections import StoredRejections
from services.api.adapters.state import TemplateRows
from services.api.adapters.templates import TemplateCopy
from services.api.domain import record
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.domain.rejections import Rejection
from services.api.domain.templates import deleted, pointer_to
from services.api.handlers.ports import BlobStore, CurrentControls, Facts, Log, Rejections
from services.api.handlers.templates import CopyOfTemplates
from services.api.handlers.templates import TemplateRows as RowsPort
from shared.blobs import Blobs
from shared.db import read_models
from shared.db.engine import make_engine
from shared.events import EmailCancelled, codec
from shared.kafka import config
from shared.kafka.producer import FutureProducer
from shared.records import Control, TemplateVersion, control_key
from shared.topics import CONTROLS, TEMPLATES
from tests.fakes.api import FakeBlobs, FakeControls, FakeFacts, FakeLog, FakeRejections, FakeRows, FakeTemplates
from tests.integration.api.stage import DEAD_PORT, Stage, email_row, open_stage
from tests.logs import read

pytestmark = pytest.mark.asyncio
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
ORIGIN = Origin(tenant="default", by="test", traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01", now=NOW)
EMAIL, BATCH, CAUSE = uuid4(), uuid4(), uuid4()


def version(number: int, *, tenant: str = "default") -> TemplateVersion:
    return TemplateVersion(tenant=tenant, name="hello", version=number, subject=f"s{number}", text="t")


def control(key: str, *, delete: bool = False) -> record.Record:
    return record.last_value(CONTROLS.name, key, None if delete else version(1), origin=ORIGIN)


@dataclass
class World:
    """All ports of one kind; `values` reads a compacted topic back, `fail` makes Kafka go away."""

    log: Log
    blobs: BlobStore
    rejections: Rejections
    controls: CurrentControls
    copy: CopyOfTemplates
    rows: RowsPort
    facts: Facts

    def values(self, topic: str) -> list[tuple[str, bool]]:
        """Keys on a compacted topic, in order, and whether there is a value."""
        raise NotImplementedError

    def stored(self) -> set[str]:
        """The names of the blobs."""
        raise NotImplementedError

    async def publish(self, *versions: TemplateVersion) -> None:
        """Templates that somebody published; the last is live."""
        raise NotImplementedError

    async def delete(self, live: TemplateVersion) -> None:
        """Somebody deletes the template of which this version is live."""
        raise NotImplementedError

    def fail(self) -> None:
        """Kafka goes away."""
        raise NotImplementedError


class FakeWorld(World):
    """The fakes."""

    def __init__(self) -> None:
        facts = FakeFacts()
        facts.emails["default", EMAIL] = "hash"
        facts.streams["default", BATCH] = "broadcast"
        facts.answer = lambda cause: answer() if cause == CAUSE else None
        log = FakeLog()
        super().__init__(log, FakeBlobs(), FakeRejections(), FakeControls(log), FakeTemplates(), FakeRows(), facts)

    def values(self, topic: str) -> list[tuple[str, bool]]:
        assert isinstance(self.log, FakeLog)
        return [(key, value is not None) for key, value in self.log.values(topic)]

    def stored(self) -> set[str]:
        assert isinstance(self.blobs, FakeBlobs)
        return set(self.blobs.parts)

    async def publish(self, *versions: TemplateVersion) -> None:
        assert isinstance(self.copy, FakeTemplates)
        self.copy.versions += versions

    async def delete(self, live: TemplateVersion) -> None:
        assert isinstance(self.copy, FakeTemplates)
        self.copy.deleted.add((live.tenant, live.name))

    def fail(self) -> None:
        assert isinstance(self.log, FakeLog)
        self.log.fail_after = 0


class RealWorld(World):
    """Kafka, PostgreSQL and a folder."""

    def __init__(self, stage: Stage, folder: Path, *, producer: FutureProducer, database: Database) -> None:
        self._stage, self._folder = stage, folder
        copy = TemplateCopy(stage.settings)
        copy.start()
        log = KafkaLog(stage.settings, producer=producer)
        stored = Blobs((folder / "contract").as_uri())
        controls = ControlCopy(stage.settings)
        controls.start()
        parts = (BlobParts(stored), StoredRejections(stored), controls, copy)
        super().__init__(log, *parts, TemplateRows(database), ReadModels(database))
        self.producers = [producer]

    def values(self, topic: str) -> list[tuple[str, bool]]:
        found: list[Any] = read(self._stage.settings, topic)
        return [(one.key().decode(), one.value() is not None) for one in found]

    def stored(self) -> set[str]:
        return {path.name for path in (self._folder / "contract").rglob("*") if path.is_file()}

    async def publish(self, *versions: TemplateVersion) -> None:
        for one in versions:
            name = f"{one.tenant}/{one.name}"
            for key, value in ((f"{name}/{one.version}", one), (name, pointer_to(one))):
                await self.log.write([record.last_value(TEMPLATES.name, key, value, origin=ORIGIN)])

    async def delete(self, live: TemplateVersion) -> None:
        key = f"{live.tenant}/{live.name}"
        await self.log.write([record.last_value(TEMPLATES.name, key, deleted(live), origin=ORIGIN)])

    def fail(self) -> None:
        away = self._stage.settings.model_copy(update={"kafka_bootstrap_servers": DEAD_PORT})
        producer = FutureProducer(config.producer(away), timeout_ms=500)
        self.producers.append(producer)
        self.log = KafkaLog(away, producer=producer)


def answer() -> EmailCancelled:
    return EmailCancelled(
        event_id=UUID(int=7),
        occurred_at=NOW,
        tenant="default",
        causation_id=CAUSE,
        email_id=EMAIL,
        stream="broadcast",
        by="test",
    )


def fill(stage: Stage) -> None:
    stage.put(read_models.emails, email_row(EMAIL, request_hash="hash", updated_at=NOW))
    stage.put(read_models.batches, {"tenant": "default", "batch_id": BATCH, "stream": "broadcast"})
    fact = answer()
    row = {"partition": 0, "offset": 0, "event_id": fact.event_id, "type": codec.event_type(fact)}
    whose = {"tenant": fact.tenant, "email_id": EMAIL, "causation_id": CAUSE, "occurred_at": NOW, "logged_at": NOW}
    stage.put(read_models.events, row | whose | {"body": msgspec.to_builtins(fact)})


@asynccontextmanager
async def real_world(stage: Stage, folder: Path) -> AsyncIterator[World]:
    database = Database(make_engine(stage.settings, application="test"), threads=2)
    world = RealWorld(stage, folder, producer=FutureProducer(config.producer(stage.settings)), database=database)
    try:
        yield world
    finally:
        assert isinstance(world.copy, TemplateCopy) and isinstance(world.controls, ControlCopy)
        await asyncio.to_thread(world.copy.close)
        await asyncio.to_thread(world.controls.close)
        for producer in world.producers:
            await asyncio.to_thread(producer.close)
        database.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.integration)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage | None]:
    if kind == "fake":
        yield None
        return
    names = ("kafka_url", "pg_database", "topic_prefix")
    kafka_url, database_url, topic_prefix = (request.getfixturevalue(name) for name in names)
    opened = open_stage(kafka_url, database_url, topic_prefix, tmp_path)
    fill(opened)
    yield opened
    opened.close()


@asynccontextmanager
async def world_of(stage: Stage | None, folder: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as opened:
        yield FakeWorld() if stage is None else await opened.enter_async_context(real_world(stage, folder))


async def test_log(stage: Stage | None, tmp_path: Path) -> None:
    async with world_of(stage, tmp_path) as world:
        await world.log.write([control("a"), control("b")])
        await world.log.write([control("a", delete=True)])
        await world.log.write([])
        assert world.values(CONTROLS.name) == [("a", True), ("b", True), ("a", False)]
        world.fail()
        with pytest.raises(ApiError, match="kafka_unavailable"):
            await world.log.write([control("c")])


async def test_blobs(stage: Stage | None, tmp_path: Path) -> None:
    name = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    async with world_of(stage, tmp_path) as world:
        await world.blobs.put({})
        for _ in range(2):
            await world.blobs.put({name: b"hello"})
        assert world.stored() == {name}


async def test_rejections(stage: Stage | None, tmp_path: Path) -> None:
    batch_id, other = uuid4(), uuid4()

    def some(*indexes: int) -> list[Rejection]:
        return [Rejection(line=one + 2, index=one, code="invalid_address", detail="…", field="to") for one in indexes]

    async with world_of(stage, tmp_path) as world:
        kept = world.rejections
        assert await kept.after("default", batch_id, -1, limit=5) == []
        await kept.put("default", batch_id, 1000, some(1000, 1999))
        await kept.put("default", batch_id, 0, some(7))
        await kept.put("default", batch_id, 0, some(3, 5))
        await kept.put("default", other, 0, some(4))
        assert await kept.after("default", batch_id, -1, limit=5) == some(3, 5, 1000, 1999)
        assert await kept.after("default", batch_id, 3, limit=2) == some(5, 1000)
        assert await kept.after("default", batch_id, 1000, limit=2) == some(1999)
        assert await kept.after("default", batch_id, 1999, limit=2) == []
        assert await kept.after("other", batch_id, -1, limit=5) == []


async def test_controls(stage: Stage | None, tmp_path: Path) -> None:
    said = Control(tenant="default", kind="intake", name="b", count=5, digest="ab")
    async with world_of(stage, tmp_path) as world:
        await world.controls.refresh()
        assert world.controls.control("default", "intake", "b") is None
        for one in (replace(said, count=3), said):
            await world.log.write([record.last_value(CONTROLS.name, control_key(one), one, origin=ORIGIN)])
        await world.controls.refresh()
        assert world.controls.control("default", "intake", "b") == said
        assert world.controls.control("other", "intake", "b") is None
        assert world.controls.controls_of("intake") == [said]


async def test_templates(stage: Stage | None, tmp_path: Path) -> None:
    async with world_of(stage, tmp_path) as world:
        assert await world.copy.find("default", "hello") is None
        assert (world.copy.newest("default", "hello"), world.copy.published("default", "hello")) == (0, None)
        await world.publish(version(1), version(2), version(9, tenant="other"))
        await world.copy.refresh()
        assert await world.copy.find("default", "hello") == version(2)
        assert await world.copy.find("default", "hello", 1) == version(1)
        assert await world.copy.find("default", "hello", 9) is None
        assert (world.copy.newest("default", "hello"), world.copy.published("default", "hello")) == (2, 2)
        assert (world.copy.names("default"), world.copy.names("third")) == (["hello"], [])
        await world.delete(version(2))
        await world.copy.refresh()
        assert (await world.copy.find("default", "hello"), await world.copy.find("default", "hello", 1)) == (None, None)
        assert (world.copy.version("default", "hello", 2), world.copy.names("default")) == (version(2), [])
        assert (world.copy.newest("default", "hello"), world.copy.published("default", "hello")) == (2, None)


async def test_rows_of_templates(stage: Stage | None, tmp_path: Path) -> None:
    asked: list[int] = []

    async def publish(highest: int) -> TemplateVersion:
        asked.append(highest)
        return version(3)

    async def fail(highest: int) -> TemplateVersion:
        raise ApiError("kafka_unavailable")

    async with world_of(stage, tmp_path) as world:
        with pytest.raises(ApiError, match="kafka_unavailable"):
            await world.rows.publish("default", "hello", fail)
        assert await world.rows.publish("default", "hello", publish) == version(3)
        assert await world.rows.publish("default", "hello", publish) == version(3)
        assert asked == [0, 3]


async def test_facts(stage: Stage | None, tmp_path: Path) -> None:
    async with world_of(stage, tmp_path) as world:
        assert await world.facts.status_of_email("default", EMAIL) == "queued"
        assert await world.facts.status_of_email("other", EMAIL) is None
        assert await world.facts.stream_of_batch("default", BATCH) == "broadcast"
        assert await world.facts.stream_of_batch("other", BATCH) is None
        assert await world.facts.caused_by("default", EMAIL, CAUSE) == answer()
        assert await world.facts.caused_by("default", EMAIL, uuid4()) is None
