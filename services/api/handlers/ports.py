"""What the handlers need of the world."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from services.api.domain.answers import BatchView, EmailPage, EmailView, EventPage, Position, Summary, SuppressionPage
from services.api.domain.destinations import Waiting
from services.api.domain.filters import EmailFilter, EventFilter, SuppressionFilter
from services.api.domain.keys import StoredKey
from services.api.domain.places import Offsets, Place
from services.api.domain.record import Record
from services.api.domain.rejections import Rejection
from shared.events import Event
from shared.records import Control, ControlKind, TemplateVersion


class Log(Protocol):
    """Kafka."""

    async def write(self, records: Sequence[Record]) -> None:
        """Return when all are acknowledged; raises ApiError `kafka_unavailable` when not all are in time."""


class BlobStore(Protocol):
    """Large things by their content's hash."""

    async def put(self, parts: dict[str, bytes]) -> None:
        """Store the parts, named by their SHA-256; raises ApiError `storage_unavailable`."""


class Templates(Protocol):
    """The published templates."""

    async def find(self, tenant: str, name: str, version: int | None = None) -> TemplateVersion | None:
        """That version, or the published one; looks at the log again before it says None."""

    def published(self, tenant: str, name: str) -> int | None:
        """The number of the published version, as far as is known here."""


class Known(Protocol):
    """What is known of requests that were accepted before."""

    def remember(self, tenant: str, acknowledged: dict[UUID, str]) -> None:
        """These were acknowledged: emails with their request's hash, batches with their stream."""

    def recent(self, tenant: str, subject: UUID) -> str | None:
        """What was remembered of an email or batch, while it is recent."""

    async def request_hashes(self, tenant: str, ids: Collection[UUID]) -> dict[UUID, str]:
        """The hashes of those that are known; fewer while the database is away."""


class Controls(Protocol):
    """A copy of `email.controls`."""

    def control(self, tenant: str, kind: ControlKind, name: str) -> Control | None:
        """The last word on something."""

    def controls_of(self, kind: ControlKind) -> list[Control]:
        """All last words of a kind."""


class CurrentControls(Controls, Protocol):
    """A copy of `email.controls` that can be made to be as new as the log."""

    async def refresh(self) -> None:
        """Wait for it; raises ApiError `kafka_unavailable`."""


class Rejections(Protocol):
    """What was refused of streamed batches; both methods raise ApiError `storage_unavailable`."""

    async def put(self, tenant: str, batch_id: UUID, start: int, rejections: Sequence[Rejection]) -> None:
        """Keep those of the emails from index `start` on; what was kept for that start before is replaced."""

    async def after(self, tenant: str, batch_id: UUID, index: int, *, limit: int) -> list[Rejection]:
        """Up to so many whose index is larger, in order."""


class Queue(Protocol):
    """What waits, as the read models have it."""

    async def waiting(
        self, tenant: str | None, *, destination: str | None, limit: int
    ) -> tuple[list[Waiting], Position]:
        """Open emails by destination, the oldest first; raises ApiError `database_unavailable`."""


class Facts(Protocol):
    """The facts that the read models have."""

    async def status_of_email(self, tenant: str, email_id: UUID) -> str | None:
        """The status of an email that is known."""

    async def stream_of_batch(self, tenant: str, batch_id: UUID) -> str | None:
        """The stream of a batch that is known."""

    async def caused_by(self, tenant: str, email_id: UUID, cause: UUID) -> Event | None:
        """The fact that answers a command on an email."""


class Progress(Protocol):
    """How far the log goes, and the sender; each raises ApiError `kafka_unavailable`."""

    async def ends(self, places: Collection[Place]) -> Offsets:
        """Where the partitions end, with what transactions under way have written."""

    async def decided(self, places: Collection[Place]) -> Offsets:
        """Up to where the sender has decided about requests."""


class Keys(Protocol):
    """The API keys."""

    async def whose(self, key: str) -> StoredKey:
        """The stored key; raises ApiError `unauthorized`, or `database_unavailable` when nobody can say."""


class Views(Protocol):
    """The read models; every method raises ApiError `database_unavailable` while they are away."""

    async def email(self, tenant: str, email_id: UUID) -> EmailView | None:
        """An email with its timeline."""

    async def emails(self, wanted: EmailFilter) -> EmailPage:
        """A page of emails."""

    async def events(self, wanted: EventFilter) -> EventPage | None:
        """A page of an email's facts; None when there is no such email."""

    async def batch(self, tenant: str, batch_id: UUID) -> BatchView | None:
        """A batch with its counts."""

    async def summary(self, tenant: str, *, by: str, since: date, until: date) -> Summary:
        """The summary report of a period, both days included."""

    async def suppressions(self, wanted: SuppressionFilter) -> SuppressionPage:
        """A page of suppressions."""


@dataclass(frozen=True)
class Checked:
    """`ready` needs all but the database: commands are taken without it, once the keys have been read."""

    ready: bool
    checks: dict[str, str]


class Readiness(Protocol):
    """Whether the API can take commands; what else is wrong is said beside it."""

    async def check(self) -> Checked:
        """Ask everybody."""
