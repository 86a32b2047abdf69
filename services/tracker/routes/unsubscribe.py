"""`/u/{token}`: unsubscribe (RFC 8058). GET shows a page and changes nothing; POST needs no cookie and no login."""

from email import message_from_bytes
from email.message import Message
from typing import Final
from urllib.parse import parse_qsl

from services.tracker.handlers.records import UnsubscribeMethod
from services.tracker.handlers.reports import Reports
from services.tracker.routes.asgi import Request
from services.tracker.routes.pages import NOT_FOUND, TRY_AGAIN, Answer, page
from shared.tokens import EmailToken

ONE_CLICK: Final = ("List-Unsubscribe", "One-Click")
_FORM: Final = '<form method="post"><button name="unsubscribe" value="yes">Unsubscribe</button></form>'


class Unsubscribe:
    """GET and HEAD ask, POST does."""

    methods = frozenset({"GET", "HEAD", "POST"})

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def __call__(self, request: Request) -> Answer:
        """The question, or the answer to it; 404 for a token that is not ours."""
        token = self._reports.may_leave(request.rest)
        if token is None:
            return NOT_FOUND
        if request.method != "POST":
            return page(200, "Unsubscribe", f"Press the button to get no more {_what(token)}.", form=_FORM)
        method = method_of(await request.body(), kind=request.header(b"content-type") or b"")
        if not await self._reports.leave(token, request.reader(), method=method):
            return TRY_AGAIN
        return page(200, "You are unsubscribed", f"You will get no more {_what(token)}.")


def method_of(body: bytes, *, kind: bytes) -> UnsubscribeMethod:
    """`one_click` when the body says so, as a form of either encoding (RFC 8058 section 3.2), else `link`."""
    if kind.lower().startswith(b"multipart/form-data"):
        form = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + body)
        pairs = [(str(part.get_param("name", header="content-disposition")), _text(part)) for part in form.walk()]
    else:
        pairs = parse_qsl(body.decode("latin-1"))
    return "one_click" if ONE_CLICK in pairs else "link"


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("latin-1").strip() if isinstance(payload, bytes) else ""


def _what(token: EmailToken) -> str:
    if token.list:
        return f"mail of the list “{token.list}” from this sender"
    return "mailings from this sender" if token.stream == "broadcast" else "mail of this kind from this sender"
