"""Sends TLS reports: each day's, once it is over, to where the domain wants them (RFC 8460 sections 3 and 5)."""

import asyncio
import base64
import gzip
import json
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from services.sender.adapters.https import PORT, Https, NoAnswer
from services.sender.adapters.resolver import Resolver
from services.sender.adapters.tls_counts import TlsCounts
from services.sender.domain.tls_report import Destination, Submitter, destinations, report
from shared.clock import Clock
from shared.commands import Attachment, SendEmail, Tracking
from shared.ids import derived_id

SPREAD: Final = 4 * 3600  # seconds after the day's end in which reports go out (section 4.1)
PATIENCE: Final = timedelta(days=1)  # for how long a report is tried (section 5.4)
TURN: Final = 600.0  # seconds
MEDIA_TYPE: Final = "application/tlsrpt+gzip"
log = structlog.get_logger()


class TlsReports:
    """`send` asks for an email. `turn` may be called at any time; `start` calls it now and then, in a thread."""

    def __init__(
        self,
        counts: TlsCounts,
        *,
        resolver: Resolver,
        https: Https,
        submitter: Submitter,
        tenant: str,
        send: Callable[[SendEmail], None],
        clock: Clock,
    ) -> None:
        self._counts = counts
        self._resolver = resolver
        self._https = https
        self._submitter = submitter
        self._tenant = tenant
        self._send = send
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tls-reports", daemon=True)

    def start(self) -> None:
        """Report from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what was not reported yet is on disk."""
        self._stop.set()
        self._thread.join(5)

    async def turn(self) -> None:
        """Send what is due."""
        for day, domain in self._counts.waiting(before=self._clock.now().date()):
            if self._clock.now() >= self._due(day, domain) and not self._stop.is_set():
                await self._report(day, domain)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while not self._stop.is_set():
                try:
                    runner.run(self.turn())
                except Exception as error:  # noqa: BLE001 (the next turn tries again; mail goes on meanwhile)
                    log.error("TLS reports were not sent", error=repr(error))
                self._stop.wait(TURN)

    def _due(self, day: date, domain: str) -> datetime:
        """Not all at once: a moment of the domain's own."""
        over = datetime.combine(day, time(), UTC) + timedelta(days=1)
        return over + timedelta(seconds=derived_id(self._submitter.sender, domain).int % SPREAD)

    async def _report(self, day: date, domain: str) -> None:
        wanted = await self._resolver.texts(f"_smtp._tls.{domain}")
        done = wanted.status != "failed"
        for destination in destinations(wanted.records):
            done = await self._hand_over(day, domain, destination) and done
        if done or self._clock.now() >= self._due(day, domain) + PATIENCE:
            self._counts.forget(day, domain)

    async def _hand_over(self, day: date, domain: str, destination: Destination) -> bool:
        if self._counts.was_sent(day, domain, destination.uri):
            return True
        content = report(self._counts.of(day, domain), day=day, domain=domain, submitter=self._submitter)
        packed = gzip.compress(json.dumps(content).encode(), mtime=0)
        try:
            await self._to(destination, packed, day=day, domain=domain)
        except NoAnswer as failed:
            log.info("TLS report not taken", domain=domain, day=day.isoformat(), detail=str(failed))
            return False
        self._counts.mark_sent(day, domain, destination.uri)
        return True

    async def _to(self, destination: Destination, packed: bytes, *, day: date, domain: str) -> None:
        if destination.scheme == "mailto":
            self._send(self._email(destination.address, packed, day=day, domain=domain))
            return
        parts = urlsplit(destination.uri)
        if not parts.hostname or parts.username is not None or parts.port not in (None, PORT):
            raise NoAnswer("the rua is not a plain https URI")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        answer = await self._https.post(parts.hostname, path, body=packed, headers={"content-type": MEDIA_TYPE})
        if answer.status // 100 != 2:
            raise NoAnswer(f"answered {answer.status}")

    def _email(self, to: str, packed: bytes, *, day: date, domain: str) -> SendEmail:
        """The mail of RFC 8460 section 5.3; asked for twice, it is sent once."""
        me = self._submitter
        report_id = me.report_id(day, domain)
        file: dict[str, Any] = {"filename": me.file_name(day, domain), "content_type": MEDIA_TYPE}
        return SendEmail(
            email_id=derived_id("tls-report", report_id, to),
            tenant=self._tenant,
            sender=me.contact,
            to=to,
            subject=f"Report Domain: {domain} Submitter: {me.domain} Report-ID: <{report_id}>",
            text=f"This is an aggregate TLS report from {me.domain} for {domain}, {day.isoformat()} (RFC 8460).\n",
            headers={"TLS-Report-Domain": domain, "TLS-Report-Submitter": me.domain},
            attachments=(Attachment(content=base64.b64encode(packed).decode(), **file),),
            tracking=Tracking(opens=False, clicks=False),
        )
