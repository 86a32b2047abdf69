"""Rewritten links: what is tracked, what is left alone, and that they lead back."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.adapters.links import TrackerLinks, links_of, track
from tests.unit.sender.adapters.mails import KEYS, an_email

BATCH = UUID("01a20d00-0000-7000-8000-00000000000b")
EMAIL = an_email(stream="broadcast", list="news", batch_id=BATCH)
LINKS: TrackerLinks = links_of(EMAIL, tracker_url="https://t.acme.test/", keys=KEYS)
TRACKED = re.compile(r'href="https://t\.acme\.test/c/([A-Za-z0-9_-]+)"')


def targets(html: str) -> list[tuple[int, str]]:
    tokens = [KEYS.verify("click", found) for found in TRACKED.findall(html)]
    return [(token.position, token.url) for token in tokens if token]


def clicks(html: str) -> str:
    return track(html, LINKS, clicks=True, opens=False)


def test_links_lead_back_and_are_counted_in_order() -> None:
    html = clicks('<a href="https://acme.test/pay?a=1&amp;b=2">Pay</a> <A HREF=http://acme.test>Home</a>')
    assert targets(html) == [(0, "https://acme.test/pay?a=1&b=2"), (1, "http://acme.test")]
    (token, _) = (KEYS.verify("click", found) for found in TRACKED.findall(html))
    assert token and (token.email, token.tenant, token.stream) == (EMAIL.request.email_id, "default", "broadcast")
    assert (token.batch, token.recipient_ref, token.recipient_domain) == (BATCH, "f" * 32, "example.com")


@pytest.mark.parametrize(
    "link",
    [
        '<a href="https://acme.test" data-no-track>x</a>',
        '<a href="mailto:jo@acme.test">x</a>',
        '<a href="tel:+123">x</a>',
        '<a href="#top">x</a>',
        '<a href="/relative">x</a>',
        '<a href="//acme.test/x">x</a>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="https://user:secret@acme.test/">x</a>',
        '<a href="https://acme.test\\@evil.test/">x</a>',
        '<a href="https://acme.test/a b">x</a>',
        '<a href="https://">x</a>',
        '<a href="https://exa%6dple.test/">x</a>',
        '<a href="https://acme.test:port/">x</a>',
        f'<a href="https://acme.test/{"x" * 5000}">x</a>',
        '<a href="">x</a>',
        "<a>x</a>",
        '<link href="https://acme.test/x.css">',
        '<img src="https://acme.test/x.png">',
        f'<a href="{LINKS.unsubscribe}">x</a>',
        '<!-- <a href="https://acme.test">x</a> -->',
        '<style>a{content:"<a href=https://acme.test>"}</style>',
    ],
)
def test_left_alone(link: str) -> None:
    assert clicks(link) == link


def test_white_space_around_an_address_does_not_count() -> None:
    assert targets(clicks('<a href=" HTTPS://Acme.test/x\n">x</a>')) == [(0, "HTTPS://Acme.test/x")]


PIECES = [
    "<!DOCTYPE html>",
    "<p class=x  ID='y'>",
    "</p>",
    "< ",
    "&",
    "&nbsp;",
    "&#233;é",
    '"',
    "\n",
    "<br/>",
    '<td bgcolor="#fff" >',
    "</TD\n>",
    "<!--[if mso]><v:rect href='https://acme.test'></v:rect><![endif]-->",
    "<![if !mso]>",
    "<style>p > a { color: red }</style>",
    "<svg viewBox='0 0 1 1'/>",
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_all_else_stays_byte_for_byte(html: str) -> None:
    assert clicks(html) == html


@pytest.mark.parametrize(
    ("html", "place"),
    [
        ("<html><body>x</body></html>", "<html><body>x{}</body></html>"),
        ("<HTML><BODY bgcolor=red>x\n</BODY></HTML>", "<HTML><BODY bgcolor=red>x\n{}</BODY></HTML>"),
        ("<p>x", "<p>x{}"),
        ("<body>x", "<body>x{}"),
        ("<!-- </body> --><body>x</body>", "<!-- </body> --><body>x{}</body>"),
        ("<body>a<body>b</body>", None),
    ],
)
def test_one_pixel_at_the_end_of_the_body(html: str, place: str | None) -> None:
    pixel = LINKS.pixel()
    found = track(html, LINKS, clicks=False, opens=True)
    assert found.count(pixel) == 1
    assert place is None or found == place.format(pixel)
    token = KEYS.verify("open", pixel.partition("/o/")[2].partition('"')[0])
    assert token and token.email == EMAIL.request.email_id


def test_the_unsubscribe_url_names_the_list() -> None:
    url = LINKS.unsubscribe
    start, _, text = url.rpartition("/")
    token = KEYS.verify("unsubscribe", text)
    assert start == "https://t.acme.test/u" and token and token.list == "news"
