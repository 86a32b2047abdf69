"""The partitions that this sender owns: taken over, restored from the changelog, given up (rules 3, 5, 6)."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from services.sender.adapters.changelog import Changelog
from services.sender.adapters.open_emails import OpenEmails
from services.sender.domain.attempt import EMPTY, doubt
from services.sender.domain.queues import SPECIAL, due_of, queue_of
from services.sender.group import Group
from services.sender.ready import Ready
from shared.clock import Clock
from shared.records import Work

EVIDENCE = "the sender was lost during the attempt"
LOST_BEFORE = timedelta(hours=1)  # how long before its takeover a partition may have been without an owner
RESTORED_AT_ONCE = 1000  # rows


class Ownership:
    """The tables of the partitions owned, and which ownership of a partition is today's. For the owner's thread."""

    def __init__(
        self, folder: Path, *, changelog: Changelog, ready: Ready, waiting: Ready, clock: Clock, doubt_wait: timedelta
    ) -> None:
        self._folder = folder
        self._changelog = changelog
        self._ready = ready
        self._waiting = waiting
        self._clock = clock
        self._doubt_wait = doubt_wait
        self.tables: dict[int, OpenEmails] = {}
        self.epochs: dict[int, int] = {}
        self._epoch = 0
        self._to_doubt: list[int] = []

    def take_over(self, numbers: list[int]) -> None:
        """Open and restore the tables of these partitions."""
        log = self._changelog.identity()
        for number in numbers:
            self._epoch += 1
            self.epochs[number] = self._epoch
            table = self.tables[number] = OpenEmails(self._folder / f"partition-{number}.db")
            end = self._changelog.end(number)
            table.check(log=log, end=end, now=self._clock.now())
            self._restore(number, end)
            self._ready.add_partition(number, table)
            self._waiting.add_partition(number, table)
        self._to_doubt.extend(numbers)
        self.note_queues(numbers)

    def restore_all(self) -> None:
        """Read the changelog on, of all partitions: what it holds is true (rule 2)."""
        for number in self.tables:
            self._restore(number, self._changelog.end(number))

    def _restore(self, number: int, end: int) -> None:
        table = self.tables[number]

        def apply(email_id: UUID, work: Work | None, offset: int) -> None:
            table.put(email_id, work)
            if table.pending >= RESTORED_AT_ONCE:
                table.commit(table.changes(), changelog_offset=offset, at=self._clock.now())

        reached = self._changelog.restore(number, start=table.offset(), end=end, apply=apply)
        table.commit(table.changes(), changelog_offset=reached, at=self._clock.now())

    def note_queues(self, numbers: Iterable[int]) -> None:
        """Tell the ready queues what waits in the tables."""
        for number in numbers:
            for name, due in self.tables[number].queues():
                self._queue(name).note(number, name, due, now=self._clock.now().timestamp())

    def note_decided(self) -> None:
        """Tell them what the group under way has decided, so that mail is made ready while the group is committed.

        Should it be given up, there is no such row when a mark is asked for.
        """
        now = self._clock.now().timestamp()
        for number, table in self.tables.items():
            for email_id, work in table.decided():
                if work is not None and (name := queue_of(work)) is not None and (due := due_of(work)) is not None:
                    self._queue(name).note(number, name, due, email_id=email_id, now=now)

    def _queue(self, name: str) -> Ready:
        """Where rows of the queue `name` wait: for a connection, or for time to decide."""
        return self._waiting if name in SPECIAL else self._ready

    def doubt_what_was_marked(self, group: Group) -> None:
        """After a takeover: marked without an outcome is in doubt; acted on only when the old lease is surely over."""
        numbers, self._to_doubt = self._to_doubt, []
        for number in numbers:
            for email_id, email in self.tables[number].with_status_sending():
                now = self._clock.now()
                since = now - LOST_BEFORE
                decision = doubt(email, result=EMPTY, evidence=EVIDENCE, now=now, wait=self._doubt_wait, since=since)
                group.decide(number, email_id, decision, traceparent=email.traceparent)
        if numbers:
            group.given_up.append(lambda: self._to_doubt.extend(numbers))

    def release(self, numbers: list[int]) -> None:
        """These partitions are owned no more."""
        self._to_doubt = [number for number in self._to_doubt if number not in numbers]
        for number in numbers:
            self._ready.drop_partition(number)
            self._waiting.drop_partition(number)
            self.epochs.pop(number, None)
            table = self.tables.pop(number, None)
            if table is not None:
                table.close()
