"""Trouble with one destination: no connection, no answer. It backs off alone, and one email probes it. Pure."""

from typing import Final

from services.sender.domain.attempt import Ended

FIRST_SECONDS: Final = 0.2
CEILING_SECONDS: Final = 10.0
_BEFORE_MAIL: Final = ("connect", "ehlo", "starttls", "auth")


class Trouble:
    """How often in a row a destination could not be spoken to, and when it is tried again."""

    def __init__(self) -> None:
        self.failures = 0
        self.resume_at = 0.0

    def failed(self, now: float) -> None:
        """It failed again. Failures of attempts that were under way together count once."""
        if now >= self.resume_at:
            self.failures += 1
            self.resume_at = now + min(CEILING_SECONDS, FIRST_SECONDS * 2.0 ** min(self.failures - 1, 16))

    def over(self) -> None:
        """It answers."""
        self.failures, self.resume_at = 0, 0.0


def is_trouble(ended: Ended) -> bool:
    """Whether an attempt met no server that would talk about mail; a reply about mail is none, whatever it says."""
    if ended.kind != "deferred":
        return False
    return ended.result.smtp_reply_code is None or ended.result.smtp_phase in _BEFORE_MAIL


def is_answer(ended: Ended) -> bool:
    """Whether an attempt shows that the destination can be spoken to."""
    return ended.kind in ("delivered", "bounced", "deferred") and not is_trouble(ended)
