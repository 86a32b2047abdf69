"""Facts that are not about one email: batches, suppressions, destinations, verification."""

from uuid import UUID

from shared.events.envelope import Event, UtcTime


class BatchEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A fact about a batch; keyed by `batch_id`."""

    batch_id: UUID
    stream: str


class BatchOpened(BatchEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.batch.opened"):
    """A bulk request began to be read."""

    template: str | None = None
    tags: tuple[str, ...] = ()
    reference: str | None = None


class BatchStarted(BatchEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.batch.started"):
    """A staged batch was told to go."""

    by: str


class BatchClosed(BatchEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.batch.closed"):
    """All of the request was read; `acknowledged` emails were durably accepted, `refused` items were not."""

    acknowledged: int
    refused: int = 0


class BatchPaused(BatchEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.batch.paused"):
    """No new attempts for this batch."""

    by: str
    reason: str


class BatchResumed(BatchEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.batch.resumed"):
    """Attempts go on."""

    by: str
    reason: str


class BatchCancelled(BatchEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.batch.cancelled"):
    """Each email not yet attempted ends as cancelled."""

    by: str
    reason: str


class SuppressionAdded(Event, frozen=True, kw_only=True, omit_defaults=True, tag="email.suppression.added"):
    """An address must not be sent to, within `scope`; keyed by `recipient_ref`."""

    recipient_ref: str
    scope: str
    reason: str
    causing_event_id: UUID | None = None
    expires_at: UtcTime | None = None


class SuppressionRemoved(Event, frozen=True, kw_only=True, omit_defaults=True, tag="email.suppression.removed"):
    """An address may be sent to again."""

    recipient_ref: str
    scope: str
    reason: str
    causing_event_id: UUID | None = None


class DestinationLimited(Event, frozen=True, kw_only=True, omit_defaults=True, tag="email.destination.limited"):
    """A limit set by an operator or by a rule on replies; keyed by destination."""

    destination: str
    rule: str
    old: dict[str, float]
    new: dict[str, float]
    until: UtcTime | None = None
    causing_event_id: UUID | None = None


class VerificationCompleted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="email.verification.completed"):
    """An address was checked; keyed by `recipient_ref`."""

    recipient_ref: str
    recipient_domain: str
    result: str
    detail: str | None = None


OTHER_EVENTS = (
    BatchOpened,
    BatchStarted,
    BatchClosed,
    BatchPaused,
    BatchResumed,
    BatchCancelled,
    SuppressionAdded,
    SuppressionRemoved,
    DestinationLimited,
    VerificationCompleted,
)
