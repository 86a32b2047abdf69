"""The lease: who may put a final dot on the wire, and until when."""

from services.sender.lease import Lease


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 100.0

    def boottime(self) -> float:
        return self.time


def test_a_lease_lasts_from_before_the_commit() -> None:
    clock = Watch()
    lease = Lease(clock, seconds=30)  # type: ignore[arg-type]
    assert not lease.holds(0)
    lease.renew([0, 1], since=95.0)
    clock.time = 124.9
    assert lease.holds(0)
    assert lease.holds(1)
    clock.time = 125.0
    assert not lease.holds(0)


def test_a_lease_that_was_ended_is_not_given_back_by_a_later_commit() -> None:
    clock = Watch()
    lease = Lease(clock, seconds=30)  # type: ignore[arg-type]
    lease.renew([0, 1], since=100.0)
    lease.end([0])
    lease.renew([0, 1], since=101.0)
    assert not lease.holds(0)
    assert lease.holds(1)
    lease.begin([0])
    assert not lease.holds(0)
    lease.renew([0, 1], since=102.0)
    assert lease.holds(0)


def test_it_wants_renewal_after_a_third() -> None:
    clock = Watch()
    lease = Lease(clock, seconds=30)  # type: ignore[arg-type]
    assert not lease.wants_renewal(since=90.5)
    assert lease.wants_renewal(since=89.0)
