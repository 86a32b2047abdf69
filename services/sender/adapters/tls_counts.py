"""What came of TLS, counted by day and policy domain until it is reported (RFC 8460). Survives restarts."""

import json
import sqlite3
from datetime import date
from pathlib import Path
from typing import Final

import structlog

from services.sender.domain.tls import Published
from services.sender.domain.tls_report import Sessions
from shared.clock import Clock
from shared.commands import SmtpResult

_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS sessions (
        day TEXT, domain TEXT, kind TEXT, strings TEXT, hosts TEXT, result TEXT,
        source_ip TEXT, mx_host TEXT, mx_ip TEXT, number INTEGER,
        PRIMARY KEY (day, domain, kind, strings, hosts, result, source_ip, mx_host, mx_ip)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sent (
        day TEXT, domain TEXT, uri TEXT, PRIMARY KEY (day, domain, uri)
    ) WITHOUT ROWID;
"""
_ADD: Final = """
    INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET number = number + 1
"""
log = structlog.get_logger()


class TlsCounts:
    """In one SQLite file, which several threads may open, each for itself. Losing it loses a day's report, no mail."""

    def __init__(self, file: Path, *, clock: Clock) -> None:
        self._clock = clock
        self._base = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.executescript(_SCHEMA)

    def add(self, published: Published, result: str | None, facts: SmtpResult) -> None:
        """Count one connection; `result` is None for success. Never raises: no delivery may fail for it."""
        row = (
            self._clock.now().date().isoformat(),
            published.domain,
            published.kind,
            json.dumps(published.strings),
            json.dumps(published.hosts),
            result or "",
            facts.source_ip or "",
            facts.mx_host or "",
            facts.mx_ip or "",
        )
        try:
            self._base.execute(_ADD, row)
        except sqlite3.Error as error:
            log.warning("a session is missing from the TLS reports", error=str(error))

    def waiting(self, *, before: date) -> list[tuple[date, str]]:
        """Days and domains to be reported, the oldest first."""
        found = self._base.execute(
            "SELECT DISTINCT day, domain FROM sessions WHERE day < ? ORDER BY day, domain", (before.isoformat(),)
        )
        return [(date.fromisoformat(day), domain) for day, domain in found]

    def of(self, day: date, domain: str) -> list[Sessions]:
        """What was counted."""
        found = self._base.execute(
            "SELECT kind, strings, hosts, result, source_ip, mx_host, mx_ip, number FROM sessions"
            " WHERE day = ? AND domain = ?",
            (day.isoformat(), domain),
        )
        return [
            Sessions(
                kind=kind,
                strings=tuple(json.loads(strings)),
                hosts=tuple(json.loads(hosts)),
                result=result or None,
                source_ip=source_ip,
                mx_host=mx_host,
                mx_ip=mx_ip,
                number=number,
            )
            for kind, strings, hosts, result, source_ip, mx_host, mx_ip, number in found
        ]

    def mark_sent(self, day: date, domain: str, uri: str) -> None:
        """The report has been handed over there."""
        self._base.execute("INSERT OR IGNORE INTO sent VALUES (?, ?, ?)", (day.isoformat(), domain, uri))

    def was_sent(self, day: date, domain: str, uri: str) -> bool:
        """Whether it has."""
        key = (day.isoformat(), domain, uri)
        return (
            self._base.execute("SELECT 1 FROM sent WHERE day = ? AND domain = ? AND uri = ?", key).fetchone()
            is not None
        )

    def forget(self, day: date, domain: str) -> None:
        """Nothing more is to be reported."""
        for table in ("sessions", "sent"):
            self._base.execute(f"DELETE FROM {table} WHERE day = ? AND domain = ?", (day.isoformat(), domain))  # noqa: S608 (our own names)

    def close(self) -> None:
        """Close the file."""
        self._base.close()
