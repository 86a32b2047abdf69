"""A delivery that speaks no SMTP: it asks for marks and reports the outcomes that a test gives it."""

from collections import deque
from collections.abc import Callable, Sequence

from services.sender.domain.attempt import Ended
from services.sender.handlers.delivery import Job

Outcome = Callable[[Job], Ended | None]


class FakeDelivery:
    """Marks each job at once; a granted one ends as `outcome` says, or stays open when `outcome` is None."""

    def __init__(self, outcome: Outcome | None = None, *, capacity: int = 10) -> None:
        self.marks: deque[Job] = deque()
        self.ended: deque[tuple[Job, Ended | None]] = deque()
        self.capacity = capacity
        self.outcome = outcome
        self.handed: list[Job] = []
        self.granted: list[Job] = []
        self.denied: list[Job] = []
        self.interrupted = False
        self.when_interrupted: Outcome | None = None

    def hand_over(self, jobs: Sequence[Job]) -> None:
        """Ask for the marks."""
        self.handed.extend(jobs)
        self.marks.extend(jobs)

    def answer(self, jobs: Sequence[Job], *, granted: bool) -> None:
        """Report the outcomes of granted jobs."""
        (self.granted if granted else self.denied).extend(jobs)
        for job in jobs:
            if not granted:
                self.ended.append((job, None))
            elif self.outcome is not None:
                self.ended.append((job, self.outcome(job)))

    def interrupt(self) -> None:
        """What was granted and has not ended ends as `when_interrupted` says; nothing when a dot is out everywhere."""
        self.interrupted = True
        if self.when_interrupted is not None:
            self.ended.extend((job, self.when_interrupted(job)) for job in self.granted if not job.over)
