"""What time alone decides: doubts, commands whose email never came, expiry, markers that are no longer needed."""

from datetime import datetime, timedelta
from uuid import UUID

from services.sender.domain import commands as rules
from services.sender.domain.doubts import decide
from services.sender.domain.intake import WINDOW
from services.sender.domain.queues import due_of
from services.sender.group import Group
from services.sender.handlers.proofs import Proofs
from services.sender.positions import Positions
from services.sender.ready import QueueKey, Ready
from services.sender.settings import SenderSettings
from shared.clock import Clock
from shared.records import OpenEmail, WaitingCommands

_ASK_AGAIN = timedelta(seconds=5)
_SOON = timedelta(seconds=0.1)
_MARKERS_EVERY = timedelta(seconds=60)
_AT_ONCE = 500


class Timers:
    """Acts on rows of the special queues when they are due, and ages markers by log time (rule 7)."""

    def __init__(
        self, settings: SenderSettings, *, waiting: Ready, clock: Clock, positions: Positions, proofs: Proofs
    ) -> None:
        self._settings = settings
        self._waiting = waiting
        self._clock = clock
        self._positions = positions
        self._proofs = proofs
        self._markers_at: datetime | None = None

    def handle(self, group: Group) -> None:
        """Decide all that is due; and see to it that what was read is committed, though nothing came of it."""
        if self._positions.moved():
            group.committed.append(self._positions.keep)
        self._proofs.handle(group)
        now = self._clock.now()
        for key, email_id in self._waiting.take(now=now.timestamp(), limit=_AT_ONCE):
            self._one(group, key, email_id, now)
        if self._markers_at is None or now >= self._markers_at:
            more = self._age_markers(group)
            self._markers_at = now if more else now + _MARKERS_EVERY

    def _one(self, group: Group, key: QueueKey, email_id: UUID, now: datetime) -> None:
        self._waiting.give_back(email_id)
        work = group.get(key.partition, email_id)
        due = due_of(work) if work is not None else None
        if due is None or due > now.timestamp():
            return
        if isinstance(work, OpenEmail) and work.status == "in_doubt":
            self._decide(group, key, email_id, work, now)
        elif isinstance(work, WaitingCommands):
            self._refuse(group, key, email_id, work, now)

    def _decide(self, group: Group, key: QueueKey, email_id: UUID, email: OpenEmail, now: datetime) -> None:
        due = email.due_at.timestamp()
        if not self._proofs.may_decide(key.partition, email_id, due=due, now=now.timestamp()):
            again = (now + _SOON).timestamp()
            self._waiting.note(key.partition, key.name, again, now=now.timestamp())
            return
        decision = decide(email, policy=self._settings.policy(email.request.stream), now=now)
        group.decide(key.partition, email_id, decision, traceparent=email.traceparent)

    def _refuse(self, group: Group, key: QueueKey, email_id: UUID, work: WaitingCommands, now: datetime) -> None:
        if not self._positions.read_past(key.partition, work.requests_end):
            again = (now + _ASK_AGAIN).timestamp()
            self._waiting.note(key.partition, key.name, again, now=now.timestamp())
            return
        for command, cause, trace in rules.waiting_ones(work):
            detail = "there is no such email"
            refused = rules.refuse(command, code="unknown_email", detail=detail, cause=cause, now=now)
            group.decide(key.partition, email_id, refused, traceparent=trace)
        group.put(key.partition, email_id, None)

    def _age_markers(self, group: Group) -> bool:
        """Whether there are more of them."""
        more = False
        for partition, table in group.tables.items():
            read = self._positions.read_up_to(partition)
            if read is not None:
                aged = table.finals_before(read - WINDOW, limit=_AT_ONCE)
                more = more or len(aged) == _AT_ONCE
                for email_id in aged:
                    group.put(partition, email_id, None)
        return more
