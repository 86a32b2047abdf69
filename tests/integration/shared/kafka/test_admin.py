"""Topics on a real broker against the table of topics."""

import threading

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from shared.kafka.admin import check_topics, ensure_topics
from shared.kafka.config import client
from shared.settings import KafkaSettings
from shared.topics import TOPICS, WORK

pytestmark = pytest.mark.integration


@pytest.fixture
def bare(kafka_url: str, topic_prefix: str) -> KafkaSettings:
    """Settings of topics that are not there."""
    return KafkaSettings(kafka_bootstrap_servers=kafka_url, topic_prefix=topic_prefix, partitions=4)


def test_missing_topics_are_said_made_and_then_right(bare: KafkaSettings) -> None:
    missing = check_topics(bare)
    assert len(missing) == len(TOPICS)
    assert missing[0] == f"topic {bare.topic_prefix}email.requests is missing: make it with `postlog topics create`"
    assert sorted(ensure_topics(bare)) == sorted(bare.topic(topic.name) for topic in TOPICS)
    assert check_topics(bare) == [] and ensure_topics(bare) == []


def test_a_wrong_partition_count_is_said_with_both_numbers(bare: KafkaSettings) -> None:
    ensure_topics(bare)
    other = bare.model_copy(update={"partitions": 5})
    assert check_topics(other)[0] == (
        f"topic {bare.topic_prefix}email.requests has 4 partitions, POSTLOG_PARTITIONS says 5: "
        "set it to what the topics have"
    )
    assert len(check_topics(other)) == 5


def test_the_broker_has_every_setting_of_the_table(settings: KafkaSettings) -> None:
    resources = {ConfigResource(ConfigResource.Type.TOPIC, settings.topic(topic.name)): topic for topic in TOPICS}
    admin = AdminClient(client(settings))
    described = admin.describe_configs(list(resources))
    for resource, topic in resources.items():
        found, wanted = described[resource].result(10), topic.broker_config()
        assert {name: found[name].value for name in wanted} == wanted


def test_two_processes_may_make_the_topics_at_once(bare: KafkaSettings) -> None:
    made: list[list[str]] = []
    failed: list[BaseException] = []

    def make() -> None:
        try:
            made.append(ensure_topics(bare))
        except KafkaException as error:
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and len(made) == 4
    assert sorted(name for names in made for name in names) == sorted(bare.topic(topic.name) for topic in TOPICS)


def test_other_troubles_of_creation_are_raised(bare: KafkaSettings) -> None:
    greedy = bare.model_copy(update={"replication_factor": 9})
    with pytest.raises(KafkaException, match=r"(?i)replication"):
        ensure_topics(greedy)


def test_a_kafka_that_is_away_is_said_and_not_raised() -> None:
    nobody = KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1")
    (sentence,) = check_topics(nobody, timeout=0.5)
    assert sentence.startswith("Kafka does not answer at 127.0.0.1:1: ")


def test_existing_topics_are_left_as_they_are(bare: KafkaSettings) -> None:
    admin = AdminClient(client(bare))
    name = bare.topic(WORK.name)
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(10)
    assert name not in ensure_topics(bare)
    assert check_topics(bare) == [
        f"topic {name} has 2 partitions, POSTLOG_PARTITIONS says 4: set it to what the topics have"
    ]
