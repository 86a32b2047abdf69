"""A domain's servers with the routes to them, or why there is no way; from what the DNS said. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.sender.domain.dns import Lookup
from services.sender.domain.mx import Exchange, by_preference, takes_no_mail
from services.sender.domain.relays import Source
from services.sender.domain.route import Route, Site, Unroutable
from shared.commands import SmtpResult
from shared.public_addresses import Network, may_be_reached


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
    """`choices`: the servers, once for each choice of our source addresses."""

    name: str
    choices: tuple[tuple[Server, ...], ...]

    def site(self, *, draw: Callable[[], float]) -> Site:
        """For one attempt: a source, and the servers in a fresh order, as `draw` has it."""
        servers = self.choices[int(draw() * len(self.choices))]
        ordered = servers if len(servers) == 1 else by_preference(servers, draw=draw)
        return Site(name=self.name, routes=tuple(route for server in ordered for route in server.routes))


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
