"""Which IP addresses somebody else's DNS may send us to (SSRF): public ones, and networks that were allowed. Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Public by their numbers only: a cloud's metadata, IPv4 within IPv6 where no one can say which, and what newer
# registries (RFC 6890 and its successors) call not global though an older Python does not know it yet.
_NEVER: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "64:ff9b:1::/48",  # NAT64 of a local network
        "100::/64",
        "2001::/23",  # Teredo, ORCHID and other protocols' own
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_V4_COMPATIBLE: Final = IPv6Network("::/96")


def may_be_reached(address: Address | str, *, allowed: Sequence[Network] = ()) -> bool:
    """Whether we connect to it: a public unicast address, or one in an allowed network, by whatever form it is written.

    Raises ValueError for what is no address.
    """
    plain = _innermost(ip_address(address))
    return _within(plain, allowed) or (
        plain.is_global
        and not plain.is_multicast
        and not plain.is_reserved
        and not plain.is_unspecified
        and not _within(plain, _NEVER)
    )


def networks(text: str) -> tuple[Network, ...]:
    """Networks written with commas; raises ValueError for what is none."""
    return tuple(ip_network(word.strip()) for word in text.split(",") if word.strip())


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _innermost(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for: mapped, NAT64, 6to4, compatible."""
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        return IPv6Address("::")  # a zone is a matter of this machine's own links
    if inner := address.ipv4_mapped or address.sixtofour:
        return inner
    if address in _NAT64 or (address in _V4_COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
