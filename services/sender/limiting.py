"""Puts the limits of destinations together: settings, rules on replies, the copy of `email.controls`."""

from collections.abc import Callable

from services.sender.adapters.reply_rules import load_rules
from services.sender.domain.relays import sources_for
from services.sender.domain.shares import Share
from services.sender.handlers.imposing import Imposing
from services.sender.handlers.last_words import Controls
from services.sender.handlers.limits import Limits
from services.sender.handlers.ports import Router
from services.sender.handlers.warming import Warming
from services.sender.settings import SenderSettings


def limits_of(
    settings: SenderSettings, *, controls: Controls, router: Router, free: Callable[[], int], share: Callable[[], Share]
) -> Limits:
    """The limits of a sender. `free` is the delivery's free capacity, `share` the partitions it owns."""
    tenant = settings.operator_tenant
    return Limits(
        settings,
        controls=controls,
        free=free,
        share=share,
        site_of=lambda name: router.known_site(name, stream="transactional"),
        imposing=Imposing(load_rules(settings.reply_rules), controls=controls, tenant=tenant),
        warming=Warming(
            settings.warm_up,
            controls=controls,
            share=share,
            addresses_of=lambda stream: [each.address for each in sources_for(settings.smtp_sources, stream=stream)],
            tenant=tenant,
        ),
    )
