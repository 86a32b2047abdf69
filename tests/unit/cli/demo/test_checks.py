"""The demo's checks: right figures hold, and each that is tampered with is found and named."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cli.demo.checks import checks
from cli.demo.checks.figure import Check
from cli.demo.checks.log import personal_data_in
from cli.demo.evidence import Arrived, Evidence
from cli.demo.log import Record
from tests.unit.cli.demo.small_run import BATCH, DUE, evidence, fact

SEEN = evidence()
Tamper = Callable[[Evidence], Evidence]


def wrong(seen: Evidence) -> dict[str, Check]:
    return {check.figure: check for check in checks(seen) if not check.holds}


def said(email_id: str, **fields: Any) -> Tamper:
    """The API says something else about an email."""
    views = {**SEEN.answers.emails, email_id: {**SEEN.answers.emails[email_id], **fields}}
    return lambda seen: replace(seen, answers=replace(seen.answers, emails=views))


def of_batch(**fields: Any) -> Tamper:
    """The API says something else about the batch."""
    batches = {BATCH: {**SEEN.answers.batches[BATCH], **fields}}
    return lambda seen: replace(seen, answers=replace(seen.answers, batches=batches))


def reported(by: str, key: str, **numbers: int) -> Tamper:
    """The API reports something else."""
    report = SEEN.answers.reports[by]
    rows = [{**row, "counts": row["counts"] | numbers} if row["key"] == key else row for row in report["rows"]]
    total = report["total"] | (numbers if key == "total" else {})
    reports = {**SEEN.answers.reports, by: {"rows": rows, "total": total}}
    return lambda seen: replace(seen, answers=replace(seen.answers, reports=reports))


def suppressed(*refs: str) -> Tamper:
    """The API lists other suppressions."""
    return lambda seen: replace(seen, answers=replace(seen.answers, suppressed=frozenset(refs)))


def logged(*records: Record) -> Tamper:
    """The log has more."""
    return lambda seen: replace(seen, records=[*seen.records, *records])


def not_logged(email_id: str, kind: str = "email.") -> Tamper:
    """The log lacks facts of an email."""
    return lambda seen: replace(seen, records=[r for r in seen.records if not is_of(r, email_id, kind)])


def is_of(record: Record, email_id: str, kind: str) -> bool:
    event: dict[str, str] = json.loads(record.value)
    return event["email_id"] == email_id and event["type"].startswith(kind)


def kept(email_id: str, change: Callable[[Arrived], list[Arrived]]) -> Tamper:
    """The inbox has other mails of an email."""

    def tamper(seen: Evidence) -> Evidence:
        mails = [mail for one in seen.arrived for mail in (change(one) if one.email_id == email_id else [one])]
        return replace(seen, arrived=mails)

    return tamper


def row(**fields: Any) -> Callable[[Arrived], list[Arrived]]:
    return lambda one: [replace(one, row=one.row | fields)]


def source(old: bytes, new: bytes) -> Callable[[Arrived], list[Arrived]]:
    return lambda one: [replace(one, source=one.source.replace(old, new))]


def tried(address: str, *, less: bool = False, reply: str = "250 2.0.0 Ok: taken") -> Tamper:
    """The inbox saw an attempt more or less."""
    more = [] if less else [{"recipient": address, "phase": "end_of_data", "reply": reply}]
    return lambda seen: replace(
        seen, attempts=[*(a for a in seen.attempts if not (less and a["recipient"] == address)), *more]
    )


def test_right_figures_hold() -> None:
    assert wrong(SEEN) == {}


TAMPERED = (
    (logged(fact("e6", "queued", number=0, seconds=0)), "queued exactly once"),
    (logged(fact("e9", "queued", number=0, seconds=0)), "queued exactly once"),
    (not_logged("e6", "email.queued"), "queued exactly once"),
    (said("e6", status="failed"), "emails by status: API"),
    (said("e6", status="failed"), "status as the behaviour says: API"),
    (not_logged("e6"), "status as the behaviour says: fold"),
    (logged(fact("e6", "bounced", number=9, seconds=2)), "status as the behaviour says: fold"),
    (logged(fact("e6", "in_doubt", number=9, seconds=2)), "times in doubt"),
    (logged(fact("e7", "sending", number=9, seconds=9.9)), "attempts before their time"),
    (of_batch(counts={"delivered": 3, "bounced": 1, "failed": 1}), "batch 1: API = fold"),
    (of_batch(acknowledged=6), "batch 1: acknowledged"),
    (of_batch(received=1), "batch 1: acknowledged"),
    (reported("day", "total", accepted=9), "report by day"),
    (reported("template", "invoice", opened=2), "report by template"),
    (reported("tag", "invoice", deferred=1), "report by tag"),
    (reported("recipient_domain", "example.org", delivered=2), "report by recipient domain"),
    (suppressed(), "suppressed"),
    (suppressed("ref-e2", "ref-e6"), "suppressed"),
    (kept("e1", lambda one: []), "delivered by the fold = a copy"),
    (kept("e4", row(accepted=True)), "delivered by the fold = a copy"),
    (kept("e1", lambda one: [one, one]), "second copies"),
    (tried("never@example.net"), "cancelled: attempts, copies"),
    (kept("e6", row(message_id="e8@acme.example")), "cancelled: attempts, copies"),
    (tried("paid.1@example.org"), "attempts, as the behaviour says"),
    (tried("paid.1@example.org", less=True), "attempts, as the behaviour says"),
    (tried("nobody@example.org"), "attempts, as the behaviour says"),
    (said("e3", attempts=1), "attempts: API = inbox"),
    (said("e2", last_reply_text="5.1.1 no"), "last reply"),
    (kept("e7", row(time=(DUE - timedelta(seconds=0.1)).isoformat())), "scheduled"),
    (kept("e7", row(time=(DUE + timedelta(seconds=6)).isoformat())), "scheduled"),
    (kept("e7", lambda one: []), "scheduled"),
    (kept("e1", row(recipients=["greylist+3@example.com"])), "mails with right recipient"),
    (kept("e1", source(b"\r\nSubject: Invoice", b"\r\nSubject: Offer")), "mails with right recipient"),
    (kept("e1", source(b"JVBERi0x", b"JVBERi0y")), "mails with right recipient"),
    (kept("e1", source(b"/o/x", b"/p/x")), "invoices with tracked pixel"),
    (kept("e1", source(b"/c/x", b"/pay")), "invoices with tracked pixel"),
    (kept("e6", source(b"Thank you", b"Thank me")), "mails whose DKIM"),
    (kept("e6", source(b"DKIM-Signature", b"X-Signature")), "mails whose DKIM"),
    (said("e1", opened_at=None), "opened = the readers: API"),
    (said("e3", opened_at="2026-11-24T08:00:00Z"), "opened = the readers: API"),
    (said("e3", clicked_at="2026-11-24T08:00:00Z"), "clicked = the readers: API"),
    (logged(fact("e3", "opened", number=9, seconds=2)), "opened = the readers: fold"),
    (not_logged("e1", "email.clicked"), "clicked = the readers: fold"),
    (logged(fact("e1", "opened", number=9, seconds=2, user_agent="paid.1@EXAMPLE.org")), "in email.events"),
)


@pytest.mark.parametrize(("tamper", "figure"), TAMPERED)
def test_each_tampered_figure_is_found(tamper: Tamper, figure: str) -> None:
    found = wrong(tamper(SEEN))
    assert any(name.startswith(figure) for name in found), list(found)


def test_no_figure_is_left_out_above() -> None:
    names = tuple(figure for _, figure in TAMPERED)
    assert [check.figure for check in checks(SEEN) if not check.figure.startswith(names)] == []


def test_what_differs_is_named() -> None:
    found = wrong(said("e6", status="failed")(SEEN))
    assert found["status as the behaviour says: API"].differ == ("e6: failed, should be delivered",)


WORDS = {"ada@example.com", "Élodie"}


@pytest.mark.parametrize(
    "record",
    [
        Record(value=b'{"note": "for \\u00c9lodie"}'),
        Record(value='{"note": "for élodie"}'.encode()),
        Record(value=b"{}", key=b"ada@example.com"),
        Record(value=b"{}", headers=(b"ce_subject", b"ADA@example.com")),
        Record(value=b'{"via": "bounces+ada=example.com@acme.example"}'),
    ],
)
def test_personal_data_in_the_log_is_found_however_it_is_written(record: Record) -> None:
    assert len(personal_data_in([record], words=WORDS)) == 1


def test_other_data_in_the_log_is_no_personal_data() -> None:
    assert personal_data_in(SEEN.records, words=WORDS) == []
