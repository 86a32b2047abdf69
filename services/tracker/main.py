"""The tracker's composition root: settings, then adapters, then handlers, then routes; closed in reverse."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
import uvicorn
import uvloop

from services.tracker import metrics
from services.tracker.adapters.http import BoundedHttp
from services.tracker.adapters.outbox import Outbox
from services.tracker.adapters.spool import Spool
from services.tracker.handlers.reports import Reports
from services.tracker.routes.asgi import App
from services.tracker.routes.click import Click
from services.tracker.routes.health import Alive, Metrics, Ready
from services.tracker.routes.pixel import Pixel
from services.tracker.routes.unsubscribe import Unsubscribe
from services.tracker.settings import TrackerSettings
from shared.clock import SystemClock
from shared.kafka import config
from shared.kafka.admin import check_topics
from shared.kafka.producer import FutureProducer
from shared.telemetry import configure_logging

BURST_SECONDS: Final = 60.0
KAFKA_MS: Final = 5000  # a record not acknowledged by then is sent again from the spool

log = structlog.get_logger()


def run() -> None:
    """Run the tracker until SIGTERM or SIGINT."""
    settings = TrackerSettings()
    configure_logging(service="tracker", level=settings.log_level, style=settings.log_format)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # the server takes them first, and raises them once more when it ends
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))
    log.info("tracker stopped")


async def _serve(settings: TrackerSettings) -> None:
    async with _outbox(settings) as outbox, asyncio.TaskGroup() as chores:
        reports = Reports(keys=settings.keys(), outbox=outbox, clock=SystemClock(), ip_policy=settings.ip_policy)
        minutely = chores.create_task(_every(BURST_SECONDS, reports.tell_bursts))
        log.info("tracker listens", host=settings.tracker_host, port=settings.tracker_port)
        await uvicorn.Server(_http(settings, _app(settings, reports=reports, outbox=outbox))).serve()
        minutely.cancel()
        reports.tell_bursts()


@asynccontextmanager
async def _outbox(settings: TrackerSettings) -> AsyncIterator[Outbox]:
    limit = settings.spool_max_mb * 1024 * 1024
    spool = Spool(settings.spool_dir, max_bytes=limit)
    metrics.watch_spool(spool.size, limit=limit)
    producer = FutureProducer(config.producer(settings), timeout_ms=KAFKA_MS)
    outbox = Outbox(spool=spool, producer=producer, topic=settings.topic)
    outbox.start()
    try:
        yield outbox
    finally:
        await outbox.close(seconds=settings.stop_seconds)


def _app(settings: TrackerSettings, *, reports: Reports, outbox: Outbox) -> App:
    return App(
        {
            "o": Pixel(reports),
            "c": Click(reports),
            "u": Unsubscribe(reports),
            "healthz": Alive(),
            "readyz": Ready(spool=outbox.check, kafka=lambda: "; ".join(check_topics(settings, timeout=1)) or None),
            "metrics": Metrics(),
        }
    )


def _http(settings: TrackerSettings, app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.tracker_host,
        port=settings.tracker_port,
        http=BoundedHttp,
        ws="none",
        lifespan="off",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        access_log=False,  # tokens are in the paths
        log_config=None,
        log_level="error",
        limit_concurrency=settings.tracker_connections,
        timeout_graceful_shutdown=int(settings.stop_seconds) + 1,
    )


async def _every(seconds: float, chore: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        chore()
