"""The sender's composition root: settings, then adapters, then handlers, then the owner; closed in reverse."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, get_args

import structlog
from confluent_kafka import Consumer

from services.sender import metrics
from services.sender.adapters import dane
from services.sender.adapters.changelog import Changelog
from services.sender.adapters.counted import CountedConnector
from services.sender.adapters.dkim import Signer
from services.sender.adapters.https import Https
from services.sender.adapters.mta_sts import MtaSts
from services.sender.adapters.mx import DirectMx, Smarthosts
from services.sender.adapters.prepare import MailPreparer
from services.sender.adapters.proofs import ProofReader
from services.sender.adapters.resolver import Resolver
from services.sender.adapters.slot import Slot, claim
from services.sender.adapters.smtp import Connector
from services.sender.adapters.sts_policies import StsPolicies
from services.sender.adapters.survey import Survey
from services.sender.adapters.tables import Tables
from services.sender.adapters.tls_counts import TlsCounts
from services.sender.adapters.tls_policies import TlsPolicies
from services.sender.adapters.tls_reports import TlsReports
from services.sender.assembly import Assembled, Outside, assemble
from services.sender.consumer import Owner
from services.sender.handlers.delivery import Delivery
from services.sender.handlers.pools import Pools
from services.sender.handlers.ports import Limits
from services.sender.handlers.reports import Reports
from services.sender.lease import Lease
from services.sender.renewal import renew_on_hangup
from services.sender.requests import Requests
from services.sender.settings import SenderSettings
from shared import interpreter
from shared.blobs import Blobs
from shared.clock import SystemClock
from shared.events.envelope import Stream
from shared.kafka import config
from shared.kafka.admin import check_topics
from shared.kafka.dead_letter import DeadLetterLimit
from shared.kafka.producer import FutureProducer, TransactionalProducer
from shared.rendering.renderer import Renderer
from shared.telemetry import configure_logging, serve_admin
from shared.topics import CO_PARTITIONED, REQUESTS, REQUESTS_BULK

log = structlog.get_logger()


def run() -> None:
    """Run one sender until SIGTERM or SIGINT."""
    settings = SenderSettings()
    configure_logging(service="sender", level=settings.log_level, style=settings.log_format)
    slot = claim(settings.sender_data)
    with _sender(settings, slot) as owner:
        interpreter.tune()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: owner.stop())
        log.info("sender ready to own partitions", slot=slot.number)
        owner.run()
    log.info("sender stopped")


@contextmanager
def _sender(settings: SenderSettings, slot: Slot) -> Iterator[Owner]:
    clock = SystemClock()
    with ExitStack() as parts:
        outside = _outside(settings, slot, parts, clock=clock)
        assembled = assemble(settings, outside, clock=clock)
        _watch(assembled, tables=outside.tables, clock=clock)
        checks = partial(_checks, settings, assembled.owner, outside.tables)
        port = settings.admin_port + slot.number  # so that several senders can share a machine and its settings
        parts.callback(serve_admin(host=settings.admin_host, port=port, checks=checks).shutdown)
        yield assembled.owner


def _outside(settings: SenderSettings, slot: Slot, parts: ExitStack, *, clock: SystemClock) -> Outside:
    """The owner's surroundings, started; `parts` closes them."""
    plain = FutureProducer(config.producer(settings))
    parts.callback(plain.close)
    limit = DeadLetterLimit(settings.dead_letter_limit)
    reports = Reports(settings, plain, limit=limit)
    tables = Tables(settings, unreadable=reports.unreadable, operators=settings.operator_tenant)
    parts.callback(tables.close)
    tables.start(timeout=60)
    changelog = Changelog(settings, unreadable=reports.unreadable)
    parts.callback(changelog.close)
    proofs = ProofReader(settings, clock=clock)
    parts.callback(proofs.close)
    proofs.start()
    router = _router(settings, slot)
    connector = _connector(settings, slot, parts, reports=reports, clock=clock)

    def delivery_of(lease: Lease, limits: Limits) -> Delivery:
        pools = _pools(settings, connector, limits=limits)
        metrics.watch_connections(lambda: pools.open)
        return _delivery(settings, parts, tables=tables, router=router, pools=pools, lease=lease, clock=clock)

    return Outside(
        folder=slot.folder,
        requests=_requests(settings, slot, clock=clock),
        producer=_producer(settings, slot),
        changelog=changelog,
        tables=tables,
        proofs=proofs,
        router=router,
        reports=reports,
        dead_letters=limit,
        delivery_of=delivery_of,
    )


def _watch(assembled: Assembled, *, tables: Tables, clock: SystemClock) -> None:
    """What is asked whenever somebody asks for metrics."""
    ownership, attempts = assembled.ownership, assembled.attempts
    metrics.watch(
        partitions=lambda: len(ownership.tables),
        in_hand=lambda: attempts.busy,
        dialogues=lambda: attempts.speaking,
        suppressions_age=tables.suppressions_age,
    )
    survey = Survey(
        lambda: [(number, table.path) for number, table in list(ownership.tables.items())],
        paused=lambda key: tables.paused(
            tenant=key.tenant, stream=key.stream, batch=key.batch, destination=key.destination
        ),
        clock=clock,
    )
    metrics.watch_doubts(survey.in_doubt)
    for stream in get_args(Stream):
        metrics.watch_open(stream, emails=partial(survey.waiting, stream), oldest_due=partial(survey.overdue, stream))


def _delivery(
    settings: SenderSettings,
    parts: ExitStack,
    *,
    tables: Tables,
    router: Smarthosts,
    pools: Pools,
    lease: Lease,
    clock: SystemClock,
) -> Delivery:
    renderer = Renderer(time_limit=settings.render_seconds, memory_mb=settings.render_memory_mb)
    parts.callback(renderer.close)
    renderer.start()
    delivery = Delivery(
        connections=settings.smtp_connections,
        preparer=_preparer(settings, tables=tables, renderer=renderer),
        router=router,
        pools=pools,
        lease=lease,
        clock=clock,
    )
    parts.callback(delivery.close)
    delivery.start()
    return delivery


def _pools(settings: SenderSettings, connector: Connector | CountedConnector, *, limits: Limits) -> Pools:
    return Pools(
        connector,
        most=settings.smtp_connections,
        mails_per_connection=settings.smtp_mails_per_connection,
        limit_of=limits.connections,
    )


def _connector(
    settings: SenderSettings, slot: Slot, parts: ExitStack, *, reports: Reports, clock: SystemClock
) -> Connector | CountedConnector:
    connector, submitter = Connector(settings.timeouts(), verify_peer=dane.prove), settings.submitter(slot.name)
    if submitter is None:
        return connector
    file, resolver = slot.folder / "tls-counts.sqlite3", Resolver(settings.dns())
    tls_reports = TlsReports(
        TlsCounts(file, clock=clock),
        resolver=resolver,
        https=Https(resolver),
        submitter=submitter,
        tenant=settings.operator_tenant,
        send=reports.ask,
        clock=clock,
    )
    parts.callback(tls_reports.close)
    tls_reports.start()
    return CountedConnector(connector, TlsCounts(file, clock=clock).add)


def _requests(settings: SenderSettings, slot: Slot, *, clock: SystemClock) -> Requests:
    reading = config.consumer(settings, group_id=settings.topic(settings.sender_group))
    member: dict[str, Any] = {"group.instance.id": slot.name, "session.timeout.ms": 6000}
    topics = (settings.topic(REQUESTS.name), settings.topic(REQUESTS_BULK.name))
    return Requests(Consumer(reading | member), Consumer(reading), topics=topics, clock=clock)


def _producer(settings: SenderSettings, slot: Slot) -> Callable[[], TransactionalProducer]:
    transactional_id = f"{settings.topic_prefix}{settings.sender_group}-{slot.name}"
    places = [(settings.topic(each.name), number) for each in CO_PARTITIONED for number in range(settings.partitions)]

    def make() -> TransactionalProducer:
        producer = TransactionalProducer(config.transactional(settings, transactional_id=transactional_id))
        producer.settle(places)
        return producer

    return make


def _router(settings: SenderSettings, slot: Slot) -> Smarthosts:
    resolver, plain, sources = Resolver(settings.dns()), settings.mx_route(), settings.smtp_sources
    sts = MtaSts(resolver, Https(resolver), policies=StsPolicies(slot.folder / "mta-sts.sqlite3"))
    tls = TlsPolicies(sts, rules=settings.tls_domains, usual=plain)
    direct = DirectMx(resolver, plain=plain, tls=tls, sources=sources, allowed=settings.allowed_networks())
    return Smarthosts(settings.relays(), plain=plain, otherwise=direct, sources=sources)


def _preparer(settings: SenderSettings, *, tables: Tables, renderer: Renderer) -> MailPreparer:
    signer = Signer(settings.dkim, signed_headers=settings.dkim_signed_headers.split(","))
    renew_on_hangup(signer, read=lambda: SenderSettings().dkim)
    return MailPreparer(
        settings,
        tables=tables,
        renderer=renderer,
        signer=signer,
        blobs=Blobs(settings.blob_url),
        keys=settings.keys(),
    )


def _checks(settings: SenderSettings, owner: Owner, tables: Tables) -> dict[str, str | None]:
    topics = check_topics(settings)
    return {
        "kafka": topics[0] if topics else None,
        "partitions": None if owner.assigned else "no partitions assigned yet",
        "suppressions": None if tables.current() else "the copy of the suppressions is not current: mail waits",
    }
