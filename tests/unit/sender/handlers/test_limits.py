"""When another email may go to a destination."""

from itertools import pairwise
from math import inf

import pytest

from services.sender.domain.attempt import Ended
from services.sender.domain.limits import Limit
from services.sender.domain.shares import Share
from shared.commands import SmtpResult
from shared.records import Control
from tests.unit.sender.handlers.limiting import Stage, at

DOWN = Ended(kind="deferred", marked=False, result=SmtpResult(smtp_phase="connect"))
OK = Ended(kind="delivered", result=SmtpResult(smtp_phase="end_of_data", smtp_reply_code=250))


def test_emails_in_hand_are_limited_and_each_release_lets_one_more_go() -> None:
    stage = Stage(destination_in_flight=3)
    assert stage.take() == 3
    assert stage.opens_at() == inf
    assert stage.take("b.example") == 3
    stage.limits.released("a.example")
    assert stage.take() == 1


def test_no_destination_may_hold_more_than_its_share_of_what_is_free() -> None:
    stage = Stage(destination_in_flight=1000)
    stage.free = 4
    assert stage.take() == 8  # the delivery's free capacity does not shrink in this test
    stage.free = 0
    assert stage.take("b.example") == 1


def test_a_rate_is_kept_and_says_when_the_next_may_go() -> None:
    stage = Stage(destination_rate=2.0, destination_in_flight=100)
    assert stage.take() == 1
    assert stage.opens_at() == pytest.approx(stage.now + 0.5)
    stage.now += 0.5
    assert stage.take() == 1


def test_an_owner_of_half_the_partitions_keeps_to_half_of_everything() -> None:
    stage = Stage(destination_rate=60.0, destination_in_flight=12, destination_connections=6)
    stage.share = Share(owned=frozenset({0, 1, 2}), partitions=6)
    assert stage.opens_at() == 0.0
    assert stage.limits.connections("a.example") == 3
    sent = 0
    for _ in range(1000):
        stage.now += 0.01
        taken = stage.take()
        sent += taken
        for _ in range(taken):
            stage.limits.released("a.example")
    assert 295 <= sent <= 331


def test_partitions_that_come_or_go_count_at_once() -> None:
    stage = Stage(destination_in_flight=12)
    assert stage.take() == 12
    stage.share = Share(owned=frozenset({0}), partitions=6)
    for _ in range(12):
        stage.limits.released("a.example")
    assert stage.take() == 2


def test_with_a_permit_that_is_elsewhere_one_looks_again() -> None:
    stage = Stage(destination_connections=1)
    stage.share = Share(owned=frozenset({2}), partitions=6)
    opened = 0
    for _ in range(6):
        stage.now += 60
        if stage.take():
            opened += 1
            stage.limits.released("a.example")
            assert stage.limits.connections("a.example") == 1
        else:
            assert stage.now < stage.opens_at() < inf
    assert opened == 1


def test_an_operators_limit_outweighs_the_settings_which_outweigh_the_default() -> None:
    stage = Stage(destinations={"a.example": Limit(in_flight=4), "b.example": Limit(in_flight=5)})
    stage.said.say(Control(tenant="default", kind="limits", name="a.example", in_flight=2))
    assert [stage.take(site) for site in ("a.example", "b.example", "c.example")] == [2, 5, 10]


def test_limits_given_to_a_domain_count_for_the_site_that_it_belongs_to() -> None:
    stage = Stage(destinations={"a.example": Limit(in_flight=4)})
    stage.sites = {"a.example": "mx.example", "b.example": "mx.example"}
    stage.said.say(Control(tenant="default", kind="limits", name="b.example", in_flight=3))
    assert stage.take("mx.example") == 3


def test_another_tenants_word_on_a_destination_does_not_limit_it_for_all() -> None:
    stage = Stage()
    stage.said.say(Control(tenant="acme", kind="limits", name="a.example", in_flight=1))
    stage.said.say(Control(tenant="acme", kind="destination", name="a.example", paused=True))
    assert stage.take() == 10


def test_a_held_destination_is_looked_at_again_and_goes_on_when_released() -> None:
    stage = Stage()
    stage.said.say(Control(tenant="default", kind="destination", name="a.example", paused=True))
    assert stage.now < stage.opens_at() < inf
    stage.said.say(Control(tenant="default", kind="destination", name="a.example"))
    assert stage.take() == 10


def test_trouble_backs_off_one_destination_more_and_more_and_one_email_probes_it() -> None:
    stage, waits = Stage(), []
    for _ in range(9):
        assert stage.take("b.example", most=1) == 1
        stage.limits.learn(stage.group, "a.example", DOWN, now=stage.now)
        waits.append(round(stage.closed_for(), 3))
        stage.now += stage.closed_for()
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]
    assert stage.take() == 1
    stage.limits.learn(stage.group, "a.example", OK, now=stage.now)
    assert stage.take() == 9
    assert stage.commit() == []


def test_failures_of_attempts_that_were_under_way_together_count_once() -> None:
    stage = Stage()
    for _ in range(10):
        stage.limits.learn(stage.group, "a.example", DOWN, now=stage.now)
    assert stage.opens_at() == pytest.approx(stage.now + 0.2)


def test_a_refusal_of_an_email_is_no_trouble() -> None:
    stage = Stage()
    later = SmtpResult(smtp_phase="rcpt_to", smtp_reply_code=450, smtp_reply_text="4.2.0 greylisted")
    stage.limits.learn(stage.group, "a.example", Ended(kind="deferred", result=later), now=stage.now)
    assert stage.take() == 10


def test_a_flush_ends_what_trouble_imposed() -> None:
    stage = Stage()
    for _ in range(5):
        stage.limits.learn(stage.group, "a.example", DOWN, now=stage.now)
        stage.now += stage.closed_for()
        stage.limits.learn(stage.group, "a.example", DOWN, now=stage.now)
    stage.said.say(Control(tenant="default", kind="flush", name="a.example", at=at(stage.now)))
    assert stage.take() == 10


def test_idle_destinations_are_forgotten_beyond_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.sender.handlers.limits.MOST_SITES", 10)
    stage = Stage()
    stage.take("busy.example", most=2)
    for number in range(100):
        assert stage.opens_at(f"d{number}.example") == 0.0
    assert stage.take("busy.example") == 8  # of ten: two are in hand still


def test_senders_whose_clocks_differ_do_not_use_a_permit_at_once() -> None:
    owners = [Stage(destination_connections=1, destination_in_flight=1) for _ in range(2)]
    for number, stage in enumerate(owners):
        stage.share = Share(owned=frozenset(range(3 * number, 3 * number + 3)), partitions=6)
        stage.now += 3600 * number
        stage.broker_time.heard(stage.now - 3600 * number, now=stage.now)
    opened = [0, 0]
    for _ in range(600):
        taken = [stage.take() for stage in owners]
        opened = [before + more for before, more in zip(opened, taken, strict=True)]
        assert sum(taken) <= 1
        for stage, count in zip(owners, taken, strict=True):
            stage.now += 1
            for _ in range(count):
                stage.limits.released("a.example")
    assert min(opened) > 100


def test_a_slow_rate_is_kept_by_all_senders_together() -> None:
    owners = [Stage(destination_rate=0.5) for _ in range(2)]
    for number, stage in enumerate(owners):
        stage.share = Share(owned=frozenset(range(3 * number, 3 * number + 3)), partitions=6)
    sent: list[float] = []
    for _ in range(6000):
        for stage in owners:
            for _ in range(stage.take()):
                sent.append(stage.now)
                stage.limits.released("a.example")
            stage.now += 0.1
    assert min(later - earlier for earlier, later in pairwise(sent)) >= 2.0 - 1e-6
    assert len(sent) >= 0.8 * 600 * 0.5
