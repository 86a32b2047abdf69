"""Addresses: syntax (RFC 5321, 6531), normal form, and the name beside them."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email

from shared.acceptance.limits import MAX_DISPLAY_NAME
from shared.acceptance.refusal import Refusal, Refused
from shared.acceptance.texts import require_clean
from shared.commands import Address

_MAX_LOCAL: Final = 64  # octets, RFC 5321 section 4.5.3.1.1
_PLAIN_LOCAL: Final = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_SPECIALS: Final = re.compile(r'[()<>\[\]:;@\\,"]')  # RFC 5322 section 3.2.3, without the dot


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """An address in normal form: local part in NFC, domain in A-labels and lower case."""

    address: str
    name: str | None = None

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]


def parse_mailbox(given: str | Address, *, field: str) -> Mailbox | Refusal:
    """The mailbox, or why it is none. Nothing is looked up; `.test` and example domains are fine."""
    try:
        return mailbox(given, field=field)
    except Refused as refused:
        return refused.refusal


def mailbox(given: str | Address, *, field: str) -> Mailbox:
    """As `parse_mailbox`; raises `Refused`."""
    text = given if isinstance(given, str) else given.email
    name = None if isinstance(given, str) else given.name
    require_clean(text, field=field)
    require_clean(name, field=f"{field}.name", longest=MAX_DISPLAY_NAME)
    phrase = _phrase(text) if isinstance(given, str) else None
    if phrase is not None:
        name, text = phrase
        require_clean(name, field=field, longest=MAX_DISPLAY_NAME)
    found = _syntax(text, display_name=isinstance(given, str) and phrase is None)
    if isinstance(found, str):
        raise Refused("invalid_address", field, found)
    if found.name is not None:
        require_clean(found.name, field=field, longest=MAX_DISPLAY_NAME)
    return Mailbox(address=found.address, name=found.name or name or None)


def _phrase(text: str) -> tuple[str, str] | None:
    """`Łucja Nowak <…>` or `J. Doe <…>`: name and address, where nothing but quotes could make it mean something else.

    Atoms in any script (RFC 6532 section 3.2) and dots (RFC 5322 section 4.1, obs-phrase), as everybody writes them.
    """
    name, opened, rest = text.partition("<")
    name = name.strip()
    if not opened or not name or not rest.endswith(">") or _SPECIALS.search(name):
        return None
    return name, rest[:-1]


def _syntax(text: str, *, display_name: bool) -> Mailbox | str:
    """The usual address is known by a look at it; its domain, which many share, is checked like any other."""
    local, _, domain = text.rpartition("@")
    if len(local) <= _MAX_LOCAL and _PLAIN_LOCAL.fullmatch(local) and _plain_domain(domain):
        return Mailbox(address=text)
    return _checked(text, display_name=display_name)


@lru_cache(maxsize=10_000)
def _plain_domain(domain: str) -> bool:
    """Whether the domain is good, and in normal form as it stands."""
    found = _checked(f"{'a' * _MAX_LOCAL}@{domain}", display_name=False)
    return isinstance(found, Mailbox) and found.domain == domain and found.name is None


@lru_cache(maxsize=1024)  # the same sender stands in thousands of requests, and a check costs 25 µs
def _checked(text: str, *, display_name: bool) -> Mailbox | str:
    try:
        found = validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=True,
            allow_display_name=display_name,
            test_environment=True,
            strict=True,
        )
    except EmailNotValidError as error:
        return str(error).partition(" (")[0].rstrip(".")  # what stands in brackets may repeat a part of the address
    if len(found.local_part.encode()) > _MAX_LOCAL:
        return "The part before the @-sign is longer than 64 octets"
    return Mailbox(address=f"{found.local_part}@{found.ascii_domain}".removesuffix("."), name=found.display_name)
