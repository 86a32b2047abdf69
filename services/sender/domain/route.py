"""Where a connection goes and how long it may take (RFC 5321 section 4.5.3.2), and how it fails."""

from dataclasses import dataclass, field
from functools import cached_property

from services.sender.domain.tls import Published, TlsaRecord, TlsPolicy
from shared.commands import SmtpResult


@dataclass(frozen=True, kw_only=True)
class Route:
    """A server that takes our mail.

    `tls`: opportunistic encrypts by STARTTLS when offered, without looking at the certificate, and goes on in the clear
    when that fails; required never goes on in the clear, and with `verify` checks certificate and name; implicit is the
    same for a server that speaks TLS from the first byte (RFC 8314, usually port 465). Credentials go over an encrypted
    connection only, unless `tls` is none. With `tlsa` one of these records must prove the certificate (DANE, RFC 7672),
    and `verify` says nothing. `address` is the IP address to connect to (None: whatever `host` resolves to), `source`
    the local address to connect from (None: the system's choice). `published` is what the recipient's domain says about
    TLS; routes that differ in nothing else are the same.
    """

    host: str
    port: int = 25
    tls: TlsPolicy = "opportunistic"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    helo: str = "localhost.localdomain"
    verify: bool = True
    address: str | None = None
    source: str | None = None
    tlsa: tuple[TlsaRecord, ...] = ()
    published: Published | None = field(default=None, compare=False, repr=False)

    @property
    def verifies(self) -> bool:
        """Whether a certificate must be good."""
        return self.verify and self.tls in ("required", "implicit")


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Seconds to wait. `reply` is for each reply before the final dot (5 minutes in RFC 5321)."""

    reply: float = 300
    final_dot: float = 600
    quit: float = 5

    @property
    def connect(self) -> float:
        """For a connection to be made; RFC 5321 says nothing, and other addresses wait to be tried."""
        return min(self.reply, 30)

    @property
    def data(self) -> float:
        """For the reply to DATA."""
        return min(self.reply, 120)

    @property
    def block(self) -> float:
        """For the other side to take a block of the message."""
        return min(self.reply, 180)


@dataclass(frozen=True, kw_only=True)
class Site:
    """The receiving side as we meet it: limits and connections belong to its `name`. Routes are by preference.

    A `relay` takes mail for many destinations: their limits are not its own. Connections serve only sites of the same
    `pool`, which stands for the routes: domains on the same servers may have policies that differ.
    """

    name: str
    routes: tuple[Route, ...]
    relay: bool = False

    @cached_property
    def pool(self) -> int:
        """Equal for sites with the same routes in any order."""
        return hash(frozenset(self.routes))


class Unroutable(Exception):
    """There is no way to a domain: for good (`permanent`), or as far as can be known now."""

    def __init__(self, result: SmtpResult, detail: str, *, permanent: bool) -> None:
        super().__init__(detail)
        self.result = result
        self.permanent = permanent


class ConnectFailed(Exception):
    """No session could be opened; `result` says where it ended and, if there was a reply, in which words."""

    def __init__(self, result: SmtpResult, detail: str) -> None:
        super().__init__(detail)
        self.result = result
