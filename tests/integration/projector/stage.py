"""Projectors on real Kafka and PostgreSQL, and what they have made of a log."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from confluent_kafka import Consumer, TopicPartition
from psycopg.sql import SQL, Identifier

from cli.stack.ports import free_port
from services.projector.consumer import Projector
from services.projector.main import composed
from services.projector.settings import ProjectorSettings
from shared.db import migrate
from shared.db.read_models import metadata
from shared.kafka import config
from shared.kafka.admin import ensure_topics
from shared.kafka.producer import FutureProducer, TransactionalProducer
from shared.topics import EVENTS, PERSONAL
from tests.integration.projector.lives import Record

READ_MODELS = [table.name for table in metadata.sorted_tables if table.name != "checkpoints"]
Tables = dict[str, list[str]]
OURS: list[tuple[str, str | bytes | None]] = [("ce_source", b"/postlog/sender")]


class Flushing(TransactionalProducer):
    """Aborts what is on the log: the client forgets records that it has not sent."""

    def abort(self) -> None:
        self._producer.flush(30)
        super().abort()


class Stage:
    """Topics and a database of one test's own."""

    def __init__(self, *, kafka_url: str, database_url: str, topic_prefix: str, **changes: Any) -> None:
        basic: dict[str, Any] = {
            "kafka_bootstrap_servers": kafka_url,
            "database_url": database_url,
            "topic_prefix": topic_prefix,
            "partitions": 3,
            "admin_port": free_port(),
        }
        self.settings = ProjectorSettings(**(basic | changes))
        self.url = database_url
        ensure_topics(self.settings)
        migrate.upgrade(self.settings)

    def produce(self, log: Iterable[Record], *, partition: int = -1, ours: bool = True) -> None:
        """Write records as the tracker does, each for itself."""
        producer = FutureProducer(config.producer(self.settings), max_in_flight=1_000_000)
        sent = [
            producer.send(
                self.settings.topic(one.topic),
                key=one.key,
                value=one.value,
                headers=OURS if ours else None,
                partition=partition,
            )
            for one in log
        ]
        for future in sent:
            future.result(30)
        producer.close()

    def produce_in_transactions(self, log: list[Record], *, size: int = 50) -> None:
        """Write records as the sender does; every other transaction is aborted first and then done again."""
        settings = config.transactional(self.settings, transactional_id=self.settings.topic("test"))
        producer = Flushing(settings)
        for start in range(0, len(log), size):
            for commit in (False, True) if start % (2 * size) else (True,):
                producer.begin()
                for one in log[start : start + size]:
                    producer.produce(self.settings.topic(one.topic), key=one.key, value=one.value, headers=OURS)
                producer.commit() if commit else producer.abort()

    @contextmanager
    def running(self, **changes: Any) -> Iterator[Projector]:
        """A projector in a thread of its own, until the end of the block."""
        settings = self.settings.model_copy(update=changes)
        failures: list[BaseException] = []
        with composed(settings) as projector:

            def run() -> None:
                try:
                    projector.run()
                except BaseException as error:
                    failures.append(error)

            thread = threading.Thread(target=run, name="projector")
            thread.start()
            try:
                yield projector
            finally:
                projector.stop()
                thread.join(30)
                assert not thread.is_alive()
        if failures:
            raise failures[0]

    def project(self) -> None:
        """Run a projector until it has read all."""
        with self.running():
            self.wait_until_projected()

    def wait_until_projected(self, *, schema: str = "read_1", seconds: float = 30) -> None:
        """Wait until the read models know the whole log."""
        ends = self.ends()
        wait_for(lambda: self.positions(schema) == ends, seconds=seconds)

    def ends(self) -> dict[tuple[str, int], int]:
        """Where both topics end, as a reader of committed records sees it."""
        consumer = Consumer(config.consumer(self.settings, group_id="test-ends"))
        try:
            return {
                (topic.name, number): consumer.get_watermark_offsets(
                    TopicPartition(self.settings.topic(topic.name), number), timeout=10
                )[1]
                for topic in (EVENTS, PERSONAL)
                for number in range(self.settings.partitions)
            }
        finally:
            consumer.close()

    def positions(self, schema: str = "read_1") -> dict[tuple[str, int], int]:
        """The checkpoints."""
        try:
            return {(row[0], row[1]): row[2] for row in self.rows(f"SELECT * FROM {schema}.checkpoints")}
        except psycopg.errors.UndefinedTable:
            return {}

    def tables(self, schema: str = "read_1") -> Tables:
        """Every column of every row of every read model, as text."""
        found: Tables = {}
        for table in READ_MODELS:
            asked = SQL("SELECT t::text FROM {} t ORDER BY 1").format(Identifier(schema, table))
            found[table] = [row[0] for row in self.rows(asked)]
        return found

    def rows(self, statement: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask or tell the database."""
        with psycopg.connect(self.url, options="-c timezone=UTC", autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


def wait_for(done: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait until something is so; fails when it is not so in time."""
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "it did not come to that in time"
        time.sleep(0.05)
