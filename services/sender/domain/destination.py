"""A domain's servers with the routes to them, or why there is no way; from what the DNS said. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.sender.domain.dns import Lookup
from services.sender.domain.mx import Exchange, by_preference, takes_no_mail
from services.sender.domain.relays import Source
from services.sender.domain.route import Route, Site, Unroutable
from services.sender.domain.tls import DomainTls, Published, TlsaRecord
from shared.commands import SmtpResult
from shared.public_addresses import Network, may_be_reached

ORDERS: Final = 16


class NoWay(Exception):
    """There is none: for good or for now, with an enhanced status code (RFC 3463) and in our words, never a reply."""

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

    def unroutable(self) -> Unroutable:
        """As those are told who have mail for the domain."""
        return Unroutable(
            SmtpResult(enhanced_status_code=self.status), self.detail, permanent=self.status.startswith("5")
        )


@dataclass(frozen=True)
class Host:
    """An MX host and what its addresses came to."""

    exchange: Exchange
    lookups: tuple[Lookup[str], ...]
    tlsa: Lookup[TlsaRecord] | None = None  # None: not asked for

    @property
    def expires(self) -> float:
        """Until when all of it holds (monotonic seconds)."""
        addresses = min(lookup.expires for lookup in self.lookups)
        return addresses if self.tlsa is None else min(addresses, self.tlsa.expires)

    @property
    def dane_is_unknown(self) -> bool:
        """Whether it may have TLSA records that cannot be had: then it must not be used (RFC 7672 section 2.1.2)."""
        return self.tlsa is not None and self.tlsa.status == "failed"

    @property
    def secure_tlsa(self) -> tuple[TlsaRecord, ...]:
        """TLSA records that DNSSEC vouches for."""
        return self.tlsa.records if self.tlsa is not None and self.tlsa.secure else ()

    def addresses(self, *, allowed: Sequence[Network]) -> tuple[str, ...]:
        """Those we may connect to."""
        return tuple(each for each in self.all_addresses if may_be_reached(each, allowed=allowed))

    @property
    def all_addresses(self) -> tuple[str, ...]:
        """IPv4 first: receivers ask more of IPv6 (a PTR record, SPF or DKIM at all)."""
        return tuple(address for lookup in self.lookups for address in lookup.records)


@dataclass(frozen=True)
class Server:
    """The routes to one MX host, by one choice of source addresses."""

    preference: int
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class Destination:
    """What is known of a domain: its site, with each choice of our source addresses and in several orders."""

    name: str
    sites: tuple[Site, ...]

    def site(self, *, draw: Callable[[], float]) -> Site:
        """For one attempt."""
        return self.sites[int(draw() * len(self.sites))]


def sites_of(name: str, servers: Sequence[Server], *, draw: Callable[[], float]) -> Iterator[Site]:
    """The servers in as many random orders as it takes to spread mail over equal ones (RFC 5321 section 5.1)."""
    equal_ones = len({server.preference for server in servers}) < len(servers)
    for _ in range(ORDERS if equal_ones else 1):
        ordered = by_preference(servers, draw=draw)
        yield Site(name=name, routes=tuple(route for server in ordered for route in server.routes))


def refuse_what_takes_no_mail(found: Lookup[Exchange]) -> None:
    """Raises `NoWay` when the answer about MX records ends the matter."""
    if found.status == "failed":
        raise NoWay("4.4.3", f"MX records of the domain cannot be had: {found.detail}")
    if found.status == "no_name":
        raise NoWay("5.1.2", "the domain does not exist")
    if takes_no_mail(found.records):
        raise NoWay("5.1.10", "the domain takes no mail (null MX, RFC 7505)")


def refuse_unless_reachable(hosts: Sequence[Host], *, allowed: Sequence[Network], implicit: bool) -> None:
    """Raises `NoWay` when no host has an address that we may connect to."""
    if any(host.addresses(allowed=allowed) for host in hosts):
        return
    lookups = [lookup for host in hosts for lookup in host.lookups]
    if any(lookup.status == "failed" for lookup in lookups):
        raise NoWay("4.4.3", f"addresses of {_names(hosts)} cannot be had: {_why(lookups)}")
    if refused := next((address for host in hosts for address in host.all_addresses), None):
        raise NoWay("5.4.4", f"{refused} is not public: POSTLOG_SMTP_ALLOWED_NETWORKS may name networks to send to")
    if implicit:
        raise NoWay("5.1.2", "the domain has neither MX records nor an address")
    raise NoWay("5.4.4", f"the MX hosts have no address: {_names(hosts)}")


def protected(plain: Route, host: Host, *, tls: DomainTls) -> Route | None:
    """How the host may be spoken to; None when it may not have the domain's mail.

    TLSA records none of which is usable still mean that there is TLS (RFC 7672 section 2.2).
    """
    name = host.exchange.host
    if host.dane_is_unknown:
        return None
    if host.secure_tlsa:
        usable = tuple(record for record in host.secure_tlsa if record.usable)
        strings = tuple(str(record) for record in host.secure_tlsa)
        failure = None if usable else "tlsa-invalid"
        published = Published(domain=tls.published.domain, kind="tlsa", strings=strings, hosts=(name,), failure=failure)
        return replace(plain, host=name, tls="required", verify=False, tlsa=usable, published=published)
    if not tls.allows(name):
        return None
    return replace(plain, host=name, tls=tls.tls, verify=tls.verify, published=tls.published)


def refuse_unless_protected(hosts: Sequence[Host], *, tls: DomainTls) -> None:
    """Raises `NoWay` for now, when a policy that may change again leaves no host."""
    if all(host.dane_is_unknown for host in hosts):
        raise NoWay("4.4.3", f"TLSA records of {_names(hosts)} cannot be had, and may not be passed over (DANE)")
    if all(host.dane_is_unknown or not (host.secure_tlsa or tls.allows(host.exchange.host)) for host in hosts):
        raise NoWay("4.4.4", f"the domain's MTA-STS policy names none of its MX hosts: {_names(hosts)}")


def choices_of_sources(sources: Sequence[Source]) -> tuple[tuple[Source, ...], ...]:
    """Each a source of one family, beside one of the other when there is one; a single empty one without sources."""
    v4 = [source for source in sources if ":" not in source.address]
    v6 = [source for source in sources if ":" in source.address]
    rounds = range(max(len(v4), len(v6), 1))
    return tuple(tuple(each[turn % len(each)] for each in (v4, v6) if each) for turn in rounds)


def _names(hosts: Sequence[Host]) -> str:
    return ", ".join(host.exchange.host for host in hosts)


def _why(lookups: Sequence[Lookup[str]]) -> str:
    return next(lookup.detail for lookup in lookups if lookup.status == "failed")
