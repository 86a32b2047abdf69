"""A delivery that speaks no SMTP: it asks for marks and reports the outcomes that a test gives it."""

from collections import deque
from collections.abc import Callable

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

    def hand_over(self, job: Job) -> None:
        """Ask for the mark."""
        self.handed.append(job)
        self.marks.append(job)

    def answer(self, job: Job, *, granted: bool) -> None:
        """Report the outcome of a granted job."""
        (self.granted if granted else self.denied).append(job)
        if not granted:
            self.ended.append((job, None))
        elif self.outcome is not None:
            self.ended.append((job, self.outcome(job)))
