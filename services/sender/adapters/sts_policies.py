"""MTA-STS policies that were fetched, kept over restarts: a domain's word holds for as long as it has said."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from services.sender.domain.mta_sts import NotAPolicy, StsPolicy, parse

_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS policies (domain TEXT PRIMARY KEY, id TEXT, body BLOB, fetched REAL, expires REAL)
"""
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A policy as it was fetched. Times are epoch seconds."""

    id: str
    policy: StsPolicy
    fetched: float

    @property
    def expires(self) -> float:
        """Until when it holds."""
        return self.fetched + self.policy.max_age


class StsPolicies:
    """In one SQLite file; for one thread at a time. Never raises: what cannot be read or written is not there."""

    def __init__(self, file: Path) -> None:
        self._base = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute(_SCHEMA)

    def get(self, domain: str, *, now: float) -> Kept | None:
        """The domain's policy, if one is known that still holds."""
        asked = "SELECT id, body, fetched FROM policies WHERE domain = ? AND expires > ?"
        try:
            row = self._base.execute(asked, (domain, now)).fetchone()
            return Kept(id=row[0], policy=parse(row[1]), fetched=row[2]) if row else None
        except (sqlite3.Error, NotAPolicy) as error:
            log.warning("a kept MTA-STS policy cannot be read", domain=domain, error=str(error))
            return None

    def put(self, domain: str, body: bytes, kept: Kept) -> None:
        """Keep it in place of an older one."""
        row = (domain, kept.id, body, kept.fetched, kept.expires)
        try:
            self._base.execute("INSERT OR REPLACE INTO policies VALUES (?, ?, ?, ?, ?)", row)
            self._base.execute("DELETE FROM policies WHERE expires <= ?", (kept.fetched,))
        except sqlite3.Error as error:
            log.warning("an MTA-STS policy cannot be kept", domain=domain, error=str(error))

    def close(self) -> None:
        """Close the file."""
        self._base.close()
