"""The sender's composition root: settings, then adapters, then handlers, then the owner; closed in reverse."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from confluent_kafka import Consumer, Message

from services.sender import metrics
from services.sender.adapters.changelog import Changelog
from services.sender.adapters.dkim import Signer
from services.sender.adapters.mx import DirectMx, Smarthosts
from services.sender.adapters.prepare import MailPreparer
from services.sender.adapters.resolver import Resolver
from services.sender.adapters.slot import Slot, claim
from services.sender.adapters.smtp import Connector
from services.sender.adapters.tables import Tables
from services.sender.adapters.templates import Renderer
from services.sender.consumer import Owner
from services.sender.domain.attempt import Ended
from services.sender.handlers.attempts import Attempts
from services.sender.handlers.delivery import Delivery, Job
from services.sender.handlers.intake import RequestIntake
from services.sender.handlers.timers import Timers
from services.sender.lease import Lease
from services.sender.ready import Ready
from services.sender.settings import SenderSettings
from shared import commands
from shared.blobs import Blobs
from shared.clock import SystemClock
from shared.commands import ReportOutcome
from shared.kafka import config
from shared.kafka.admin import check_topics
from shared.kafka.dead_letter import dead_letter
from shared.kafka.producer import FutureProducer, TransactionalProducer
from shared.telemetry import configure_logging, serve_admin
from shared.topics import DEAD_LETTERS, REQUESTS

log = structlog.get_logger()


def run() -> None:
    """Run one sender until SIGTERM or SIGINT."""
    settings = SenderSettings()
    configure_logging(level=settings.log_level, style=settings.log_format)
    slot = claim(settings.sender_data)
    with _sender(settings, slot) as owner:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: owner.stop())
        log.info("sender ready to own partitions", slot=slot.number)
        owner.run()
    log.info("sender stopped")


@contextmanager
def _sender(settings: SenderSettings, slot: Slot) -> Iterator[Owner]:
    clock = SystemClock()
    plain = FutureProducer(config.producer(settings))

    def unreadable(message: Message, reason: str) -> None:
        key, value, headers = dead_letter(message, reason=reason)
        plain.send(settings.topic(DEAD_LETTERS.name), key=key, value=value, headers=headers)

    def report_late(job: Job, ended: Ended) -> None:
        command = _late_report(job, ended)
        key = str(command.email_id).encode()
        plain.send(settings.topic(REQUESTS.name), key=key, value=commands.encode(command))

    tables = Tables(settings, unreadable=unreadable)
    tables.start(timeout=60)
    renderer = Renderer(time_limit=settings.render_seconds, memory_mb=settings.render_memory_mb)
    renderer.start()
    lease, ready = Lease(clock, seconds=settings.lease_seconds), Ready()
    delivery = Delivery(
        connections=settings.smtp_connections,
        mails_per_connection=settings.smtp_mails_per_connection,
        preparer=_preparer(settings, tables=tables, renderer=renderer),
        router=_router(settings),
        connector=Connector(settings.timeouts()),
        lease=lease,
    )
    owner = _owner(settings, slot, clock=clock, lease=lease, ready=ready)
    attempts = Attempts(settings, ready=ready, tables=tables, delivery=delivery, clock=clock, report_late=report_late)
    owner.attach(
        intake=RequestIntake(settings, tables=tables, clock=clock, ends=owner.ends),
        timers=Timers(settings, ready=ready, clock=clock, positions=owner.positions),
        attempts=attempts,
    )
    metrics.in_hand.set_function(lambda: attempts.busy)
    delivery.start()
    admin = serve_admin(
        host=settings.admin_host, port=settings.admin_port, checks=lambda: _checks(settings, owner, tables)
    )
    try:
        yield owner
    finally:
        admin.shutdown()
        delivery.close()
        renderer.close()
        tables.close()
        plain.close()


def _owner(settings: SenderSettings, slot: Slot, *, clock: SystemClock, lease: Lease, ready: Ready) -> Owner:
    member: dict[str, Any] = {"group.instance.id": slot.name, "session.timeout.ms": 6000}
    consumer = Consumer(config.consumer(settings, group_id=settings.topic(settings.sender_group)) | member)
    transactional_id = f"{settings.topic_prefix}{settings.sender_group}-{slot.name}"
    return Owner(
        settings,
        consumer=consumer,
        producer=lambda: TransactionalProducer(config.transactional(settings, transactional_id=transactional_id)),
        changelog=Changelog(settings),
        folder=slot.folder,
        clock=clock,
        lease=lease,
        ready=ready,
    )


def _router(settings: SenderSettings) -> Smarthosts:
    plain, sources = settings.mx_route(), settings.smtp_sources
    direct = DirectMx(Resolver(settings.dns()), plain=plain, sources=sources, allowed=settings.allowed_networks())
    return Smarthosts(settings.relays(), plain=plain, otherwise=direct, sources=sources)


def _preparer(settings: SenderSettings, *, tables: Tables, renderer: Renderer) -> MailPreparer:
    return MailPreparer(
        settings,
        tables=tables,
        renderer=renderer,
        signer=Signer(settings.dkim, signed_headers=settings.dkim_signed_headers.split(",")),
        blobs=Blobs(settings.blob_url),
        keys=settings.keys(),
    )


def _late_report(job: Job, ended: Ended) -> ReportOutcome:
    outcome = "deferred" if ended.kind == "cut" else ended.kind
    return ReportOutcome(
        email_id=job.email_id,
        tenant=job.email.request.tenant,
        by="sender",
        attempt=job.email.attempt + 1,
        outcome=outcome,  # type: ignore[arg-type]  # only these three kinds are reported
        result=ended.result,
    )


def _checks(settings: SenderSettings, owner: Owner, tables: Tables) -> dict[str, str | None]:
    topics = check_topics(settings)
    return {
        "kafka": topics[0] if topics else None,
        "partitions": None if owner.assigned else "no partitions assigned yet",
        "suppressions": None if tables.current() else "the copy of the suppressions is not current: mail waits",
    }
