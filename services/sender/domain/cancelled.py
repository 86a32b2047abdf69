"""What the cancellation of its batch makes of an email."""

from datetime import datetime
from typing import Final
from uuid import UUID

from services.sender.domain.attempt import give_up
from services.sender.domain.commands import WAITING
from services.sender.domain.decision import NOTHING, Decision, envelope, final
from shared.events import EmailCancelled
from shared.ids import event_id_for
from shared.records import Control, OpenEmail

IN_DOUBT: Final = "its batch was cancelled while it was in doubt"


def cancel_with_batch(email: OpenEmail, cancelled: Control, *, now: datetime) -> Decision:
    """Cancelled while no copy can be on its way; given up, in doubt, when one may be. An attempt under way ends first.

    So `cancelled` always means that nothing was sent. A doubt that still waits for its decision is decided first.
    """
    if email.status not in WAITING:
        return NOTHING
    if email.doubts:
        return give_up(email, reason="in_doubt", detail=IN_DOUBT, now=now)
    cause = event_id_for(subject=UUID(cancelled.name), kind="email.batch.cancelled")
    fact = EmailCancelled(
        **envelope(email, kind="email.cancelled", at=now, cause=cause),
        by=cancelled.by,
        reason=cancelled.reason or "its batch was cancelled",
    )
    return Decision(facts=(fact,), work=final(email, outcome="cancelled", at=now))
