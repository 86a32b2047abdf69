"""Topics of a test's own on the shared Kafka, and a Kafka of the module's own that may be frozen."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.stack.addresses import NOTHING_GIVEN
from cli.stack.stack import ANY_PORT, Stack
from shared.kafka.admin import ensure_topics
from shared.settings import KafkaSettings
from tests.servers import LoopThread


@pytest.fixture
def settings(kafka_url: str, topic_prefix: str) -> KafkaSettings:
    """Settings of topics with three partitions, which are there."""
    found = KafkaSettings(kafka_bootstrap_servers=kafka_url, topic_prefix=topic_prefix, partitions=3)
    ensure_topics(found)
    return found


class OwnKafka:
    """A broker that a test may stop for a while."""

    def __init__(self, stack: Stack) -> None:
        self.url = stack.addresses.kafka
        self._stack = stack

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and says nothing, as a machine in trouble does."""
        pid = self._stack["kafka"].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="package")
def own_kafka() -> Iterator[OwnKafka]:
    """A Kafka that nobody else uses."""
    with tempfile.TemporaryDirectory(prefix="postlog-tests-") as folder:
        thread = LoopThread()
        stack = Stack(Path(folder), parts=["kafka"], given=NOTHING_GIVEN, usual_ports=ANY_PORT, say=lambda _: None)
        thread.run(stack.__aenter__())
        yield OwnKafka(stack)
        thread.run(stack.__aexit__())
        thread.stop()


@pytest.fixture
def own_settings(own_kafka: OwnKafka, topic_prefix: str) -> KafkaSettings:
    """As `settings`, on the broker that may be frozen."""
    found = KafkaSettings(kafka_bootstrap_servers=own_kafka.url, topic_prefix=topic_prefix, partitions=3)
    ensure_topics(found)
    return found
