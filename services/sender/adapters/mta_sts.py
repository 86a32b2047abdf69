"""MTA-STS (RFC 8461): what a domain asks of those who send it mail, found, fetched and remembered."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from services.sender.adapters.https import Https, NoAnswer
from services.sender.adapters.remembered import Remembered
from services.sender.adapters.resolver import Resolver
from services.sender.adapters.sts_policies import Kept, StsPolicies
from services.sender.domain.mta_sts import NotAPolicy, StsPolicy, parse, policy_id

MOST_DOMAINS: Final = 50_000
FETCH_AGAIN: Final = 300.0  # seconds after one that failed (RFC 8461 section 3.3)
RENEW: Final = 24 * 3600.0  # a policy is fetched again after so long though its id is the same (section 5.1)
PATH: Final = "/.well-known/mta-sts.txt"
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Sts:
    """What holds for a domain, if anything. `failure`: why no policy could be had (RFC 8460 section 4.3)."""

    policy: StsPolicy | None = None
    failure: str | None = None


class _NotFetched(Exception):
    """`result` is the result type of RFC 8460 section 4.3."""

    def __init__(self, result: str, detail: str) -> None:
        super().__init__(detail)
        self.result = result


class MtaSts:
    """Belongs to one event loop. `wall` is the time by which policies grow old, `clock` the resolver's (monotonic)."""

    def __init__(
        self,
        resolver: Resolver,
        https: Https,
        *,
        policies: StsPolicies,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._https = https
        self._policies = policies
        self._wall = wall
        self._clock = clock
        self._known = Remembered(self._learn, most=MOST_DOMAINS, clock=clock)

    async def of(self, domain: str) -> tuple[Sts, float]:
        """What holds, and until when (monotonic seconds)."""
        return await self._known.get(domain)

    async def _learn(self, domain: str) -> tuple[tuple[Sts, float], float]:
        announced = await self._resolver.texts(f"_mta-sts.{domain}")
        kept = self._policies.get(domain, now=self._wall())
        wanted = policy_id(announced.records)
        expires = announced.expires
        if wanted is None or (kept and kept.id == wanted and self._wall() - kept.fetched < RENEW):
            found = Sts(policy=kept.policy if kept else None)  # nothing new, or nothing to be learnt now
        else:
            found, expires = await self._renewed(domain, wanted, kept, expires=announced.expires)
        if kept and found.policy is kept.policy:
            expires = min(expires, self._clock() + kept.expires - self._wall())
        return (found, expires), expires

    async def _renewed(self, domain: str, wanted: str, kept: Kept | None, *, expires: float) -> tuple[Sts, float]:
        try:
            return Sts(policy=await self._fetch(domain, wanted)), expires
        except _NotFetched as failed:
            log.info("MTA-STS policy not to be had", domain=domain, result=failed.result, detail=str(failed))
            sts = Sts(policy=kept.policy) if kept else Sts(failure=failed.result)
            return sts, min(expires, self._clock() + FETCH_AGAIN)

    async def _fetch(self, domain: str, wanted: str) -> StsPolicy:
        try:
            answer = await self._https.get(f"mta-sts.{domain}", PATH)
        except NoAnswer as failed:
            result = "sts-webpki-invalid" if failed.certificate else "sts-policy-fetch-error"
            raise _NotFetched(result, str(failed)) from None
        if answer.status != 200 or answer.media_type != "text/plain":
            raise _NotFetched("sts-policy-fetch-error", f"{answer.status}, {answer.media_type or 'no media type'}")
        try:
            policy = parse(answer.body)
        except NotAPolicy as wrong:
            raise _NotFetched("sts-policy-invalid", str(wrong)) from None
        self._policies.put(domain, answer.body, Kept(id=wanted, policy=policy, fetched=self._wall()))
        return policy
