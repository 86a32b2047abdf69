"""What readers report: a hit of a pixel or a link, a wish to get no more mail. Forged tokens report nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from services.tracker import metrics
from services.tracker.domain.bursts import Burst, Bursts, HitKind
from services.tracker.domain.hit import Hit, IpPolicy, kept_address, kept_user_agent
from services.tracker.handlers.records import Record, UnsubscribeMethod, clicked, opened, unsubscribed
from shared.clock import Clock
from shared.ids import new_id
from shared.redirect import redirect_target
from shared.telemetry import traceparent
from shared.tokens import EmailToken, Keys

_RECORD_OF: Final = {"open": opened, "click": clicked}
_NOBODY: Final = EmailToken(
    email_id=bytes(16), tenant="default", stream="transactional", recipient_ref="0" * 32, recipient_domain="invalid"
)


class Reader(NamedTuple):
    """The facts of a request, as they came."""

    method: str
    user_agent: bytes | None
    peer: str | None
    traceparent: bytes | None = None


class Outbox(Protocol):
    """Takes records to Kafka, now or later."""

    def put(self, records: Iterable[Record]) -> None:
        """Take them over without waiting for anyone."""

    def pretend(self, records: Iterable[Record]) -> None:
        """Take as long as `put` and do nothing."""

    async def put_durably(self, records: Iterable[Record]) -> bool:
        """True as soon as they are acknowledged, or safe on this disk; False when neither could be had."""


class Reports:
    """Verifies tokens and hands on what genuine ones say."""

    def __init__(self, *, keys: Keys, outbox: Outbox, clock: Clock, ip_policy: IpPolicy) -> None:
        self._keys = keys
        self._outbox = outbox
        self._clock = clock
        self._ip_policy: IpPolicy = ip_policy
        self._bursts = Bursts()
        self._decoys = Bursts()

    def opened(self, text: str, reader: Reader) -> None:
        """The pixel was fetched."""
        self._hit("open", self._keys.verify("open", text), reader)

    def clicked(self, text: str, reader: Reader) -> str | None:
        """A link was followed: where it leads; None when the token is forged or its target is not one to send to."""
        token = self._keys.verify("click", text)
        target = redirect_target(token.url) if token else None
        self._hit("click", token if target else None, reader)
        return target

    def may_leave(self, text: str) -> EmailToken | None:
        """What an unsubscribe token says, or None when it is forged; changes nothing."""
        token = self._keys.verify("unsubscribe", text)
        if token is None:
            metrics.forged_unsubscribe()
        return token

    async def leave(self, token: EmailToken, reader: Reader, *, method: UnsubscribeMethod) -> bool:
        """No more mail: True once that is safe, False when it has to be asked again."""
        hit = Hit(at=self._clock.now(), traceparent=_trace_of(reader))
        safe = await self._outbox.put_durably(unsubscribed(token, hit, method=method))
        metrics.unsubscribed(safe=safe)
        return safe

    def tell_bursts(self) -> None:
        """One event with a count for each token that was hit too often; to be called every minute and at the end."""
        now = self._clock.now()
        self._outbox.put(
            _RECORD_OF[burst.kind](burst.token, Hit(at=now, method=burst.method), event_id=new_id(), count=count)
            for burst, count in self._bursts.take().items()
        )

    def _hit(self, kind: HitKind, token: EmailToken | None, reader: Reader) -> None:
        """Forged tokens (None) cost what genuine ones cost, so that the time of the answer does not tell them apart."""
        now = self._clock.now()
        seen = token or _NOBODY
        bursts, put = (self._bursts, self._outbox.put) if token else (self._decoys, self._outbox.pretend)
        if bursts.is_single(Burst(kind, reader.method, seen), now=now) or token is None:
            put([_RECORD_OF[kind](seen, self._kept(reader, at=now), event_id=new_id())])
        metrics.hit(kind, genuine=token is not None)

    def _kept(self, reader: Reader, *, at: datetime) -> Hit:
        return Hit(
            at=at,
            method=reader.method,
            user_agent=kept_user_agent(reader.user_agent),
            ip=kept_address(reader.peer, policy=self._ip_policy),
            traceparent=_trace_of(reader),
        )


def _trace_of(reader: Reader) -> str:
    """The trace of the reader's own request: a proxy before us may have begun one."""
    return traceparent(reader.traceparent.decode("latin-1") if reader.traceparent else None)
