"""The inbox over real SMTP and HTTP: each behaviour, what is kept, the pages, the reader."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from cli.inbox.behaviours import BEHAVIOURS
from cli.inbox.inbox import Inbox

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


@pytest_asyncio.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with Inbox(tmp_path, slow_seconds=0.2) as box:
        yield box


def mail(to: str, html: str = "<p>Hello</p>") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Acme <billing@acme.test>", to, "Rechnung für José"
    message["Message-ID"] = "<1@acme.test>"
    message.set_content("Hello")
    message.add_alternative(html, subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="invoice.pdf")
    return message


async def send(inbox: Inbox, to: str, **options: str) -> int | None:
    """The reply code to one mail; None when the connection was dropped."""

    def talk() -> int | None:
        with smtplib.SMTP("127.0.0.1", inbox.smtp_port, timeout=10) as client:
            try:
                client.send_message(mail(to, **options), "bounce@acme.test", [to])
            except smtplib.SMTPRecipientsRefused as refused:
                return refused.recipients[to][0]
            except smtplib.SMTPDataError as refused:
                return refused.smtp_code
            except smtplib.SMTPServerDisconnected:
                return None
            return 250

    return await asyncio.to_thread(talk)


async def test_each_row_of_the_table_answers_as_it_says(inbox: Inbox) -> None:
    for row in BEHAVIOURS:
        first = await send(inbox, f"{row.name}+1@example.com")
        expected = None if row.drops else int(row.reply[:3]) if row.reply else 250
        assert first == expected, row.name
        if row.first_only:
            assert await send(inbox, f"{row.name}+1@example.com") == 250
    assert await send(inbox, "somebody@example.org") == 250


async def test_what_arrives_is_kept_and_told_over_http(inbox: Inbox, tmp_path: Path) -> None:
    await send(inbox, "jo@example.com")
    await send(inbox, "drop@example.com")
    await send(inbox, "hardbounce@example.com")
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{inbox.http_port}") as client:
        rows = (await client.get("/api/messages")).json()["messages"]
        assert [(row["recipient"], row["accepted"]) for row in rows] == [
            ("jo@example.com", True),
            ("drop@example.com", False),
        ]
        assert rows[0]["message_id"] == "1@acme.test"
        assert [row["recipient"] for row in (await client.get("/api/messages?after=1")).json()["messages"]] == [
            "drop@example.com"
        ]
        attempts = (await client.get("/api/attempts")).json()["attempts"]
        assert [row["phase"] for row in attempts] == ["end_of_data", "end_of_data", "rcpt_to"]
        assert b"Message-ID: <1@acme.test>" in (await client.get("/api/messages/1/source")).content
        assert (await client.get("/api/messages/9")).status_code == 404
        assert (await client.delete("/api/messages")).status_code == 204
        assert (await client.get("/api/messages")).json() == {"messages": []}


async def test_it_survives_a_restart(tmp_path: Path) -> None:
    async with Inbox(tmp_path) as box:
        await send(box, "greylist@example.com")
        await send(box, "jo@example.com")
    async with Inbox(tmp_path) as box:
        assert len(box.store.messages()) == 1
        assert await send(box, "greylist@example.com") == 250


async def test_the_pages_show_mail_in_a_sandbox(inbox: Inbox) -> None:
    await send(inbox, "jo@example.com", html="<script>alert(1)</script><b>bold</b>")
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{inbox.http_port}") as client:
        index = (await client.get("/")).text
        assert "jo@example.com" in index and "Rechnung für José" in index
        page = (await client.get("/messages/1")).text
        assert "<script>" not in page and "iframe sandbox" in page and "invoice.pdf" in page
        shown = await client.get("/messages/1/html")
        assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert (await client.get("/messages/1/attachments/0")).content == b"%PDF"
        assert (await client.get("/messages/7")).status_code == 404


async def test_a_reader_loads_the_pixel_and_follows_the_first_tracked_link(inbox: Inbox) -> None:
    hits: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hits.append((await reader.readline()).decode().split()[1])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: https://shop.test/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        html = f'<a href="https://elsewhere.test/">no</a><a href="{base}/c/x">yes</a><img src="{base}/o/y">'
        await send(inbox, "reader+7@example.com", html=html)
        async with asyncio.timeout(10):
            while len(hits) < 2:
                await asyncio.sleep(0.02)
    assert hits == ["/o/y", "/c/x"]
