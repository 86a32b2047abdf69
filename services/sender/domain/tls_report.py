"""TLS reports: what came of encrypting the connections to a domain's servers, for the domain (RFC 8460). Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from services.sender.domain.route import ConnectFailed

MOST_DETAILS: Final = 1000  # of one policy
_BY_WORDS: Final = (
    (re.compile(r"STARTTLS is not offered"), "starttls-not-supported"),
    (re.compile(r"certificate has expired"), "certificate-expired"),
    (re.compile(r"(Hostname|IP address) mismatch"), "certificate-host-mismatch"),
    (re.compile(r"self.signed|local issuer|CERTIFICATE_VERIFY_FAILED"), "certificate-not-trusted"),
)
_RECORD: Final = re.compile(r"v=TLSRPTv1\s*;")


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Connections of one day that came to the same. `result` is None for those that came to what the policy wants."""

    kind: str
    strings: tuple[str, ...]
    hosts: tuple[str, ...]
    result: str | None
    source_ip: str
    mx_host: str
    mx_ip: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Submitter:
    """Who reports: the organisation's domain, the address that it is asked at, and which of its senders this is."""

    domain: str
    contact: str
    sender: str

    def report_id(self, day: date, domain: str) -> str:
        """Names one report for good."""
        return f"{day.isoformat()}.{domain}.{self.sender}"

    def file_name(self, day: date, domain: str) -> str:
        """As RFC 8460 section 5.1 has it."""
        begin, end = (int(moment.timestamp()) for moment in _range(day))
        return f"{self.domain}!{domain}!{begin}!{end}!{self.sender}.json.gz"


@dataclass(frozen=True)
class Destination:
    """Where a domain wants reports."""

    scheme: Literal["mailto", "https"]
    uri: str

    @property
    def address(self) -> str:
        """Of a mailto URI (RFC 6068)."""
        return unquote(urlsplit(self.uri).path)


def tls_failure(failed: ConnectFailed) -> str | None:
    """The result type of RFC 8460 section 4.3; None when it was not TLS that failed."""
    if failed.result.smtp_phase != "starttls":
        return None
    return next((result for words, result in _BY_WORDS if words.search(str(failed))), "validation-failure")


def destinations(texts: Iterable[str]) -> tuple[Destination, ...]:
    """What `_smtp._tls` records say; none when there is not exactly one (RFC 8460 section 3)."""
    records = [text for text in texts if _RECORD.match(text)]
    if len(records) != 1:
        return ()
    fields = (part.partition("=") for part in records[0].split(";"))
    rua = next((value for name, _, value in fields if name.strip() == "rua"), "")
    return tuple(found for uri in rua.split(",") if (found := _destination(uri.strip())))


def _destination(uri: str) -> Destination | None:
    match uri.partition(":")[0].lower():
        case "mailto":
            return Destination("mailto", uri)
        case "https":
            return Destination("https", uri)
    return None


def report(sessions: Iterable[Sessions], *, day: date, domain: str, submitter: Submitter) -> dict[str, Any]:
    """The report of one day (UTC) for one domain, as the JSON of RFC 8460 section 4.4."""
    policies = defaultdict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Sessions]](list)
    for each in sessions:
        policies[each.kind, each.strings, each.hosts].append(each)
    begin, end = _range(day)
    return {
        "organization-name": submitter.domain,
        "date-range": {"start-datetime": _text(begin), "end-datetime": _text(end)},
        "contact-info": submitter.contact,
        "report-id": submitter.report_id(day, domain),
        "policies": [_policy(of_one, domain=domain) for _, of_one in sorted(policies.items())],
    }


def _policy(sessions: Sequence[Sessions], *, domain: str) -> dict[str, Any]:
    policy: dict[str, Any] = {"policy-type": sessions[0].kind, "policy-domain": domain}
    if sessions[0].strings:
        policy["policy-string"] = list(sessions[0].strings)
    if sessions[0].hosts:
        policy["mx-host"] = list(sessions[0].hosts)
    failed = sorted((each for each in sessions if each.result), key=lambda each: -each.number)
    good = sum(each.number for each in sessions if not each.result)
    bad = sum(each.number for each in failed)
    summary = {"total-successful-session-count": good, "total-failure-session-count": bad}
    found: dict[str, Any] = {"policy": policy, "summary": summary}
    if failed:
        found["failure-details"] = [_detail(each) for each in failed[:MOST_DETAILS]]
    return found


def _detail(sessions: Sessions) -> dict[str, Any]:
    detail = {
        "result-type": sessions.result,
        "sending-mta-ip": sessions.source_ip,
        "receiving-mx-hostname": sessions.mx_host,
        "receiving-ip": sessions.mx_ip,
        "failed-session-count": sessions.number,
    }
    return {name: value for name, value in detail.items() if value}


def _range(day: date) -> tuple[datetime, datetime]:
    begin = datetime.combine(day, time(), UTC)
    return begin, begin + timedelta(days=1) - timedelta(seconds=1)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
