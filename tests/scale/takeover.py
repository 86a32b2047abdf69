"""One of two senders is killed: how long its partitions stand still, by the broker's clock."""

import time
from typing import Final

from tests.faults.failing import Failing
from tests.faults.smtp_server import paced
from tests.scale.log import Told
from tests.scale.place import LEASE_SECONDS, Place, an_email

MOST: Final = 10.0  # seconds
PACE: Final = 0.02  # seconds that the server takes for a mail: some are always on their way


def run(place: Place) -> dict[str, float]:
    """The longest of its partitions, and when those in doubt went on."""
    place.server.play = paced(PACE)
    first, second = place.sender("first"), place.sender("second")
    first.start(), second.start()
    feeding = _Feeding(place)
    feeding.start()
    try:
        everybody = range(place.settings.partitions)
        place.until(lambda: _moved(place, since=feeding.since) == set(everybody), "all partitions at work", seconds=60)
        killed = time.time()
        first.kill()
        place.until(lambda: _moved(place, since=killed + 1) == set(everybody), "all partitions moved on", seconds=60)
        place.until(lambda: _doubts(place, "in_doubt") <= _doubts(place, "resolved"), "doubts decided", seconds=60)
    finally:
        feeding.done = True
        feeding.join()
    return _judge(place, killed)


class _Feeding(Failing):
    """Asks for mail in all partitions until it is done."""

    def __init__(self, place: Place) -> None:
        super().__init__(self._feed)
        self._place, self.done, self.since = place, False, time.time()

    def _feed(self) -> None:
        number = 0
        while not self.done:
            self._place.ask([an_email(number + each) for each in range(30)])
            number += 30
            time.sleep(0.1)


def _facts(place: Place, kind: str) -> list[Told]:
    return [told for facts in list(place.log.about.values()) for told in list(facts) if told.kind == kind]


def _moved(place: Place, *, since: float) -> set[int]:
    return {told.partition for told in _facts(place, "sending") if told.logged_at > since}


def _doubts(place: Place, kind: str) -> int:
    return place.log.kinds[kind]


def _judge(place: Place, killed: float) -> dict[str, float]:
    """A partition stood still from the last fact before the kill to the first mark after it."""
    still = []
    for number in range(place.settings.partitions):
        marks = sorted(told.logged_at for told in _facts(place, "sending") if told.partition == number)
        before = max(at for at in marks if at <= killed)
        after = min(at for at in marks if at > killed + 0.001)
        still.append(after - before)
    waits = [
        resolved.occurred_at - doubted.occurred_at  # by the owner: the broker sees each a commit later
        for facts in place.log.about.values()
        for doubted, resolved in [(_one(facts, "in_doubt"), _one(facts, "resolved"))]
        if doubted and resolved
    ]
    figures = {"partitions": place.settings.partitions, "stood_still_most": max(still), "stood_still_least": min(still)}
    figures |= {"in_doubt": len(waits), "doubts_waited_least": min(waits, default=0.0)}
    assert max(still) < MOST, figures
    assert all(wait >= LEASE_SECONDS for wait in waits), figures
    return figures


def _one(facts: list[Told], kind: str) -> Told | None:
    return next((told for told in facts if told.kind == kind), None)
