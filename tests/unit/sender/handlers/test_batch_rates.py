"""The rate of a batch: kept over all senders, changed and lifted at once, each batch for itself."""

import pytest

from services.sender.domain.broker_time import BrokerTime
from services.sender.domain.shares import Share
from services.sender.handlers.batch_rates import BatchRates
from shared.records import Control
from tests.fakes.controls import Said

START = 1_800_000_000.0


class Senders:
    """Some senders that own the partitions of eight in turn, and hear the same."""

    def __init__(self, number: int = 1) -> None:
        self.said = Said()
        shares = [Share(owned=frozenset(range(first, 8, number)), partitions=8) for first in range(number)]
        self.rates = [
            BatchRates(controls=self.said, share=lambda share=share: share, broker_time=BrokerTime())  # type: ignore[misc]
            for share in shares
        ]

    def say(self, rate: float | None, *, batch: str = "b", tenant: str = "default") -> None:
        self.said.say(Control(tenant=tenant, kind="rate", name=batch, rate=rate))

    def sent(self, seconds: float, *, start: float = START, batch: str = "b") -> int:
        """How many go in so many seconds, looked at every 10 ms."""
        count = 0
        for step in range(int(seconds * 100)):
            now = start + step / 100
            for each in self.rates:
                while count < 100_000 and each.opens_at("default", batch, now=now) == 0.0:
                    each.taken("default", batch, now=now)
                    count += 1
        return count


@pytest.fixture(params=[1, 2, 4])
def senders(request: pytest.FixtureRequest) -> Senders:
    return Senders(request.param)


def test_all_senders_together_keep_the_rate(senders: Senders) -> None:
    senders.say(40)
    assert 9 * 40 <= senders.sent(10) <= 11 * 40


def test_a_rate_smaller_than_the_partitions_is_kept_too(senders: Senders) -> None:
    senders.say(2)
    assert 10 <= senders.sent(60) <= 2 * 60 + 4


def test_another_rate_holds_at_once() -> None:
    senders = Senders()
    senders.say(10)
    senders.sent(2)
    senders.say(100)
    assert 100 <= senders.sent(2, start=START + 2) <= 301


def test_without_a_rate_nothing_is_kept_back() -> None:
    senders = Senders()
    senders.say(1)
    senders.say(1, batch="other", tenant="default")
    senders.say(1, tenant="another")
    assert senders.sent(1) <= 2
    senders.say(None)
    assert senders.sent(1, start=START + 1) == 100_000
    assert senders.sent(1, start=START + 1, batch="other") <= 2


def test_it_says_when_to_look_again() -> None:
    senders = Senders()
    senders.say(10)
    (rates,) = senders.rates
    assert rates.opens_at("default", "b", now=START) == 0.0
    rates.taken("default", "b", now=START)
    assert START < rates.opens_at("default", "b", now=START) < START + 1.01
