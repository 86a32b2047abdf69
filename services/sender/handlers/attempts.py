"""The owner's side of delivery: hands due emails out, marks them, and records how their attempts ended."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.sender.domain.attempt import Ended, begin, end, give_up, suppress
from services.sender.domain.queues import COMMANDS, DOUBTS, due_of, queue_of
from services.sender.group import Group
from services.sender.handlers.delivery import Delivery, Job
from services.sender.handlers.ports import Tables
from services.sender.ready import QueueKey, Ready
from services.sender.settings import SenderSettings
from shared.clock import Clock
from shared.records import OpenEmail

LateReport = Callable[[Job, Ended], None]
SOON: Final = timedelta(seconds=1)


class Attempts:
    """Books of what is in the delivery's hands. Used by the owner's thread alone."""

    def __init__(
        self,
        settings: SenderSettings,
        *,
        ready: Ready,
        tables: Tables,
        delivery: Delivery,
        clock: Clock,
        report_late: LateReport,
    ) -> None:
        self._settings = settings
        self._ready = ready
        self._tables = tables
        self._delivery = delivery
        self._clock = clock
        self._report_late = report_late
        self._jobs: dict[UUID, Job] = {}
        self._in_flight: Counter[str] = Counter()
        self.epochs: Mapping[int, int] = {}

    @property
    def busy(self) -> int:
        """How many emails are in the delivery's hands."""
        return len(self._jobs)

    def speaking(self) -> int:
        """How many of them have been marked: their dialogues are under way."""
        return sum(job.marked for job in self._jobs.values())

    def collect(self, group: Group, *, marks: bool = True) -> None:
        """Take what the workers have to say: outcomes first, then new marks (unless no more are given)."""
        while self._delivery.ended:
            job, ended = self._delivery.ended.popleft()
            group.given_up.append(lambda job=job, ended=ended: self._delivery.ended.appendleft((job, ended)))  # type: ignore[misc]
            self._ended(group, job, ended)
        while self._delivery.marks:
            job = self._delivery.marks.popleft()
            if marks and self._owned(job):
                group.given_up.append(lambda job=job: self._delivery.marks.appendleft(job))  # type: ignore[misc]
                self._mark(group, job)
            else:
                self._delivery.answer(job, granted=False)

    def hand_out(self, group: Group) -> None:
        """Give due emails to free connections; nothing while the list of suppressions may be out of date."""
        room = self._delivery.capacity - len(self._jobs)
        if room <= 0 or not self._tables.current():
            return
        now = self._clock.now()
        for key, email_id in self._ready.take(now=now.timestamp(), limit=room, open_for=self._open_for):
            email = group.get(key.partition, email_id)
            if not isinstance(email, OpenEmail) or queue_of(email) != key.name or not _due(email, now):
                self._let_go(key.partition, email_id, group)
            elif not self._decided(group, key, email_id, email):
                self._hand_over(key, email_id, email)

    def _open_for(self, key: QueueKey) -> bool:
        if key.name in (COMMANDS, DOUBTS) or self._in_flight[key.destination] >= self._settings.destination_in_flight:
            return False
        return not self._tables.paused(
            tenant=key.tenant, stream=key.stream, batch=key.batch, destination=key.destination
        )

    def _decided(self, group: Group, key: QueueKey, email_id: UUID, email: OpenEmail) -> bool:
        """Whether the email ends here: its time is over, or the list now says no (checked at send time)."""
        now, request = self._clock.now(), email.request
        suppression = self._tables.suppression(
            tenant=request.tenant,
            stream=request.stream,
            list_name=request.list,
            recipient_ref=email.recipient_ref,
            now=now,
        )
        if suppression is not None:
            decision = suppress(email, suppression, now=now)
        elif email.expires_at <= now:
            decision = give_up(email, reason="expired", detail="its time was over before it could be sent", now=now)
        else:
            return False
        group.decide(key.partition, email_id, decision, traceparent=email.traceparent)
        self._ready.give_back(email_id)
        return True

    def _hand_over(self, key: QueueKey, email_id: UUID, email: OpenEmail) -> None:
        job = Job(key.partition, self.epochs[key.partition], email_id, email, key.name)
        self._jobs[email_id] = job
        self._in_flight[email.recipient_domain] += 1
        self._delivery.hand_over(job)

    def _owned(self, job: Job) -> bool:
        return self.epochs.get(job.partition) == job.epoch

    def _mark(self, group: Group, job: Job) -> None:
        email = group.get(job.partition, job.email_id)
        if isinstance(email, OpenEmail) and queue_of(email) == job.queue and email.attempt == job.email.attempt:
            now = self._clock.now()
            decision = begin(email, mx_host=job.mx_host, tls_policy=self._settings.smtp_tls, now=now)
            group.decide(job.partition, job.email_id, decision, traceparent=email.traceparent)
        elif not self._marked_already(email, job):
            self._delivery.answer(job, granted=False)
            return
        group.committed.append(lambda: self._grant(job))

    def _marked_already(self, email: object, job: Job) -> bool:
        """A mark whose commit had an unknown result and, as the changelog tells, was there (rule 2): continued."""
        return isinstance(email, OpenEmail) and email.status == "sending" and email.attempt == job.email.attempt + 1

    def _grant(self, job: Job) -> None:
        job.marked = True
        self._delivery.answer(job, granted=True)

    def _ended(self, group: Group, job: Job, ended: Ended | None) -> None:
        if not self._owned(job):
            self._late(group, job, ended)
            return
        email = group.get(job.partition, job.email_id)
        not_before = (self._clock.now() + SOON).timestamp() if ended is None else 0.0
        group.committed.append(lambda: self._release(job, group, not_before=not_before))
        if ended is None or not isinstance(email, OpenEmail):
            return
        current = email.status == "sending" and email.attempt == job.email.attempt + 1
        untouched = queue_of(email) == job.queue and email.attempt == job.email.attempt
        if current if ended.marked else untouched:
            policy = self._settings.policy(email.request.stream)
            decision = end(email, ended, policy=policy, now=self._clock.now(), chance=random.random())
            group.decide(job.partition, job.email_id, decision, traceparent=email.traceparent)

    def _late(self, group: Group, job: Job, ended: Ended | None) -> None:
        """The partition has moved on: what was learnt goes to its new owner (rule 5), which may be us again."""
        self._forget(job)
        self._let_go(job.partition, job.email_id, group)
        if (
            ended is not None
            and ended.marked
            and job.marked
            and ended.kind in ("delivered", "bounced", "deferred", "cut")
        ):
            self._report_late(job, ended)

    def _release(self, job: Job, group: Group, *, not_before: float) -> None:
        self._forget(job)
        self._let_go(job.partition, job.email_id, group, not_before=not_before)

    def _forget(self, job: Job) -> None:
        if self._jobs.pop(job.email_id, None) is not None:
            self._in_flight[job.email.recipient_domain] -= 1
            if not self._in_flight[job.email.recipient_domain]:
                del self._in_flight[job.email.recipient_domain]

    def _let_go(self, partition: int, email_id: UUID, group: Group, *, not_before: float = 0.0) -> None:
        self._ready.give_back(email_id)
        table = group.tables.get(partition)
        work = table.get(email_id) if table is not None else None
        name, due = (queue_of(work), due_of(work)) if work is not None else (None, None)
        if name is not None and due is not None:
            self._ready.note(partition, name, max(due, not_before))


def _due(email: OpenEmail, now: datetime) -> bool:
    return min(email.due_at, email.expires_at) <= now
