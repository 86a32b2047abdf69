"""The API's ports in memory."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from services.api.domain.answers import BatchView, EmailPage, EmailView, EventPage, Position, Summary, SuppressionPage
from services.api.domain.errors import ApiError
from services.api.domain.filters import EmailFilter, EventFilter, SuppressionFilter
from services.api.domain.places import Offsets, Place
from services.api.domain.record import Record
from services.api.domain.rejections import Rejection
from shared import commands
from shared.commands import Command
from shared.events import Event, codec
from shared.records import Control, ControlKind, TemplateVersion, decode_control
from shared.topics import CONTROLS, EVENTS, REQUESTS, REQUESTS_BULK


class FakeLog:
    """Keeps what was written. `fail_after` lets so many more writes pass."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.fail_after: int | None = None

    async def write(self, records: Sequence[Record]) -> None:
        """All or nothing, here."""
        if self.fail_after == 0:
            raise ApiError("kafka_unavailable", "not every record was acknowledged")
        if self.fail_after is not None:
            self.fail_after -= 1
        self.records += records

    def commands(self) -> list[Command]:
        """The commands, in order."""
        return [commands.decode(one.value) for one in self.records if one.topic in (REQUESTS.name, REQUESTS_BULK.name)]

    def facts(self) -> list[Event]:
        """The facts, in order."""
        return [codec.decode(one.value) for one in self.records if one.topic == EVENTS.name]

    def values(self, topic: str) -> list[tuple[str, Any]]:
        """Keys and values on a compacted topic."""
        return [
            (one.key.decode(), msgspec.json.decode(one.value) if one.value is not None else None)
            for one in self.records
            if one.topic == topic
        ]


class FakeBlobs:
    """Keeps the parts."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}

    async def put(self, parts: dict[str, bytes]) -> None:
        """Keep them."""
        self.parts |= parts


class FakeRejections:
    """Keeps what was refused, by batch and by the index that it begins with."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, UUID, int], list[Rejection]] = {}

    async def put(self, tenant: str, batch_id: UUID, start: int, rejections: Sequence[Rejection]) -> None:
        """Keep them."""
        self.kept[tenant, batch_id, start] = list(rejections)

    async def after(self, tenant: str, batch_id: UUID, index: int, *, limit: int) -> list[Rejection]:
        """Those behind the index."""
        whose = [
            parts for (owner, batch, _), parts in sorted(self.kept.items()) if (owner, batch) == (tenant, batch_id)
        ]
        found = {one.index: one for part in whose for one in part if one.index > index}
        return [found[each] for each in sorted(found)][:limit]


class FakeControls:
    """The controls that a fake log holds, as of the last refresh."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log
        self._controls: dict[str, Control] = {}

    async def refresh(self) -> None:
        """Read the log."""
        self._controls = {
            one.key.decode(): decode_control(one.value)
            for one in self._log.records
            if one.topic == CONTROLS.name and one.value is not None
        }

    def control(self, tenant: str, kind: ControlKind, name: str) -> Control | None:
        """The last word on something."""
        return self._controls.get(f"{tenant}/{kind}/{name}")

    def controls_of(self, kind: ControlKind) -> list[Control]:
        """All last words of a kind."""
        return [control for control in self._controls.values() if control.kind == kind]


class FakeTemplates:
    """Templates by name; what was published last is live, unless the template is among the `deleted`."""

    def __init__(self, *versions: TemplateVersion) -> None:
        self.versions = list(versions)
        self.deleted: set[tuple[str, str]] = set()

    async def find(self, tenant: str, name: str, version: int | None = None) -> TemplateVersion | None:
        """That version, or the live one."""
        live = self.published(tenant, name)
        return self.version(tenant, name, version or live) if live is not None else None

    def version(self, tenant: str, name: str, number: int) -> TemplateVersion | None:
        """That version, deleted or not."""
        matching = [one for one in self.versions if (one.tenant, one.name, one.version) == (tenant, name, number)]
        return matching[0] if matching else None

    def names(self, tenant: str) -> list[str]:
        """Those that are published."""
        return sorted({one.name for one in self.versions if one.tenant == tenant and self.published(tenant, one.name)})

    def published(self, tenant: str, name: str) -> int | None:
        """The live version."""
        return None if (tenant, name) in self.deleted else self.newest(tenant, name) or None

    def newest(self, tenant: str, name: str) -> int:
        """The highest version."""
        return max((one.version for one in self.versions if (one.tenant, one.name) == (tenant, name)), default=0)

    async def refresh(self) -> None:
        """Nothing to wait for."""


class FakeRows:
    """Rows of templates."""

    def __init__(self, highest: int = 0) -> None:
        self.highest = highest
        self.rows: list[TemplateVersion] = []

    async def publish(
        self, tenant: str, name: str, publish: Callable[[int], Awaitable[TemplateVersion]]
    ) -> TemplateVersion:
        """One at a time by nature."""
        version = await publish(self.highest)
        self.highest = max(self.highest, version.version)
        self.rows.append(version)
        return version


class FakeFacts:
    """What the read models would have: hashes and statuses of emails, streams of batches, answers by their cause."""

    def __init__(self) -> None:
        self.emails: dict[tuple[str, UUID], str] = {}
        self.statuses: dict[tuple[str, UUID], str] = {}
        self.streams: dict[tuple[str, UUID], str] = {}
        self.answer: Callable[[UUID], Event | None] = lambda cause: None
        self.away = False

    async def request_hashes(self, tenant: str, ids: Collection[UUID]) -> dict[UUID, str]:
        """The hashes of those known."""
        self._ask()
        return {each: self.emails[tenant, each] for each in ids if (tenant, each) in self.emails}

    async def status_of_email(self, tenant: str, email_id: UUID) -> str | None:
        """The status of those known."""
        self._ask()
        return self.statuses.get((tenant, email_id), "queued") if (tenant, email_id) in self.emails else None

    async def stream_of_batch(self, tenant: str, batch_id: UUID) -> str | None:
        """The stream of a batch."""
        self._ask()
        return self.streams.get((tenant, batch_id))

    async def caused_by(self, tenant: str, email_id: UUID, cause: UUID) -> Event | None:
        """The answer to a command."""
        self._ask()
        return self.answer(cause)

    def _ask(self) -> None:
        if self.away:
            raise ApiError("database_unavailable", "away")


class FakeProgress:
    """Ends of partitions and how far the sender is, as a test sets them."""

    def __init__(self) -> None:
        self.end: dict[Place, int] = {}
        self.reached: dict[Place, int] = {}
        self.away = False
        self.asked = 0

    async def ends(self, places: Collection[Place]) -> Offsets:
        """Those set, else 0."""
        self._ask()
        return {place: self.end.get(place, 0) for place in places}

    async def decided(self, places: Collection[Place]) -> Offsets:
        """Those set."""
        self._ask()
        return {place: self.reached[place] for place in places if place in self.reached}

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise ApiError("kafka_unavailable", "away")


class FakeViews:
    """Read models with one answer each; `received_of` is asked for each look at the batch."""

    def __init__(self) -> None:
        self.reached: dict[Place, int] = {}
        self.page = EmailPage(emails=(), next_cursor=None)
        self.email_of: Callable[[], Any] = lambda: None
        self.received_of: Callable[[], int | None] = lambda: None

    async def projected(self) -> Offsets:
        """As set."""
        return self.reached

    async def email(self, tenant: str, email_id: UUID) -> EmailView | None:
        """As set."""
        found: EmailView | None = self.email_of()
        return found

    async def emails(self, wanted: EmailFilter) -> EmailPage:
        """As set."""
        return self.page

    async def events(self, wanted: EventFilter) -> EventPage | None:
        """No such email."""
        return None

    async def batch(self, tenant: str, batch_id: UUID) -> BatchView | None:
        """A batch, of which so many emails are still to be read."""
        return BatchView(
            batch_id=batch_id,
            stream="transactional",
            template=None,
            tags=(),
            reference=None,
            opened_at=None,
            closed_at=None,
            paused=False,
            cancelled=False,
            acknowledged=3,
            refused=0,
            received=self.received_of(),
            counts={},
            position=Position(offsets={}, rules=1, token="", as_of=None),
        )

    async def summary(self, tenant: str, *, by: str, since: date, until: date) -> Summary:
        """Empty."""
        position = Position(offsets={}, rules=1, token="", as_of=None)
        return Summary(by=by, since=since, until=until, rows=(), total={}, position=position)

    async def suppressions(self, wanted: SuppressionFilter) -> SuppressionPage:
        """None."""
        return SuppressionPage(suppressions=(), next_cursor=None)
