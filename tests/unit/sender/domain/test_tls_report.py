"""TLS reports as RFC 8460 wants them."""

import json
from datetime import date
from typing import Any

import pytest

from services.sender.domain.route import ConnectFailed
from services.sender.domain.tls_report import MOST_DETAILS, Sessions, Submitter, destinations, report, tls_failure
from shared.commands import SmtpResult

DAY = date(2026, 11, 23)
ME = Submitter(domain="acme.test", contact="tlsrpt@acme.test", sender="sender-0-ab")


def sessions(number: int, **changes: Any) -> Sessions:
    fixed: dict[str, Any] = {
        "kind": "sts",
        "strings": ("version: STSv1", "mode: testing"),
        "hosts": ("*.example.com",),
        "result": None,
        "source_ip": "192.0.2.1",
        "mx_host": "mx.example.com",
        "mx_ip": "198.51.100.1",
    }
    return Sessions(**fixed | changes, number=number)


def test_a_report_to_the_letter() -> None:
    found = report(
        [
            sessions(5326),
            sessions(100, result="certificate-expired"),
            sessions(3, result="starttls-not-supported", mx_ip="", source_ip=""),
            sessions(7, kind="no-policy-found", strings=(), hosts=()),
        ],
        day=DAY,
        domain="example.com",
        submitter=ME,
    )
    assert json.loads(json.dumps(found)) == {
        "organization-name": "acme.test",
        "date-range": {"start-datetime": "2026-11-23T00:00:00Z", "end-datetime": "2026-11-23T23:59:59Z"},
        "contact-info": "tlsrpt@acme.test",
        "report-id": "2026-11-23.example.com.sender-0-ab",
        "policies": [
            {
                "policy": {"policy-type": "no-policy-found", "policy-domain": "example.com"},
                "summary": {"total-successful-session-count": 7, "total-failure-session-count": 0},
            },
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-string": ["version: STSv1", "mode: testing"],
                    "policy-domain": "example.com",
                    "mx-host": ["*.example.com"],
                },
                "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 103},
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "sending-mta-ip": "192.0.2.1",
                        "receiving-mx-hostname": "mx.example.com",
                        "receiving-ip": "198.51.100.1",
                        "failed-session-count": 100,
                    },
                    {
                        "result-type": "starttls-not-supported",
                        "receiving-mx-hostname": "mx.example.com",
                        "failed-session-count": 3,
                    },
                ],
            },
        ],
    }
    assert ME.file_name(DAY, "example.com") == "acme.test!example.com!1795392000!1795478399!sender-0-ab.json.gz"


def test_a_report_is_of_bounded_size_and_its_sums_are_whole() -> None:
    many = [sessions(n + 1, result="certificate-expired", mx_ip=f"10.{n}") for n in range(MOST_DETAILS + 5)]
    policy = report(many, day=DAY, domain="example.com", submitter=ME)["policies"][0]
    assert len(policy["failure-details"]) == MOST_DETAILS
    assert policy["summary"]["total-failure-session-count"] == sum(range(MOST_DETAILS + 6))


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["v=TLSRPTv1; rua=mailto:reports@example.com"], ["mailto:reports@example.com"]),
        (["v=TLSRPTv1;rua=https://r.example.com/v1?x=1 , mailto:a%2Bb@example.com"],
         ["https://r.example.com/v1?x=1", "mailto:a%2Bb@example.com"]),
        (["v=TLSRPTv1; rua=http://example.com, ftp://x, , gopher"], []),
        (["v=TLSRPTv1; ruf=mailto:x@example.com"], []),
        (["v=TLSRPTv1; rua=mailto:a@x.test", "v=TLSRPTv1; rua=mailto:b@x.test"], []),
        (["v=spf1 -all"], []),
        ([], []),
    ],
)  # fmt: skip
def test_where_reports_go(texts: list[str], found: list[str]) -> None:
    assert [each.uri for each in destinations(texts)] == found


def test_the_address_of_a_mailto() -> None:
    (found,) = destinations(["v=TLSRPTv1; rua=mailto:a%2Bb@example.com?subject=x"])
    assert found.address == "a+b@example.com"


@pytest.mark.parametrize(
    ("phase", "words", "result"),
    [
        ("connect", "Connection refused", None),
        ("starttls", "TLS is required, and STARTTLS is not offered", "starttls-not-supported"),
        ("starttls", "certificate verify failed: certificate has expired (_ssl.c:1006)", "certificate-expired"),
        ("starttls", "certificate verify failed: Hostname mismatch, certificate is not", "certificate-host-mismatch"),
        ("starttls", "certificate verify failed: self-signed certificate", "certificate-not-trusted"),
        ("starttls", "certificate verify failed: unable to get local issuer certificate", "certificate-not-trusted"),
        ("starttls", "no TLSA record proves the server's certificate (DANE)", "validation-failure"),
        ("starttls", "refused at starttls", "validation-failure"),
    ],
)
def test_what_failed(phase: Any, words: str, result: str | None) -> None:
    assert tls_failure(ConnectFailed(SmtpResult(smtp_phase=phase), words)) == result
