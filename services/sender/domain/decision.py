"""What a rule decides about one email: facts to write, the new row of the table, what goes beside them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.events import Event
from shared.ids import event_id_for
from shared.records import FinalEmail, OpenEmail, PersonalPart, Suppression, Work


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Nothing by default. `work` None leaves the row as it is."""

    facts: tuple[Event, ...] = ()
    work: Work | None = None
    personal: PersonalPart | None = None
    suppressions: tuple[Suppression, ...] = ()


NOTHING = Decision()


def envelope(
    email: OpenEmail, *, kind: str, at: datetime, cause: UUID | None = None, attempt: int | None = None
) -> Any:
    """The envelope of a fact about an open email; `cause` defaults to the command that asked for it."""
    request = email.request
    number = email.attempt if attempt is None else attempt
    because = cause or request.command_id
    return {
        "event_id": event_id_for(subject=request.email_id, kind=kind, attempt=number, cause=because),
        "occurred_at": at,
        "tenant": request.tenant,
        "causation_id": because,
        "email_id": request.email_id,
        "stream": request.stream,
        "batch_id": request.batch_id,
        "recipient_ref": email.recipient_ref,
        "recipient_domain": email.recipient_domain,
        "attempt": number,
    }


def final(email: OpenEmail, *, outcome: str, at: datetime) -> FinalEmail:
    """The marker that takes an open email's place."""
    return FinalEmail(
        tenant=email.request.tenant,
        request_hash=email.request_hash,
        outcome=outcome,
        attempt=email.attempt,
        final_at=at,
        doubts=email.doubts,
    )
