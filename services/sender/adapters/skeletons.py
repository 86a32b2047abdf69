"""What is the same in all mails of a template is made once; each mail is filled in. The same bytes as made whole.

Only simple templates have a skeleton, and only ordinary values are filled in; see docs/decisions/filled-skeletons.md.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from services.sender.adapters.bodies import Finished, html_footer, required_address, text_footer, text_of
from services.sender.adapters.filling import Paper, Step, fill, prepared
from services.sender.adapters.links import TrackerLinks
from services.sender.adapters.page import page
from services.sender.adapters.parts import Part, text_part
from services.sender.adapters.pieces import Beyond, Choice, Loop, Piece, Pixel, Scope, Text
from services.sender.adapters.simple import read
from shared.commands import SendEmail
from shared.records import TemplateVersion
from shared.templating import environment, one_line

MAX_CACHED: Final = 200
_html, _plain = environment(html=True), environment(html=False)
_AMISS: Final = (Beyond, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)


class Skeletons:
    """The skeletons of the template versions used last; a version never changes."""

    def __init__(self, *, postal_address: str | None) -> None:
        self._postal_address = postal_address
        self._known: OrderedDict[tuple[Any, ...], _Skeleton | None] = OrderedDict()

    def filled(
        self, template: TemplateVersion, request: SendEmail, *, variables: Mapping[str, Any], links: TrackerLinks
    ) -> Finished | None:
        """The content of an email; None when it is not for filling in, or something is amiss with the variables."""
        skeleton = self._skeleton(template, request, links=links)
        try:
            return None if skeleton is None else skeleton.filled(dict(variables), links)
        except _AMISS:
            return None

    def _skeleton(self, template: TemplateVersion, request: SendEmail, *, links: TrackerLinks) -> "_Skeleton | None":
        address, tracking = required_address(request, self._postal_address), request.tracking
        key = (template.tenant, template.name, template.version, address, tracking.clicks, tracking.opens)
        if key not in self._known:
            self._known[key] = _made(template, request, address=address, links=links)
            if len(self._known) > MAX_CACHED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


@dataclass(frozen=True, kw_only=True)
class _Body:
    """A body to fill in. `footer` is what we add to it; no value may say the same."""

    steps: Sequence[Step]
    subtype: str
    watched: Sequence[str] = ()
    expected: int = 0

    def part(self, scope: Scope, links: TrackerLinks) -> Part:
        paper = Paper(links)
        fill(self.steps, scope, paper)
        return paper.part(subtype=self.subtype, watched=self.watched, expected=self.expected)


@dataclass(frozen=True, kw_only=True)
class _Skeleton:
    """`source` is the page as it is before its links are tracked, when the text is made of it."""

    subject: Sequence[Step]
    html: _Body | None
    text: _Body | None
    source: Sequence[Step] | None
    address: str | None

    def filled(self, scope: Scope, links: TrackerLinks) -> Finished:
        text = None if self.text is None else self.text.part(scope, links)
        if self.source is not None:
            said = text_of(_text(self.source, scope, links=links), self.address)
            text = None if said is None else text_part(said, subtype="plain")
        html = None if self.html is None else self.html.part(scope, links)
        subject = one_line(_text(self.subject, scope, links=links))
        return Finished(subject=subject, html=html, text=text)


def _text(steps: Sequence[Step], scope: Scope, *, links: TrackerLinks) -> str:
    paper = Paper(links)
    fill(steps, scope, paper)
    return paper.text()


def _made(
    template: TemplateVersion, request: SendEmail, *, address: str | None, links: TrackerLinks
) -> _Skeleton | None:
    try:
        subject = prepared(read(template.subject, _plain), lines=False)
        source = None if template.html is None else read(template.html, _html)
        text = None if template.text is None else _text_body(read(template.text, _plain), address)
        html = None if source is None else _html_body(source, request, address=address, links=links)
    except Beyond:
        return None
    made_of = None if source is None or template.text is not None else prepared(source, lines=False)
    return _Skeleton(subject=subject, html=html, text=text, source=made_of, address=address)


def _html_body(source: Sequence[Piece], request: SendEmail, *, address: str | None, links: TrackerLinks) -> _Body:
    watched = set() if address is None else {address, escape(address)}
    footer = html_footer(address) if address and not any(_says(source, one) for one in watched) else ""
    end: list[Piece] = [Text(footer)] if footer else []
    end += [Pixel()] if request.tracking.opens else []
    tracked = (lambda url: links.clicked(url, 0) is not None) if request.tracking.clicks else None
    return _Body(
        steps=prepared(page(source, tracked=tracked, end=end), lines=True),
        subtype="html",
        watched=tuple(watched) if footer else (),
        expected=sum(map(footer.count, watched)),
    )


def _text_body(pieces: Sequence[Piece], address: str | None) -> _Body:
    """The text, with the address where it is missing, in constant lines."""
    if address is None or _says(pieces, address):
        return _Body(steps=prepared(pieces, lines=True), subtype="plain")
    last = pieces[-1] if pieces else None
    if not isinstance(last, Text) or not last.text.strip():
        raise Beyond
    ended = Text(f"{last.text.rstrip()}{text_footer(address)}")
    return _Body(steps=prepared([*pieces[:-1], ended], lines=True), subtype="plain", watched=(address,))


def _says(pieces: Sequence[Piece], address: str) -> bool:
    """Whether the literal text says the address in every mail. What says it in some mails only is `Beyond`."""
    for piece in pieces:
        inner = [piece.body] if isinstance(piece, Loop) else []
        inner += [body for _, body in piece.branches] if isinstance(piece, Choice) else []
        if any(_says(body, address) for body in inner):
            raise Beyond
    return any(isinstance(piece, Text) and address in piece.text for piece in pieces)
