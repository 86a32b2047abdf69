"""The API's composition root: settings, then adapters, then handlers, then the application; closed in reverse."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog
import uvicorn
from fastapi import FastAPI

from services.api.adapters.acknowledged import Acknowledged
from services.api.adapters.blobs import BlobParts
from services.api.adapters.controls import ControlCopy
from services.api.adapters.database import Database
from services.api.adapters.drafts import DraftRows
from services.api.adapters.keys import ApiKeys
from services.api.adapters.log import KafkaLog
from services.api.adapters.previews import PreviewRenderer
from services.api.adapters.progress import KafkaProgress
from services.api.adapters.read_models import ReadModels
from services.api.adapters.readiness import AskEverybody
from services.api.adapters.rejections import StoredRejections
from services.api.adapters.sources import RequestLog
from services.api.adapters.state import TemplateRows
from services.api.adapters.templates import TemplateCopy
from services.api.handlers.batch_controls import BatchControls
from services.api.handlers.batches import Batches
from services.api.handlers.cancel import Cancel
from services.api.handlers.destinations import Destinations
from services.api.handlers.drafts import Drafts
from services.api.handlers.emails import Emails, Rules
from services.api.handlers.intake import Intake
from services.api.handlers.operating import Operating
from services.api.handlers.previews import Previews
from services.api.handlers.queries import Queries
from services.api.handlers.refused import Refused
from services.api.handlers.reschedule import Reschedule
from services.api.handlers.resolve import Resolve
from services.api.handlers.retry import Retry
from services.api.handlers.suppressions import Suppressions
from services.api.handlers.templates import Templates
from services.api.handlers.waiting import CatchingUp
from services.api.handlers.watching import Watching
from services.api.routes.app import create_app
from services.api.routes.parts import Parts
from services.api.settings import ApiSettings
from shared import interpreter
from shared.blobs import Blobs
from shared.clock import SystemClock
from shared.db.engine import make_engine
from shared.kafka import config
from shared.kafka.admin import check_topics
from shared.kafka.producer import FutureProducer
from shared.telemetry import configure_logging

DATABASE_CONNECTIONS = 10


def run() -> None:
    """Run the API until SIGTERM or SIGINT; requests under way are finished first."""
    settings = ApiSettings()
    configure_logging(service="api", level=settings.log_level, style=settings.log_format)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # the server takes them first, and raises them once more when it ends
    app = build(settings)
    interpreter.tune()
    uvicorn.run(
        app,
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    structlog.get_logger().info("api stopped")


def build(settings: ApiSettings) -> FastAPI:
    """The application; it connects to nothing before it is started."""
    return create_app(lambda: _parts(settings), version=version("postlog"))


@asynccontextmanager
async def _parts(settings: ApiSettings) -> AsyncIterator[Parts]:
    producer = FutureProducer(config.producer(settings), timeout_ms=int(settings.api_kafka_seconds * 1000))
    engine = make_engine(settings, application="api", pool_size=DATABASE_CONNECTIONS)
    database = Database(engine, threads=DATABASE_CONNECTIONS)
    copy = TemplateCopy(settings)
    copy.start()
    controls = ControlCopy(settings)
    controls.start()
    renderer = PreviewRenderer()
    keys = ApiKeys(database, seconds=settings.api_keys_seconds)
    following = asyncio.create_task(keys.follow())
    try:
        yield _handlers(
            settings,
            producer=producer,
            database=database,
            copy=copy,
            controls=controls,
            keys=keys,
            renderer=renderer,
        )
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await asyncio.gather(
            *(asyncio.to_thread(part.close) for part in (copy, controls, producer, database, renderer))
        )


def _handlers(
    settings: ApiSettings,
    *,
    producer: FutureProducer,
    database: Database,
    copy: TemplateCopy,
    controls: ControlCopy,
    keys: ApiKeys,
    renderer: PreviewRenderer,
) -> Parts:
    read_models = ReadModels(database)
    log = KafkaLog(settings, producer=producer)
    known = Acknowledged(read_models.request_hashes)
    stored = Blobs(settings.blob_url)
    blobs, rejections = BlobParts(stored), StoredRejections(stored)
    rules = Rules(
        sending_domains=settings.sending_domains(),
        broadcast_ready=settings.postal_address is not None,
        largest=settings.api_body_limit,
    )
    templates = Templates(log=log, copy=copy, rows=TemplateRows(database))
    queries = _queries(settings, read_models)
    drafts = DraftRows(database)
    emails = Emails(rules=rules, log=log, blobs=blobs, templates=copy, known=known)
    return Parts(
        keys=keys,
        emails=emails,
        batches=Batches(rules=rules, log=log, blobs=blobs, templates=copy, known=known),
        batch_controls=BatchControls(log=log, known=known, facts=read_models, controls=controls),
        intake=Intake(
            rules=rules,
            log=log,
            blobs=blobs,
            templates=copy,
            known=known,
            facts=read_models,
            controls=controls,
            rejections=rejections,
        ),
        refused=Refused(rejections=rejections, known=known, facts=read_models),
        cancel=Cancel(log=log, known=known, facts=read_models),
        reschedule=Reschedule(log=log, known=known, facts=read_models),
        resolve=Resolve(log=log, known=known, facts=read_models),
        templates=templates,
        drafts=Drafts(rows=drafts, copy=copy, templates=templates),
        previews=Previews(copy=copy, drafts=drafts, renderer=renderer, emails=emails),
        retry=Retry(rules=rules, log=log, templates=copy, known=known, views=read_models, sources=RequestLog(settings)),
        suppressions=Suppressions(log=log, secret=settings.recipient_secret()),
        operating=Operating(log=log, controls=controls, operators=settings.operator_tenant),
        destinations=Destinations(queue=read_models, controls=controls, operators=settings.operator_tenant),
        queries=queries,
        watching=Watching(queries),
        readiness=AskEverybody(
            kafka=lambda: check_topics(settings, timeout=2), database=database, keys=keys, templates=copy
        ),
        clock=SystemClock(),
        body_limit=settings.api_body_limit,
    )


def _queries(settings: ApiSettings, read_models: ReadModels) -> Queries:
    progress = KafkaProgress(settings, sender_group=settings.sender_group)
    return Queries(read_models, CatchingUp(progress, read_models.projected, partitions=settings.partitions))
