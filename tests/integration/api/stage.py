"""The API on real Kafka and PostgreSQL, in process; the read models are filled by the tests themselves."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from confluent_kafka import Consumer, KafkaException, TopicPartition
from sqlalchemy import Engine, Table, delete, insert, text
from starlette.testclient import TestClient

from services.api.adapters import state
from services.api.domain.keys import make_key
from services.api.main import build
from services.api.settings import ApiSettings
from shared import commands
from shared.commands import Command
from shared.db import migrate, read_models
from shared.db.engine import make_engine
from shared.events import Event, codec
from shared.kafka import config
from shared.kafka.admin import ensure_topics
from shared.topics import EVENTS, PERSONAL, REQUESTS, REQUESTS_BULK, Topic
from tests.logs import read

DEAD_PORT = "127.0.0.1:9"  # discard: nobody listens there
EMAIL = {"from": "Shop <shop@acme.test>", "to": "ada@example.org", "subject": "Hello", "text": "Hi"}


class Stage:
    """Settings, the database, and what the API wrote."""

    def __init__(self, *, kafka_url: str, database_url: str, topic_prefix: str, folder: Path, **changes: Any) -> None:
        basic: dict[str, Any] = {
            "kafka_bootstrap_servers": kafka_url,
            "database_url": database_url,
            "topic_prefix": topic_prefix,
            "partitions": 3,
            "recipient_key": "cd" * 32,
            "dkim": [{"domain": "acme.test"}],
            "postal_address": "1 Harbour Road, Porto",
            "blob_url": (folder / "blobs").as_uri(),
            "api_body_limit": 2 * 1024 * 1024,
            "api_keys_seconds": 0.3,
        }
        self.settings = ApiSettings(**(basic | changes))
        migrate.upgrade(self.settings)
        self.engine: Engine = make_engine(self.settings, application="test")

    def close(self) -> None:
        """Close the database."""
        self.engine.dispose()

    def make_key(self, tenant: str = "default", **limits: Any) -> str:
        """A new key of the tenant; `limits` are its scopes and expiry."""
        key = make_key(entropy=secrets.token_bytes(40))
        with self.engine.begin() as connection:
            state.put_key(connection, key=key, tenant=tenant, name="test", **limits)
        return key

    def revoke(self, key: str) -> None:
        """End a key."""
        with self.engine.begin() as connection:
            assert state.revoke_key(connection, prefix=key.split("_")[1])

    def make_read_models(self, schema: str = "read_1") -> None:
        """An empty build of the read models, live."""
        with self.engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
            connection.execute(text(f"SET LOCAL search_path TO {schema}"))
            read_models.metadata.create_all(connection)
            connection.execute(text("DELETE FROM state.read_models"))
            connection.execute(text("INSERT INTO state.read_models (live) VALUES (:live)"), {"live": schema})

    def put(self, table: Table, *rows: dict[str, Any], schema: str = "read_1") -> None:
        """Add rows to a read model."""
        with self.engine.begin() as connection:
            connection.execute(text(f"SET LOCAL search_path TO {schema}"))
            connection.execute(insert(table), list(rows))

    def empty(self, table: Table) -> None:
        """Remove all rows of a read model."""
        with self.engine.begin() as connection:
            connection.execute(text("SET LOCAL search_path TO read_1"))
            connection.execute(delete(table))

    @contextmanager
    def client(self, *, tenant: str = "default") -> Iterator[TestClient]:
        """The running application, asked with a key of the tenant."""
        key = self.make_key(tenant)
        with TestClient(build(self.settings), headers={"Authorization": f"Bearer {key}"}) as client:
            yield client

    def sender_decides(self) -> None:
        """The senders' group commits that it has read all requests, as the sender does with its facts."""
        group = self.settings.topic(self.settings.sender_group)
        consumer = Consumer(config.consumer(self.settings, group_id=group))
        consumer.commit(offsets=self._ends(consumer, REQUESTS, REQUESTS_BULK), asynchronous=False)
        consumer.close()

    def projector_catches_up(self) -> None:
        """The checkpoints are set to where the facts end now."""
        consumer = Consumer(config.consumer(self.settings, group_id="ends"))
        ends = self._ends(consumer, EVENTS, PERSONAL)
        consumer.close()
        prefix = len(self.settings.topic_prefix)
        rows = [{"topic": one.topic[prefix:], "partition": one.partition, "next_offset": one.offset} for one in ends]
        self.empty(read_models.checkpoints)
        self.put(read_models.checkpoints, *rows)

    def _ends(self, consumer: Consumer, *topics: Topic) -> list[TopicPartition]:
        places = [
            TopicPartition(self.settings.topic(topic.name), number)
            for topic in topics
            for number in range(self.settings.partitions)
        ]
        return [TopicPartition(one.topic, one.partition, _end(consumer, one)) for one in places]

    def commands(self) -> list[Command]:
        """All commands on the request topics."""
        return [
            commands.decode(message.value())
            for topic in (REQUESTS, REQUESTS_BULK)
            for message in read(self.settings, topic.name)
        ]

    def facts(self) -> list[Event]:
        """All facts that the API wrote."""
        return [codec.decode(message.value()) for message in read(self.settings, EVENTS.name)]


def _end(consumer: Consumer, place: TopicPartition) -> int:
    """Where a partition ends; it may have no leader in the first moments of its topic."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return int(consumer.get_watermark_offsets(place, timeout=10)[1])
        except KafkaException:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def open_stage(kafka_url: str, database_url: str, topic_prefix: str, folder: Path, **changes: Any) -> Stage:
    """A stage with its topics and empty read models."""
    stage = Stage(kafka_url=kafka_url, database_url=database_url, topic_prefix=topic_prefix, folder=folder, **changes)
    ensure_topics(stage.settings)
    stage.make_read_models()
    return stage


def email_row(email_id: UUID, **changes: Any) -> dict[str, Any]:
    """A row of `emails`."""
    basic = {"tenant": "default", "email_id": email_id, "stream": "transactional", "status": "queued", "fold": {}}
    return basic | changes
