"""The owner of partitions: assign, restore, poll, group commit, revoke. One thread, serial decisions.

Each step reads requests, collects what the delivery has learnt, lets timers speak, and commits all of it in one Kafka
transaction that also carries the consumed offsets of every partition served: that is the fence (rule 1).
"""

from collections.abc import Callable
from typing import Any, Final

import structlog
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, Message, TopicPartition

from services.sender import metrics
from services.sender.adapters.open_emails import Row
from services.sender.group import Group
from services.sender.handlers.attempts import Attempts
from services.sender.handlers.cancelling import Cancelling
from services.sender.handlers.intake import Intake
from services.sender.handlers.timers import Timers
from services.sender.lease import Lease
from services.sender.limiting import Limiting
from services.sender.ownership import Ownership
from services.sender.requests import Pending, Requests
from services.sender.settings import SenderSettings
from services.sender.telling import tell
from shared.clock import Clock
from shared.ids import text_of
from shared.kafka.producer import Aborted, TransactionalProducer, Unknown
from shared.topics import EVENTS, WORK

log = structlog.get_logger()
REPLY_GRACE: Final = 5.0  # seconds that a revoked partition waits for replies to final dots (rule 5)
BUSY_POLL: Final = 0.003  # seconds; how often the delivery is asked while mail is on its way
IDLE_POLL: Final = 0.02
TELL: Final = 1.0  # seconds between two looks at what is told to operators
Changes = dict[int, dict[Any, Row]]


class Owner:
    """Owns what the group gives it. `run` returns after `stop`, and raises `Fenced` when it is the owner no more."""

    def __init__(
        self,
        settings: SenderSettings,
        *,
        requests: Requests,
        producer: Callable[[], TransactionalProducer],
        ownership: Ownership,
        clock: Clock,
        lease: Lease,
        intake: Intake,
        timers: Timers,
        attempts: Attempts,
        limiting: Limiting,
        cancelling: Cancelling,
    ) -> None:
        self._settings = settings
        self._requests = requests
        self._make_producer = producer
        self._producer = producer()
        self._ownership = ownership
        self._clock = clock
        self._lease = lease
        self._intake = intake
        self._timers = timers
        self._attempts = attempts
        self._limiting = limiting
        self._cancelling = cancelling
        self._metadata: Any = None
        self._last_commit = float("-inf")
        self._told_at = float("-inf")
        self._stopping = False
        self.assigned = False

    def stop(self) -> None:
        """Ask it to finish; safe from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Serve until stopped."""
        self._requests.subscribe(on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        while not self._stopping:
            self._step()
        self._drain()

    # The loop.

    def _step(self) -> None:
        self._requests.membership.check()
        hurry = self._attempts.hurry()
        messages = self._read(hurry=hurry)
        group = Group(self._ownership.tables)
        self._ownership.doubt_what_was_marked(group)
        self._intake.handle(group, messages)
        if messages or self._attempts.ripe(hurry=hurry):
            self._attempts.collect(group, hurry=hurry)
        self._timers.handle(group)
        self._limiting.handle(group)
        self._ownership.note_decided()
        self._attempts.hand_out(group)
        self._attempts.gather(group)
        self._cancelling.handle(group)
        self._commit(group, moved=bool(messages))
        self._tell()

    def _tell(self) -> None:
        """Once a second: how far reading is behind; and the files hold all, for those who count what waits."""
        if self._clock.boottime() - self._told_at > TELL:
            self._told_at = self._clock.boottime()
            self._requests.tell_lags(prefix=self._settings.topic_prefix)
            for table in self._ownership.tables.values():
                table.flush()

    def _read(self, *, hurry: bool) -> list[Message]:
        """Bulk requests are read when connections are free for them; else a few with each commit that is due anyway.

        Beside transactional mail a few at a time, and none in a hurry.
        """
        most, bulk = self._settings.intake_batch, 0
        if self._attempts.hungry and not self._attempts.urgent:
            bulk = self._settings.intake_bulk
        elif not hurry and (self._attempts.hungry or self._attempts.ripe(hurry=False)):
            bulk = self._settings.intake_trickle
        return self._requests.read(wait=BUSY_POLL if self._attempts.busy else IDLE_POLL, most=most, bulk=bulk)

    def _commit(self, group: Group, *, moved: bool) -> None:
        renew = self._attempts.speaking > 0 and self._lease.wants_renewal(since=self._last_commit)
        if not self._ownership.tables or (group.empty and not moved and not renew):
            return
        begun = self._clock.boottime()
        changes = {number: table.changes() for number, table in self._ownership.tables.items()}
        try:
            offsets = self._write(group, changes)
        except Aborted as reason:
            self._undo(group, reason=str(reason), unknown=False)
        except Unknown as reason:
            self._undo(group, reason=str(reason), unknown=True)
        else:
            self._last_commit = begun
            self._lease.renew(list(self._ownership.tables), since=begun)
            self._keep(group, changes, offsets)
            tell(group.facts, seconds=self._clock.boottime() - begun)

    def _write(self, group: Group, changes: Changes) -> dict[int, int]:
        """One transaction; returns the changelog offsets that it reached."""
        self._producer.begin()
        timed = next((record for record in group.records if record.topic == EVENTS.name), None)
        for record in group.records:
            self._producer.produce(
                self._settings.topic(record.topic),
                key=record.key,
                value=record.value,
                headers=record.headers,
                partition=record.partition,
                on_delivery=self._hear_time if record is timed else None,
            )
        reached = self._write_changelog(changes)
        self._producer.send_offsets(self._requests.positions.offsets(), self._metadata)
        self._producer.commit()
        return reached

    def _hear_time(self, error: KafkaError | None, message: Message) -> None:
        """The log time of an acknowledged fact tells the broker's time."""
        kind, milliseconds = message.timestamp()
        if error is None and kind == TIMESTAMP_LOG_APPEND_TIME:
            self._limiting.broker_time.heard(milliseconds / 1000, now=self._clock.now().timestamp())

    def _write_changelog(self, changes: Changes) -> dict[int, int]:
        """The last word on each row; filled with where each partition's last record went once it is acknowledged."""
        reached: dict[int, int] = {}

        def produced(error: KafkaError | None, message: Message) -> None:
            if error is None:
                reached[message.partition() or 0] = (message.offset() or 0) + 1

        topic = self._settings.topic(WORK.name)
        for number, rows in changes.items():
            last = len(rows)
            for count, (email_id, row) in enumerate(rows.items(), start=1):
                told = produced if count == last else None
                key = text_of(email_id).encode()
                self._producer.produce(topic, key=key, value=row.value, partition=number, on_delivery=told)
        return reached

    def _keep(self, group: Group, changes: Changes, offsets: dict[int, int]) -> None:
        for number, rows in changes.items():
            self._ownership.tables[number].commit(rows, changelog_offset=offsets.get(number), at=self._clock.now())
        for call in group.committed:
            call()

    def _undo(self, group: Group, *, reason: str, unknown: bool) -> None:
        """Rewind what was read, never what SMTP answered (rule 2).

        After a commit of unknown result a new producer settles the old transaction and the changelog tells how.
        """
        log.warning("a group commit was given up and is done again", reason=reason, unknown=unknown)
        metrics.given_up(unknown=unknown)
        for table in self._ownership.tables.values():
            table.rollback()
        if unknown:
            self._producer = self._make_producer()
            self._ownership.restore_all()
        for call in reversed(group.given_up):
            call()
        numbers = list(self._ownership.tables)
        self._requests.rewind(self._stable_offsets(numbers))
        self._ownership.note_queues(numbers)

    # Partitions come and go.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._requests.membership.given()
        self._metadata = self._requests.metadata()
        numbers = sorted({partition.partition for partition in partitions})
        starts = self._stable_offsets(numbers)
        self._ownership.take_over(numbers)
        self._requests.assign(starts)
        self._lease.begin(numbers)
        self.assigned = True
        log.info("partitions assigned", partitions=numbers)

    def _stable_offsets(self, numbers: list[int]) -> list[TopicPartition]:
        """Where to read on from.

        When broker and sender die at once, Kafka (4.4.0) may end our last transaction without telling the partition of
        the committed offsets, where it then stays open for ever. One of the same id that is given up tells it.
        """
        try:
            return self._requests.committed(numbers)
        except Pending as pending:
            log.warning("offsets wait for a transaction that does not end; one is given up to end it")
            self._producer.begin()
            self._producer.send_offsets(pending.partitions, self._metadata)
            self._producer.abort()
        return self._requests.committed(numbers)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = sorted({partition.partition for partition in partitions} & self._ownership.tables.keys())
        if not numbers:
            return  # drained already: leaving the group revokes what was given up before
        log.info("partitions revoked", partitions=numbers)
        self._lease.end(numbers)
        self._attempts.interrupt()
        self._settle(REPLY_GRACE)
        self._release(numbers)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = sorted({partition.partition for partition in partitions})
        self._requests.membership.lost()
        log.warning("partitions lost: nothing more is written about them", partitions=numbers)
        self._lease.end(numbers)
        self._attempts.interrupt()
        self._release(numbers)

    def _settle(self, seconds: float) -> None:
        """No new marks; collect the outcomes of the dialogues under way for so long, and commit them."""
        deadline = self._clock.boottime() + seconds
        while True:
            group = Group(self._ownership.tables)
            self._attempts.collect(group, marks=False)
            self._commit(group, moved=False)
            if not self._attempts.speaking or self._clock.boottime() > deadline:
                return
            self._clock.sleep(0.01)

    def _release(self, numbers: list[int]) -> None:
        self._ownership.release(numbers)
        for number in numbers:
            self._requests.unassign(number)

    def _drain(self) -> None:
        """SIGTERM: take nothing new, finish the dialogues, cut those that have not come to the dot, commit, leave."""
        log.info("sender stops: dialogues under way are finished", emails=self._attempts.speaking)
        self._settle(self._settings.drain_seconds)
        self._lease.end(list(self._ownership.tables))
        self._attempts.interrupt()
        self._settle(REPLY_GRACE)
        left = self._attempts.speaking
        if left:
            log.warning("dialogues were still under way: in doubt until their partition is taken over", emails=left)
        self._release(list(self._ownership.tables))
        self._requests.close()
