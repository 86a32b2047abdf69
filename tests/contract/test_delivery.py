"""What the owner relies on in its delivery: held against the real one and the fake that the owner's tests use."""

import time
from collections.abc import Callable, Iterator

import pytest

from services.sender.domain.attempt import Ended
from services.sender.handlers.delivery import Delivery
from tests.fakes.delivery import FakeDelivery
from tests.unit.sender.handlers.test_delivery import Stage, a_job

OK = Ended(kind="delivered")


@pytest.fixture(params=["real", "fake"])
def delivery(request: pytest.FixtureRequest) -> Iterator[Delivery | FakeDelivery]:
    if request.param == "fake":
        yield FakeDelivery(lambda job: OK, capacity=2)
        return
    stage = Stage()
    yield stage.delivery
    stage.delivery.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.001)


def test_it_says_how_much_it_takes(delivery: Delivery | FakeDelivery) -> None:
    assert delivery.capacity == 2


def test_a_job_asks_for_its_mark_and_does_not_end_before(delivery: Delivery | FakeDelivery) -> None:
    job = a_job()
    delivery.hand_over([job])
    until(lambda: delivery.marks)
    assert list(delivery.marks) == [job]
    assert not delivery.ended


def test_a_granted_job_ends_with_an_outcome(delivery: Delivery | FakeDelivery) -> None:
    job = a_job()
    delivery.hand_over([job])
    until(lambda: delivery.marks)
    job.marked = True
    delivery.answer([delivery.marks.popleft()], granted=True)
    until(lambda: delivery.ended)
    told, ended = delivery.ended.popleft()
    assert told is job
    assert ended is not None
    assert (ended.kind, ended.marked) == ("delivered", True)


def test_a_refused_job_ends_without_one(delivery: Delivery | FakeDelivery) -> None:
    job = a_job()
    delivery.hand_over([job])
    until(lambda: delivery.marks)
    delivery.answer([delivery.marks.popleft()], granted=False)
    until(lambda: delivery.ended)
    assert delivery.ended.popleft() == (job, None)


def test_nothing_to_hand_over_or_to_answer_is_nothing(delivery: Delivery | FakeDelivery) -> None:
    delivery.hand_over([])
    delivery.answer([], granted=True)
    delivery.interrupt()
    assert not delivery.marks
    assert not delivery.ended
