"""A reply as rules see it: its codes, and its words in one spelling."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 2000  # characters looked at: the reason comes first

_CODE: Final = re.compile(r"(?<![\w.:#-])[45]\d\d(?=[ \t\-,:;]|$)", re.MULTILINE)
_STATUS: Final = re.compile(r"(?<![\d.])[245]\.(\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_VAGUE: Final = frozenset({"0.0", "1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0"})

# What the servers between put around the reply: before it by whom and when it was said, after it what it answered.
_SAID: Final = re.compile(
    r"\b(?:said|talk to me|returned|failed with|with failure|responded with|reason)\s?:?\s+['\"(]?", re.IGNORECASE
)
_ADDED: Final = re.compile(r"\(in reply to [\w ]{3,30}\)|giving up on [\d.]+", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
# What follows from the refusal of the only recipient, in a dialogue that was pipelined.
_FOLLOWS: Final = re.compile(r"\s(?:503[ -]|554 5\.5\.1 )", re.MULTILINE)

_ADDRESS: Final = re.compile(r"[^<>()\[\]:;,\"]*@[^<>()\[\]:;,\"]*")
_GOOGLE_REASON: Final = re.compile(r"[?&]p=(\w+)")
_IP: Final = re.compile(r"\W*(\d{1,3}(\.\d{1,3}){3}|(ipv6:)?([0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4})\W*")
_HOST: Final = re.compile(
    r"\W*((?:[a-z0-9_-]+\.)+)(?:com|net|org|edu|gov|info|biz|arpa|test|example|[a-z]{2})(?![\w-]|\.\w)"
)
_BELOW_COUNTRY: Final = frozenset({"co", "com", "ne", "or", "ac", "go", "gov", "org", "net", "edu"})
_NAMES: Final = re.compile(r"@|://|\w\.\w|\w::?\w")
_APOSTROPHE: Final = re.compile(r"(?<=\w)['`´’](?=\w)")
_BETWEEN: Final = re.compile(r"[\W_]+")
_SPELLINGS: Final = (
    ("e mail", "email"),
    ("e mails", "emails"),
    ("mail box", "mailbox"),
    ("mail boxes", "mailbox"),
    ("over quota", "overquota"),
    ("black list", "blacklist"),
    ("block list", "blocklist"),
    ("black listed", "blacklisted"),
    ("block listed", "blocklisted"),
    ("non existent", "nonexistent"),
    ("non existing", "nonexistent"),
    ("user name", "username"),
    ("user id", "userid"),
    ("host name", "hostname"),
    ("anti spam", "antispam"),
)
_SPELT_APART: Final = re.compile(r"\b(" + "|".join(apart for apart, _ in _SPELLINGS) + r")\b")
_TOGETHER: Final = dict(_SPELLINGS)
_LETTERS: Final = str.maketrans({"ł": "l", "ø": "o", "ı": "i", "đ": "d", "æ": "ae"})


@dataclass(frozen=True)
class Reply:
    """`code` and `status` (subject.detail) where there are some; `words` are lower case, between single spaces."""

    code: int | None
    status: str | None
    words: str
    phase: str | None = None


def read(text: str, *, code: int | None = None, status: str | None = None, phase: str | None = None) -> Reply:
    """A reply, or the diagnostic text of a DSN. Codes that are not given are looked for in the text."""
    head = text[:LONGEST]
    found = _CODE.search(head)
    if code is None and found:
        code = int(found[0])
    return Reply(code, _status(status, head), words_of(_bare(head, found)), phase)


def _bare(text: str, code: re.Match[str] | None) -> str:
    """The reply itself, where there are words of it: not what stands before its code, or before `said:`, or follows."""
    start = code or _SAID.search(text)
    rest = _FOLLOWS.split(text[start.end() :] if start else text, maxsplit=1)[0]
    return _ADDED.sub(" ", rest if _WORD.search(rest) else text)


def _status(given: str | None, text: str) -> str | None:
    """The first enhanced status code that says more than its subject; else the first."""
    found = _STATUS.findall(given or "") + _STATUS.findall(text)
    known = [_without_zeros(each) for each in found]
    return next((each for each in known if each not in _VAGUE), known[0] if known else None)


def _without_zeros(status: str) -> str:
    subject, _, detail = status.partition(".")
    return f"{int(subject)}.{int(detail)}"


def words_of(text: str) -> str:
    """The words, with a space before and after each: lower case, without accents, punctuation and what only identifies.

    An address becomes `addr`, an IP address `ip`, a host the label that names its owner (`spamhaus`, `yahoo`).
    """
    plain = text.lower()
    if not plain.isascii():
        plain = folded(plain)
    plain = " ".join([_named(piece) if _NAMES.search(piece) else piece for piece in plain.split()])
    plain = _APOSTROPHE.sub("", plain)
    plain = _BETWEEN.sub(" ", plain)
    plain = _SPELT_APART.sub(lambda apart: _TOGETHER[apart[0]], plain)
    return f" {plain.strip()} "


def folded(text: str) -> str:
    """Without accents, and compatibility forms as the usual ones; letters of other scripts stay."""
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return unicodedata.normalize("NFC", "".join(char for char in apart if not unicodedata.combining(char)))


def _named(piece: str) -> str:
    """A piece of text that has an address, a URL, a host or an IP address in it, as one word."""
    if "://" in piece:
        before, _, url = piece.partition("://")
        reason = _GOOGLE_REASON.search(url)
        host = re.split(r"[/?#:>]", url, maxsplit=1)[0]
        return f"{before.rpartition('http')[0]} {_named(host) if host else ''} {reason[1] if reason else ''}"
    if "@" in piece:
        return _ADDRESS.sub(" addr ", piece)
    if _IP.fullmatch(piece):
        return " ip "
    host = _HOST.match(piece)
    return f" {_owner(host[1])} {piece[host.end() :]}" if host else piece


def _owner(labels: str) -> str:
    """The label that names who owns a host, of those above its top-level domain."""
    *before, last = labels.strip(".").split(".")
    return before[-1] if before and last in _BELOW_COUNTRY else last
