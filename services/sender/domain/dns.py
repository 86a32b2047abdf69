"""How the DNS is asked, and what a question came to. Pure."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Generic, Literal, TypeVar
from urllib.parse import urlsplit

R = TypeVar("R", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Dns:
    """How the DNS is asked. Without `servers` (address, port) by the system's; `timeout` is for one question, all told.

    `trust_ad`: the servers validate DNSSEC, and nobody can come between them and us: their word counts as proof.
    """

    servers: tuple[tuple[str, int], ...] = ()
    timeout: float = 10
    trust_ad: bool = False


@dataclass(frozen=True, kw_only=True)
class Lookup(Generic[R]):
    """The records of one name and type.

    `ok` with no records: the name exists, records of this type do not. `no_name`: the name does not exist (NXDOMAIN).
    `failed`: nothing is known (SERVFAIL, REFUSED, no answer in time); `detail` says which. `name` is the end of the
    CNAME chain. `secure`: a resolver that we trust has validated the answer, and its absence too (RFC 4035, AD bit). It
    holds until `expires` (monotonic seconds).
    """

    status: Literal["ok", "no_name", "failed"]
    name: str
    expires: float
    records: tuple[R, ...] = ()
    secure: bool = False
    detail: str = ""


def nameservers(text: str) -> tuple[tuple[str, int], ...]:
    """Address and port of servers written as `192.0.2.1, 192.0.2.2:5353, [2001:db8::1]:53`; raises ValueError."""
    return tuple(_server(word.strip()) for word in text.split(",") if word.strip())


def _server(word: str) -> tuple[str, int]:
    bare = word.count(":") > 1 and not word.startswith("[")
    parts = urlsplit(f"//[{word}]" if bare else f"//{word}")
    return str(ip_address(parts.hostname or "")), parts.port or 53
