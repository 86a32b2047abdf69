"""The inbox over HTTP: JSON for programs, plain pages for people. Mail is shown in a sandbox of its own."""

import html
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cli.inbox.store import Row, Store

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1c2733;background:#f5f7f9}
header{background:#14304a;color:#fff;padding:14px 24px}header a{color:#fff;text-decoration:none}
main{max-width:1080px;margin:20px auto;padding:0 16px}
table{width:100%;border-collapse:collapse;background:#fff;box-shadow:0 1px 3px #0002}
th,td{text-align:left;padding:8px 12px;border-bottom:1px solid #e5eaef;vertical-align:top}
th{font-size:13px;color:#556}td a{color:#0b5cad}
iframe{width:100%;height:640px;border:1px solid #d5dce3;background:#fff}
pre{background:#fff;padding:12px;overflow:auto;border:1px solid #e5eaef}.muted{color:#667}
"""
MAIL_CSP = "sandbox; default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'"


def application(store: Store) -> Starlette:
    """The pages over a store."""
    pages = Pages(store)
    return Starlette(
        routes=[
            Route("/", pages.index),
            Route("/messages/{number:int}", pages.show),
            Route("/messages/{number:int}/html", pages.mail_html),
            Route("/messages/{number:int}/attachments/{index:int}", pages.attachment),
            Route("/api/messages", pages.api_messages, methods=["GET"]),
            Route("/api/messages", pages.api_clear, methods=["DELETE"]),
            Route("/api/messages/{number:int}", pages.api_message),
            Route("/api/messages/{number:int}/source", pages.api_source),
            Route("/api/attempts", pages.api_attempts),
            Route("/healthz", pages.health),
        ]
    )


class Pages:
    """The handlers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def health(self, request: Request) -> Response:
        """Alive."""
        return JSONResponse({"alive": True})

    async def api_messages(self, request: Request) -> Response:
        """Mails, by recipient or Message-ID, from an id on."""
        asked = request.query_params
        equal = {name: asked[name] for name in ("recipient", "message_id") if name in asked}
        rows = self._store.messages(after=int(asked.get("after", 0)), limit=int(asked.get("limit", 1000)), **equal)
        return JSONResponse({"messages": rows})

    async def api_message(self, request: Request) -> Response:
        """One mail's row."""
        row = self._row(request)
        return JSONResponse(row) if row else _missing()

    async def api_source(self, request: Request) -> Response:
        """One mail as it arrived."""
        row = self._row(request)
        return Response(self._store.source(row["id"]), media_type="message/rfc822") if row else _missing()

    async def api_attempts(self, request: Request) -> Response:
        """Every attempt, from a number on."""
        return JSONResponse({"attempts": self._store.attempts(after=int(request.query_params.get("after", 0)))})

    async def api_clear(self, request: Request) -> Response:
        """Forget everything."""
        self._store.clear()
        return Response(status_code=204)

    async def index(self, request: Request) -> Response:
        """The newest mails."""
        rows = "".join(_line(row) for row in reversed(self._store.messages(limit=10**9)[-200:]))
        table = f"<table><tr><th>Time</th><th>To</th><th>Subject</th><th>From</th></tr>{rows}</table>"
        empty = "<p class=muted>Nothing has arrived yet.</p>"
        return _page("Inbox", table if rows else empty)

    async def show(self, request: Request) -> Response:
        """One mail."""
        row = self._row(request)
        if row is None:
            return _page("Not here", "<p>There is no such mail.</p>", status=404)
        mail = _parse(self._store.source(row["id"]))
        return _page(row["subject"] or "(no subject)", _mail_page(row, mail))

    async def mail_html(self, request: Request) -> Response:
        """The HTML part, in a sandbox."""
        row = self._row(request)
        if row is None:
            return _missing()
        part = _parse(self._store.source(row["id"])).get_body(preferencelist=("html", "plain"))
        content = "" if part is None else part.get_content()
        if part is not None and part.get_content_subtype() == "plain":
            content = f"<pre>{html.escape(content)}</pre>"
        return HTMLResponse(content, headers={"Content-Security-Policy": MAIL_CSP, "Referrer-Policy": "no-referrer"})

    async def attachment(self, request: Request) -> Response:
        """One attachment, to download."""
        row = self._row(request)
        files = list(_parse(self._store.source(row["id"])).iter_attachments()) if row else []
        index = request.path_params["index"]
        if index >= len(files):
            return _missing()
        content = cast(EmailMessage, files[index]).get_payload(decode=True)
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return Response(cast(bytes, content), media_type="application/octet-stream", headers=headers)

    def _row(self, request: Request) -> Row | None:
        return self._store.message(request.path_params["number"])


def _parse(source: bytes) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(source)


def _line(row: Row) -> str:
    link = f"<a href='/messages/{row['id']}'>{html.escape(_decoded(row['subject']) or '(no subject)')}</a>"
    cells = (row["time"][11:19], html.escape(row["recipient"]), link, html.escape(_decoded(row["from"])))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _decoded(value: str) -> str:
    return str(policy.default.header_factory("subject", value))


def _mail_page(row: Row, mail: EmailMessage) -> str:
    head = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(str(v))}</td></tr>" for k, v in mail.items())
    files: Any = enumerate(mail.iter_attachments())
    links = "".join(
        f"<li><a href='/messages/{row['id']}/attachments/{index}'>{html.escape(part.get_filename() or 'file')}</a></li>"
        for index, part in files
    )
    plain = mail.get_body(preferencelist=("plain",))
    text = f"<h3>Text part</h3><pre>{html.escape(plain.get_content())}</pre>" if plain is not None else ""
    source = f"<p><a href='/api/messages/{row['id']}/source'>source</a></p>"
    frame = f"<iframe sandbox src='/messages/{row['id']}/html' title='the mail'></iframe>"
    return f"{frame}<ul>{links}</ul>{text}<h3>Header</h3><table>{head}</table>{source}"


def _page(title: str, body: str, *, status: int = 200) -> Response:
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<header><a href='/'>Postlog inbox</a></header><main><h2>{html.escape(title)}</h2>{body}</main></html>"
    )
    return HTMLResponse(page, status_code=status)


def _missing() -> Response:
    return PlainTextResponse("there is no such mail", status_code=404)
