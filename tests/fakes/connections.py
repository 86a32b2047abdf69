"""What delivery works with, in memory: a router, a preparer, connections whose mails end as a test says."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from services.sender.domain.mail import Composed, Outcome
from services.sender.domain.route import Route, Site
from shared.commands import SmtpResult
from shared.records import OpenEmail

ROUTE = Route(host="mx.example.com", tls="required")
DELIVERED = Outcome(kind="delivered", result=SmtpResult(smtp_phase="end_of_data", smtp_reply_code=250))


class FakeRouter:
    """Everything goes to one site, or `fails`."""

    def __init__(self) -> None:
        self.fails: Exception | None = None

    async def site(self, domain: str, *, stream: str) -> Site:
        """The site."""
        if self.fails is not None:
            raise self.fails
        return Site(name="mx.example.com", routes=(ROUTE,))

    def known_site(self, domain: str, *, stream: str) -> str:
        """Its name."""
        return "mx.example.com"


class FakePreparer:
    """A mail of no words, or `fails`; `heard` is told of each email."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.heard: Callable[[OpenEmail], None] = lambda email: None

    async def prepare(self, email: OpenEmail) -> Composed:
        """The mail."""
        self.heard(email)
        if self.fails is not None:
            raise self.fails
        return Composed(
            message=b"Subject: x\r\n\r\n",
            envelope_sender="bounces@acme.test",
            envelope_id=str(email.request.email_id),
            recipient="a@example.com",
            from_domain="acme.test",
            date=datetime(2026, 11, 24, tzinfo=UTC),
        )


class FakeConnection:
    """Its mails end as `outcomes` say, one after the other, then as delivered."""

    def __init__(self, outcomes: deque[Outcome | Exception]) -> None:
        self.route = ROUTE
        self.mails = 0
        self.usable = True
        self.finished: list[bool] = []
        self._outcomes = outcomes

    async def deliver(self, mail: Composed, *, may_finish: Callable[[], bool]) -> Outcome:
        """The next outcome."""
        self.mails += 1
        self.finished.append(may_finish())
        outcome = self._outcomes.popleft() if self._outcomes else DELIVERED
        if isinstance(outcome, Exception):
            raise outcome
        self.usable = not outcome.connection_lost
        return outcome

    def interrupt(self) -> None:
        """There is nothing on a wire."""

    async def close(self) -> None:
        """Of no use any more."""
        self.usable = False


class FakeConnector:
    """Makes connections, or fails as `failures` say."""

    def __init__(self) -> None:
        self.failures: deque[Exception | None] = deque()
        self.outcomes: deque[Outcome | Exception] = deque()
        self.made: list[FakeConnection] = []

    async def connect(self, route: Route) -> FakeConnection:
        """A connection."""
        failure = self.failures.popleft() if self.failures else None
        if failure is not None:
            raise failure
        self.made.append(FakeConnection(self.outcomes))
        return self.made[-1]
