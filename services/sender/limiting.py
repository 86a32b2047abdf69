"""Puts the limits of destinations together: settings, rules on replies, the copy of `email.controls`."""

from collections.abc import Callable, Mapping
from functools import partial

from services.sender.adapters.reply_rules import load_rules
from services.sender.domain.broker_time import BrokerTime
from services.sender.domain.relays import sources_for
from services.sender.domain.shares import Share
from services.sender.group import Group
from services.sender.handlers.batch_rates import BatchRates
from services.sender.handlers.flushes import Flushes
from services.sender.handlers.imposing import Imposing
from services.sender.handlers.last_words import Controls
from services.sender.handlers.limits import Limits
from services.sender.handlers.ports import Router
from services.sender.handlers.warming import Warming
from services.sender.ownership import Ownership
from services.sender.settings import SenderSettings
from shared.clock import Clock


class Shares:
    """Which of all partitions are ours: the same object until they move. `epochs` has those owned."""

    def __init__(self, epochs: Mapping[int, int], *, partitions: int) -> None:
        self._epochs = epochs
        self._share = Share(owned=frozenset(), partitions=partitions)

    def __call__(self) -> Share:
        """Today's share."""
        if self._epochs.keys() != self._share.owned:
            self._share = Share(owned=frozenset(self._epochs), partitions=self._share.partitions)
        return self._share


class Limiting:
    """The limits of a sender, and what is due about them in every step of the owner."""

    def __init__(
        self,
        settings: SenderSettings,
        *,
        controls: Controls,
        router: Router,
        ownership: Ownership,
        clock: Clock,
        free: Callable[[], int],
    ) -> None:
        tenant, share = settings.operator_tenant, Shares(ownership.epochs, partitions=settings.partitions)
        site_of = partial(router.known_site, stream="transactional")
        self._clock = clock
        self.broker_time = BrokerTime()
        self.batch_rates = BatchRates(controls=controls, share=share, broker_time=self.broker_time)
        self._flushes = Flushes(
            controls=controls, tables=ownership.tables, operators=tenant, site_of=site_of, clock=clock
        )
        self.limits = Limits(
            settings,
            controls=controls,
            free=free,
            share=share,
            broker_time=self.broker_time,
            site_of=site_of,
            imposing=Imposing(load_rules(settings.reply_rules), controls=controls, tenant=tenant),
            warming=_warming(settings, controls=controls, share=share),
        )

    def handle(self, group: Group) -> None:
        """Carry out what operators flush, reserve what warm-up lets go."""
        self._flushes.handle(group)
        self.limits.handle(group, now=self._clock.now().timestamp())


def _warming(settings: SenderSettings, *, controls: Controls, share: Shares) -> Warming:
    return Warming(
        settings.warm_up,
        controls=controls,
        share=share,
        addresses_of=lambda stream: [each.address for each in sources_for(settings.smtp_sources, stream=stream)],
        tenant=settings.operator_tenant,
    )
