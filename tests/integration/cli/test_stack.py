"""The stack as a library: real Kafka and PostgreSQL, kept state, a kill of one part, given addresses."""

import asyncio
import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic
from pydantic import SecretStr

from cli.errors import CommandError
from cli.stack.addresses import NOTHING_GIVEN, Given
from cli.stack.claim import AlreadyRunning
from cli.stack.postgres import UNPRIVILEGED
from cli.stack.process import run
from cli.stack.stack import ANY_PORT, Stack

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


def stack_on(data: Path, *parts: str, given: Given = NOTHING_GIVEN) -> Stack:
    return Stack(data, parts=parts, given=given, usual_ports=ANY_PORT, durable=False, say=lambda _: None)


@pytest_asyncio.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack of PostgreSQL alone: it starts in a second."""
    async with stack_on(tmp_path / "data", "postgres") as stack:
        yield stack


def produce(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic("kept", 1, 1)]).values():
        future.result(20)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "t"})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce("kept", b"record")
    producer.commit_transaction(20)


def consume(bootstrap: str) -> bytes | None:
    settings = {"bootstrap.servers": bootstrap, "group.id": "g", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe(["kept"])
    message = consumer.poll(20)
    consumer.close()
    return message.value() if message else None


def broker_setting(bootstrap: str, name: str) -> str:
    resource = ConfigResource(ResourceType.BROKER, "1")
    admin = AdminClient({"bootstrap.servers": bootstrap})
    return str(admin.describe_configs([resource])[resource].result(20)[name].value)


async def test_kafka_keeps_its_state_and_its_port(tmp_path: Path) -> None:
    async with stack_on(tmp_path / "data", "kafka") as stack:
        first = stack.addresses.kafka
        await asyncio.to_thread(produce, first)
        cleanup = "transaction.abort.timed.out.transaction.cleanup.interval.ms"
        assert await asyncio.to_thread(broker_setting, first, cleanup) == "1000"
        assert await asyncio.to_thread(broker_setting, first, "message.max.bytes") == str(4 * 1024 * 1024)
    async with stack_on(tmp_path / "data", "kafka") as stack:
        assert stack.addresses.kafka == first
        assert await asyncio.to_thread(consume, stack.addresses.kafka) == b"record"


async def test_postgres_keeps_its_state(tmp_path: Path) -> None:
    async with stack_on(tmp_path / "data", "postgres") as stack:
        first = stack.addresses.database_url
        with psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'ü€' AS word")
    async with stack_on(tmp_path / "data", "postgres") as stack:
        assert stack.addresses.database_url == first
        with psycopg.connect(first) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("ü€",)


async def test_postgres_wants_its_password(postgres: Stack) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.addresses.database_url, password="guessed")


async def test_postgres_comes_back_after_a_kill(postgres: Stack) -> None:
    before = postgres["postgres"].pid
    with psycopg.connect(postgres.addresses.database_url) as connection:
        connection.execute("CREATE TABLE kept ()")
    postgres["postgres"].kill()
    async with asyncio.timeout(30):
        await postgres["postgres"].serving()
    assert postgres["postgres"].pid != before
    with psycopg.connect(postgres.addresses.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


async def test_a_part_can_be_stopped_and_started(postgres: Stack) -> None:
    await postgres.stop("postgres")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(postgres.addresses.database_url)
    await postgres.start("postgres")
    psycopg.connect(postgres.addresses.database_url).close()


async def test_a_second_stack_on_the_same_data_learns_what_runs(postgres: Stack) -> None:
    with pytest.raises(AlreadyRunning) as refused:
        async with stack_on(postgres.data, "postgres"):
            pass
    assert refused.value.note["addresses"] == {"database_url": postgres.addresses.database_url}
    psycopg.connect(postgres.addresses.database_url).close()


async def test_given_addresses_win_and_nothing_is_started_for_them(tmp_path: Path) -> None:
    url = "postgresql://db.example/postlog"
    given = Given.model_construct(kafka="broker.example:9092", database_url=SecretStr(url))
    async with stack_on(tmp_path / "data", "kafka", "postgres", given=given) as stack:
        assert stack.note() == {"parts": [], "addresses": {"kafka": "broker.example:9092", "database_url": url}}
        assert stack.environment["KAFKA_BOOTSTRAP_SERVERS"] == "broker.example:9092"
        assert stack.environment["DATABASE_URL"] == url
        with pytest.raises(KeyError):
            stack["postgres"]


async def test_settings_win_over_the_stack_s_own(tmp_path: Path) -> None:
    stack = Stack(tmp_path, parts=(), settings={"POSTLOG_SMTP_PORT": "1"}, given=NOTHING_GIVEN, say=lambda _: None)
    async with stack:
        assert stack.environment["POSTLOG_SMTP_PORT"] == "1"


async def test_a_stack_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "data" / "postgres").mkdir(parents=True)  # not a cluster: the server refuses it
    with pytest.raises(CommandError, match=r"postgres ended with exit code .* before it was ready"):
        async with stack_on(tmp_path / "data", "postgres"):
            pass
    async with stack_on(tmp_path / "data"):
        """The claim is free again."""


async def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no part zookeeper"):
        stack_on(tmp_path, "zookeeper")


ORDINARY = """
import asyncio, os, sys
from pathlib import Path
import psycopg
from cli.stack.addresses import NOTHING_GIVEN
from cli.stack.stack import ANY_PORT, Stack

async def start() -> None:
    given = dict(given=NOTHING_GIVEN, usual_ports=ANY_PORT, durable=False, say=lambda _: None)
    async with Stack(Path(sys.argv[1]), parts=["postgres"], **given) as stack:
        psycopg.connect(stack.addresses.database_url).close()
        server = Path(f"/proc/{stack['postgres'].pid}").stat()
        print(os.geteuid(), server.st_uid)

assert os.geteuid() != 0
asyncio.run(start())
"""


async def test_an_ordinary_user_can_start_it_too(tmp_path: Path) -> None:
    """The other tests run as whoever runs them. Root becomes `nobody` here, who may read files as root does."""
    data = Path(tempfile.mkdtemp(prefix="postlog-tests-"))  # where an ordinary user may go, unlike tmp_path
    become: tuple[str, ...] = ()
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
        become = (*UNPRIVILEGED, f"--regid={nobody.pw_gid}")
    command = (*become, sys.executable, "-c", ORDINARY, str(data))
    try:
        said = await run(command, doing="starting PostgreSQL", environment=os.environ | {"HOME": str(data)})
    finally:
        shutil.rmtree(data)
    ours, servers = said.split()
    assert ours == servers != "0"
