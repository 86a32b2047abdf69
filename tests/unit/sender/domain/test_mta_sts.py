"""MTA-STS records and policies as text."""

import pytest

from services.sender.domain.mta_sts import MOST_AGE, NotAPolicy, parse, policy_id
from services.sender.domain.tls import DomainTls, Published, TlsRule, rule_for

POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"
USUAL = DomainTls(published=Published(domain="example.com"), tls="opportunistic", verify=True)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=1"], "1"),
        (["v=spf1 -all", "v=STSv1; extra=x; id=a1"], "a1"),
        ([], None),
        (["v=STSv1"], None),
        (["v=STSv1; id="], None),
        (["v=STSv1; id=a-b"], None),
        ([f"v=STSv1; id={'a' * 33}"], None),
        (["v=STSv2; id=1"], None),
        (["v=STSv1; id=1", "v=STSv1; id=2"], None),
    ],
)
def test_the_id_of_the_policy(texts: list[str], found: str | None) -> None:
    assert policy_id(texts) == found


def test_a_policy() -> None:
    policy = parse(POLICY)
    assert (policy.mode, policy.hosts, policy.max_age) == ("enforce", ("mail.example.com", "*.example.net"), 604800)
    assert policy.lines[0] == "version: STSv1" and len(policy.lines) == 5


def test_ways_to_write_the_same() -> None:
    odd = b"mx:MAIL.example.com\nversion:STSv1  \nother: x\n\nmode :enforce\nmode: none\nmax_age: 99999999999\n"
    with pytest.raises(NotAPolicy, match="max_age"):
        parse(odd)
    policy = parse(odd.replace(b"99999999999", b"9999999999"))
    assert (policy.mode, policy.hosts, policy.max_age) == ("enforce", ("mail.example.com",), MOST_AGE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"STSv1", b"STSv2"),
        (b"enforce", b"maybe"),
        (b"mode", b"moody"),
        (b"604800", b"soon"),
        (b"604800", b"-1"),
        (b"mail.example.com", b"http://x"),
        (b"*.example.net", b"*.*.example.net"),
        (b"mx:", b"my:"),
        (POLICY, b"<html>"),
        (POLICY, b""),
        (POLICY, b"\xff\xfe"),
    ],
)
def test_what_is_no_policy(before: bytes, after: bytes) -> None:
    with pytest.raises(NotAPolicy):
        parse(POLICY.replace(before, after))


def test_enforced_it_names_the_servers_and_wants_good_certificates() -> None:
    applied = parse(POLICY).applied("example.com", otherwise=USUAL)
    assert (applied.tls, applied.verify, applied.dane) == ("required", True, True)
    assert applied.published.kind == "sts" and not applied.published.testing
    for host in ("mail.example.com", "a.example.net"):
        assert applied.allows(host)
    for host in ("example.net", "a.b.example.net", "xmail.example.com", "evil.test"):
        assert not applied.allows(host)


def test_in_testing_it_changes_nothing_and_is_counted() -> None:
    applied = parse(POLICY.replace(b"enforce", b"testing")).applied("example.com", otherwise=USUAL)
    assert (applied.tls, applied.verify, applied.hosts) == ("opportunistic", True, ())
    assert applied.published.testing and applied.published.hosts == ("mail.example.com", "*.example.net")


def test_none_takes_it_back() -> None:
    assert parse(b"version: STSv1\nmode: none\nmax_age: 1\n").applied("example.com", otherwise=USUAL) is USUAL


def test_the_operators_word_for_a_domain_comes_before_all_that_it_publishes() -> None:
    rules = [TlsRule(domain="*.example.com", tls="none"), TlsRule(domain="example.com", tls="required", verify=False)]
    rule = rule_for(rules, "example.com")
    assert rule is not None
    policy = rule.policy("example.com")
    assert (policy.tls, policy.verify, policy.dane, policy.allows("any.test")) == ("required", False, False, True)
    assert rule_for(rules, "a.example.com") == rules[0]
    assert rule_for(rules, "example.org") is None
