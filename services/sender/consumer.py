"""The owner of partitions: assign, restore, poll, group commit, revoke. One thread, serial decisions.

Each step reads requests, collects what the delivery has learnt, lets timers speak, and commits all of it in one Kafka
transaction that also carries the consumed offsets of every partition served: that is the fence (rule 1).
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.sender import metrics
from services.sender.adapters.changelog import Changelog
from services.sender.adapters.open_emails import OpenEmails
from services.sender.domain.attempt import EMPTY, doubt
from services.sender.group import Group
from services.sender.handlers.attempts import Attempts
from services.sender.handlers.intake import Intake
from services.sender.handlers.timers import Timers
from services.sender.lease import Lease
from services.sender.positions import Positions
from services.sender.ready import Ready
from services.sender.settings import SenderSettings
from shared.clock import Clock
from shared.kafka.producer import Aborted, Fenced, TransactionalProducer, Unknown
from shared.topics import REQUESTS, REQUESTS_BULK, WORK

log = structlog.get_logger()
REPLY_GRACE: Final = 5.0  # seconds that a revoked partition waits for replies to final dots (rule 5)
BUSY_POLL: Final = 0.003  # seconds; the pace of group commits while mail is on its way
IDLE_POLL: Final = 0.02


class Owner:
    """Owns what the group gives it. `run` returns after `stop`, and raises `Fenced` when it is the owner no more."""

    def __init__(
        self,
        settings: SenderSettings,
        *,
        consumer: Consumer,
        producer: Callable[[], TransactionalProducer],
        changelog: Changelog,
        folder: Path,
        clock: Clock,
        lease: Lease,
        ready: Ready,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._make_producer = producer
        self._producer = producer()
        self._changelog = changelog
        self._folder = folder
        self._clock = clock
        self._lease = lease
        self._ready = ready
        self._topics = (settings.topic(REQUESTS.name), settings.topic(REQUESTS_BULK.name))
        self.positions = Positions(self._topics, clock)
        self._tables: dict[int, OpenEmails] = {}
        self._epochs: dict[int, int] = {}
        self._epoch = 0
        self._to_doubt: list[int] = []
        self._metadata: Any = None
        self._last_commit = float("-inf")
        self._stopping = False
        self.assigned = False

    def attach(self, *, intake: Intake, timers: Timers, attempts: Attempts) -> None:
        """Give it its handlers (they need its positions, so they are made after it)."""
        self._intake, self._timers, self._attempts = intake, timers, attempts

    def stop(self) -> None:
        """Ask it to finish; safe from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Serve until stopped."""
        self._consumer.subscribe(
            list(self._topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        while not self._stopping:
            self._step()
        self._drain()

    # What the handlers ask.

    def ends(self, partition: int) -> dict[str, int]:
        """The ends of both request partitions, now; as last heard of while Kafka does not answer."""
        return {topic: self._end(TopicPartition(topic, partition)) for topic in self._topics}

    def _end(self, where: TopicPartition) -> int:
        try:
            return int(self._consumer.get_watermark_offsets(where, timeout=5)[1])
        except KafkaException:
            return int(self._consumer.get_watermark_offsets(where, cached=True)[1])

    # The loop.

    def _step(self) -> None:
        messages = self._read()
        group = Group(self._tables)
        self._doubt_what_was_marked(group)
        self._intake.handle(group, messages)
        self._attempts.collect(group)
        self._timers.handle(group)
        self._attempts.hand_out(group)
        self._commit(group, moved=bool(messages))

    def _read(self) -> list[Message]:
        first = self._consumer.poll(BUSY_POLL if self._attempts.busy else IDLE_POLL)
        if first is None:
            return []
        rest = self._consumer.consume(self._settings.intake_batch - 1, 0)
        return [message for message in (first, *rest) if self._note(message)]

    def _note(self, message: Message) -> bool:
        """Keep the books of positions; whether it is a record of a partition that is (still) owned."""
        error = message.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            return self.positions.note(message)
        if error.fatal():
            raise Fenced(error.str())
        log.warning("Kafka is in trouble", error=error.str())
        return False

    def _commit(self, group: Group, *, moved: bool) -> None:
        renew = self._attempts.speaking() > 0 and self._lease.wants_renewal(since=self._last_commit)
        if not self._tables or (group.empty and not moved and not renew):
            return
        begun = self._clock.boottime()
        try:
            offsets = self._write(group)
        except Aborted as reason:
            self._undo(group, reason=str(reason), unknown=False)
        except Unknown as reason:
            self._undo(group, reason=str(reason), unknown=True)
        else:
            self._last_commit = begun
            self._lease.renew(list(self._tables), since=begun)
            self._keep(group, offsets)
            metrics.group_committed(group.kinds, seconds=self._clock.boottime() - begun)

    def _write(self, group: Group) -> dict[int, int]:
        """One transaction; returns the changelog offsets that it reached."""
        reached: dict[int, int] = {}

        def produced(error: KafkaError | None, message: Message) -> None:
            if error is None:
                reached[message.partition() or 0] = (message.offset() or 0) + 1

        self._producer.begin()
        for record in group.records:
            self._producer.produce(
                self._settings.topic(record.topic),
                key=record.key,
                value=record.value,
                headers=record.headers,
                partition=record.partition,
                on_delivery=produced if record.topic == WORK.name else None,
            )
        self._producer.send_offsets(self.positions.offsets(), self._metadata)
        self._producer.commit()
        return reached

    def _keep(self, group: Group, offsets: dict[int, int]) -> None:
        for number, table in self._tables.items():
            table.commit(changelog_offset=offsets.get(number), at=self._clock.now())
        for wait in group.waits:
            self._ready.note(*wait)
        for call in group.committed:
            call()

    def _undo(self, group: Group, *, reason: str, unknown: bool) -> None:
        """Rewind what was read, never what SMTP answered (rule 2).

        After a commit of unknown result a new producer settles the old transaction and the changelog tells how.
        """
        log.warning("a group commit was given up and is done again", reason=reason, unknown=unknown)
        for table in self._tables.values():
            table.rollback()
        if unknown:
            self._producer = self._make_producer()
            for number in self._tables:
                self._restore(number)
        for call in reversed(group.given_up):
            call()
        starts = self._committed(list(self._tables))
        self.positions.start(starts)
        for start in starts:
            self._consumer.seek(start)
        self._note_queues(list(self._tables))

    # Partitions come and go.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metadata = consumer.consumer_group_metadata()
        numbers = sorted({partition.partition for partition in partitions})
        starts = self._committed(numbers)
        self.positions.start(starts)
        identity = self._changelog.identity()
        for number in numbers:
            self._take_over(number, identity)
        consumer.assign(starts)
        self._to_doubt = numbers
        self._note_queues(numbers)
        self.assigned = True
        log.info("partitions assigned", partitions=numbers)

    def _committed(self, numbers: list[int]) -> list[TopicPartition]:
        """The stable committed offsets of both topics (waits for transactions that are under way)."""
        wanted = [TopicPartition(topic, number) for topic in self._topics for number in numbers]
        found = self._consumer.committed(wanted, timeout=30) if wanted else []
        for partition in found:
            if partition.error is not None:
                raise KafkaException(partition.error)
            if partition.offset < 0:
                partition.offset, _ = self._consumer.get_watermark_offsets(partition, timeout=10)
        return found

    def _take_over(self, number: int, identity: str) -> None:
        self._epoch += 1
        self._epochs[number] = self._epoch
        self._attempts.epochs = self._epochs
        table = OpenEmails(self._folder / f"partition-{number}.db")
        self._tables[number] = table
        table.check(log=identity, now=self._clock.now())
        self._restore(number)
        self._ready.add_partition(number, table)

    def _restore(self, number: int) -> None:
        table = self._tables[number]
        reached = self._changelog.restore(number, start=table.offset(), apply=table.put)
        table.commit(changelog_offset=reached, at=self._clock.now())

    def _note_queues(self, numbers: list[int]) -> None:
        for number in numbers:
            for name, due in self._tables[number].queues():
                self._ready.note(number, name, due)

    def _doubt_what_was_marked(self, group: Group) -> None:
        """After a takeover: marked without an outcome is in doubt; acted on only when the old lease is surely over."""
        numbers, self._to_doubt = self._to_doubt, []
        wait = timedelta(seconds=self._settings.lease_seconds)
        for number in numbers:
            for email_id, email in self._tables[number].with_status_sending():
                decision = doubt(
                    email,
                    result=EMPTY,
                    evidence="the sender was lost during the attempt",
                    now=self._clock.now(),
                    wait=wait,
                )
                group.decide(number, email_id, decision, traceparent=email.traceparent)
        if numbers:
            group.given_up.append(lambda: self._to_doubt.extend(numbers))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = sorted({partition.partition for partition in partitions})
        log.info("partitions revoked", partitions=numbers)
        self._lease.end(numbers)
        self._settle(REPLY_GRACE)
        self._release(numbers)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = sorted({partition.partition for partition in partitions})
        log.warning("partitions lost: nothing more is written about them", partitions=numbers)
        self._lease.end(numbers)
        self._release(numbers)

    def _settle(self, seconds: float) -> None:
        """No new marks; collect the outcomes of the dialogues under way for so long, and commit them."""
        deadline = self._clock.boottime() + seconds
        while True:
            group = Group(self._tables)
            self._attempts.collect(group, marks=False)
            self._commit(group, moved=False)
            if not self._attempts.speaking() or self._clock.boottime() > deadline:
                return
            self._clock.sleep(0.01)

    def _release(self, numbers: list[int]) -> None:
        for number in numbers:
            self._ready.drop_partition(number)
            self._epochs.pop(number, None)
            table = self._tables.pop(number, None)
            if table is not None:
                table.close()
            self.positions.forget(number)

    def _drain(self) -> None:
        """SIGTERM: take nothing new, finish the dialogues, commit, leave."""
        self._settle(REPLY_GRACE * 4)
        left = self._attempts.speaking()
        if left:
            log.warning("dialogues were still under way: in doubt until their partition is taken over", emails=left)
        self._release(list(self._tables))
        self._consumer.close()
        self._changelog.close()
