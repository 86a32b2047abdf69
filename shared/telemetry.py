"""Logs, trace context and the admin port. No address, name, key or body ever goes into a log or a metric label."""

import json
import logging
import re
import secrets
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from structlog.typing import EventDict

Checks = Callable[[], dict[str, str | None]]
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def configure_logging(*, service: str, level: str, style: str) -> None:
    """JSON lines to standard error, each with the service's name, or text for people."""
    renderer: Any = structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer()

    def add_service(_: object, __: str, line: EventDict) -> EventDict:
        return {"service": service, **line}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            add_service,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def traceparent(given: str | None) -> str:
    """The caller's trace context (W3C) if it is well-formed, else a new one: malformed never fails a request."""
    if given is not None and _TRACEPARENT.fullmatch(given):
        return given
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def trace_id(traceparent: str | None) -> str | None:
    """The trace id within a trace context, for log lines."""
    return None if traceparent is None else traceparent.split("-")[1]


def readiness(checks: dict[str, str | None]) -> tuple[int, bytes]:
    """HTTP status and JSON body for `/readyz`: a check is None when all is well, else a sentence."""
    ready = all(value is None for value in checks.values())
    body = {"ready": ready, "checks": {name: value or "ok" for name, value in checks.items()}}
    return (200 if ready else 503), json.dumps(body).encode()


def serve_admin(*, host: str, port: int, checks: Checks) -> ThreadingHTTPServer:
    """Answer /healthz, /readyz and /metrics in a thread of their own; `shutdown()` ends it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path:
                case "/healthz":
                    self._answer(200, b'{"alive": true}')
                case "/readyz":
                    self._answer(*readiness(checks()))
                case "/metrics":
                    self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
                case _:
                    self._answer(404, b'{"title": "no such page: /healthz, /readyz or /metrics"}')

        def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Health checks are not worth a line."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="admin", daemon=True).start()
    return server


def place_of(error: BaseException) -> dict[str, Any]:
    """What failed and where, for a log line; never the message, which may quote personal data."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return {
        "error": type(error).__qualname__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
