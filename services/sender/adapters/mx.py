"""Where mail for a domain goes: to its own MX hosts (RFC 5321 section 5), or to smarthosts."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, get_args

from services.sender.adapters.remembered import Remembered
from services.sender.adapters.resolver import Resolver
from services.sender.adapters.tls_policies import TlsPolicies
from services.sender.domain.destination import (
    Destination,
    Host,
    NoWay,
    Server,
    choices_of_sources,
    protected,
    refuse_unless_protected,
    refuse_unless_reachable,
    refuse_what_takes_no_mail,
    sites_of,
)
from services.sender.domain.dns import Lookup
from services.sender.domain.mx import Exchange, hosts_to_try, site_name
from services.sender.domain.relays import Relay, Source, relay_for, sources_for
from services.sender.domain.route import Route, Site
from services.sender.domain.tls import DomainTls, TlsaRecord
from services.sender.handlers.ports import Router
from shared.events.envelope import Stream
from shared.public_addresses import Network

MOST_DOMAINS: Final = 50_000  # remembered, in each stream


class DirectMx:
    """To the recipient's own servers. `plain` is a route without host: port, TLS, our name."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        plain: Route,
        tls: TlsPolicies,
        sources: Sequence[Source] = (),
        allowed: Sequence[Network] = (),
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._resolver = resolver
        self._plain = plain
        self._tls = tls
        self._sources = sources
        self._allowed = allowed
        self._draw = draw
        self._known = Remembered(self._learn, most=MOST_DOMAINS)

    async def site(self, domain: str, *, stream: str) -> Site:
        """The domain's servers; raises `Unroutable`."""
        found = await self._known.get((domain, stream))
        if isinstance(found, NoWay):
            raise found.unroutable()
        return found.site(draw=self._draw)

    def known_site(self, domain: str, *, stream: str) -> str:
        """The site's name when the domain was asked for before, else the domain."""
        found = self._known.peek((domain, stream))
        return found.name if isinstance(found, Destination) else domain

    async def _learn(self, key: tuple[str, str]) -> tuple[Destination | NoWay, float]:
        domain, stream = key
        (tls, tls_expires), found = await asyncio.gather(self._tls.of(domain), self._resolver.exchanges(domain))
        expires = min(found.expires, tls_expires)
        try:
            refuse_what_takes_no_mail(found)
            dane = tls.dane and found.secure
            exchanges = hosts_to_try(found.records, domain=domain)
            hosts = await asyncio.gather(*(self._host(exchange, dane=dane) for exchange in exchanges))
            expires = min(expires, *(host.expires for host in hosts))
            refuse_unless_reachable(hosts, allowed=self._allowed, implicit=not found.records)
            refuse_unless_protected(hosts, tls=tls)
            return self._destination(hosts, tls=tls, sources=sources_for(self._sources, stream=stream)), expires
        except NoWay as none:
            return none.with_traceback(None), expires

    async def _host(self, exchange: Exchange, *, dane: bool) -> Host:
        lookups = await asyncio.gather(self._resolver.ipv4(exchange.host), self._resolver.ipv6(exchange.host))
        found = [lookup for lookup in lookups if lookup.records]
        if not (dane and found and all(lookup.secure for lookup in found)):
            return Host(exchange, tuple(lookups))
        return Host(exchange, tuple(lookups), await self._tlsa(exchange.host, alias=found[0].name))

    async def _tlsa(self, host: str, *, alias: str) -> Lookup[TlsaRecord]:
        """The records of the name at the end of a chain of CNAMEs come first (RFC 7672 section 2.2.2)."""
        end = await self._resolver.tlsa(alias, port=self._plain.port)
        if alias == host or end.records or end.status == "failed":
            return end
        return await self._resolver.tlsa(host, port=self._plain.port)

    def _destination(self, hosts: Sequence[Host], *, tls: DomainTls, sources: Sequence[Source]) -> Destination:
        name, sites = site_name(host.exchange.host for host in hosts), list[Site]()
        for choice in choices_of_sources(sources):
            servers = [server for host in hosts if (server := self._server(host, tls, choice)).routes]
            sites += sites_of(name, servers, draw=self._draw) if servers else ()
        if not sites:
            raise NoWay("4.4.4", "no address of POSTLOG_SMTP_SOURCES reaches the domain's servers (IPv4, IPv6)")
        return Destination(name, tuple(sites))

    def _server(self, host: Host, tls: DomainTls, choice: Sequence[Source]) -> Server:
        route = protected(self._plain, host, tls=tls)
        if route is None:
            return Server(host.exchange.preference, ())
        routes = (
            _from_source(replace(route, address=address), choice) for address in host.addresses(allowed=self._allowed)
        )
        return Server(host.exchange.preference, tuple(route for route in routes if route.source or not choice))


class Smarthosts:
    """To the smarthosts of the first rule that fits; mail that none fits goes the way of `otherwise`."""

    def __init__(
        self,
        relays: Sequence[Relay],
        *,
        plain: Route,
        otherwise: Router,
        sources: Sequence[Source] = (),
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._relays = relays
        self._otherwise = otherwise
        self._draw = draw
        self._sites = {
            (relay, stream): tuple(_smarthosts(relay, plain, source) for source in _each(sources, stream=stream))
            for relay in relays
            for stream in get_args(Stream)
        }

    async def site(self, domain: str, *, stream: str) -> Site:
        """The smarthosts, or the domain's own servers; raises `Unroutable`."""
        relay = relay_for(self._relays, domain, stream=stream)
        if relay is None:
            return await self._otherwise.site(domain, stream=stream)
        sites = self._sites[relay, stream]
        return sites[int(self._draw() * len(sites))]

    def known_site(self, domain: str, *, stream: str) -> str:
        """Behind a smarthost the recipient's domain: we cannot know more."""
        behind = relay_for(self._relays, domain, stream=stream) is not None
        return domain if behind else self._otherwise.known_site(domain, stream=stream)


def _each(sources: Sequence[Source], *, stream: str) -> tuple[Source | None, ...]:
    return sources_for(sources, stream=stream) or (None,)


def _smarthosts(relay: Relay, plain: Route, source: Source | None) -> Site:
    routes = (
        Route(
            host=host.host,
            port=host.port,
            tls=host.tls,
            verify=host.verify,
            username=host.username,
            password=host.password.get_secret_value() if host.password else None,
            helo=source.helo if source else plain.helo,
            source=source.address if source else None,
        )
        for host in relay.hosts
    )
    return Site(name=f"{relay.hosts[0].host}:{relay.hosts[0].port}", routes=tuple(routes), relay=True)


def _from_source(route: Route, choice: Sequence[Source]) -> Route:
    source = next((each for each in choice if route.address and each.reaches(route.address)), None)
    return replace(route, source=source.address, helo=source.helo) if source else route
