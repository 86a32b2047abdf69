"""A member that its group has forgotten, and one whose Kafka is away."""

import time

import pytest
from confluent_kafka import Consumer

from shared.kafka import config
from shared.kafka.membership import LOOK, Forgotten, Membership
from shared.settings import KafkaSettings

pytestmark = pytest.mark.integration


def member(settings: KafkaSettings) -> Membership:
    """One that never subscribes: its group will say nothing to it."""
    return Membership(Consumer(config.consumer(settings, group_id=settings.topic("group"))), patience=2 * LOOK)


def check_for(seconds: float, watched: Membership) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        watched.check()
        time.sleep(0.01)


def test_a_member_without_a_word_of_its_group_is_told_while_kafka_answers(settings: KafkaSettings) -> None:
    watched = member(settings)
    watched.lost()
    began = time.monotonic()
    with pytest.raises(Forgotten, match="joins anew"):
        check_for(20, watched)
    assert time.monotonic() - began > 2 * LOOK


def test_one_that_is_given_partitions_again_is_not(settings: KafkaSettings) -> None:
    watched = member(settings)
    watched.lost()
    check_for(1.5 * LOOK, watched)
    watched.given()
    check_for(2 * LOOK, watched)


def test_nor_is_one_whose_kafka_is_away() -> None:
    watched = member(KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1"))
    watched.lost()
    check_for(4 * LOOK, watched)
