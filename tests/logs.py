"""What stands in a topic, for tests."""

from confluent_kafka import Consumer, Message, TopicPartition

from shared.kafka import config
from shared.settings import KafkaSettings


def read(settings: KafkaSettings, topic: str, *, committed: bool = True) -> list[Message]:
    """All records of a topic (its name without the prefix), partition by partition, up to where it ends now."""
    isolation = {"isolation.level": "read_committed" if committed else "read_uncommitted"}
    consumer = Consumer(config.consumer(settings, group_id="test-reader") | isolation)
    name = settings.topic(topic)
    numbers = list(consumer.list_topics(name, timeout=10).topics[name].partitions)
    consumer.assign([TopicPartition(name, number, 0) for number in numbers])
    found: list[Message] = []
    left = set(numbers)
    while left:
        for message in consumer.consume(1000, 0.2):
            if message.error() is None:
                found.append(message)
            else:
                left.discard(message.partition())
    consumer.close()
    return sorted(found, key=lambda message: (message.partition(), message.offset()))
