"""What is kept of a reader's request: method, user agent, and the address as far as the policy allows."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

IpPolicy = Literal["none", "truncated", "full"]
USER_AGENT_CHARS: Final = 512


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One request for a pixel, a link or no more mail, and its trace; a sum of many requests has none."""

    at: datetime
    method: str = "GET"
    user_agent: str | None = None
    ip: str | None = None
    traceparent: str | None = None


def kept_user_agent(raw: bytes | None) -> str | None:
    """At most 512 characters, without those that cannot be printed; None when nothing is left."""
    if raw is None:
        return None
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(char for char in text if char.isprintable())
    return text.strip()[:USER_AGENT_CHARS] or None


@lru_cache(maxsize=4096)
def kept_address(peer: str | None, *, policy: IpPolicy) -> str | None:
    """The client's address by policy: nothing, its network (/24 of IPv4, /48 of IPv6), or all of it."""
    if policy == "none" or peer is None:
        return None
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return None  # a proxy may write anything
    address = getattr(address, "ipv4_mapped", None) or address
    if policy == "full":
        return str(address)
    bits = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, bits), strict=False).network_address)
