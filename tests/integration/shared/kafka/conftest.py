"""Topics of a test's own on the shared Kafka."""

import pytest

from shared.kafka.admin import ensure_topics
from shared.settings import KafkaSettings


@pytest.fixture
def settings(kafka_url: str, topic_prefix: str) -> KafkaSettings:
    """Settings of topics with three partitions, which are there."""
    found = KafkaSettings(kafka_bootstrap_servers=kafka_url, topic_prefix=topic_prefix, partitions=3)
    ensure_topics(found)
    return found
