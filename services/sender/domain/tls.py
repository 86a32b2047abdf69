"""How connections to a domain's servers are protected, and which policy says so. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from services.sender.domain.names import covers

TlsPolicy = Literal["none", "opportunistic", "required", "implicit"]
PolicyKind = Literal["tlsa", "sts", "no-policy-found"]  # as RFC 8460 section 4.2 calls them


@dataclass(frozen=True)
class TlsaRecord:
    """A TLSA record (RFC 6698 section 2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex().upper()}"

    @property
    def usable(self) -> bool:
        """Whether it means something between mail servers: DANE-TA or DANE-EE, whole or by a known hash (RFC 7672)."""
        length = _DIGESTS.get(self.matching)
        return (
            self.usage in (2, 3)
            and self.selector in (0, 1)
            and (self.matching == 0 or length == len(self.data))
            and bool(self.data)
        )


_DIGESTS: Final = {1: 32, 2: 64}  # octets of SHA-256 and SHA-512


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a domain has published about TLS and what became of it: the words of a TLS report (RFC 8460).

    `failure` is a result type of RFC 8460 section 4.3 that every session has, whatever the servers do. `testing`: what
    the policy asks for is counted, not enforced.
    """

    domain: str
    kind: PolicyKind = "no-policy-found"
    strings: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    testing: bool = False
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class DomainTls:
    """What holds for a domain's servers. With `hosts` only servers that one of these patterns covers may have mail.

    `dane`: TLSA records of a server come first (RFC 8461 section 2).
    """

    published: Published
    tls: TlsPolicy
    verify: bool
    hosts: tuple[str, ...] = ()
    dane: bool = True

    def allows(self, host: str) -> bool:
        """Whether the server may have the domain's mail."""
        return not self.hosts or any(covers(pattern, host) for pattern in self.hosts)


class TlsRule(BaseModel):
    """The operator's word on TLS to the MX hosts of a domain, whatever the domain publishes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    domain: str
    tls: Literal["none", "opportunistic", "required"]
    verify: bool = True

    def policy(self, domain: str) -> DomainTls:
        """As it is applied."""
        return DomainTls(published=Published(domain=domain), tls=self.tls, verify=self.verify, dane=False)


def rule_for(rules: Iterable[TlsRule], domain: str) -> TlsRule | None:
    """The first that covers the domain."""
    return next((rule for rule in rules if covers(rule.domain, domain)), None)
