"""A mail that is ready to be spoken, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.commands import SmtpResult

OutcomeKind = Literal["delivered", "deferred", "bounced", "in_doubt", "cut", "failed_local"]


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A message with its envelope. `date` is that of its header, `from_domain` the domain that signs it."""

    message: bytes
    envelope_sender: str
    envelope_id: str
    recipient: str
    from_domain: str
    date: datetime
    smtputf8: bool = False
    eight_bit: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a mail transaction ended.

    `cut`: we were not allowed to finish, and nothing was delivered. `failed_local`: it cannot be sent this way, and
    nothing was tried; `detail` says why. `in_doubt`: no reply is known to the final dot. `detail` is in our words,
    what the other side said is in `result`.
    """

    kind: OutcomeKind
    result: SmtpResult
    connection_lost: bool = False
    session_ms: int = 0
    detail: str | None = None
