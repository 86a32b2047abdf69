"""The one table of addresses that behave: chosen by the local part before `+`, at any domain."""

from dataclasses import dataclass
from typing import Final, Literal

Phase = Literal["rcpt", "data"]


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What the server does with mail for a local part, and what Postlog must make of it.

    `reply` is the server's answer in `phase`; None takes the mail. `status` is the email's final status in Postlog,
    with a retry span that ends.
    """

    name: str
    does: str
    status: str
    phase: Phase = "data"
    reply: str | None = None
    first_only: bool = False
    drops: bool = False
    slow: bool = False
    reads: bool = False


BEHAVIOURS: Final = (
    Behaviour(name="delivered", does="takes the mail, as for every address not in this table", status="delivered"),
    Behaviour(
        name="hardbounce",
        does="there is no such user",
        phase="rcpt",
        reply="550 5.1.1 <{recipient}>: user unknown",
        status="bounced",
    ),
    Behaviour(
        name="mailboxfull",
        does="the mailbox is full, and says so as a permanent refusal",
        reply="552 5.2.2 the mailbox is full",
        status="bounced",
    ),
    Behaviour(
        name="reject",
        does="the content is refused by policy",
        reply="554 5.7.1 refused by local policy",
        status="bounced",
    ),
    Behaviour(
        name="greylist",
        does="puts the first attempt off, takes the second",
        phase="rcpt",
        reply="451 4.7.1 greylisted, try again later",
        first_only=True,
        status="delivered",
    ),
    Behaviour(
        name="defer",
        does="puts every attempt off, for ever",
        phase="rcpt",
        reply="451 4.3.0 try again later",
        status="failed",
    ),
    Behaviour(
        name="drop",
        does="keeps the mail and closes after the final dot without a reply, every time",
        drops=True,
        status="failed",
    ),
    Behaviour(name="slow", does="takes the mail after some seconds", slow=True, status="delivered"),
    Behaviour(
        name="reader",
        does="takes the mail; then a reader loads its pixel and follows its first tracked link",
        reads=True,
        status="delivered",
    ),
)
_BY_NAME: Final = {row.name: row for row in BEHAVIOURS}
ORDINARY: Final = _BY_NAME["delivered"]


def behaviour_of(address: str) -> Behaviour:
    """The behaviour of an address: by its local part before `+`, in any case."""
    local = address.rpartition("@")[0].partition("+")[0].lower()
    return _BY_NAME.get(local, ORDINARY)
