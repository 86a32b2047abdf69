"""Where somebody else's DNS may not send us."""

import pytest

from shared.public_addresses import may_be_reached, networks

PUBLIC = ["1.1.1.1", "192.0.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1", "2002:101:101::1"]
NOT_PUBLIC = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",  # carrier-grade NAT
    "100.100.100.200",  # a cloud's metadata, and another, and another
    "127.0.0.1",
    "127.1.2.3",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::ffff:10.0.0.1",  # mapped
    "64:ff9b::a00:1",  # NAT64
    "64:ff9b:1::101:101",
    "2001:0:101:101::1",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert may_be_reached(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_not_public(address: str) -> None:
    assert not may_be_reached(address)


def test_networks_that_are_allowed_are_reached_in_every_form() -> None:
    allowed = networks("127.0.0.0/8, ::1/128,fd00::/8")
    for address in ("127.0.0.2", "::ffff:127.0.0.2", "::1", "fd00::7", "1.1.1.1"):
        assert may_be_reached(address, allowed=allowed)
    for address in ("10.0.0.1", "fe80::1", "::"):
        assert not may_be_reached(address, allowed=allowed)


@pytest.mark.parametrize("text", ["localhost", "0x7f.1", "2130706433", "127.1", "0177.0.0.1", ""])
def test_other_ways_to_write_an_address_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        may_be_reached(text)


def test_what_is_no_network() -> None:
    with pytest.raises(ValueError, match="host bits set"):
        networks("10.0.0.1/8")
