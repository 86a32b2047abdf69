"""Which queue a row waits in, and when it wants attention."""

from typing import Final

from shared.records import OpenEmail, WaitingCommands, Work

COMMANDS: Final = "commands"  # the queue of commands that wait for their email
DOUBTS: Final = "doubts"  # the queue of doubts that wait for a decision
SPECIAL: Final = frozenset((COMMANDS, DOUBTS))  # what waits for time alone


def queue_of(work: Work) -> str | None:
    """The ready queue that a row waits in: stream, tenant, batch, destination; None when it waits for nothing."""
    match work:
        case OpenEmail(held=False, status="queued" | "scheduled" | "deferred"):
            request = work.request
            return f"{request.stream}\x1f{request.tenant}\x1f{request.batch_id or ''}\x1f{work.recipient_domain}"
        case OpenEmail(status="in_doubt"):
            return DOUBTS
        case WaitingCommands():
            return COMMANDS
    return None


def due_of(work: Work) -> float | None:
    """When a row wants attention, in seconds of the epoch: when due, or when it expires if that is sooner."""
    match work:
        case OpenEmail():
            return (
                min(work.due_at, work.expires_at).timestamp() if work.status != "in_doubt" else work.due_at.timestamp()
            )
        case WaitingCommands():
            return work.refuse_after.timestamp()
    return None
