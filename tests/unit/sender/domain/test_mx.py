"""Which servers take a domain's mail, in what order, and their name."""

from collections.abc import Iterator

import pytest

from services.sender.domain.mx import (
    MOST_HOSTS,
    Exchange,
    by_preference,
    hosts_to_try,
    site_name,
    takes_no_mail,
)

GMAIL = ["gmail-smtp-in.l.google.com", *(f"alt{n}.gmail-smtp-in.l.google.com" for n in (1, 2, 3, 4))]


def test_null_mx_is_one_record_for_the_root_and_nothing_beside_it() -> None:
    assert takes_no_mail([Exchange(0, "")])
    assert not takes_no_mail([])
    assert not takes_no_mail([Exchange(0, ""), Exchange(10, "mx.example.com")])
    assert hosts_to_try([Exchange(0, ""), Exchange(9, "mx.a.test")], domain="a.test") == (Exchange(9, "mx.a.test"),)


def test_without_mx_records_the_domain_itself_takes_mail() -> None:
    assert hosts_to_try([], domain="example.com") == (Exchange(0, "example.com"),)


def test_a_host_that_is_named_twice_counts_once_where_it_comes_first() -> None:
    named = [Exchange(20, "a.test"), Exchange(10, "b.test"), Exchange(5, "a.test")]
    assert hosts_to_try(named, domain="x.test") == (Exchange(5, "a.test"), Exchange(10, "b.test"))


def test_a_zone_cannot_have_us_try_any_number_of_hosts() -> None:
    many = hosts_to_try([Exchange(n, f"mx{n}.test") for n in range(500, 0, -1)], domain="x.test")
    assert [each.preference for each in many] == list(range(1, MOST_HOSTS + 1))


def test_by_preference_and_among_equals_as_chance_has_it() -> None:
    first, a, b = Exchange(5, "first"), Exchange(10, "a"), Exchange(10, "b")

    def drawn(*numbers: float) -> tuple[Exchange, ...]:
        chance: Iterator[float] = iter(numbers)
        return by_preference([b, a, first], draw=lambda: next(chance))

    assert drawn(0.1, 0.2, 0.9) == (first, b, a)
    assert drawn(0.2, 0.1, 0.9) == (first, a, b)


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        (["mx.example.com"], "mx.example.com"),
        (["mx1.example.com", "mx2.example.com"], "{mx1,mx2}.example.com"),
        (GMAIL, "{alt1.,alt2.,alt3.,alt4.,}gmail-smtp-in.l.google.com"),
        (["mx.a.net", "mx.b.org"], "{mx.a.net,mx.b.org}"),
        (["acme-com.mail.protection.outlook.com"], "mail.protection.outlook.com"),
        (["mx0a-1.pphosted.com", "mx0b-1.pphosted.com"], "pphosted.com"),
        (["notpphosted.com"], "notpphosted.com"),
    ],
)
def test_a_site_has_a_name_that_a_person_can_read(hosts: list[str], name: str) -> None:
    assert site_name(hosts) == name


def test_the_same_hosts_in_any_order_are_the_same_site_and_others_are_not() -> None:
    assert site_name(GMAIL) == site_name(reversed(GMAIL))
    assert site_name(GMAIL) != site_name(GMAIL[1:])
    assert site_name(["a.x.net", "b.x.net"]) != site_name(["a.x.net", "c.x.net"])


def test_a_long_name_is_cut_to_a_digest_of_all_hosts() -> None:
    many = [f"incoming-mail-server-number-{n}.mail.example.net" for n in range(8)]
    assert site_name(many).startswith("{") and site_name(many).endswith("}.mail.example.net")
    assert len(site_name(many)) < 40
    assert site_name(many) != site_name([*many[1:], "other.mail.example.net"])
