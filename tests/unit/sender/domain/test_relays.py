"""Which smarthosts and which source addresses apply."""

import pytest
from pydantic import ValidationError

from services.sender.domain.dns import nameservers
from services.sender.domain.relays import Match, Relay, Smarthost, Source, relay_for, sources_for


def relay(host: str, **match: str) -> Relay:
    return Relay(match=Match(**match), hosts=(Smarthost(host=host),))


def test_the_first_rule_that_fits_wins() -> None:
    rules = [
        relay("a", domain="example.com", stream="broadcast"),
        relay("b", domain="example.com"),
        relay("c", domain="*.Example.com"),
        relay("d", stream="broadcast"),
    ]

    def found(domain: str, stream: str) -> str | None:
        rule = relay_for(rules, domain, stream=stream)
        return rule.hosts[0].host if rule else None

    assert found("example.com", "broadcast") == "a"
    assert found("example.com", "transactional") == "b"
    assert found("mail.example.com", "transactional") == "c"
    assert found("badexample.com", "transactional") is None
    assert found("example.org", "broadcast") == "d"


def test_a_stream_has_sources_of_its_own_or_those_of_all() -> None:
    all_, own = (
        Source(address="192.0.2.1", helo="a.acme.test"),
        Source(address="192.0.2.2", helo="b.acme.test", stream="broadcast"),
    )
    assert sources_for([all_, own], stream="broadcast") == (own,)
    assert sources_for([all_, own], stream="transactional") == (all_,)
    assert sources_for([own], stream="transactional") == ()


def test_a_source_is_an_address_with_a_name_and_reaches_its_own_family() -> None:
    source = Source(address="2001:DB8::1", helo="a.acme.test")
    assert source.address == "2001:db8::1"
    assert source.reaches("2001:db8::2") and not source.reaches("192.0.2.1")
    with pytest.raises(ValidationError, match="address"):
        Source(address="localhost", helo="a.acme.test")
    with pytest.raises(ValidationError, match="helo"):
        Source(address="192.0.2.1", helo="a acme")


def test_credentials_are_whole_and_are_not_shown() -> None:
    with pytest.raises(ValidationError, match="go together"):
        Smarthost(host="relay.test", username="u")
    host = Smarthost.model_validate({"host": "relay.test", "username": "u", "password": "secret"})
    assert "secret" not in repr(host)


def test_a_rule_without_hosts_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="hosts"):
        Relay(hosts=())


def test_nameservers() -> None:
    assert nameservers("192.0.2.1, 192.0.2.2:5353,[2001:db8::1]:54,2001:db8::2,") == (
        ("192.0.2.1", 53),
        ("192.0.2.2", 5353),
        ("2001:db8::1", 54),
        ("2001:db8::2", 53),
    )
    assert nameservers("") == ()
    for wrong in ("resolver.test", "192.0.2.1:x", "192.0.2.1:99999", "[::1"):
        with pytest.raises(ValueError, match=r"address|[Pp]ort|IPv6"):
            nameservers(wrong)
