"""The owner and its readers agree: every fact it writes is allowed by the table, and folds to the row that it keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.sender.domain import attempt, commands, doubts
from services.sender.domain.attempt import EMPTY, Ended
from services.sender.domain.decision import Decision
from services.sender.domain.intake import Asked, Surroundings, send
from services.sender.domain.retry import RetryPolicy
from shared.acceptance import Accepted, Refusal
from shared.acceptance.mailboxes import Mailbox
from shared.bounces.builtin import classifier
from shared.commands import (
    CancelEmail,
    HoldEmail,
    ReleaseEmail,
    ReportOutcome,
    RescheduleEmail,
    Resolution,
    ResolveEmail,
    SendEmail,
    SmtpResult,
)
from shared.events import EmailBounced, EmailClicked, EmailEvent, EmailOpened
from shared.lifecycle import EMPTY as NO_FACTS
from shared.lifecycle import EmailState, allowed, apply
from shared.records import FinalEmail, OpenEmail, Suppression, Work
from tests import golden

EMAIL = UUID("01a20d00-0000-8000-8000-000000000001")
START = datetime(2026, 11, 24, 8, tzinfo=UTC)
POLICIES = [
    RetryPolicy(first_seconds=60, factor=2, attempts=3, in_doubt_retries=1),
    RetryPolicy(first_seconds=60, factor=2, attempts=3, in_doubt="give_up"),
]
KINDS = get_args(Ended.__annotations__["kind"])
UNKNOWN = SmtpResult(smtp_phase="rcpt_to", smtp_reply_code=550, enhanced_status_code="5.1.1", smtp_reply_text="unknown")
OFTEN = ("begin", "end", "unmarked", "lose", "decide", "hold", "release")
ACTIONS = (
    *OFTEN,
    *OFTEN,
    "cancel",
    "reschedule",
    "prove",
    "resolve",
    "report",
    "suppress",
    "expire",
    "send again",
    "send otherwise",
)


class Owner:
    """Decides like the sender: with its domain code, row by row; keeps the fold of what it wrote beside the row."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.policy = data.draw(st.sampled_from(POLICIES))
        self.now = START
        self.number = 0
        self.row: Work | None = None
        self.state: EmailState = NO_FACTS

    def step(self, action: str) -> None:
        """One action, likely or not; what the sender would not do now does nothing."""
        self.now += timedelta(seconds=self.data.draw(st.sampled_from([1, 90, 50_000])))
        self.number += 1
        decision = self._decide(action)
        for fact in decision.facts if decision else ():
            if isinstance(fact, EmailEvent):
                assert allowed(self.state, fact), (self.state.status, fact)
                self.state = apply(self.state, fact)
        if decision and decision.work is not None:
            self.row = decision.work
        self._agree()

    def _agree(self) -> None:
        match self.row:
            case OpenEmail() as row:
                waits = row.status in ("queued", "scheduled", "deferred")
                assert self.state.status == ("held" if row.held and waits else row.status)
                assert self.state.attempts == row.attempt
            case FinalEmail() as row:
                assert (self.state.status, self.state.attempts) == (row.outcome, row.attempt)
            case None:
                assert self.state.status is None

    def _decide(self, action: str) -> Decision | None:
        cause = UUID(int=self.number)
        match action, self.row:
            case "send" | "send again" | "send otherwise", _:
                return self._send(action, cause)
            case "cancel" | "hold" | "release" | "reschedule" | "report" | "resolve", row if row is not None:
                return commands.act(self._command(action), row, cause=cause, now=self.now)
            case _, OpenEmail() as row:
                return self._attempt(action, row)
        return None

    def _send(self, action: str, cause: UUID) -> Decision:
        later = self.now + timedelta(hours=1) if self.data.draw(st.booleans()) else None
        known = self.row.request if isinstance(self.row, OpenEmail) else None
        request = SendEmail(email_id=EMAIL, sender="a@acme.test", to="jo@example.com", subject="s", text="t")
        request = replace(request, send_at=later) if action == "send" else known or request
        request = replace(request, subject="another") if action == "send otherwise" else request
        suppressed = self.data.draw(st.sampled_from([None] * 9 + [SUPPRESSION]))
        around = Surroundings(
            known=self.row,
            checked=self.data.draw(CHECKED),
            template=None,
            suppression=suppressed,
            recipient_ref="ref",
            policy=self.policy,
            now=self.now,
        )
        return send(Asked(command=request, command_id=cause, appended_at=self.now), around)

    def _command(self, action: str) -> Any:
        same: dict[str, Any] = {"email_id": EMAIL, "tenant": self.data.draw(st.sampled_from(["default"] * 5 + ["b"]))}
        match action:
            case "cancel":
                return CancelEmail(**same)
            case "hold":
                return HoldEmail(**same)
            case "release":
                return ReleaseEmail(**same)
            case "resolve":
                resolution: Any = self.data.draw(st.sampled_from(get_args(Resolution)))
                return ResolveEmail(**same, outcome=resolution, reason="asked")
            case "reschedule":
                return RescheduleEmail(**same, send_at=self.now + timedelta(seconds=self.data.draw(st.integers(-9, 9))))
        outcome: Any = self.data.draw(st.sampled_from(["delivered", "bounced", "deferred"]))
        return ReportOutcome(**same, attempt=self.data.draw(st.integers(1, 3)), outcome=outcome, result=EMPTY)

    def _attempt(self, action: str, row: OpenEmail) -> Decision | None:
        due = not row.held and row.status in ("queued", "scheduled", "deferred") and row.due_at <= self.now
        match action:
            case "begin" if due:
                return attempt.begin(row, mx_host="mx.example.com", tls_policy="none", now=self.now)
            case "suppress" if due:
                return attempt.suppress(row, SUPPRESSION, now=self.now)
            case "expire" if due and row.expires_at <= self.now:
                return attempt.give_up(row, reason="expired", detail=None, now=self.now)
            case "end" if row.status == "sending":
                return self._end(row, kind=self.data.draw(st.sampled_from(KINDS)), marked=True)
            case "unmarked" if due:
                return self._end(row, kind=self.data.draw(st.sampled_from(["deferred", "failed"])), marked=False)
            case "lose" if row.status == "sending":
                wait = timedelta(seconds=30)
                return attempt.doubt(row, result=EMPTY, evidence="lost", now=self.now, wait=wait, since=self.now)
            case "decide" if row.status == "in_doubt" and row.due_at <= self.now:
                return doubts.decide(row, policy=self.policy, now=self.now)
            case "prove":
                return self._prove(row)
        return None

    def _prove(self, row: OpenEmail) -> Decision:
        """Others report something about the email, which is a fact at once; then the owner finds it."""
        prototype = self.data.draw(st.sampled_from(PROOFS))
        fact = replace(prototype, event_id=UUID(int=self.number), occurred_at=self.now, tenant="default", attempt=0)
        decision = doubts.prove(row, fact, now=self.now)
        if decision.work is not None:
            self.state = apply(self.state, fact)
        return decision

    def _end(self, row: OpenEmail, *, kind: Any, marked: bool) -> Decision:
        ended = Ended(kind=kind, result=UNKNOWN, marked=marked)
        return attempt.end(row, ended, policy=self.policy, classifier=classifier(), now=self.now, chance=0.5)


PROOFS = [golden.event(EmailOpened), golden.event(EmailClicked), golden.event(EmailBounced, "dsn")]
JO, ACME = Mailbox(address="jo@example.com"), Mailbox(address="a@acme.test")
ACCEPTED = Accepted(sender=ACME, recipient=JO, reply_to=None, recipient_domain="example.com")
REFUSED = Refusal("unknown_sender_domain", "from", "not ours")
CHECKED: st.SearchStrategy[Accepted | Refusal] = st.sampled_from([ACCEPTED] * 9 + [REFUSED])
SUPPRESSION = Suppression(tenant="default", scope="tenant", recipient_ref="ref", reason="complaint")


@settings(max_examples=300)
@given(st.data())
def test_what_the_owner_writes_is_allowed_and_folds_to_its_row(data: st.DataObject) -> None:
    owner = Owner(data)
    for action in ["send", *data.draw(st.lists(st.sampled_from(ACTIONS), max_size=25))]:
        owner.step(action)
