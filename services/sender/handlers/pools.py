"""Connections kept and shared: a pool for each site, within its limit and within the limit of all."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Final, NamedTuple

from services.sender.domain.route import ConnectFailed, Route, Site
from services.sender.handlers.ports import Connection, Connector

IDLE_SECONDS: Final = 30.0  # an unused connection is closed after this
SPARE: Final = 10  # one connection in so many is for urgent mail only
AVOID_SECONDS: Final = 60.0  # a route that failed is tried after the others for so long
Waiter = asyncio.Future[Connection | None]


class Key(NamedTuple):
    """Whom a connection may serve: sites of this name and pool."""

    name: str
    pool: int
    relay: bool


class Pools:
    """For the delivery's event loop alone. `most` connections in all; `limit_of` says how many a site may have.

    Who waits is served in order, per site: with a connection that comes free, or with the room for a new one. What is
    urgent comes before the rest, which leaves one connection in `SPARE` alone.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        most: int,
        mails_per_connection: int,
        limit_of: Callable[[str], int],
    ) -> None:
        self._connector = connector
        self._most = most
        self._mails = mails_per_connection
        self._limit_of = limit_of
        self._open: Counter[str] = Counter()
        self._total = 0
        self._idle: OrderedDict[Connection, float] = OrderedDict()  # since when; the longest unused first
        self._idle_of: dict[Key, list[Connection]] = {}
        self._key_of: dict[Connection, Key] = {}
        self._waiting: OrderedDict[Key, deque[Waiter]] = OrderedDict()
        self._avoid: dict[Route, float] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def open(self) -> int:
        """Connections open, or being opened; may be asked from another thread."""
        return self._total

    async def acquire(self, site: Site, *, urgent: bool = False, fresh: bool = False) -> Connection:
        """A connection to the site, to be given back. Raises `ConnectFailed`."""
        key = Key(site.name, site.pool, site.relay)
        most = self._most if urgent else self._most - self._most // SPARE
        while True:
            if self._total - len(self._idle) < most:
                connection = None if fresh else self._kept(key)
                if connection is not None:
                    return connection
                if self._room_at(key) and self._room():
                    return await self._connect(site, key)
            given = await self._turn(key, urgent=urgent)
            if given is not None:
                return given

    def release(self, connection: Connection) -> None:
        """Give a connection back: to who waits for it, else it is kept for a while."""
        key = self._key_of[connection]
        if not connection.usable or connection.mails >= self._mails:
            self._discard(connection)
            return
        waiter = self._next(key)
        if waiter is not None:
            waiter.set_result(connection)
        elif self._waiting and (self._total >= self._most or any(other.name == key.name for other in self._waiting)):
            self._discard(connection)  # who waits is of another site or pool
        else:
            self._keep(connection, key)
            self._wake(key.name)

    async def close(self) -> None:
        """Say QUIT on all kept connections."""
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._idle):
            self._drop_idle(connection)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _kept(self, key: Key) -> Connection | None:
        while kept := self._idle_of.get(key):
            connection = kept.pop()
            del self._idle[connection]
            if connection.usable:
                return connection
            self._discard(connection)
        return None

    def _keep(self, connection: Connection, key: Key) -> None:
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.time()
        self._idle_of.setdefault(key, []).append(connection)
        if self._timer is None:
            self._timer = loop.call_later(IDLE_SECONDS, self._close_unused)

    def _close_unused(self) -> None:
        loop = asyncio.get_running_loop()
        while self._idle and (oldest := next(iter(self._idle.items())))[1] <= loop.time() - IDLE_SECONDS:
            self._drop_idle(oldest[0])
        self._timer = loop.call_later(IDLE_SECONDS / 4, self._close_unused) if self._idle else None

    def _drop_idle(self, connection: Connection) -> None:
        del self._idle[connection]
        key = self._key_of[connection]
        self._idle_of[key].remove(connection)
        if not self._idle_of[key]:
            del self._idle_of[key]
        self._discard(connection)

    def _room_at(self, key: Key) -> bool:
        """Whether the site may have one more connection; an unused one of its other pools makes room."""
        if self._full(key):
            unused = next((each for each in self._idle if self._key_of[each].name == key.name), None)
            if unused is not None:
                self._drop_idle(unused)
        return not self._full(key)

    def _full(self, key: Key) -> bool:
        return not key.relay and self._open[key.name] >= self._limit_of(key.name)

    def _room(self) -> bool:
        """Whether one more connection may be opened; an unused one of another site makes room."""
        if self._total >= self._most and self._idle:
            self._drop_idle(next(iter(self._idle)))
        return self._total < self._most

    async def _connect(self, site: Site, key: Key) -> Connection:
        self._open[site.name] += 1
        self._total += 1
        try:
            connection = await self._by_a_route(site)
        except BaseException:
            self._gone(site.name)
            raise
        self._key_of[connection] = key
        return connection

    async def _by_a_route(self, site: Site) -> Connection:
        """By the first route that works; those that failed lately come last."""
        now = asyncio.get_running_loop().time()
        routes = sorted(site.routes, key=lambda route: self._avoid.get(route, 0.0) > now)
        for route in routes[:-1]:
            try:
                return await self._connector.connect(route)
            except ConnectFailed:
                self._avoid = {each: until for each, until in self._avoid.items() if until > now}
                self._avoid[route] = now + AVOID_SECONDS
        return await self._connector.connect(routes[-1])

    async def _turn(self, key: Key, *, urgent: bool) -> Connection | None:
        """Wait for a connection, or (None) for the chance of one."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        line = self._waiting.setdefault(key, deque())
        if urgent:
            line.appendleft(waiter)
        else:
            line.append(waiter)
        return await waiter

    def _next(self, key: Key) -> Waiter | None:
        waiting = self._waiting.get(key)
        found = None
        while waiting and (found is None or found.done()):
            found = waiting.popleft()
        if waiting is not None and not waiting:
            del self._waiting[key]
        return None if found is None or found.done() else found

    def _discard(self, connection: Connection) -> None:
        self._gone(self._key_of.pop(connection).name)
        closing = asyncio.get_running_loop().create_task(connection.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _gone(self, site: str) -> None:
        """There is room for one more: at this site, and in all."""
        self._open[site] -= 1
        if not self._open[site]:
            del self._open[site]
        self._total -= 1
        self._wake(site)

    def _wake(self, site: str) -> None:
        """Give the chance of a connection to somebody who waits, at this site before all others."""
        for key in sorted(self._waiting, key=lambda key: key.name != site):
            waiter = None if self._full(key) else self._next(key)
            if waiter is not None:
                waiter.set_result(None)
                return
