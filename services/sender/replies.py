"""Replies of SMTP servers: their enhanced status code, their text without the recipient, what kind of bounce. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from shared.commands import SmtpResult

CLASSIFIER_VERSION: Final = 1
MAX_TEXT: Final = 4096  # characters kept of a reply
PLACEHOLDER: Final = "<recipient>"

_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\d|\.\d)")
_CONTROLS: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class Judgement:
    """What a bounce means: its class (hard, soft, block, admin, undetermined) and its category."""

    bounce_class: str
    category: str


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


def classify(result: SmtpResult) -> Judgement:
    """What kind of bounce a permanent refusal is: by its words where the code says little, else by the code."""
    enhanced = _ENHANCED.match(result.enhanced_status_code or "")
    detail = f"{int(enhanced[2])}.{int(enhanced[3])}" if enhanced else None
    if detail is None or detail in _VAGUE:
        for pattern, judgement in _BY_WORDS:
            if pattern.search(result.smtp_reply_text or ""):
                return judgement
    if detail is not None:
        return _BY_DETAIL.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0], _UNKNOWN)
    return _BY_REPLY_CODE.get(result.smtp_reply_code or 0, _UNKNOWN)


_UNKNOWN: Final = Judgement("undetermined", "uncategorized")
_NO_MAILBOX: Final = Judgement("hard", "invalid_recipient")
_NO_DOMAIN: Final = Judgement("hard", "bad_domain")
_INACTIVE: Final = Judgement("hard", "inactive_mailbox")
_FULL: Final = Judgement("soft", "mailbox_full")
_TOO_LARGE: Final = Judgement("soft", "message_too_large")
_NETWORK: Final = Judgement("soft", "bad_connection")
_DNS: Final = Judgement("soft", "dns_failure")
_POLICY: Final = Judgement("block", "policy")
_REPUTATION: Final = Judgement("block", "spam_reputation")
_SPAM: Final = Judgement("block", "spam_content")
_TOO_MANY: Final = Judgement("block", "rate_limited")
_AUTH: Final = Judgement("admin", "auth_failed")
_RELAY: Final = Judgement("admin", "relay_denied")
_PROTOCOL: Final = Judgement("admin", "protocol_error")

# subject.detail of RFC 3463 and the IANA registry of enhanced status codes
_BY_DETAIL: Final = {
    "1.1": _NO_MAILBOX,
    "1.2": _NO_DOMAIN,
    "1.3": _NO_MAILBOX,
    "1.4": _NO_MAILBOX,
    "1.6": _NO_MAILBOX,
    "1.7": _PROTOCOL,  # 1.7 and 1.8 are about the sender
    "1.8": _PROTOCOL,
    "1.10": _NO_MAILBOX,  # null MX, RFC 7505
    "2.1": _INACTIVE,
    "2.2": _FULL,
    "2.3": _TOO_LARGE,
    "3.3": _PROTOCOL,
    "3.4": _TOO_LARGE,
    "4.3": _DNS,
    "4.4": _DNS,
    "4.7": Judgement("soft", "expired"),
    "7.8": _AUTH,
    "7.9": _AUTH,
    "7.13": _INACTIVE,
    "7.17": _NO_MAILBOX,  # the mailbox has another owner, RFC 7293
    "7.18": _NO_DOMAIN,
    "7.20": _AUTH,  # DKIM, SPF and reverse DNS: RFC 7372
    "7.21": _AUTH,
    "7.22": _AUTH,
    "7.23": _AUTH,
    "7.24": _AUTH,
    "7.25": _AUTH,
    "7.26": _AUTH,
    "7.28": _TOO_MANY,
}
_BY_SUBJECT: Final = {"3": _NETWORK, "4": _NETWORK, "5": _PROTOCOL, "6": _PROTOCOL, "7": _POLICY}
# the codes of RFC 5321 and 7504 that need no further words
_BY_REPLY_CODE: Final = {
    500: _PROTOCOL,
    501: _PROTOCOL,
    502: _PROTOCOL,
    503: _PROTOCOL,
    504: _PROTOCOL,
    555: _PROTOCOL,
    521: _NO_DOMAIN,
    556: _NO_DOMAIN,
    530: _AUTH,
    535: _AUTH,
    538: _AUTH,
    552: _FULL,
}
_VAGUE: Final = frozenset({"0.0", "1.0", "2.0", "3.0", "5.0", "7.0", "7.1"})
_BY_WORDS: Final = tuple(
    (re.compile(words, re.IGNORECASE), judgement)
    for words, judgement in (
        (
            r"relay(ing)?( access)? (is )?(denied|not (permitted|allowed))|unable to relay|not permitted to relay",
            _RELAY,
        ),
        (r"block ?list|black ?list|dnsbl|rbl\b|reputation|spamhaus|listed (by|in|on|at)\b", _REPUTATION),
        (r"\bspam\b|\bvirus\b|malware|phish", _SPAM),
        (r"(mailbox|mail box|account|user|recipient)\b.{0,40}(full|over ?quota|exceed)|quota exceeded", _FULL),
        (r"(disabled|inactive|suspended|deactivated|expired)\b.{0,30}(mailbox|account|user)", _INACTIVE),
        (r"(mailbox|account|user)\b.{0,30}(disabled|inactive|suspended|deactivated|expired)", _INACTIVE),
        (r"(message|size)\b.{0,30}(too (large|big)|exceeds)", _TOO_LARGE),
        (r"too many|rate limit|throttl", _TOO_MANY),
        (
            r"(unknown|no such|invalid|nonexistent|non-existent|unrouteable) (local )?"
            r"(user|recipient|mailbox|address|account|person)"
            r"|(user|recipient|mailbox|address|account)\b.{0,60}"
            r"(unknown|not found|does ?n.t exist|does not exist|no longer (exists|available)|unavailable|not exist)",
            _NO_MAILBOX,
        ),
    )
)
