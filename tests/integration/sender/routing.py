"""A router as the sender has it, on a DNS server of the test's."""

import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from services.sender.adapters.https import Https
from services.sender.adapters.mta_sts import MtaSts
from services.sender.adapters.mx import DirectMx
from services.sender.adapters.resolver import Resolver
from services.sender.adapters.sts_policies import StsPolicies
from services.sender.adapters.tls_policies import TlsPolicies
from services.sender.domain.dns import Dns
from services.sender.domain.route import Route
from services.sender.domain.tls import TlsRule
from shared.public_addresses import networks
from tests.fakes.dns_server import DnsServer

LOOPBACK = networks("127.0.0.0/8,::1/128")
PLAIN = Route(host="", port=25, helo="mail.acme.test")
MEMORY = Path(":memory:")


class Moved:
    """Time that a test moves: monotonic seconds and the wall clock's in one."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def resolver(server: DnsServer, *, trust_ad: bool = False, clock: Callable[[], float] = time.monotonic) -> Resolver:
    return Resolver(Dns(servers=(server.address,), timeout=0.3, trust_ad=trust_ad), clock=clock)


def sts(
    asked: Resolver,
    *,
    port: int = 443,
    trust: ssl.SSLContext | None = None,
    file: Path = MEMORY,
    clock: Callable[[], float] = time.monotonic,
    seconds: float = 2,
) -> MtaSts:
    https = Https(asked, port=port, trust=trust, allowed=LOOPBACK, seconds=seconds)
    return MtaSts(asked, https, policies=StsPolicies(file), wall=clock, clock=clock)


def direct(
    server: DnsServer,
    *,
    plain: Route = PLAIN,
    rules: Sequence[TlsRule] = (),
    trust_ad: bool = False,
    https: int = 443,
    trust: ssl.SSLContext | None = None,
    **changes: Any,
) -> DirectMx:
    asked = resolver(server, trust_ad=trust_ad)
    policies = TlsPolicies(sts(asked, port=https, trust=trust), rules=rules, usual=plain)
    return DirectMx(asked, plain=plain, tls=policies, **changes)
