"""How mail to a domain is protected: the operator's word, else what the domain asks for by MTA-STS, else the usual."""

import math
from collections.abc import Sequence
from dataclasses import replace

from services.sender.adapters.mta_sts import MtaSts
from services.sender.domain.route import Route
from services.sender.domain.tls import DomainTls, Published, TlsRule, rule_for


class TlsPolicies:
    """`usual` is the route that says what holds where nobody says otherwise. (DANE is a matter of each server.)"""

    def __init__(self, sts: MtaSts, *, rules: Sequence[TlsRule] = (), usual: Route) -> None:
        self._sts = sts
        self._rules = rules
        self._usual = usual

    async def of(self, domain: str) -> tuple[DomainTls, float]:
        """What holds for the domain, and until when (monotonic seconds)."""
        if rule := rule_for(self._rules, domain):
            return rule.policy(domain), math.inf
        usual = DomainTls(published=Published(domain=domain), tls=self._usual.tls, verify=self._usual.verify)
        if usual.tls == "none":
            return replace(usual, dane=False), math.inf
        sts, expires = await self._sts.of(domain)
        if sts.policy:
            return sts.policy.applied(domain, otherwise=usual), expires
        if sts.failure:
            usual = replace(usual, published=Published(domain=domain, kind="sts", failure=sts.failure))
        return usual, expires
