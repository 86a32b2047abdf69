"""Settings of routing: smarthosts by stream or domain, addresses to send from; and which one applies."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from services.sender.domain.names import covers
from services.sender.domain.tls import TlsPolicy
from shared.events.envelope import Stream

HELO: Final = (
    r"^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+|\[[0-9A-Za-z.:]+\])$"
)
_STRICT: Final = ConfigDict(extra="forbid", frozen=True)


class Match(BaseModel):
    """Which mail a rule is for: that which has all that is given. `*.example.com` is one label below it."""

    model_config = _STRICT
    stream: Stream | None = None
    domain: str | None = None

    def fits(self, domain: str, *, stream: str) -> bool:
        """Whether mail to this domain in this stream is meant."""
        return self.stream in (None, stream) and (self.domain is None or covers(self.domain, domain))


class Smarthost(BaseModel):
    """A server that takes mail for others."""

    model_config = _STRICT
    host: str = Field(min_length=1)
    port: int = Field(25, ge=1, le=65535)
    tls: TlsPolicy = "required"
    verify: bool = True
    username: str | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _auth_is_whole(self) -> "Smarthost":
        if (self.username is None) != (self.password is None):
            raise ValueError(f"{self.host}: username and password go together, give both or neither")
        return self


class Relay(BaseModel):
    """Smarthosts for the mail that `match` fits; they are tried in this order."""

    model_config = _STRICT
    match: Match = Match()
    hosts: tuple[Smarthost, ...] = Field(min_length=1)


class Source(BaseModel):
    """An address of this machine to send from, and our name in EHLO there; for one stream or for all."""

    model_config = _STRICT
    address: str
    helo: str = Field(pattern=HELO)
    stream: Stream | None = None

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return str(ip_address(value))

    def reaches(self, address: str) -> bool:
        """Whether they are of the same family."""
        return _parsed(self.address).version == _parsed(address).version


def relay_for(relays: Iterable[Relay], domain: str, *, stream: str) -> Relay | None:
    """The first that fits."""
    return next((relay for relay in relays if relay.match.fits(domain, stream=stream)), None)


def sources_for(sources: Sequence[Source], *, stream: str) -> tuple[Source, ...]:
    """Those of the stream; when it has none of its own, those of all streams."""
    own = tuple(source for source in sources if source.stream == stream)
    return own or tuple(source for source in sources if source.stream is None)


def _parsed(address: str) -> IPv4Address | IPv6Address:
    return ip_address(address)
