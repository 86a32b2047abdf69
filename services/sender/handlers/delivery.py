"""Delivery: what is due goes out over SMTP. A thread of its own with an event loop; the owner's thread hands jobs over.

A job prepares its mail, waits for a connection to its site, asks the owner for the mark, and speaks only once the mark
is committed: so at most one email a connection can ever be in doubt (P3).
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from uuid import UUID

import structlog
import uvloop

from services.sender.domain.attempt import Ended
from services.sender.domain.mail import Composed, Outcome
from services.sender.domain.route import ConnectFailed, Site, Unroutable
from services.sender.handlers.pools import Pools
from services.sender.handlers.ports import CannotPrepare, Connection, NotYet, Preparer, Router
from services.sender.lease import Lease
from shared.clock import Clock
from shared.records import OpenEmail
from shared.telemetry import place_of, trace_id

log = structlog.get_logger()
A_TURN: Final = 4  # broadcast mails made ready before others have their turn: about 3 ms
IN_HAND: Final = 2  # jobs for each connection: one being spoken, one that comes next


@dataclass(eq=False)
class Job:
    """An email in the delivery's hands. `epoch` tells one ownership of a partition from the next.

    `asked`: its mark has been in a group; `marked`: the mark is committed; `over`: it is out of the owner's books.
    """

    partition: int
    epoch: int
    email_id: UUID
    email: OpenEmail
    queue: str
    site: str
    asked: bool = False
    marked: bool = False
    over: bool = False
    mx_host: str = ""
    tls_policy: str = "none"
    answer: "asyncio.Future[bool] | None" = field(default=None, repr=False)

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for the email: a reset of a password, a receipt; not a newsletter."""
        return self.email.request.stream == "transactional"


class Delivery:
    """The jobs under way. `marks` and `ended` are read by the owner's thread; its methods are called from it."""

    def __init__(
        self, *, connections: int, preparer: Preparer, router: Router, pools: Pools, lease: Lease, clock: Clock
    ) -> None:
        self.marks: deque[Job] = deque()
        self.ended: deque[tuple[Job, Ended | None]] = deque()
        self.capacity = IN_HAND * connections
        self._preparer = preparer
        self._router = router
        self._pools = pools
        self._lease = lease
        self._clock = clock
        self._loop = uvloop.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unhurried: deque[Job] = deque()
        self._speaking: set[Connection] = set()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what is on the wire is cut."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def hand_over(self, jobs: Sequence[Job]) -> None:
        """Give the delivery emails to send."""
        if jobs:
            self._loop.call_soon_threadsafe(self._begin, jobs)

    def answer(self, jobs: Sequence[Job], *, granted: bool) -> None:
        """Tell jobs whether their marks were committed."""
        if jobs:
            self._loop.call_soon_threadsafe(_answer, jobs, granted)

    def interrupt(self) -> None:
        """Cut all dialogues that have not come to their final dot; what they were about has not been delivered."""
        self._loop.call_soon_threadsafe(self._interrupt)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(self._pools.close())
        self._loop.close()

    def _begin(self, jobs: Sequence[Job]) -> None:
        """Urgent ones at once, the others a few in each turn of the loop: making a mail ready holds all others up."""
        idle = not self._unhurried
        for job in jobs:
            if job.urgent:
                self._start(job)
            else:
                self._unhurried.append(job)
        if idle and self._unhurried:
            self._start_some()

    def _start_some(self) -> None:
        for _ in range(min(A_TURN, len(self._unhurried))):
            self._start(self._unhurried.popleft())
        if self._unhurried:
            self._loop.call_soon(self._start_some)

    def _start(self, job: Job) -> None:
        task = self._loop.create_task(self._attempt(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _interrupt(self) -> None:
        for connection in self._speaking:
            connection.interrupt()

    async def _attempt(self, job: Job) -> None:
        """One job from its beginning to its end, which the owner is told whatever happens."""
        try:
            ended = await self._deliver(job)
        except CannotPrepare as refused:
            ended = Ended(kind="failed", marked=job.marked, reason=refused.reason, detail=str(refused))
        except NotYet:
            ended = None
        except Unroutable as lost:
            ended = _unroutable(lost)
        except ConnectFailed as failed:
            ended = Ended(kind="deferred", marked=job.marked, result=failed.result, detail=str(failed))
        except Exception as error:  # noqa: BLE001 (said, and recorded as what it means for the email)
            about = {"email_id": str(job.email_id), "trace_id": trace_id(job.email.traceparent)}
            log.error("delivery failed unexpectedly", **about, **place_of(error))
            kind: Literal["in_doubt", "deferred"] = "in_doubt" if job.marked else "deferred"
            ended = Ended(kind=kind, marked=job.marked, detail=f"internal error: {type(error).__name__}")
        self.ended.append((job, ended and replace(ended, at=self._clock.now())))

    async def _deliver(self, job: Job) -> Ended | None:
        """The steps of an attempt."""
        site = await self._router.site(job.email.recipient_domain, stream=job.email.request.stream)
        mail = await self._preparer.prepare(job.email)
        connection = await self._pools.acquire(site, urgent=job.urgent)
        try:
            if not await self._mark(job, connection):
                return None
            outcome = await self._speak(job, mail, connection)
        finally:
            self._pools.release(connection)
        if _was_stale(outcome, connection):
            outcome = await self._once_more(job, mail, site)
        return _ended(outcome)

    async def _once_more(self, job: Job, mail: Composed, site: Site) -> Outcome:
        """A kept connection that the other side had given up says nothing about the mail: again, on another one."""
        connection = await self._pools.acquire(site, urgent=job.urgent, fresh=True)
        try:
            return await self._speak(job, mail, connection)
        finally:
            self._pools.release(connection)

    async def _speak(self, job: Job, mail: Composed, connection: Connection) -> Outcome:
        self._speaking.add(connection)
        try:
            return await connection.deliver(mail, may_finish=lambda: self._lease.holds(job.partition))
        finally:
            self._speaking.discard(connection)

    async def _mark(self, job: Job, connection: Connection) -> bool:
        job.mx_host, job.tls_policy = connection.route.host, connection.route.tls
        job.answer = self._loop.create_future()
        self.marks.append(job)
        return await job.answer


def _answer(jobs: Sequence[Job], granted: bool) -> None:
    for job in jobs:
        if job.answer is not None and not job.answer.done():
            job.answer.set_result(granted)


def _was_stale(outcome: Outcome, connection: Connection) -> bool:
    reused = connection.mails > 1
    return (
        reused and outcome.connection_lost and outcome.kind == "deferred" and outcome.result.smtp_phase == "mail_from"
    )


def _ended(outcome: Outcome) -> Ended:
    if outcome.kind == "failed_local":
        return Ended(kind="failed", result=outcome.result, reason="undeliverable_content", detail=outcome.detail)
    return Ended(kind=outcome.kind, result=outcome.result, session_ms=outcome.session_ms, detail=outcome.detail)


def _unroutable(lost: Unroutable) -> Ended:
    if lost.permanent:
        return Ended(kind="failed", marked=False, result=lost.result, reason="unroutable", detail=str(lost))
    return Ended(kind="deferred", marked=False, result=lost.result, detail=str(lost))
