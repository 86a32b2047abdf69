"""Questions to the DNS, remembered for as long as their records say."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, Generic, TypeVar

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rdata
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TLSA import TLSA
from dns.rdtypes.ANY.TXT import TXT

from services.sender.adapters.remembered import Remembered
from services.sender.domain.dns import Dns, Lookup
from services.sender.domain.mx import Exchange
from services.sender.domain.tls import TlsaRecord

T = TypeVar("T")
Clock = Callable[[], float]

LEAST_TTL: Final = 5.0  # seconds; records of 0 would have us ask for every mail
MOST_TTL: Final = 24 * 3600.0
MOST_NEGATIVE_TTL: Final = 3600.0  # RFC 2308 section 5
FAILURE_TTL: Final = 5.0  # RFC 9520: a failure is remembered too, from 1 s to 5 min
MOST_NAMES: Final = 20_000  # remembered, of each type
EDNS_PAYLOAD: Final = 1232  # octets that UDP carries without fragments


class Resolver:
    """Belongs to one event loop. Never raises: what cannot be known is a failed `Lookup`."""

    def __init__(self, settings: Dns, *, clock: Clock = time.monotonic) -> None:
        def remembered(kind: str, read: Callable[[dns.rdata.Rdata], T]) -> Remembered[str, Lookup[T]]:
            question = _Question(_stub(settings), kind, read, clock=clock, trust_ad=settings.trust_ad)
            return Remembered(question.ask, most=MOST_NAMES, clock=clock)

        self._mx = remembered("MX", _exchange)
        self._a = remembered("A", str)
        self._aaaa = remembered("AAAA", str)
        self._txt = remembered("TXT", _text)
        self._tlsa = remembered("TLSA", _tlsa)

    async def exchanges(self, domain: str) -> Lookup[Exchange]:
        """MX records."""
        return await self._mx.get(domain)

    async def ipv4(self, host: str) -> Lookup[str]:
        """A records."""
        return await self._a.get(host)

    async def ipv6(self, host: str) -> Lookup[str]:
        """AAAA records."""
        return await self._aaaa.get(host)

    async def texts(self, name: str) -> Lookup[str]:
        """TXT records, each of one piece."""
        return await self._txt.get(name)

    async def tlsa(self, host: str, *, port: int) -> Lookup[TlsaRecord]:
        """TLSA records of a server."""
        return await self._tlsa.get(f"_{port}._tcp.{host}")


class _Question(Generic[T]):
    """One type of record, and how it is read."""

    def __init__(
        self,
        stub: dns.asyncresolver.Resolver,
        kind: str,
        read: Callable[[dns.rdata.Rdata], T],
        *,
        clock: Clock,
        trust_ad: bool,
    ) -> None:
        self._stub = stub
        self._kind = kind
        self._read = read
        self._clock = clock
        self._trust_ad = trust_ad

    async def ask(self, text: str) -> tuple[Lookup[T], float]:
        """What is known of a name, and until when."""
        lookup = await self._look_up(text)
        return lookup, lookup.expires

    async def _look_up(self, text: str) -> Lookup[T]:
        found = partial(Lookup[T], name=text)
        now = self._clock()
        try:
            name = dns.name.from_text(text)
            answer = await self._stub.resolve(name, self._kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as missing:
            response = missing.kwargs["responses"][name]
            ttl = _negative(response.resolve_chaining().minimum_ttl)
            return found(status="no_name", expires=now + ttl, secure=self._secure(response))
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape):
            return found(status="no_name", expires=now + MOST_NEGATIVE_TTL, detail="not a name that can exist")
        except (dns.exception.DNSException, OSError) as error:
            return found(status="failed", expires=now + FAILURE_TTL, detail=_why(error))
        return self._found(answer, now)

    def _found(self, answer: dns.resolver.Answer, now: float) -> Lookup[T]:
        records = tuple(self._read(record) for record in answer.rrset or ())
        ttl = answer.chaining_result.minimum_ttl
        return Lookup(
            status="ok",
            name=_host(answer.canonical_name),
            expires=now + (min(max(ttl, LEAST_TTL), MOST_TTL) if records else _negative(ttl)),
            records=records,
            secure=self._secure(answer.response),
        )

    def _secure(self, response: dns.message.Message) -> bool:
        return self._trust_ad and bool(response.flags & dns.flags.AD)


def _stub(settings: Dns) -> dns.asyncresolver.Resolver:
    stub = dns.asyncresolver.Resolver(configure=not settings.servers)
    if settings.servers:
        stub.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in settings.servers]
    stub.lifetime = settings.timeout
    stub.timeout = min(2.0, settings.timeout)  # then the next server, or the same again
    stub.use_edns(0, 0, EDNS_PAYLOAD)
    stub.flags = dns.flags.RD | (dns.flags.AD if settings.trust_ad else 0)  # RFC 6840 section 5.7: asks for the AD bit
    return stub


def _negative(ttl: float) -> float:
    return min(max(ttl, LEAST_TTL), MOST_NEGATIVE_TTL)


def _why(error: BaseException) -> str:
    match error:
        case dns.resolver.LifetimeTimeout():
            return "no answer in time"
        case dns.resolver.NoNameservers():
            codes = sorted({str(each[3]) for each in error.kwargs.get("errors", ())})
            return f"no usable answer ({', '.join(codes)})" if codes else "no usable answer"
    return type(error).__name__


def _exchange(record: dns.rdata.Rdata) -> Exchange:
    assert isinstance(record, MX)
    return Exchange(record.preference, _host(record.exchange))


def _text(record: dns.rdata.Rdata) -> str:
    assert isinstance(record, TXT)
    return b"".join(record.strings).decode("ascii", "replace")


def _tlsa(record: dns.rdata.Rdata) -> TlsaRecord:
    assert isinstance(record, TLSA)
    return TlsaRecord(record.usage, record.selector, record.mtype, record.cert)


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower().removesuffix(".")
