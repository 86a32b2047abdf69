"""What the receiving side saw: every attempt at a mail, how far it came, and whether the server kept the mail."""

import re
import threading
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import Final

MESSAGE_ID: Final = re.compile(rb"(?im)^message-id:\s*<([0-9a-f-]{36})@")


@dataclass(eq=False)
class Copy:
    """One attempt at one mail in one session. Times are seconds of `time.monotonic`; 0 when it never came so far.

    `kept` says that the server has the mail: the final dot was there and it did not refuse. A reply that never left
    the server changes nothing about that; `unanswered` says that the server itself left the dot without one.
    """

    recipient: str
    session: int
    began: float
    email_id: str = ""
    source: bytes = b""
    phase: str = "rcpt"
    dot_at: float = 0.0
    replied_at: float = 0.0
    reply: str = ""
    kept: bool = False
    unanswered: bool = False

    def content(self, source: bytes) -> None:
        """The whole mail has come, its final dot too."""
        self.source = source
        found = MESSAGE_ID.search(source)
        self.email_id = found[1].decode() if found else ""


class Wire:
    """All copies and sessions. Written by the server's thread, read by all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copies: list[Copy] = []
        self._kept: Counter[str] = Counter()
        self._kept_at: list[float] = []
        self._open: set[int] = set()

    def opened(self, session: int) -> None:
        """A client has connected."""
        with self._lock:
            self._open.add(session)

    def closed(self, session: int) -> None:
        """The session is over, whoever ended it."""
        with self._lock:
            self._open.discard(session)

    def begun(self, copy: Copy) -> None:
        """A recipient was named."""
        with self._lock:
            self._copies.append(copy)

    def keep(self, copy: Copy, *, at: float) -> None:
        """The server has the mail from now on; to say it again changes nothing."""
        with self._lock:
            if not copy.kept:
                copy.kept = True
                self._kept[copy.recipient] += 1
                self._kept_at.append(at)

    @property
    def open_sessions(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._open)

    @property
    def copies(self) -> list[Copy]:
        """All attempts so far."""
        with self._lock:
            return list(self._copies)

    @property
    def kept(self) -> int:
        """How many mails the server has, copies counted."""
        with self._lock:
            return len(self._kept_at)

    def has(self, recipient: str) -> int:
        """How many copies of a recipient's mail the server has."""
        return self._kept[recipient]

    def first_kept_after(self, moment: float) -> float | None:
        """When the first mail after a moment was kept."""
        with self._lock:
            place = bisect_right(self._kept_at, moment)
            return self._kept_at[place] if place < len(self._kept_at) else None
