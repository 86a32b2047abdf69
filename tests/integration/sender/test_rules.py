"""The rules that keep the owner sound (design, "one owner per partition"), each by the case that breaks it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from services.sender.domain.attempt import Ended
from shared.kafka.producer import TransactionalProducer, Unknown
from shared.topics import REQUESTS, REQUESTS_BULK
from tests.fakes.delivery import FakeDelivery
from tests.integration.sender.stage import OK, Stage, an_email, settings_for

pytestmark = pytest.mark.integration
DELIVERED = ["queued", "sending", "delivered"]
LEASE = 3.0  # seconds, of `settings_for`


@pytest.fixture
def stage(kafka_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(settings_for(kafka_url, topic_prefix), tmp_path)
    yield stage
    stage.stop()
    assert not stage.failures


class Watched(TransactionalProducer):
    """A real producer that remembers what each transaction held, and can leave the result of one unknown."""

    transactions: ClassVar[list[tuple[float, list[str], int]]] = []
    leave_unknown: ClassVar[str | None] = None  # how the transaction with the next mark really ends

    def begin(self) -> None:
        super().begin()
        self._kinds: list[str] = []
        self._offsets = 0

    def produce(self, topic: str, **record: Any) -> None:
        super().produce(topic, **record)
        self._kinds += [value.decode() for name, value in record.get("headers") or [] if name == "ce_type"]

    def send_offsets(self, offsets: Any, metadata: Any) -> None:
        offsets = list(offsets)
        super().send_offsets(offsets, metadata)
        self._offsets = len(offsets)

    def commit(self) -> None:
        end = Watched.leave_unknown if "email.sending" in self._kinds else None
        if end is None:
            super().commit()
            Watched.transactions.append((time.monotonic(), self._kinds, self._offsets))
            return
        Watched.leave_unknown = None
        super().commit() if end == "committed" else super().abort()
        raise Unknown(f"nobody was told; really it was {end}")


@pytest.fixture
def watched() -> Iterator[type[Watched]]:
    Watched.transactions, Watched.leave_unknown = [], None
    yield Watched
    assert Watched.leave_unknown is None, "no transaction with a mark was left unknown"


@pytest.mark.parametrize("end", ["committed", "aborted"])
def test_a_mark_of_unknown_result_is_continued_and_not_doubted(stage: Stage, watched: type[Watched], end: str) -> None:
    """Rule 2: the changelog tells whether the mark is there; its dialogue has not begun, whatever it tells."""
    delivery = FakeDelivery(lambda job: OK)
    watched.leave_unknown = end
    stage.start(delivery, producer=watched)
    emails = [an_email() for _ in range(5)]
    for email in emails:
        stage.ask(email)
    stage.until(lambda: stage.all_tell(emails, DELIVERED))
    assert sorted(job.email_id for job in delivery.granted) == sorted(email.email_id for email in emails)


def test_an_outcome_survives_a_transaction_that_is_given_up(stage: Stage, watched: type[Watched]) -> None:
    """Rule 2: what SMTP answered is never rewound; it goes into the next transaction."""
    delivery = FakeDelivery(None)
    stage.start(delivery, producer=watched)
    first, second = an_email(), an_email()
    stage.ask(first)
    stage.until(lambda: len(delivery.granted) == 1)
    watched.leave_unknown = "aborted"
    delivery.outcome = lambda job: OK
    stage.ask(second)  # its mark shares a transaction with nothing or with the outcome of the first: both must stand
    delivery.ended.append((delivery.granted[0], OK))
    stage.until(lambda: stage.kinds(first.email_id) == stage.kinds(second.email_id) == DELIVERED)


def test_every_transaction_carries_the_offsets_of_all_partitions(stage: Stage, watched: type[Watched]) -> None:
    """Rule 1: they are the fence, whether they have moved or not."""
    stage.start(FakeDelivery(lambda job: OK), producer=watched)
    email = an_email()
    stage.ask(email)
    stage.until(lambda: stage.kinds(email.email_id) == DELIVERED)
    assert len(watched.transactions) >= 2  # the outcome's transaction moved no offset
    assert {offsets for _, _, offsets in watched.transactions} == {2 * stage.settings.partitions}


def test_the_lease_is_renewed_while_a_dialogue_is_open(stage: Stage, watched: type[Watched]) -> None:
    """Rule 4: with dialogues open the owner commits at least every L/3, though there is nothing to say."""
    delivery = FakeDelivery(None)
    stage.start(delivery, producer=watched)
    stage.ask(an_email())
    stage.until(lambda: len(delivery.granted) == 1)
    quiet = len(watched.transactions)
    stage.until(lambda: len(watched.transactions) >= quiet + 4)
    assert all(kinds == [] for _, kinds, _ in watched.transactions[quiet:])
    delivery.ended.append((delivery.granted[0], OK))


def test_an_outcome_learnt_too_late_goes_to_the_new_owner(stage: Stage) -> None:
    """Rule 5: the partition has moved on with the email in doubt; the reply that came after all settles it."""
    silent, other = FakeDelivery(None), FakeDelivery(lambda job: OK)
    stage.start(silent)
    emails = [an_email(to=f"a@d{number}.example") for number in range(12)]
    for email in emails:
        stage.ask(email)
    stage.until(lambda: len(silent.granted) >= 10)
    stage.start(other, slot="sender-1")  # half of the partitions go there, dialogues and all
    stage.until(lambda: silent.interrupted)
    stage.until(lambda: any("in_doubt" in story for story in stage.stories().values()))
    for job in silent.granted:
        silent.ended.append((job, OK))
    silent.outcome = lambda job: OK
    stage.until(lambda: all("delivered" in story or "resolved" in story for story in stage.stories().values()))
    doubted = {email_id for email_id, story in stage.stories().items() if "in_doubt" in story}
    reports = [message for message in stage.read(REQUESTS.name) if b'"ReportOutcome"' in message.value()]
    assert {message.key().decode() for message in reports} >= {str(email_id) for email_id in doubted}
    settled = [event for event in stage.events() if type(event).__name__ == "EmailResolved"]
    assert {event.email_id for event in settled} == doubted
    assert {(event.decision, event.by) for event in settled} == {("delivered", "sender")}
    assert not {job.email_id for job in other.granted} & doubted


def test_a_dialogue_that_was_cut_on_revoke_is_sent_by_the_new_owner_and_not_doubted(stage: Stage) -> None:
    """Rule 5: before the dot nothing was delivered: it is written back as due."""
    first, second = FakeDelivery(None), FakeDelivery(lambda job: OK)
    first.when_interrupted = lambda job: Ended(kind="cut", detail="interrupted before the final dot")
    stage.start(first)
    emails = [an_email(to=f"a@d{number}.example") for number in range(8)]
    for email in emails:
        stage.ask(email)
    stage.until(lambda: len(first.granted) == 8)
    first.outcome = lambda job: OK
    stage.start(second, slot="sender-1")
    again = ["queued", "sending", "deferred", "sending", "delivered"]
    stage.until(lambda: stage.all_tell(emails, again))


def test_broadcast_mail_leaves_room_for_transactional_mail(stage: Stage) -> None:
    """P4: whatever waits of a newsletter, a receipt is handed out at once."""
    delivery = FakeDelivery(None, capacity=10)
    stage.start(delivery)
    for number in range(30):
        stage.ask(an_email(to=f"a@d{number}.example", stream="broadcast"), topic=REQUESTS_BULK.name)
    stage.until(lambda: len(delivery.granted) == 9)
    receipt = an_email()
    stage.ask(receipt)
    stage.until(lambda: receipt.email_id in {job.email_id for job in delivery.granted})
    assert sum(not job.urgent for job in delivery.granted) == 9
    delivery.outcome = lambda job: OK
    delivery.ended.extend((job, OK) for job in list(delivery.granted))
    stage.until(lambda: [story[-1] for story in stage.stories().values()] == ["delivered"] * 31)
