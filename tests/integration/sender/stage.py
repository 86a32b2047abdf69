"""A sender's owner on real Kafka, with a delivery that the test scripts."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from confluent_kafka import Consumer, TopicPartition

from services.sender.adapters.changelog import Changelog
from services.sender.adapters.proofs import ProofReader
from services.sender.adapters.tables import Tables
from services.sender.assembly import Outside, assemble
from services.sender.consumer import Owner
from services.sender.domain.attempt import Ended
from services.sender.domain.retry import RetryPolicy
from services.sender.domain.route import Site
from services.sender.handlers.reports import Reports
from services.sender.requests import Requests
from services.sender.settings import SenderSettings
from shared import commands
from shared.clock import SystemClock
from shared.commands import Command, SendEmail, SmtpResult
from shared.events import EmailEvent, codec
from shared.kafka import config
from shared.kafka.admin import ensure_topics
from shared.kafka.dead_letter import DeadLetterLimit
from shared.kafka.producer import FutureProducer, TransactionalProducer
from shared.topics import EVENTS, REQUESTS, REQUESTS_BULK
from tests.fakes.delivery import FakeDelivery

OK = Ended(kind="delivered", result=SmtpResult(smtp_phase="end_of_data", smtp_reply_code=250, smtp_reply_text="Ok"))


def settings_for(kafka_url: str, topic_prefix: str, **changes: Any) -> SenderSettings:
    """Settings of a sender with short times."""
    quick = RetryPolicy(first_seconds=0.3, factor=1, jitter=0, attempts=3, span_seconds=60)
    return SenderSettings(
        kafka_bootstrap_servers=kafka_url,
        topic_prefix=topic_prefix,
        partitions=3,
        token_keys="1:" + "ab" * 32,
        recipient_key="cd" * 32,
        dkim=[{"domain": "acme.test", "keys": []}],
        postal_address="1 Harbour Road, Porto",
        **{"transactional_retry": quick, "broadcast_retry": quick, "lease_seconds": 3, **changes},
    )


def an_email(**changes: Any) -> SendEmail:
    """A SendEmail that passes all checks."""
    body = {"sender": "billing@acme.test", "to": f"{uuid4().hex[:8]}@example.com", "subject": "Hello", "text": "Hi"}
    return SendEmail(**{"email_id": uuid4(), **body, **changes})


class Anywhere:
    """A router: each domain is a site of its own."""

    def known_site(self, domain: str, *, stream: str) -> str:
        return domain

    async def site(self, domain: str, *, stream: str) -> Site:
        raise NotImplementedError  # the delivery of these tests opens no connections


class Stage:
    """Runs owners in threads and reads what they write."""

    def __init__(self, settings: SenderSettings, folder: Path) -> None:
        self.settings = settings
        self._folder = folder
        ensure_topics(settings)
        self.producer = FutureProducer(config.producer(settings))
        self.owners: list[tuple[Owner, threading.Thread]] = []
        self.failures: list[BaseException] = []

    def start(
        self,
        delivery: FakeDelivery,
        *,
        slot: str = "sender-0",
        folder: str | None = None,
        producer: type[TransactionalProducer] = TransactionalProducer,
    ) -> Owner:
        """Start an owner in a thread."""
        clock, settings = SystemClock(), self.settings
        member = {"group.instance.id": slot, "session.timeout.ms": 6000}
        reading = config.consumer(settings, group_id=settings.topic("sender"))
        topics = (settings.topic(REQUESTS.name), settings.topic(REQUESTS_BULK.name))
        limit = DeadLetterLimit(settings.dead_letter_limit)
        outside = Outside(
            folder=self._folder / (folder or slot),
            requests=Requests(Consumer(reading | member), Consumer(reading), topics=topics, clock=clock),
            producer=lambda: producer(config.transactional(settings, transactional_id=settings.topic(slot))),
            changelog=Changelog(settings, unreadable=lambda message, reason: None),
            tables=Tables(settings, unreadable=lambda message, reason: None),
            proofs=ProofReader(settings, clock=clock),
            router=Anywhere(),
            reports=Reports(settings, self.producer, limit=limit),
            dead_letters=limit,
            delivery_of=lambda lease, limits: delivery,  # type: ignore[arg-type, return-value]
        )
        outside.tables.start(timeout=30)
        outside.proofs.start()
        owner = assemble(settings, outside, clock=clock).owner
        thread = threading.Thread(target=self._run, args=(owner, outside), daemon=True)
        thread.start()
        self.owners.append((owner, thread))
        return owner

    def _run(self, owner: Owner, outside: Outside) -> None:
        try:
            owner.run()
        except BaseException as error:
            self.failures.append(error)
            raise
        finally:
            outside.proofs.close()
            outside.tables.close()
            outside.changelog.close()

    def stop(self) -> None:
        """Stop all owners."""
        for owner, _ in self.owners:
            owner.stop()
        for _, thread in self.owners:
            thread.join(30)
            assert not thread.is_alive()
        self.owners.clear()

    def kill(self, owner: Owner) -> None:
        """As near to kill -9 as a thread gets: nothing is settled, nothing more is written."""
        thread = next(thread for known, thread in self.owners if known is owner)

        def vanish() -> None:
            owner._ownership.release(list(owner._ownership.tables))
            owner._requests.close()

        owner._drain = vanish  # type: ignore[method-assign]
        owner.stop()
        thread.join(30)
        self.owners = [pair for pair in self.owners if pair[0] is not owner]

    def ask(self, command: Command, *, topic: str = REQUESTS.name, partition: int = -1) -> None:
        """Put a command onto a request topic, acknowledged."""
        self.raw(commands.encode(command), key=str(command.email_id).encode(), topic=topic, partition=partition)

    def raw(self, value: bytes | None, *, key: bytes, topic: str = REQUESTS.name, partition: int = -1) -> None:
        """Put bytes onto a topic, acknowledged."""
        self.producer.send(self.settings.topic(topic), key=key, value=value, partition=partition).result(20)

    def read(self, topic: str) -> list[Any]:
        """All committed records of a topic, now."""
        consumer = Consumer(config.consumer(self.settings, group_id=f"test-{uuid4()}"))
        name = self.settings.topic(topic)
        numbers = list(consumer.list_topics(name, timeout=10).topics[name].partitions)
        consumer.assign([TopicPartition(name, number, 0) for number in numbers])
        found, ended = [], 0
        while ended < len(numbers):
            for message in consumer.consume(1000, 0.2):
                if message.error() is not None:
                    ended += 1
                else:
                    found.append(message)
        consumer.close()
        return found

    def events(self, email_id: UUID | None = None) -> list[Any]:
        """The facts, of one email or all, in log order."""
        found = [codec.decode(message.value()) for message in self.read(EVENTS.name)]
        return [event for event in found if email_id is None or getattr(event, "email_id", None) == email_id]

    def stories(self) -> dict[UUID, list[str]]:
        """The types of each email's facts, in order."""
        found: dict[UUID, list[str]] = {}
        for event in self.events():
            if isinstance(event, EmailEvent):
                found.setdefault(event.email_id, []).append(codec.event_type(event).removeprefix("email."))
        return found

    def all_tell(self, emails: Iterable[SendEmail], kinds: list[str]) -> bool:
        """Whether these are the types of every one's facts, in order."""
        stories = self.stories()
        return all(stories.get(email.email_id) == kinds for email in emails)

    def kinds(self, email_id: UUID) -> list[str]:
        """The types of an email's facts, in order."""
        return self.stories().get(email_id, [])

    def until(self, condition: Callable[[], bool], *, seconds: float = 30) -> None:
        """Wait for a condition; fail when it does not come true in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert not self.failures, self.failures
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.05)
