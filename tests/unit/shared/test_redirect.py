"""Where a tracked link may lead: each line of the standards' "Open redirect"."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.redirect import MAX_TARGET, _examined, redirect_target


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "http://example.org",
        "HTTPS://example.org/Path?q=1&r=%20#part",
        "https://example.org:8443/a;b=c/(d)?x=[1]&y='z'",
        "http://[2001:db8::1]:8080/x",
        "https://example.org/?next=https://user@elsewhere.example/",
    ],
)
def test_leads_where_the_token_says_to_the_letter(url: str) -> None:
    assert redirect_target(url) == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("//evil.example/", "no scheme: the browser would take ours"),
        ("/relative", "no host"),
        ("https:evil.example", "no host, which browsers add"),
        ("https:///evil.example", "an empty host, which browsers skip"),
        ("https://", "no host"),
        ("https://:443/", "a port and no host"),
        ("javascript:alert(1)", "another scheme"),
        ("JaVaScRiPt:alert(1)", "another scheme in mixed case"),
        ("javascript://example.org/%0aalert(1)", "another scheme with a host"),
        ("data:text/html,<script>alert(1)</script>", "another scheme"),
        ("file:///etc/passwd", "another scheme"),
        ("ftp://example.org/", "another scheme"),
        (" https://example.org/", "a leading space"),
        ("\x00https://example.org/", "a control character"),
        ("java\tscript:alert(1)", "a control character that browsers drop"),
        ("https://example.org/\r\nSet-Cookie: a=b", "a header of the attacker's"),
        ("https://example.org/\x7f", "a control character"),
        ("https://example.org/\x85", "a control character of Latin-1"),
        ("https://example.org\\@evil.example/", "a backslash, which browsers read as a slash"),
        ("https:\\\\evil.example", "backslashes"),
        ("https://example.org/a\\b", "a backslash"),
        ("https://example.org@evil.example/", "user information"),
        ("https://user:secret@example.org/", "user information"),
        ("https://exa%6dple.org/", "an encoded host"),
        ("https://exam ple.org/", "a space in the host"),
        ("https://example.org:port/", "a port that is none"),
        ("https://example.org:99999/", "a port that is none"),
        ("https://[::1/", "half an IPv6 address"),
        ("https://example.org\uff0fevil.example/", "a slash once normalised (NFKC)"),
        ("https://example.org/a b", "a space"),
        ("https://example.org/" + "a" * MAX_TARGET, "too long for a token in a URL"),
        ("https://example.org/" + "ü" * (MAX_TARGET // 6), "too long once encoded"),
        ("", "nothing"),
    ],
)
def test_nobody_is_sent_there(url: str, why: str) -> None:
    assert redirect_target(url) is None, why


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://example.org/naïve?q=ü", "https://example.org/na%C3%AFve?q=%C3%BC"),
        ("https://bücher.example/", "https://b%C3%BCcher.example/"),
        ("https://example.org/%C3%AF", "https://example.org/%C3%AF"),
    ],
)
def test_what_a_header_cannot_hold_is_percent_encoded(url: str, location: str) -> None:
    assert redirect_target(url) == location


@given(st.one_of(st.text(), st.text().map("https://".__add__), st.text().map("https://example.org/".__add__)))
def test_whatever_comes_the_target_is_one_header_value_with_a_host(url: str) -> None:
    target = redirect_target(url)
    if target is not None:
        assert target.isascii()
        assert target.isprintable()
        assert " " not in target
        assert "\\" not in target
        parts = urlsplit(target)
        assert parts.scheme in ("http", "https")
        assert parts.hostname
        assert parts.username is None


@given(st.from_regex(r"https?://[A-Za-z0-9.:-]{0,9}/{0,2}[A-Za-z0-9/?=&%#._~+:,;@!$'()*-]{0,20}", fullmatch=True))
def test_the_short_way_for_most_links_answers_as_the_long_one(url: str) -> None:
    assert redirect_target(url) == _examined(url)
