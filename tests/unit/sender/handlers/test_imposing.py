"""What replies impose: facts and controls, that survive an abort and a new owner."""

from uuid import UUID, uuid4

import pytest

from services.sender.domain.attempt import Ended
from services.sender.domain.reply_rules import Rule
from services.sender.domain.shares import Share
from shared.commands import SmtpResult
from shared.records import Control
from tests.unit.sender.handlers.limiting import Stage, at

SLOW = Rule(name="slow", source="s", codes=(451,), slow=0.5, recovery=100)
PAUSE = Rule(name="pause", source="s", codes=(421,), pause=60, back_off=True)
FEWER = Rule(name="fewer", source="s", text="too many connections", connections=0.5)


def learn(stage: Stage, code: int, text: str = "", *, site: str = "a.example", cause: UUID | None = None) -> None:
    result = SmtpResult(smtp_phase="rcpt_to", smtp_reply_code=code, smtp_reply_text=text)
    ended = Ended(kind="bounced" if code >= 500 else "deferred", result=result)
    stage.limits.learn(stage.group, site, ended, now=stage.now, cause=cause)


def test_a_pause_is_a_fact_and_closes_the_destination() -> None:
    stage, cause = Stage(PAUSE), uuid4()
    learn(stage, 421, cause=cause)
    assert stage.closed_for() == 60
    assert stage.opens_at("b.example") == 0.0
    (fact,) = stage.commit()
    assert (fact.destination, fact.rule, fact.new["pause"]) == ("a.example", "pause@1", 60.0)
    assert fact.causing_event_id == cause
    assert fact.tenant == "default"


def test_the_fact_is_the_same_when_its_group_is_done_again() -> None:
    stage, cause = Stage(PAUSE), uuid4()
    learn(stage, 421, cause=cause)
    stage.give_up()
    assert stage.opens_at() == 0.0
    learn(stage, 421, cause=cause)
    (first,) = stage.commit()
    other = Stage(PAUSE)
    learn(other, 421, cause=cause)
    assert other.commit()[0].event_id == first.event_id


def test_a_new_owner_keeps_to_it() -> None:
    stage = Stage(PAUSE)
    learn(stage, 421)
    stage.commit()
    assert Stage(PAUSE, said=stage.said).closed_for() == 60


def test_it_counts_before_the_copy_of_the_topic_shows_it() -> None:
    stage = Stage(PAUSE)
    learn(stage, 421)
    stage.commit(seen=False)
    stage.now += 2
    assert stage.opens_at() == stage.now + 2  # to be looked at again: an operator may lift it
    assert stage.closed_for() == 58


def test_many_replies_at_once_are_one_fact() -> None:
    stage = Stage(PAUSE)
    for _ in range(20):
        learn(stage, 421)
    assert len(stage.commit()) == 1


def test_connections_are_fewer_and_come_back() -> None:
    stage = Stage(FEWER, destination_connections=8)
    learn(stage, 421, "4.7.0 Too many connections")
    (fact,) = stage.commit()
    assert (fact.old["connections"], fact.new["connections"]) == (8.0, 4.0)
    assert stage.opens_at() == 0.0
    assert stage.limits.connections("a.example") == 4
    stage.now += 601
    assert stage.opens_at() == 0.0
    assert stage.limits.connections("a.example") == 8


def test_slowing_begins_at_what_all_senders_together_have_sent_of_late() -> None:
    stage = Stage(SLOW, destination_in_flight=600)
    stage.free = 1000
    stage.share = Share(owned=frozenset({0, 1, 2}), partitions=6)
    for _ in range(100):
        stage.now += 0.1
        assert stage.take(most=1) == 1
    learn(stage, 451)
    (fact,) = stage.commit()
    assert fact.new["rate"] == pytest.approx(10.0, rel=0.1)  # this half sent 10 a second, all 20


def test_an_operators_flush_lifts_what_was_imposed_before_it() -> None:
    stage = Stage(PAUSE)
    learn(stage, 421)
    stage.commit()
    stage.said.say(Control(tenant="default", kind="flush", name="a.example", at=at(stage.now + 1)))
    stage.now += 2
    assert stage.opens_at() == 0.0


def test_what_is_learnt_of_a_permanent_refusal_counts_too() -> None:
    stage = Stage(Rule(name="blocked", source="s", codes=(550,), text="block list", pause=1800))
    learn(stage, 550, "5.1.1 unknown user")
    assert stage.opens_at() == 0.0
    learn(stage, 550, "5.7.1 your network is on our block list")
    assert stage.closed_for() == 1800
