"""Plain ASGI: one request in, one answer out. The pixel is worth more requests a second than a framework leaves."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from services.tracker.handlers.reports import Reader
from services.tracker.routes.pages import BAD_REQUEST, NOT_FOUND, TOO_LARGE, TOO_LONG, TOO_SLOW, Answer, not_allowed

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

PATH_CHARS: Final = 8192  # a token carries one URL
BODY_BYTES: Final = 4096
BODY_SECONDS: Final = 5.0


class BadBody(Exception):
    """The request's body is not to be had; `answer` says so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True)
class Request:
    """One request; `rest` is the path after the first slash that follows the route's name."""

    scope: Scope
    receive: Receive
    rest: str

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self.scope["method"])

    def header(self, name: bytes) -> bytes | None:
        """The first header of that (lower-case) name."""
        return next((value for key, value in self._headers() if key == name), None)

    def _headers(self) -> Iterable[tuple[bytes, bytes]]:
        return cast(Iterable[tuple[bytes, bytes]], self.scope["headers"])

    def reader(self) -> Reader:
        """Who asks, as far as the request says."""
        client = self.scope.get("client")
        peer = client[0] if client else None
        return Reader(self.method, self.header(b"user-agent"), peer, self.header(b"traceparent"))

    async def body(self) -> bytes:
        """The whole body. Raises `BadBody` past 4 KiB or 5 seconds, or when the client goes away."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._body()
        except TimeoutError:
            raise BadBody(TOO_SLOW) from None

    async def _body(self) -> bytes:
        found: bytes = b""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise BadBody(BAD_REQUEST)
            found += message.get("body", b"")
            if len(found) > BODY_BYTES:
                raise BadBody(TOO_LARGE)
            if not message.get("more_body", False):
                return found


class Route(Protocol):
    """What answers below one name."""

    methods: frozenset[str]

    async def __call__(self, request: Request) -> Answer:
        """Answer a request of one of the methods."""


class App:
    """The ASGI application: finds the route by the first part of the path."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await self._answer(scope, receive)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if len(scope["path"]) > PATH_CHARS:
            return TOO_LONG
        name, _, rest = scope["path"][1:].partition("/")
        route = self._routes.get(name)
        if route is None:
            return NOT_FOUND
        if scope["method"] not in route.methods:
            return not_allowed(route.methods)
        try:
            return await route(Request(scope, receive, rest))
        except BadBody as bad:
            return bad.answer
