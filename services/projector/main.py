"""The projector's composition root: settings, then adapters, then handlers, then the loop; closed in reverse."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from confluent_kafka import Consumer

from services.projector.adapters.dead_letters import DeadLetters
from services.projector.adapters.read_models import open_live
from services.projector.consumer import Projector
from services.projector.handlers.applying import Applier
from services.projector.settings import ProjectorSettings
from shared.db.engine import make_engine
from shared.kafka import config
from shared.kafka.admin import check_topics
from shared.kafka.producer import FutureProducer
from shared.telemetry import configure_logging, serve_admin
from shared.topics import DEAD_LETTERS

YOUNG_OBJECTS: Final = 200_000  # a batch makes many objects and no cycles: looking for them costs a tenth of the time

log = structlog.get_logger()


def run() -> None:
    """Run one projector until SIGTERM or SIGINT."""
    settings = ProjectorSettings()
    configure_logging(service="projector", level=settings.log_level, style=settings.log_format)
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    with composed(settings) as projector:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: projector.stop())
        projector.run()
    log.info("projector stopped")


@contextmanager
def composed(settings: ProjectorSettings) -> Iterator[Projector]:
    """A projector with all its parts, its admin port served; to be run."""
    engine = make_engine(settings, application="projector", pool_size=1)
    plain = FutureProducer(config.producer(settings))
    divert = DeadLetters(plain, topic=settings.topic(DEAD_LETTERS.name), limit=settings.dead_letter_limit)
    group = config.consumer(settings, group_id=settings.topic(settings.projector_group))
    projector = Projector(
        settings,
        consumer=Consumer(group | {"session.timeout.ms": 6000}),  # a killed one's partitions move on after so long
        open_models=lambda: open_live(engine),
        applier=Applier(divert=divert, name_of=settings.plain_topic),
    )
    admin = serve_admin(host=settings.admin_host, port=settings.admin_port, checks=lambda: _checks(settings, projector))
    try:
        yield projector
    finally:
        admin.shutdown()
        admin.server_close()
        plain.close()
        engine.dispose()


def _checks(settings: ProjectorSettings, projector: Projector) -> dict[str, str | None]:
    topics = check_topics(settings)
    return {
        "kafka": topics[0] if topics else None,
        "partitions": None if projector.joined else "no partitions assigned yet",
        "read models": projector.trouble,
        "facts": projector.blocked,
    }
