"""Kafka goes away and comes back; the tracker is stopped and killed: no reader waits, and no answered hit is lost."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from uuid import UUID

import pytest

from shared.events import EmailEvent, EmailOpened, EmailUnsubscribed, SuppressionAdded
from shared.topics import SUPPRESSIONS
from tests.fakes.proxy import KafkaProxy
from tests.integration.tracker.stage import Log, Tracker, a_token, path_of, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def proxy(kafka_url: str, log: Log) -> Iterator[KafkaProxy]:
    """Before Kafka; cut at first."""
    with KafkaProxy(kafka_url, cut=True) as proxy:
        yield proxy


def hit(tracker: Tracker, number: int) -> tuple[list[UUID], float]:
    """Pixels of so many emails, one after the other: their ids, and the longest that one took, in seconds."""
    ids, longest = [], 0.0
    for token in [a_token() for _ in range(number)]:
        path, began = path_of("open", token), time.monotonic()
        assert tracker.ask(path).status == 200
        longest = max(longest, time.monotonic() - began)
        ids.append(token.email)
    return ids, longest


def opened(log: Log) -> Counter[UUID]:
    """Opens by email; the same event twice is one."""
    events = {event.event_id: event for event in log.events() if isinstance(event, EmailOpened)}
    return Counter(event.email_id for event in events.values())


def test_nobody_waits_while_kafka_is_away_and_all_of_it_comes_later(
    proxy: KafkaProxy, topic_prefix: str, log: Log, tmp_path: Path
) -> None:
    with Tracker(proxy.address, topic_prefix, tmp_path) as tracker:
        before, longest = hit(tracker, 300)
        assert longest < 0.5
        ready = tracker.ask("/readyz")
        assert ready.status == 200
        assert b"Kafka does not answer" in ready.body
        assert tracker.spooled() > 0
        away_at = time.time()
        proxy.reopen()
        wait_until(lambda: len(opened(log)) == 300)
        wait_until(lambda: tracker.spooled() == 0)
        assert opened(log) == Counter(before)
        assert all(event.occurred_at.timestamp() < away_at for event in log.events()), "when it was hit, not when sent"

        proxy.cut()
        more, longest = hit(tracker, 300)
        assert longest < 0.5
        proxy.reopen()
        wait_until(lambda: opened(log) == Counter(before + more))
        wait_until(lambda: tracker.spooled() == 0)
        assert tracker.stop() == 0
    assert list(tracker.spool.glob("*.spool")) == []


def test_the_spool_is_drained_in_order(proxy: KafkaProxy, topic_prefix: str, log: Log, tmp_path: Path) -> None:
    with Tracker(proxy.address, topic_prefix, tmp_path) as tracker:
        token = a_token()
        for _ in range(500):
            tracker.ask(path_of("open", token))
        tracker.kill()
        proxy.reopen()
        tracker.start()
        events = log.wait_for(500)
    times = [event.occurred_at for event in events]
    assert times == sorted(times)


def test_an_unsubscribe_is_kept_on_disk_when_kafka_is_away(
    proxy: KafkaProxy, topic_prefix: str, log: Log, tmp_path: Path
) -> None:
    token = a_token(list="offers")
    with Tracker(proxy.address, topic_prefix, tmp_path) as tracker:
        began = time.monotonic()
        answer = tracker.ask(path_of("unsubscribe", token), "POST", body="List-Unsubscribe=One-Click")
        assert answer.status == 200
        assert time.monotonic() - began < 5
        tracker.kill()
        proxy.reopen()
        tracker.start()
        events = log.wait_for(2)
        assert {type(event) for event in events} == {EmailUnsubscribed, SuppressionAdded}
        wait_until(lambda: len(log.records(SUPPRESSIONS.name)) == 1)


def test_a_stop_while_kafka_is_away_leaves_everything_to_the_next_start(
    proxy: KafkaProxy, topic_prefix: str, log: Log, tmp_path: Path
) -> None:
    with Tracker(proxy.address, topic_prefix, tmp_path, POSTLOG_STOP_SECONDS="1") as tracker:
        ids, _ = hit(tracker, 50)
        began = time.monotonic()
        assert tracker.stop() == 0
        assert time.monotonic() - began < 8
        assert tracker.spooled() > 0
        assert "the rest waits in the spool" in tracker.log()
        proxy.reopen()
        tracker.start()
        wait_until(lambda: opened(log) == Counter(ids))
        wait_until(lambda: tracker.spooled() == 0)


def test_a_full_spool_still_answers_and_keeps_room_for_unsubscribes(
    proxy: KafkaProxy, topic_prefix: str, log: Log, tmp_path: Path
) -> None:
    with Tracker(proxy.address, topic_prefix, tmp_path, POSTLOG_SPOOL_MAX_MB="1") as tracker:
        number = 2200  # about 0.5 KB each
        hit(tracker, number)
        assert 'outcome="lost"} 0.0' in tracker.ask("/metrics").body.decode()
        left = token = a_token()
        assert tracker.ask(path_of("unsubscribe", token), "POST", body="List-Unsubscribe=One-Click").status == 200
        wait_until(lambda: 'outcome="lost"} 0.0' not in tracker.ask("/metrics").body.decode())
        assert tracker.spooled() < 1 << 20
        assert "the spool does not take records" in tracker.log()
        proxy.reopen()
        wait_until(lambda: tracker.spooled() == 0)
        assert 1000 < len(opened(log)) < number
        assert left.email in {event.email_id for event in log.events() if isinstance(event, EmailUnsubscribed)}


class Readers:
    """Readers who fetch pixels as fast as they can, until the tracker is gone."""

    def __init__(self, tracker: Tracker, number: int = 8) -> None:
        self.answered: list[UUID] = []
        self._tracker = tracker
        self._threads = [threading.Thread(target=self._read) for _ in range(number)]

    def start(self) -> None:
        """Let them read."""
        for thread in self._threads:
            thread.start()

    def wait_for_answers(self, number: int) -> None:
        """Until so many pixels have come."""
        wait_until(lambda: len(self.answered) > number)

    def join(self) -> None:
        """Wait until each has met a tracker that is gone."""
        for thread in self._threads:
            thread.join(30)

    def _read(self) -> None:
        try:
            while True:
                token = a_token()
                if self._tracker.ask(path_of("open", token)).status == 200:
                    self.answered.append(token.email)
        except (OSError, HTTPException):
            pass


def test_kill_9_loses_no_answered_hit(tracker: Tracker, log: Log) -> None:
    for _ in range(3):
        readers = Readers(tracker)
        readers.start()
        readers.wait_for_answers(500)
        tracker.kill()
        readers.join()
        tracker.start()
        wait_until(lambda: tracker.spooled() == 0)
        counted = opened(log)
        assert set(readers.answered) <= set(counted)
        assert set(counted.values()) == {1}, "an event that was sent twice has one id"


def test_a_stop_in_the_middle_of_hits_loses_nothing(tracker: Tracker, log: Log) -> None:
    readers = Readers(tracker)
    readers.start()
    readers.wait_for_answers(500)
    assert tracker.stop() == 0
    readers.join()
    assert tracker.spooled() == 0
    events = [event for event in log.events() if isinstance(event, EmailEvent)]
    assert set(readers.answered) <= {event.email_id for event in events}
    assert len(events) - len(readers.answered) < 16, "hits whose answer got lost with the connection"
