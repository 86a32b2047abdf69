"""Which servers take a domain's mail, in what order, and by what name we call them together. Pure.

Postlog relays nothing that it has received, so an MX record that names us is no loop to be looked for.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

MOST_HOSTS: Final = 8  # MX hosts looked at; a zone may name any number
LONGEST_NAME: Final = 120

# Providers that give each customer an MX name of its own before the same servers: one site, hence one set of limits.
_SHARED: Final = (
    "mail.protection.outlook.com",
    "mx.microsoft",
    "pphosted.com",
    "mimecast.com",
    "iphmx.com",
    "ess.barracudanetworks.com",
    "messagelabs.com",
)


@dataclass(frozen=True, order=True)
class Exchange:
    """An MX record (RFC 5321 section 5.1): lower preferences first. The host is in lower case, without its last dot."""

    preference: int
    host: str


class _Preferred(Protocol):
    @property
    def preference(self) -> int: ...


P = TypeVar("P", bound=_Preferred)


def takes_no_mail(exchanges: Sequence[Exchange]) -> bool:
    """Whether this is the null MX: one record, whose host is the root (RFC 7505)."""
    return len(exchanges) == 1 and exchanges[0].host == ""


def hosts_to_try(exchanges: Sequence[Exchange], *, domain: str) -> tuple[Exchange, ...]:
    """The hosts worth asking for, by preference; without any MX record the domain itself (the implicit MX)."""
    named = sorted({each.host: each for each in sorted(exchanges, reverse=True) if each.host}.values())
    return tuple(named[:MOST_HOSTS]) if exchanges else (Exchange(0, domain),)


def by_preference(servers: Iterable[P], *, draw: Callable[[], float]) -> tuple[P, ...]:
    """In the order of an attempt: by preference, equal ones as `draw` has it (RFC 5321 wants them random)."""
    return tuple(sorted(servers, key=lambda server: (server.preference, draw())))


def site_name(hosts: Iterable[str]) -> str:
    """One name for a set of MX hosts, the same for every domain that has them: `{mx1,mx2}.example.net`."""
    names = sorted({_shared(host) or host for host in hosts})
    if len(names) == 1:
        return names[0]
    shared = _common_end([name.split(".") for name in names])
    end = shared if not shared or shared in names else f".{shared}"
    whole = f"{{{','.join(name.removesuffix(end) for name in names)}}}{end}"
    return whole if len(whole) <= LONGEST_NAME else f"{{{_digest(names)}}}.{shared or names[0]}"


def _shared(host: str) -> str | None:
    return next((end for end in _SHARED if host.endswith(f".{end}")), None)


def _common_end(names: list[list[str]]) -> str:
    end: list[str] = []
    for labels in zip(*(reversed(name) for name in names), strict=False):
        if len(set(labels)) > 1:
            break
        end.insert(0, labels[0])
    return ".".join(end)


def _digest(names: list[str]) -> str:
    return hashlib.sha256(" ".join(names).encode()).hexdigest()[:10]
