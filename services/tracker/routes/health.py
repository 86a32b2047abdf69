"""`/healthz`, `/readyz`, `/metrics`."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.tracker.routes.asgi import Request
from services.tracker.routes.pages import Answer, answer

_JSON: Final = b"application/json"
_KAFKA_ASKED_EVERY: Final = 5.0  # seconds: the address may be open to anyone

Check = Callable[[], str | None]


class Alive:
    """The process answers."""

    methods = frozenset({"GET", "HEAD"})

    async def __call__(self, request: Request) -> Answer:
        """Always 200."""
        return answer(200, b'{"alive": true}', kind=_JSON)


class Ready:
    """Ready means that hits can be kept: Kafka's absence is told, and is no reason to send readers away (P11)."""

    methods = frozenset({"GET", "HEAD"})

    def __init__(self, *, spool: Check, kafka: Check) -> None:
        self._spool = spool
        self._kafka = kafka
        self._kafka_said: str | None = None
        self._kafka_asked = float("-inf")
        self._asking = asyncio.Lock()

    async def __call__(self, request: Request) -> Answer:
        """200 or 503, with a sentence for each check."""
        spool, kafka = await asyncio.to_thread(self._spool), await self._ask_kafka()
        body = {"ready": spool is None, "checks": {"spool": spool or "ok", "kafka": kafka or "ok"}}
        return answer(200 if spool is None else 503, json.dumps(body).encode(), kind=_JSON)

    async def _ask_kafka(self) -> str | None:
        async with self._asking:
            if time.monotonic() - self._kafka_asked > _KAFKA_ASKED_EVERY:
                self._kafka_said = await asyncio.to_thread(self._kafka)
                self._kafka_asked = time.monotonic()
        return self._kafka_said


class Metrics:
    """Prometheus metrics."""

    methods = frozenset({"GET", "HEAD"})

    async def __call__(self, request: Request) -> Answer:
        """All of this process's metrics."""
        return answer(200, generate_latest(), kind=CONTENT_TYPE_LATEST.encode())
