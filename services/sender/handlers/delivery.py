"""Delivery: what is due goes out over SMTP. A thread of its own with an event loop; the owner's thread hands jobs over.

One worker a connection. A worker prepares the mail, binds it to an established connection, asks the owner for the mark,
and speaks only once the mark is committed: so at most one email a connection can ever be in doubt (P3).
"""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID

import structlog
import uvloop

from services.sender.domain.attempt import Ended
from services.sender.domain.mail import Outcome
from services.sender.domain.route import ConnectFailed
from services.sender.handlers.ports import CannotPrepare, Connection, Connector, NotYet, Preparer, Router
from services.sender.lease import Lease
from shared.records import OpenEmail

IDLE_SECONDS: Final = 30.0  # an unused connection is closed after this
log = structlog.get_logger()


@dataclass(eq=False)
class Job:
    """An email in the delivery's hands. `epoch` tells one ownership of a partition from the next."""

    partition: int
    epoch: int
    email_id: UUID
    email: OpenEmail
    queue: str
    marked: bool = False
    mx_host: str = ""
    answer: "asyncio.Future[bool] | None" = field(default=None, repr=False)


class Delivery:
    """The workers. `marks` and `ended` are read by the owner's thread; `hand_over`, `answer` are called from it."""

    def __init__(
        self,
        *,
        connections: int,
        mails_per_connection: int,
        preparer: Preparer,
        router: Router,
        connector: Connector,
        lease: Lease,
    ) -> None:
        self.marks: deque[Job] = deque()
        self.ended: deque[tuple[Job, Ended | None]] = deque()
        self._connections = connections
        self._mails_per_connection = mails_per_connection
        self._preparer = preparer
        self._router = router
        self._connector = connector
        self._lease = lease
        self._loop = uvloop.new_event_loop()
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._trouble = 0
        self._resume_at = 0.0

    @property
    def capacity(self) -> int:
        """How many jobs it can hold at once: one being spoken and one that comes next, for each connection."""
        return 2 * self._connections

    def start(self) -> None:
        """Start the workers."""
        self._thread.start()

    def close(self) -> None:
        """Stop the workers; what is on the wire is cut."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def hand_over(self, job: Job) -> None:
        """Give the delivery an email to send."""
        self._loop.call_soon_threadsafe(self._jobs.put_nowait, job)

    def answer(self, job: Job, *, granted: bool) -> None:
        """Tell the worker whether the mark was committed."""
        self._loop.call_soon_threadsafe(_settle, job, granted)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        workers = [self._loop.create_task(self._work()) for _ in range(self._connections)]
        self._loop.run_forever()
        for worker in workers:
            worker.cancel()
        self._loop.run_until_complete(asyncio.gather(*workers, return_exceptions=True))
        self._loop.close()

    async def _work(self) -> None:
        connection: Connection | None = None
        try:
            while True:
                try:
                    job = await asyncio.wait_for(self._jobs.get(), IDLE_SECONDS)
                except TimeoutError:
                    await _close(connection)
                    connection = None
                    continue
                connection = await self._attempt(job, connection)
        finally:
            await _close(connection)

    async def _attempt(self, job: Job, connection: Connection | None) -> Connection | None:
        try:
            return await self._deliver(job, connection)
        except CannotPrepare as refused:
            ended = Ended(kind="failed", marked=job.marked, reason=refused.reason, detail=str(refused))
            self.ended.append((job, ended))
        except NotYet:
            self.ended.append((job, None))
        except ConnectFailed as failed:
            self._route_in_trouble()
            self.ended.append((job, Ended(kind="deferred", marked=False, result=failed.result, detail=str(failed))))
            return None
        except Exception as error:
            log.error("delivery failed unexpectedly", email_id=str(job.email_id), error=repr(error), exc_info=True)
            kind: Literal["in_doubt", "cut"] = "in_doubt" if job.marked else "cut"
            self.ended.append(
                (job, Ended(kind=kind, marked=job.marked, detail=f"internal error: {type(error).__name__}"))
            )
            await _close(connection)
            return None
        return connection

    async def _deliver(self, job: Job, connection: Connection | None) -> Connection | None:
        """The steps of an attempt."""
        mail = await self._preparer.prepare(job.email)
        connection = await self._connection(job, connection)
        if not await self._mark(job, connection):
            self.ended.append((job, None))
            return connection
        outcome = await connection.deliver(mail, may_finish=lambda: self._lease.holds(job.partition))
        self.ended.append((job, _ended(outcome)))
        if outcome.connection_lost or connection.mails >= self._mails_per_connection:
            await _close(connection)
            return None
        return connection

    async def _connection(self, job: Job, connection: Connection | None) -> Connection:
        request = job.email.request
        routes = (await self._router.site(job.email.recipient_domain, stream=request.stream)).routes
        if connection is not None:
            if connection.route == routes[0] and connection.usable:
                return connection
            await _close(connection)
        wait = self._resume_at - self._loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        established = await self._connector.connect(routes[0])
        self._trouble = 0
        return established

    def _route_in_trouble(self) -> None:
        """Connections that fail are tried ever more slowly, so that an outage does not use up everybody's attempts."""
        self._trouble += 1
        self._resume_at = self._loop.time() + min(10.0, 0.1 * 2 ** min(self._trouble, 10))

    async def _mark(self, job: Job, connection: Connection) -> bool:
        job.mx_host = connection.route.host
        job.answer = self._loop.create_future()
        self.marks.append(job)
        return await job.answer


def _settle(job: Job, granted: bool) -> None:
    if job.answer is not None and not job.answer.done():
        job.answer.set_result(granted)


def _ended(outcome: Outcome) -> Ended:
    if outcome.kind == "failed_local":
        return Ended(kind="failed", result=outcome.result, reason="undeliverable_content", detail=outcome.detail)
    return Ended(kind=outcome.kind, result=outcome.result, session_ms=outcome.session_ms, detail=outcome.detail)


async def _close(connection: Connection | None) -> None:
    if connection is not None:
        await connection.close()
