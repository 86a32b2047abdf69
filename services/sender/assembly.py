"""The owner's side put together from what is outside of it: `main` gives the real things, a test some of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from services.sender.adapters.changelog import Changelog
from services.sender.adapters.proofs import ProofReader
from services.sender.adapters.tables import Tables
from services.sender.consumer import Owner
from services.sender.handlers.attempts import Attempts
from services.sender.handlers.cancelling import Cancelling
from services.sender.handlers.delivery import Delivery
from services.sender.handlers.intake import RequestIntake
from services.sender.handlers.ports import Limits, Router
from services.sender.handlers.proofs import Proofs
from services.sender.handlers.reports import Reports
from services.sender.handlers.timers import Timers
from services.sender.handlers.weights import Weights
from services.sender.lease import Lease
from services.sender.limiting import Limiting
from services.sender.ownership import Ownership
from services.sender.ready import Ready
from services.sender.requests import Requests
from services.sender.settings import SenderSettings
from shared.clock import Clock
from shared.kafka.dead_letter import DeadLetterLimit
from shared.kafka.producer import TransactionalProducer

DeliveryOf = Callable[[Lease, Limits], Delivery]


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What the owner works with. `folder` is that of the cache files; the readers have been started."""

    folder: Path
    requests: Requests
    producer: Callable[[], TransactionalProducer]
    changelog: Changelog
    tables: Tables
    proofs: ProofReader
    router: Router
    reports: Reports
    dead_letters: DeadLetterLimit
    delivery_of: DeliveryOf


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """The owner, and those of its parts that others look at."""

    owner: Owner
    ownership: Ownership
    attempts: Attempts
    limits: Limits


def assemble(settings: SenderSettings, outside: Outside, *, clock: Clock) -> Assembled:
    """The owner with its books and handlers; nothing runs yet."""
    lease = Lease(clock, seconds=settings.lease_seconds)
    weights = Weights(settings.tenant_weights, controls=outside.tables)
    ready, waiting = Ready(weights.weigh), Ready()
    ownership = Ownership(
        outside.folder,
        changelog=outside.changelog,
        ready=ready,
        waiting=waiting,
        clock=clock,
        doubt_wait=timedelta(seconds=settings.lease_seconds),
    )
    limiting = Limiting(
        settings,
        controls=outside.tables,
        router=outside.router,
        ownership=ownership,
        clock=clock,
        free=lambda: attempts.room,
    )
    attempts = Attempts(
        settings,
        ready=ready,
        tables=outside.tables,
        delivery=outside.delivery_of(lease, limiting.limits),
        router=outside.router,
        limits=limiting.limits,
        batch_rates=limiting.batch_rates,
        clock=clock,
        epochs=ownership.epochs,
        report_late=outside.reports.late,
    )
    owner = Owner(
        settings,
        requests=outside.requests,
        producer=outside.producer,
        ownership=ownership,
        clock=clock,
        lease=lease,
        intake=_intake(settings, outside, clock=clock),
        timers=_timers(settings, outside, waiting=waiting, clock=clock),
        attempts=attempts,
        limiting=limiting,
        cancelling=Cancelling(controls=outside.tables, tables=ownership.tables, clock=clock),
    )
    return Assembled(owner=owner, ownership=ownership, attempts=attempts, limits=limiting.limits)


def _intake(settings: SenderSettings, outside: Outside, *, clock: Clock) -> RequestIntake:
    ends, limit = outside.requests.ends, outside.dead_letters
    return RequestIntake(settings, tables=outside.tables, clock=clock, ends=ends, limit=limit)


def _timers(settings: SenderSettings, outside: Outside, *, waiting: Ready, clock: Clock) -> Timers:
    proofs, positions = Proofs(outside.proofs, clock=clock), outside.requests.positions
    return Timers(settings, waiting=waiting, clock=clock, positions=positions, proofs=proofs)
