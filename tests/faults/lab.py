"""The lab: one Kafka, one PostgreSQL, the four services and a scripted SMTP server for many scenarios."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.stack.addresses import Given
from cli.stack.ports import HOST
from cli.stack.stack import ANY_PORT, SERVICES, Stack
from tests.faults.brokers import Brokers
from tests.faults.client import Client
from tests.faults.facts import Facts
from tests.faults.processes import Processes
from tests.faults.smtp_server import SmtpServer
from tests.servers import LoopThread

CONNECTIONS: Final = 20
LEASE_SECONDS: Final = 5.0
SETTINGS: Final = {
    "POSTLOG_TRANSACTIONAL_RETRY__FIRST_SECONDS": "0.5",
    "POSTLOG_TRANSACTIONAL_RETRY__CEILING_SECONDS": "2",
    "POSTLOG_TRANSACTIONAL_RETRY__ATTEMPTS": "1000",
    "POSTLOG_TRANSACTIONAL_RETRY__IN_DOUBT_RETRIES": "1000",
    "POSTLOG_BROADCAST_RETRY__FIRST_SECONDS": "0.5",
    "POSTLOG_BROADCAST_RETRY__CEILING_SECONDS": "2",
    "POSTLOG_BROADCAST_RETRY__ATTEMPTS": "1000",
    "POSTLOG_BROADCAST_RETRY__IN_DOUBT_RETRIES": "1000",
    "POSTLOG_LEASE_SECONDS": f"{LEASE_SECONDS:g}",
    "POSTLOG_SMTP_CONNECTIONS": str(CONNECTIONS),
    "POSTLOG_SMTP_TIMEOUT_SECONDS": "5",
    "POSTLOG_SMTP_FINAL_DOT_TIMEOUT_SECONDS": "8",
    "POSTLOG_DESTINATION_IN_FLIGHT": "20",
    "POSTLOG_API_KEYS_SECONDS": "1",
    "POSTLOG_API_KAFKA_SECONDS": "5",
}


@dataclass(frozen=True, kw_only=True)
class Lab:
    """What a scenario works with."""

    stack: Stack
    brokers: Brokers
    processes: Processes
    server: SmtpServer
    facts: Facts
    client: Client


@contextmanager
def running_lab(data: Path, *, brokers: int) -> Iterator[Lab]:
    """Everything up, on free ports; nothing left behind."""
    with ExitStack() as cleanup:
        thread = LoopThread()
        cleanup.callback(thread.stop)
        server = cleanup.enter_context(SmtpServer())
        kafka = Brokers(data / "kafka", number=brokers)
        cleanup.callback(lambda: thread.run(kafka.stop_all()))
        thread.run(kafka.start_all())
        stack = _stack(data / "stack", kafka=kafka, smtp_port=server.port)
        thread.run(stack.__aenter__())
        cleanup.callback(lambda: thread.run(stack.__aexit__()))
        processes = Processes(stack, kafka, thread)
        cleanup.callback(processes.close)
        facts = Facts(kafka.address)
        cleanup.callback(facts.close)
        client = Client(stack.addresses.api, stack.api_key)
        cleanup.callback(client.close)
        yield Lab(stack=stack, brokers=kafka, processes=processes, server=server, facts=facts, client=client)


def _stack(data: Path, *, kafka: Brokers, smtp_port: int) -> Stack:
    return Stack(
        data,
        parts=("postgres", *SERVICES),
        settings=SETTINGS | {"POSTLOG_REPLICATION_FACTOR": str(kafka.number)},
        given=Given.model_construct(kafka=kafka.address, smtp_host=HOST, smtp_port=smtp_port),
        usual_ports=ANY_PORT,
        durable=False,
        say=lambda _: None,
    )
