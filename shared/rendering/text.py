"""The text part of a page."""

from typing import Final

import turbohtml

_TEXT: Final = turbohtml.PlainText(width=72, links="footnote")


def plain_text(html: str) -> str:
    """What the page says, as plain text with its links as footnotes; empty when there is nothing to be read in it."""
    return turbohtml.parse(html).to_text(_TEXT)
