"""Whom a step of the owner is for, and when what waits is worth a commit."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from services.sender.handlers.delivery import Job
from shared.clock import Clock

PATIENCE: Final = 0.1  # seconds that marks and outcomes wait for company, and broadcast mail for transactional
URGENT_PATIENCE: Final = 0.005  # seconds that those of transactional mail wait for company
MOMENT: Final = 0.005  # seconds; a mail is made ready in about one when its connection is open
GLANCE: Final = 0.0003  # seconds between two looks
T = TypeVar("T")


class Pace:
    """One email alone is committed at once; under load many share a commit; transactional mail waits for no other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting_since: float | None = None
        self._for_all_at = 0.0
        self._speaking: deque[tuple[float, Job]] = deque()
        self._slow: set[Job] = set()

    def begun(self, jobs: Iterable[Job]) -> None:
        """These may speak from now on."""
        now = self._clock.boottime()
        self._find_slow_ones(now)  # here too: steps that have messages to read never ask what is ripe
        self._speaking.extend((now, job) for job in jobs)

    def over(self, job: Job) -> None:
        """It has ended."""
        self._slow.discard(job)

    def hurry(self, *, urgent: bool) -> bool:
        """Whether the step about to begin is for transactional mail alone, for the others would make it longer.

        `urgent`: some is in hand. The others have a step for all ten times a second.
        """
        now = self._clock.boottime()
        if not urgent or now - self._for_all_at > PATIENCE:
            self._for_all_at = now
            return False
        return True

    def ripe(self, *, waiting: int, busy: int, hurry: bool, urgent: bool) -> bool:
        """Whether to commit: half of what is in hand (in a hurry, of what is urgent) waits, or has waited enough.

        A dialogue that takes its time is company for nobody.
        """
        if not waiting:
            self._waiting_since = None
            return False
        now = self._clock.boottime()
        if self._waiting_since is None:
            self._waiting_since = now
        if urgent and not hurry:
            return True  # the one step in a while for all
        self._find_slow_ones(now)
        slow = sum(job.urgent or not hurry for job in self._slow)
        patience = URGENT_PATIENCE if hurry else PATIENCE
        return 2 * waiting >= busy - slow or now - self._waiting_since > patience

    def await_company(self, there: Callable[[], bool]) -> None:
        """Wait until it is there, but a moment only."""
        until = self._clock.boottime() + MOMENT
        while not there() and self._clock.boottime() < until:
            self._clock.sleep(GLANCE)

    def collected(self) -> None:
        """What waited is in a group."""
        self._waiting_since = None

    def _find_slow_ones(self, now: float) -> None:
        """Who has been speaking for long by now."""
        while self._speaking and self._speaking[0][0] < now - PATIENCE:
            _, job = self._speaking.popleft()
            if not job.over:
                self._slow.add(job)


def drained(waiting: deque[T], wanted: Callable[[T], bool]) -> list[T]:
    """Those wanted, taken out; the others stay in their order, before what another thread adds meanwhile."""
    found = [waiting.popleft() for _ in range(len(waiting))]
    waiting.extendleft(one for one in reversed(found) if not wanted(one))
    return [one for one in found if wanted(one)]
