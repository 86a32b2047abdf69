"""URLs in rendered HTML."""

import pytest

from shared.rendering.urls import harmless


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="javascript:x">', '<a href="#">'),
        ("<a href=' \x01JaVa\tScript&#58;x'>", '<a href="#">'),
        ('<a href="&#106;avascript:x">', '<a href="#">'),
        ('<img src="vbscript:x">', '<img src="#">'),
        ('<a href="data:text/html,x">', '<a href="#">'),
        ('<a href="data:image/png;base64,x">', '<a href="#">'),
        ('<img src="data:image/svg+xml,x">', '<img src="#">'),
        ('<form action="javascript:x"><button formaction="javascript:x">', '<form action="#"><button formaction="#">'),
        ('<td background="file:///etc/passwd">', '<td background="#">'),
    ],
)
def test_disarmed(html: str, expected: str) -> None:
    assert harmless(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://a.test/?javascript:x">javascript:x</a>',
        "<A HREF='mailto:a@b.test' title=\"javascript:x\">",
        '<img src="data:image/png;base64,AAAA">',
        '<a href="javascripts/x">',
        "<a href>",
        "<!-- <a href='javascript:x'> -->",
    ],
)
def test_left_alone(html: str) -> None:
    assert harmless(html) == html
