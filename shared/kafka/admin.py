"""Topics on the broker against `shared/topics.py`: made on request, checked for readiness, never auto-created."""

import time
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from shared.kafka.config import client
from shared.settings import KafkaSettings
from shared.topics import TOPICS, Topic


def partitions_of(topic: Topic, settings: KafkaSettings) -> int:
    """How many partitions the topic is to have."""
    return topic.partitions if topic.partitions is not None else settings.partitions


def ensure_topics(settings: KafkaSettings, *, timeout: float = 30) -> list[str]:
    """Create what is missing; returns the names of those created, once the broker that was asked knows them all.

    Existing topics are left as they are. Raises KafkaException.
    """
    admin = AdminClient(client(settings))
    known = admin.list_topics(timeout=timeout).topics
    wanted = [
        NewTopic(
            settings.topic(topic.name),
            partitions_of(topic, settings),
            settings.replication_factor,
            config=topic.broker_config(),
        )
        for topic in TOPICS
        if settings.topic(topic.name) not in known
    ]
    futures = admin.create_topics(wanted) if wanted else {}
    made = [name for name, future in futures.items() if _created(future, timeout=timeout)]
    while not futures.keys() <= admin.list_topics(timeout=timeout).topics.keys():
        time.sleep(0.02)
    return made


def _created(future: "Future[None]", *, timeout: float) -> bool:
    try:
        future.result(timeout)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody else was quicker
            raise
        return False
    return True


def check_topics(settings: KafkaSettings, *, timeout: float = 5) -> list[str]:
    """What is wrong with the topics, a sentence each; empty when all is well."""
    try:
        known = AdminClient(client(settings)).list_topics(timeout=timeout).topics
    except KafkaException as error:
        return [f"Kafka does not answer at {settings.kafka_bootstrap_servers}: {error.args[0].str()}"]
    wrong = []
    for topic in TOPICS:
        name, wanted = settings.topic(topic.name), partitions_of(topic, settings)
        if name not in known:
            wrong.append(f"topic {name} is missing: make it with `postlog topics create`")
        elif len(known[name].partitions) != wanted:
            wrong.append(
                f"topic {name} has {len(known[name].partitions)} partitions, POSTLOG_PARTITIONS says {wanted}: "
                "set it to what the topics have"
            )
    return wrong
