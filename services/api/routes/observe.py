"""Around every request: a count, a line in the log, and a problem document for what nobody foresaw."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars

from services.api import metrics
from services.api.domain.errors import ApiError
from services.api.routes.answers import problem
from shared.telemetry import place_of, traceparent

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

log = structlog.get_logger()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Observe:
    """ASGI middleware. It logs the route, never the path or query: they may hold addresses.

    The trace context, the caller's or a new one, goes on as `scope["traceparent"]`; its id is in every line of the
    request, and so is what a route binds beside it (`email_id`).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and observe."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        scope["traceparent"] = traceparent(_header(scope, b"traceparent"))
        trace_id = scope["traceparent"].split("-")[1]
        clear_contextvars()  # a request may follow another in its context
        bind_contextvars(trace_id=trace_id)

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            log.error("request failed", route=_route(scope), **place_of(error))
            if status:
                raise
            await problem(ApiError("internal_error"), trace_id=trace_id)(scope, receive, watch)
        finally:
            _note(scope, status, seconds=time.perf_counter() - began)


def _note(scope: Scope, status: int, *, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "other"
    route = _route(scope)
    metrics.answered(method, route, status, seconds=seconds)
    write = log.debug if route in ("/healthz", "/readyz", "/metrics") else log.info
    write("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _route(scope: Scope) -> str:
    found: Any = scope.get("route")
    return getattr(found, "path", "none")


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None
