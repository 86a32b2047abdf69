"""One run of one scenario: its load, its faults, its books and its clock."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, Final

from tests.faults.client import Promise
from tests.faults.failing import Failing
from tests.faults.lab import CONNECTIONS, Lab
from tests.faults.ledger import Ledger, Verdict
from tests.faults.smtp_server import Play, paced, plain

SETTLE_SECONDS: Final = 120.0
DOMAINS: Final = 20
GRANTED: Final = 2 * CONNECTIONS
WORK: Final = 300  # emails that always wait while the load lasts


class Trial:
    """What a scenario is called with. `random` has the run's seed and the scenario's name; `quick` asks for less."""

    def __init__(self, lab: Lab, *, name: str, seed: int, quick: bool) -> None:
        self.lab, self.name, self.quick = lab, name, quick
        self.random = random.Random(f"{seed}/{name}")
        self.ledger = Ledger()
        self.figures: dict[str, float] = {}
        self._recoveries: list[float] = []
        self._run = f"{time.time_ns():x}"
        self._number = 0
        self._lock = threading.Lock()
        self._limits = lab.facts.kinds["destination.limited"]
        self._settings = dict(lab.stack.environment)

    # Load.

    def recipients(self, count: int, *, local: str = "a", domain: str | None = None) -> list[str]:
        """Addresses that nobody else has, at as many domains as there are, or at one."""
        with self._lock:
            numbers = range(self._number, self._number + count)
            self._number += count
        return [f"{local}+{self.name}-{self._run}-{n}@{domain or f'd{n % DOMAINS}.example'}" for n in numbers]

    def batch(self, recipients: list[str], *, expected: str = "delivered", **more: Any) -> list[Promise]:
        """Send a batch and note what was promised."""
        promises = self.lab.client.send_batch(recipients, key=f"{self._run}-{recipients[0]}", **more)
        return self._note(promises, expected)

    def single(self, recipient: str, *, expected: str = "delivered", **more: Any) -> Promise:
        """Send one email and note what was promised."""
        promise = self.lab.client.send(recipient, key=f"{self._run}-{recipient}", **more)
        return self._note([promise], expected)[0]

    def _note(self, promises: list[Promise], expected: str) -> list[Promise]:
        with self._lock:
            for promise in promises:
                self.ledger.promise(promise.email_id, promise.recipient, expected=expected, batch_id=promise.batch_id)
        return promises

    @contextmanager
    def load(self, *, pace: float | None = 0.03, work: int = WORK) -> Iterator[None]:
        """Inside, there is always work: batches follow each other, so that so many emails wait at any time."""
        if pace is not None:
            self.play(paced(pace))
        feeding = threading.Event()
        feeder = Failing(lambda: self._feed(feeding, work))
        feeder.start()
        try:
            self.until(lambda: self.waiting() >= work // 2 and self.lab.server.wire.open_sessions > 0, "load")
            yield
        finally:
            feeding.set()
            feeder.join()

    def _feed(self, done: threading.Event, work: int) -> None:
        while not done.is_set():
            if self.waiting() < work:
                self.batch(self.recipients(100))
            else:
                done.wait(0.02)

    def waiting(self) -> int:
        """How many promised emails the server does not have yet."""
        with self._lock:
            return sum(not self.lab.server.wire.has(one.recipient) for one in self.ledger.acknowledged.values())

    def play(self, play: Play) -> None:
        """From now on the server does this."""
        self.lab.server.play = play

    def configure(self, **settings: str) -> None:
        """Restart the sender with other settings for the rest of the trial."""
        self.lab.processes.configure(settings)

    # Faults.

    def cuts_the_sender(self) -> None:
        """To be said right at a fault that cuts the sender off: the connections open now may leave mail in doubt."""
        self.ledger.fault(open_sessions=self.lab.server.wire.open_sessions)

    def in_the_middle(self) -> None:
        """Work is under way: emails wait, and connections are open."""
        waiting, sessions = self.waiting(), self.lab.server.wire.open_sessions
        assert waiting > 0 and sessions > 0, f"not in the middle: {waiting} emails wait, {sessions} connections open"

    def recovers(self, *, since: float, look: Callable[[], bool] | None = None, seconds: float = 120) -> None:
        """Wait until work goes on and note how long that took.

        It goes on when `look` says so; without it, when more mails were begun after `since`, and kept, than can have
        been granted before.
        """
        self.until(look or (lambda: self._kept_since(since)), "recovery", seconds=seconds)
        self._recoveries.append(time.monotonic() - since)

    def _kept_since(self, moment: float) -> bool:
        later = takewhile(lambda copy: copy.began > moment, reversed(self.lab.server.wire.copies))
        return sum(copy.kept for copy in later) > GRANTED

    @property
    def seconds_to_recover(self) -> float:
        """The longest of all recoveries."""
        return max(self._recoveries, default=0.0)

    # The end.

    def until(self, look: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
        """Wait for a condition; AssertionError when it does not come about."""
        deadline = time.monotonic() + seconds
        while not look():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
            time.sleep(0.02)

    def judge(self) -> Verdict:
        """With a plain server, wait until every email is final and shown as such; then set the books against all."""
        self.play(plain)
        if limits := self.lab.facts.kinds["destination.limited"] - self._limits:
            self.figures["limits_imposed"] = limits
        wanted = self.ledger.acknowledged
        self._patiently(lambda: len(self.lab.facts.settled(wanted)) == len(wanted), SETTLE_SECONDS)
        shown: dict[str, str] = {}

        def projected() -> bool:
            shown.update(self._shown())
            return all(shown.get(email_id) == self.lab.facts.status(email_id) for email_id in wanted)

        self._patiently(projected, SETTLE_SECONDS / 2, pause=0.5)
        return self.ledger.judge(copies=self.lab.server.wire.copies, stories=dict(self.lab.facts.stories), shown=shown)

    def _shown(self) -> dict[str, str]:
        wanted = self.ledger.acknowledged
        batches = {promised.batch_id for promised in wanted.values() if promised.batch_id}
        singles = [email_id for email_id, promised in wanted.items() if not promised.batch_id]
        return self.lab.client.statuses(batches=sorted(batches), singles=singles)

    def clean_up(self) -> None:
        """Leave the lab as it was: the usual settings."""
        self.lab.server.tls = None
        changed = {name for name, value in self._settings.items() if self.lab.stack.environment.get(name) != value}
        added = self.lab.stack.environment.keys() - self._settings.keys()
        if changed or added:
            for name in added:
                del self.lab.stack.environment[name]
            self.lab.processes.configure({name: self._settings[name] for name in changed})

    def _patiently(self, look: Callable[[], bool], seconds: float, *, pause: float = 0.05) -> None:
        """Wait for a condition; the books will tell when it does not come about."""
        deadline = time.monotonic() + seconds
        while not look() and time.monotonic() < deadline:
            time.sleep(pause)
