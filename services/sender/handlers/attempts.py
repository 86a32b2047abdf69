"""The owner's side of delivery: hands due emails out, marks them, and records how their attempts ended."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from services.sender import metrics
from services.sender.domain.attempt import Ended, after_hold, begin, end, give_up, suppress
from services.sender.domain.cancelled import cancel_with_batch
from services.sender.domain.queues import SPECIAL, due_of, queue_of
from services.sender.group import Group
from services.sender.handlers.delivery import Delivery, Job
from services.sender.handlers.gate import FULL, Gate
from services.sender.handlers.ports import BatchRates, Limits, Router, Tables
from services.sender.pace import Pace, drained
from services.sender.ready import QueueKey, Ready
from services.sender.settings import SenderSettings
from shared.clock import Clock
from shared.records import OpenEmail

LateReport = Callable[[Job, Ended], None]
SOON: Final = timedelta(seconds=1)
FEW: Final = 4  # emails
SPARE: Final = 10  # one place in so many of the delivery is for transactional mail only
PROVEN: Final = frozenset(("delivered", "bounced", "deferred", "cut"))  # kinds that tell how an attempt ended


class Attempts:
    """Books of what is in the delivery's hands. Used by the owner's thread alone.

    `epochs` tells which ownership of each partition is today's. `busy` emails are in the delivery's hands, `speaking`
    of them are marked, `hungry` says that it could do with more.
    """

    def __init__(
        self,
        settings: SenderSettings,
        *,
        ready: Ready,
        tables: Tables,
        delivery: Delivery,
        router: Router,
        limits: Limits,
        batch_rates: BatchRates,
        clock: Clock,
        epochs: Mapping[int, int],
        report_late: LateReport,
    ) -> None:
        self._settings = settings
        self._classifier = settings.classifier()
        self._ready = ready
        self._tables = tables
        self._delivery = delivery
        self._router = router
        self._limits = limits
        self._batch_rates = batch_rates
        self._clock = clock
        self._epochs = epochs
        self._report_late = report_late
        self._gate = Gate(
            ready=ready,
            tables=tables,
            router=router,
            limits=limits,
            batch_rates=batch_rates,
            clock=clock,
            full=lambda: self._full,
        )
        self._jobs: dict[UUID, Job] = {}
        self.busy = 0
        self._broadcast = 0
        self._pace = Pace(clock)
        self._urgent_out = 0
        self.speaking = 0
        self.hungry = True

    @property
    def room(self) -> int:
        """How many more emails the delivery can take."""
        return self._delivery.capacity - self.busy

    @property
    def urgent(self) -> bool:
        """Whether transactional mail is in the delivery's hands."""
        return self.busy > self._broadcast

    def hurry(self) -> bool:
        """Whether the step about to begin is for transactional mail alone."""
        return self._pace.hurry(urgent=self.urgent)

    def ripe(self, *, hurry: bool) -> bool:
        """Whether what waits for a commit is worth one."""
        waiting, busy = self._waiting(hurry=hurry)
        return self._pace.ripe(waiting=waiting, busy=busy, hurry=hurry, urgent=self.urgent)

    def _waiting(self, *, hurry: bool) -> tuple[int, int]:
        """How much waits for a commit, of how much in hand: of transactional mail when in a hurry."""
        if not hurry:
            return len(self._delivery.ended) + len(self._delivery.marks), self.busy
        marks, ended = tuple(self._delivery.marks), tuple(self._delivery.ended)
        waiting = sum(job.urgent for job in marks) + sum(job.urgent for job, _ in ended)
        return waiting, self.busy - self._broadcast

    @property
    def _full(self) -> bool:
        """Whether broadcast mail holds all that it may."""
        return self._broadcast >= self._delivery.capacity - self._delivery.capacity // SPARE

    def collect(self, group: Group, *, marks: bool = True, hurry: bool = False) -> None:
        """Take what the delivery has to say: outcomes first, then new marks (unless no more are given).

        In a hurry that of transactional mail alone.
        """
        self._pace.collected()
        ended = drained(self._delivery.ended, lambda pair: pair[0].urgent or not hurry)
        asking = drained(self._delivery.marks, lambda job: job.urgent or not hurry)
        granted: list[Job] = []
        refused: list[Job] = []
        group.given_up.append(lambda: self._delivery.ended.extendleft(ended))
        group.given_up.append(lambda: self._delivery.marks.extendleft(granted))  # a refusal is final: the job has ended
        for job, outcome in ended:
            self._ended(group, job, outcome)
        for job in asking:
            (granted if marks and self._owned(job) and self._mark(group, job) else refused).append(job)
        self._delivery.answer(refused, granted=False)
        if ended or granted:
            group.committed.append(lambda: self._settle(group, ended, granted))

    def hand_out(self, group: Group) -> None:
        """Give due emails to free connections; nothing while the list of suppressions may be out of date."""
        room, self._urgent_out = self.room, 0
        if room <= 0 or not self._tables.current():
            self.hungry = False
            return
        self._gate.look_again()
        now = self._clock.now()
        jobs = []
        for key, email_id in self._ready.take(now=now.timestamp(), limit=room, gate=self._gate):
            email = group.get(key.partition, email_id)
            if not isinstance(email, OpenEmail) or queue_of(email) != key.name or not _due(email, now):
                self._let_go(key.partition, email_id, email)
                continue
            email = self._after_hold(group, key, email_id, email, now)
            if not self._decided(group, key, email_id, email):
                jobs.append(self._job(key, email_id, email))
        self._delivery.hand_over(jobs)
        self._urgent_out = sum(job.urgent for job in jobs)
        self.hungry = len(jobs) < room and not self._full

    def gather(self, group: Group) -> None:
        """Wait a moment for the marks of urgent mail just handed out: `queued` and `sending` share a commit then.

        For a few emails only; many are committed together anyway.
        """
        if not 0 < self._urgent_out <= FEW:
            return
        self._pace.await_company(lambda: self._waiting(hurry=True)[0] >= self._urgent_out)
        self.collect(group, hurry=True)

    def interrupt(self) -> None:
        """Cut the dialogues that have not come to their final dot."""
        self._delivery.interrupt()

    def _after_hold(self, group: Group, key: QueueKey, email_id: UUID, email: OpenEmail, now: datetime) -> OpenEmail:
        """An email whose time was over while it was held has its time after the release."""
        if email.expires_at > now:
            return email
        where = {"tenant": key.tenant, "stream": key.stream, "batch": key.batch, "destination": key.destination}
        released_at = self._tables.released_at(**where)
        if released_at is None or (again := after_hold(email, released_at=released_at)) == email:
            return email
        group.put(key.partition, email_id, again)
        return again

    def _decided(self, group: Group, key: QueueKey, email_id: UUID, email: OpenEmail) -> bool:
        """Whether the email ends here: cancelled with its batch, or its time is over, or the list now says no."""
        now, request = self._clock.now(), email.request
        cancelled = self._tables.cancelled(tenant=key.tenant, batch=key.batch)
        suppression = self._tables.suppression(
            tenant=request.tenant,
            stream=request.stream,
            list_name=request.list,
            recipient_ref=email.recipient_ref,
            now=now,
        )
        if cancelled is not None:
            decision = cancel_with_batch(email, cancelled, now=now)
        elif suppression is not None:
            decision = suppress(email, suppression, now=now)
        elif email.expires_at <= now:
            decision = give_up(email, reason="expired", detail="its time was over before it could be sent", now=now)
        else:
            return False
        group.decide(key.partition, email_id, decision, traceparent=email.traceparent)
        self._ready.give_back(email_id)
        return True

    def _job(self, key: QueueKey, email_id: UUID, email: OpenEmail) -> Job:
        site = self._router.known_site(key.destination, stream=key.stream)
        job = Job(key.partition, self._epochs[key.partition], email_id, email, key.name, site)
        self._jobs[email_id] = job
        self.busy += 1
        self._broadcast += not job.urgent
        now = self._clock.now().timestamp()
        self._limits.taken(site, stream=key.stream, now=now)
        self._batch_rates.taken(key.tenant, key.batch, now=now)
        return job

    def _owned(self, job: Job) -> bool:
        return self._epochs.get(job.partition) == job.epoch

    def _mark(self, group: Group, job: Job) -> bool:
        """Whether the job's mark is in the group (or, after a commit of unknown result, on the log: rule 2)."""
        email = group.get(job.partition, job.email_id)
        if not isinstance(email, OpenEmail):
            return False
        now, request = self._clock.now(), email.request
        if queue_of(email) == job.queue and email.attempt == job.email.attempt:
            if not _due(email, now) or self._tables.cancelled(tenant=request.tenant, batch=str(request.batch_id or "")):
                return False  # rescheduled, or its batch cancelled, while it was made ready
            job.asked = True
            decision = begin(email, mx_host=job.mx_host, tls_policy=job.tls_policy, now=now)
            group.decide(job.partition, job.email_id, decision, traceparent=email.traceparent)
            return True
        return job.asked and email.status == "sending" and email.attempt == job.email.attempt + 1

    def _settle(self, group: Group, ended: list[tuple[Job, Ended | None]], granted: list[Job]) -> None:
        """The group is committed: what ended is let go, what was marked may speak."""
        for job in granted:
            job.marked = True
        self.speaking += len(granted)
        self._pace.begun(granted)
        self._delivery.answer(granted, granted=True)
        for job, outcome in ended:
            if self._forget(job):
                self._again(group, job, outcome)

    def _ended(self, group: Group, job: Job, ended: Ended | None) -> None:
        if not self._owned(job):
            self._late(job, ended)
            return
        email = group.get(job.partition, job.email_id)
        if ended is None or not isinstance(email, OpenEmail):
            return
        now = ended.at or self._clock.now()
        current = email.status == "sending" and email.attempt == job.email.attempt + 1
        untouched = queue_of(email) == job.queue and email.attempt == job.email.attempt
        if current if ended.marked else untouched:
            policy = self._settings.policy(email.request.stream)
            judge = self._classifier
            decision = end(email, ended, policy=policy, classifier=judge, now=now, chance=random.random())
            group.decide(job.partition, job.email_id, decision, traceparent=email.traceparent)
            if ended.kind == "deferred":
                group.committed.append(partial(metrics.deferred, job.site))
            self._limits.learn(group, job.site, ended, now=now.timestamp(), cause=decision.facts[0].event_id)

    def _late(self, job: Job, ended: Ended | None) -> None:
        """The partition has moved on: what was learnt goes to its new owner (rule 5), which may be us again."""
        if self._forget(job) and ended is not None and ended.marked and job.marked and ended.kind in PROVEN:
            self._report_late(job, ended)

    def _forget(self, job: Job) -> bool:
        """Whether the job was in the books; it is not now. Its email may be in another job's hands again."""
        if job.over:
            return False
        job.over = True
        self._pace.over(job)
        self.busy -= 1
        if not job.urgent:
            self._broadcast -= 1
            self._ready.reopen(FULL.behind)
        self.speaking -= job.marked
        self._limits.released(job.site)
        self._ready.reopen(job.site)
        if self._jobs.get(job.email_id) is job:
            del self._jobs[job.email_id]
            self._ready.give_back(job.email_id)
        return True

    def _again(self, group: Group, job: Job, outcome: Ended | None) -> None:
        """What still waits is noted; what could not be tried comes again a little later."""
        table = group.tables.get(job.partition)
        if table is not None:
            not_before = (self._clock.now() + SOON).timestamp() if outcome is None else 0.0
            self._let_go(job.partition, job.email_id, table.get(job.email_id), not_before=not_before)

    def _let_go(self, partition: int, email_id: UUID, work: object, *, not_before: float = 0.0) -> None:
        self._ready.give_back(email_id)
        name = queue_of(work) if isinstance(work, OpenEmail) else None
        if isinstance(work, OpenEmail) and name is not None and name not in SPECIAL:  # a doubt waits for time alone
            due = due_of(work) or 0.0
            now = self._clock.now().timestamp()
            self._ready.note(partition, name, max(due, not_before), email_id=email_id, now=now)


def _due(email: OpenEmail, now: datetime) -> bool:
    return min(email.due_at, email.expires_at) <= now
