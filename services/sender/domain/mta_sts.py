"""MTA-STS: what a domain asks of those who send it mail (RFC 8461). Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from services.sender.domain.names import is_host_pattern
from services.sender.domain.tls import DomainTls, Published

MOST_AGE: Final = 31_557_600  # seconds; RFC 8461 section 3.2
_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")
Mode = Literal["enforce", "testing", "none"]


class NotAPolicy(ValueError):
    """The text is not one of RFC 8461 section 3.2."""


@dataclass(frozen=True, kw_only=True)
class StsPolicy:
    """A policy. `max_age` is in seconds since it was fetched."""

    mode: Mode
    hosts: tuple[str, ...]
    max_age: int
    lines: tuple[str, ...]

    def applied(self, domain: str, *, otherwise: DomainTls) -> DomainTls:
        """What it makes of mail to the domain; `otherwise` is what holds without it."""
        if self.mode == "none":
            return otherwise
        testing = self.mode == "testing"
        published = Published(domain=domain, kind="sts", strings=self.lines, hosts=self.hosts, testing=testing)
        if testing:
            return DomainTls(published=published, tls=otherwise.tls, verify=otherwise.verify)
        return DomainTls(published=published, tls="required", verify=True, hosts=self.hosts)


def policy_id(texts: Sequence[str]) -> str | None:
    """The id of the policy that TXT records announce; None when they announce none, or more than one."""
    announced = [text for text in texts if re.match(r"v=STSv1\s*;", text)]
    if len(announced) != 1:
        return None
    fields = dict(_pair(part, "=") for part in announced[0].split(";") if "=" in part)
    found = fields.get("id", "")
    return found if _ID.fullmatch(found) else None


def parse(body: bytes) -> StsPolicy:
    """The policy in a file; raises `NotAPolicy`."""
    try:
        lines = [line.strip() for line in body.decode("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise NotAPolicy("not text") from None
    pairs = [_pair(line, ":") for line in lines]
    first = dict(reversed(pairs))  # of fields that come twice the first counts
    if first.get("version") != "STSv1":
        raise NotAPolicy("the version is not STSv1")
    mode, hosts = _mode(first.get("mode", "")), tuple(value.lower() for name, value in pairs if name == "mx")
    if mode != "none" and not hosts:
        raise NotAPolicy("no mx")
    if not all(is_host_pattern(host) for host in hosts):
        raise NotAPolicy("an mx is no host name")
    return StsPolicy(mode=mode, hosts=hosts, max_age=_age(first.get("max_age", "")), lines=tuple(lines))


def _mode(text: str) -> Mode:
    match text:
        case "enforce" | "testing" | "none":
            return text
    raise NotAPolicy("the mode is none of enforce, testing, none")


def _age(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise NotAPolicy("max_age is no number")
    return min(int(text), MOST_AGE)


def _pair(text: str, separator: str) -> tuple[str, str]:
    name, _, value = text.partition(separator)
    return name.strip(), value.strip()
