"""What the handlers ask of the world: the small topics, a mail made ready, a server found and spoken to."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.sender.domain.attempt import Ended, FailureReason
from services.sender.domain.mail import Composed, Outcome
from services.sender.domain.route import Route, Site
from services.sender.group import Group
from shared.commands import SendEmail
from shared.records import Control, OpenEmail, Suppression, TemplateVersion


class Tables(Protocol):
    """What the sender knows from the small topics."""

    def current(self) -> bool:
        """Whether the copy of the suppressions is current enough to send by (rule 10)."""

    def template(self, command: SendEmail) -> TemplateVersion | None:
        """The template version that a request means, if this copy has it."""

    def catch_up_with_templates(self) -> None:
        """Read all versions that are on the log by now; raises TimeoutError when Kafka does not let us."""

    def suppression(
        self, *, tenant: str, stream: str, list_name: str | None, recipient_ref: str, now: datetime
    ) -> Suppression | None:
        """What stands against a recipient, in the widest scope first."""

    def paused(self, *, tenant: str, stream: str, batch: str, destination: str) -> bool:
        """Whether an operator has paused what the email belongs to."""

    def cancelled(self, *, tenant: str, batch: str) -> Control | None:
        """The cancellation of a batch, by its tenant."""

    def released_at(self, *, tenant: str, stream: str, batch: str, destination: str) -> datetime | None:
        """When last something was released that the email belongs to."""

    @property
    def controls_version(self) -> int:
        """Another one whenever a control has changed."""


class Limits(Protocol):
    """When another email may go to a site. For the owner's thread, but for `connections`."""

    def opens_at(self, site: str, *, stream: str, now: float) -> float:
        """0.0: another email may go now; a time (seconds of the epoch): look again then; inf: when one is released."""

    def source_opens_at(self, stream: str, *, now: float) -> float:
        """The same for the addresses that a stream sends from: 0.0, or when their warm-up lets another email go."""

    def taken(self, site: str, *, stream: str, now: float) -> None:
        """An email goes there now."""

    def released(self, site: str) -> None:
        """An email that was taken is in hand no more."""

    def connections(self, site: str) -> int:
        """Most connections at once; may be asked from another thread."""

    def learn(self, group: Group, site: str, ended: Ended, *, now: float, cause: UUID | None = None) -> None:
        """What an attempt says of the site: trouble backs it off, rules on replies limit it (facts, controls).

        `cause` is the fact that says how the attempt ended.
        """


class BatchRates(Protocol):
    """When another email of a batch may go. For the owner's thread."""

    def opens_at(self, tenant: str, batch: str, *, now: float) -> float:
        """0.0: another email of the batch may go now; else when to look again (seconds of the epoch)."""

    def taken(self, tenant: str, batch: str, *, now: float) -> None:
        """One of its emails goes now."""


class CannotPrepare(Exception):
    """The mail cannot be made: given up, with the reason."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class NotYet(Exception):
    """Something the mail needs is not here yet: to be tried again shortly, without an attempt being counted."""


class Preparer(Protocol):
    """Makes the mail: renders, composes, signs. Raises `CannotPrepare` or `NotYet`."""

    async def prepare(self, email: OpenEmail) -> Composed:
        """The mail, ready to be spoken."""


class Router(Protocol):
    """Says where mail for a domain goes."""

    async def site(self, domain: str, *, stream: str) -> Site:
        """The receiving side; raises `Unroutable`."""

    def known_site(self, domain: str, *, stream: str) -> str:
        """The site's name as far as it is known without asking anybody, else the domain. Called from any thread."""


class Connection(Protocol):
    """An established session with a server."""

    route: Route
    mails: int

    @property
    def usable(self) -> bool:
        """Whether, as far as is known, another mail can be sent."""

    async def deliver(self, mail: Composed, *, may_finish: Callable[[], bool]) -> Outcome:
        """Send one mail. `may_finish` is asked right before the final dot; if it says no, the connection is cut."""

    def interrupt(self) -> None:
        """Cut the connection unless the final dot is out already: `deliver` then ends as `cut`."""

    async def close(self) -> None:
        """End the session."""


class Connector(Protocol):
    """Opens connections."""

    async def connect(self, route: Route) -> Connection:
        """An established connection; raises ConnectFailed."""
