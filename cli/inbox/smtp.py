"""The SMTP side of the inbox, on aiosmtpd: answers by the table of behaviours, keeps what it takes."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from typing import Final, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from cli.inbox.behaviours import Behaviour, behaviour_of
from cli.inbox.store import Row, Store

MAX_BYTES: Final = 50 * 1024 * 1024
OK: Final = "250 2.0.0 Ok: taken"
Read = Callable[[int], None]


class Handler:
    """Answers RCPT and the end of DATA."""

    def __init__(self, store: Store, *, slow_seconds: float, read: Read) -> None:
        self._store = store
        self._slow_seconds = slow_seconds
        self._read = read
        self._parser = BytesHeaderParser()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse at RCPT those whose behaviour says so."""
        behaviour = behaviour_of(address)
        if behaviour.phase == "rcpt" and (reply := self._refusal(behaviour, address)) is not None:
            self._note(address, "rcpt_to", reply)
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str | None:
        """Take, refuse, drop or wait, by the behaviour of the (first) recipient."""
        recipient = envelope.rcpt_tos[0]
        behaviour = behaviour_of(recipient)
        reply = self._refusal(behaviour, recipient) if behaviour.phase == "data" else None
        if behaviour.slow:
            await asyncio.sleep(self._slow_seconds)
        self._note(recipient, "end_of_data", "dropped" if behaviour.drops else reply or OK)
        if reply is not None:
            return reply
        kept = self._keep(session, envelope, accepted=not behaviour.drops)
        if behaviour.drops:
            cast(asyncio.Transport, server.transport).abort()
            return OK
        if behaviour.reads:
            self._read(kept["id"])
        return OK

    def _refusal(self, behaviour: Behaviour, recipient: str) -> str | None:
        if behaviour.reply is None or (behaviour.first_only and self._store.tried(recipient)):
            return None
        return behaviour.reply.format(recipient=recipient)

    def _note(self, recipient: str, phase: str, reply: str) -> None:
        self._store.attempt({"time": _now(), "recipient": recipient, "phase": phase, "reply": reply})

    def _keep(self, session: Session, envelope: Envelope, *, accepted: bool) -> Row:
        source = envelope.original_content or b""
        headers = self._parser.parsebytes(source)
        row = {
            "time": _now(),
            "mail_from": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "recipient": envelope.rcpt_tos[0],
            "helo": session.host_name,
            "tls": session.ssl is not None,
            "accepted": accepted,
            "message_id": (headers["Message-ID"] or "").strip("<> "),
            "subject": str(headers["Subject"] or ""),
            "from": str(headers["From"] or ""),
        }
        return self._store.keep(row, source)


async def serve_smtp(handler: Handler, *, host: str, port: int) -> asyncio.Server:
    """Listen; 8BITMIME, SIZE and SMTPUTF8 are offered."""

    def session() -> SMTP:
        return SMTP(handler, data_size_limit=MAX_BYTES, enable_SMTPUTF8=True, hostname="inbox.example", timeout=600)

    return await asyncio.get_running_loop().create_server(session, host=host, port=port)


def _now() -> str:
    return datetime.now(UTC).isoformat()
