"""The fold of an email: order and repetition change nothing, and each column comes from the right fact."""

from datetime import timedelta
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.projector.domain import email
from services.projector.domain.email import EmailFold
from shared.events import (
    EmailBounced,
    EmailDeferred,
    EmailDelivered,
    EmailEvent,
    EmailFailed,
    EmailOpened,
    EmailQueued,
    EmailRejected,
    EmailRequestRefused,
    EmailResolved,
    EmailSending,
    EmailSuppressed,
)
from tests import golden
from tests.unit.projector.histories import T0, email_histories


def folded(*events: EmailEvent) -> EmailFold:
    fold = None
    for event in events:
        fold = email.add(fold, event)
    assert fold is not None
    return fold


def story(*kinds: type[EmailEvent]) -> list[EmailEvent]:
    """One email's facts, a second apart, in one attempt."""
    return [
        replace(golden.event(kind), event_id=UUID(int=at + 1), occurred_at=T0 + timedelta(seconds=at), attempt=at > 0)
        for at, kind in enumerate(kinds)
    ]


@given(email_histories(), st.data())
def test_any_order_and_any_repetition_fold_to_the_same(history: list[EmailEvent], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(history)))
    assert folded(*data.draw(st.permutations(history + again))) == folded(*history)


@given(email_histories())
def test_a_fold_survives_being_stored_between_any_two_facts(history: list[EmailEvent]) -> None:
    fold = None
    for event in history:
        fold = email.decode(email.encode(email.add(fold, event)))
    assert fold == folded(*history)


def test_what_does_not_vary_is_said_by_the_fact_that_queued_it_even_when_it_comes_last() -> None:
    queued, opened = story(EmailQueued, EmailOpened)
    before = folded(replace(opened, tags=(), recipient_domain="elsewhere.example"))
    assert (before.status, before.origin.sender) == ("received", None)
    after = email.add(before, queued)
    assert isinstance(queued, EmailQueued)
    assert (after.origin.sender, after.origin.tags) == (queued.sender, queued.tags)
    assert after.origin.recipient_domain == queued.recipient_domain
    assert after.status == "queued"
    assert after.state.opened_at == opened.occurred_at


def test_a_refused_command_says_nothing_about_an_email() -> None:
    assert not email.concerns(golden.event(EmailRequestRefused))
    assert email.concerns(golden.event(EmailRejected))


def test_the_error_code_is_of_the_fact_that_ended_it() -> None:
    assert folded(golden.event(EmailRejected)).error_code == golden.event(EmailRejected).error_code
    assert folded(*story(EmailQueued, EmailFailed)).error_code == golden.event(EmailFailed).reason
    assert folded(*story(EmailQueued, EmailSuppressed)).error_code == golden.event(EmailSuppressed).reason
    bounced = golden.event(EmailBounced, "smtp")
    assert folded(*story(EmailQueued, EmailSending), bounced).error_code == bounced.bounce_category
    given_up = replace(golden.event(EmailResolved, "retry"), decision="give_up")
    assert folded(*story(EmailQueued, EmailSending), given_up).error_code == "in_doubt"


def test_an_email_that_was_delivered_after_a_doubt_was_given_up_has_no_error_code() -> None:
    first, sending, delivered = story(EmailQueued, EmailSending, EmailDelivered)
    given_up = replace(golden.event(EmailResolved, "retry"), decision="give_up", attempt=1)
    assert folded(first, sending, given_up, delivered).error_code is None


def test_the_last_reply_is_the_latest_one_also_when_it_is_read_first() -> None:
    deferred, delivered = story(EmailQueued, EmailDeferred, EmailDelivered)[1:]
    assert isinstance(delivered, EmailDelivered)
    reply = folded(delivered, deferred).reply
    assert reply is not None
    assert (reply.code, reply.text) == (delivered.smtp_reply_code, delivered.smtp_reply_text)


def test_a_notification_speaks_by_its_diagnostic_code() -> None:
    notified = golden.event(EmailBounced, "dsn")
    reply = folded(replace(notified, smtp_reply_text=None, smtp_reply_code=None)).reply
    assert reply is not None
    assert reply.text == notified.dsn_diagnostic_code


def test_proof_of_delivery_gives_the_time_of_delivery() -> None:
    proof = replace(golden.event(EmailResolved, "retry"), decision="delivered")
    assert folded(proof).delivered_at == proof.occurred_at
    assert folded(replace(proof, decision="retry")).delivered_at is None


def test_a_fold_is_small() -> None:
    assert len(msgspec.json.encode(folded(*story(EmailQueued, EmailSending, EmailDelivered)))) < 900
