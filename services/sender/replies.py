"""Replies of SMTP servers: their enhanced status code, their text without the recipient, what kind of bounce. Pure."""

import re
from typing import Final

from shared.bounces.classifier import Classifier
from shared.bounces.judgement import Judgement
from shared.bounces.reading import read
from shared.commands import SmtpResult

MAX_TEXT: Final = 4096  # characters kept of a reply
PLACEHOLDER: Final = "<recipient>"

_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\d|\.\d)")
_CONTROLS: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def enhanced_status(code: int, text: str) -> str | None:
    """The enhanced status code at the beginning of a reply's text (RFC 2034), when it agrees with the reply code."""
    found = _ENHANCED.match(text.lstrip())
    return found[0] if found and int(found[1]) == code // 100 else None


def clean(text: str, *, recipient: str | None = None) -> str:
    """A reply's text, whole with its line ends, fit to be kept: no address of the recipient, no control characters."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    plain = _CONTROLS.sub("\ufffd", readable)
    return (redact(plain, recipient=recipient) if recipient else plain)[:MAX_TEXT]


def redact(text: str, *, recipient: str) -> str:
    """`text` with the recipient replaced, in any case, with or without angle brackets, whole or the local part alone.

    A sub-address (`local+detail`) goes by its base too, which is how most servers name the mailbox.
    """
    local, _, domain = recipient.rpartition("@")
    base = local.partition("+")[0]
    if text.isascii() and base.isascii() and base.lower() not in text.lower():
        return text  # every pattern has the base in it; most replies do not, and compiling one for each costs much
    whole = "|".join(rf"<?{re.escape(part)}@{re.escape(name)}>?" for part in (local, base) for name in _names(domain))
    alone = "|".join(rf"(?<![\w.+-]){re.escape(part)}(?![\w+-]|\.\w)" for part in (local, base) if part)
    return re.sub(f"{whole}|{alone}", PLACEHOLDER, text, flags=re.IGNORECASE)


def _names(domain: str) -> list[str]:
    """The domain in A-labels and in U-labels (RFC 5890)."""
    try:
        return [domain, domain.encode("ascii").decode("idna")]
    except UnicodeError:
        return [domain]


def classify(result: SmtpResult, *, classifier: Classifier) -> Judgement:
    """What kind of bounce a permanent refusal is."""
    reply = read(
        result.smtp_reply_text or "",
        code=result.smtp_reply_code,
        status=result.enhanced_status_code,
        phase=result.smtp_phase,
    )
    return classifier.judge(reply)
