"""`postlog bench intake`: a streamed batch from the first byte to the answer, against bare librdkafka."""

import asyncio
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from confluent_kafka import Consumer, Producer, TopicPartition

from cli.bench.mails import DOMAIN, NAME, POSTAL
from cli.bench.reading import publish_template
from cli.bench.usage import cpu_seconds, resident_mb
from cli.stack.programs import POSTLOG
from cli.stack.stack import ANY_PORT, Stack
from shared.kafka import config
from shared.settings import KafkaSettings
from shared.topics import REQUESTS_BULK

WARM_UP: Final = 2000
KEPT: Final = 100_000  # records that the ceiling is measured with
_PIECE: Final = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Run:
    """One batch. `seconds` until its answer; CPU of the API in milliseconds a recipient, its peak of memory in MiB."""

    recipients: int
    seconds: float
    cpu_ms: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Recipients a second."""
        return self.recipients / self.seconds


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The runs, the largest last, and how many of the same records bare librdkafka has acknowledged a second."""

    runs: list[Run]
    ceiling: float


async def run(sizes: list[int]) -> Figures:
    """Start Kafka, PostgreSQL and the API, and send a batch of each size."""
    with tempfile.TemporaryDirectory(prefix="postlog-bench-") as name:
        folder = Path(name)
        settings = {
            "POSTLOG_DKIM": json.dumps([{"domain": DOMAIN, "keys": []}]),
            "POSTLOG_POSTAL_ADDRESS": POSTAL,
            "POSTLOG_LOG_LEVEL": "warning",
        }
        names = ("kafka", "postgres", "api")
        async with Stack(folder / "data", parts=names, settings=settings, usual_ports=ANY_PORT, durable=False) as stack:
            return await asyncio.to_thread(_measure, stack, sizes, folder)


def _measure(stack: Stack, sizes: list[int], folder: Path) -> Figures:
    made = subprocess.run(
        (*POSTLOG, "keys", "create", "--name", "bench"),
        env=stack.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    publish_template(stack.addresses.kafka)
    pid = stack["api"].pid
    assert pid is not None, "the API runs"
    client = httpx2.Client(
        base_url=stack.addresses.api, headers={"Authorization": f"Bearer {made.stdout.strip()}"}, timeout=120
    )
    with client:
        runs = [_send(client, size, pid=pid, file=folder / "list.ndjson") for size in (WARM_UP, *sizes)]
    return Figures(runs=runs[1:], ceiling=_ceiling(stack.addresses.kafka))


def _send(client: httpx2.Client, size: int, *, pid: int, file: Path) -> Run:
    with file.open("wb") as lines:
        lines.writelines(_lines(size))
    peak = [resident_mb(pid)]
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(pid, peak, over))
    watch.start()
    used, begun = cpu_seconds(pid), time.perf_counter()
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"bench-{size}"}
    answer = client.post("/v1/batches", content=_pieces(file), headers=headers)
    seconds = time.perf_counter() - begun
    over.set()
    watch.join()
    answer.raise_for_status()
    assert answer.json()["acknowledged"] == size, answer.text[:500]
    cpu = 1000 * (cpu_seconds(pid) - used) / size
    return Run(recipients=size, seconds=seconds, cpu_ms=cpu, peak_mb=max(peak))


def _watch(pid: int, peak: list[float], over: threading.Event) -> None:
    while not over.wait(0.05):
        peak[0] = max(peak[0], resident_mb(pid))


def _lines(size: int) -> Iterator[bytes]:
    shared = {"from": f"Acme <billing@{DOMAIN}>", "template": NAME, "variables": {"rows": []}}
    yield json.dumps({"defaults": shared, "stream": "broadcast", "tags": ["bench"]}).encode() + b"\n"
    for number in range(size):
        variables = {"name": f"Customer {number}", "number": number, "total": f"{number * 13 % 9973}.{number % 100:02}"}
        email = {"to": f"c{number}@d{number % 1000}.example", "reference": f"r{number}", "variables": variables}
        yield json.dumps(email).encode() + b"\n"


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(_PIECE):
            yield piece


def _ceiling(kafka: str) -> float:
    """The same records, produced again with the same settings and nothing around it."""
    records = _written(kafka)
    producer = Producer(
        config.producer(KafkaSettings(kafka_bootstrap_servers=kafka)) | {"queue.buffering.max.messages": 2 * KEPT}
    )
    producer.list_topics(REQUESTS_BULK.name, timeout=10)
    begun = time.perf_counter()
    for number, (key, value, headers) in enumerate(records):
        producer.produce(REQUESTS_BULK.name, value=value, key=key, headers=headers)
        if number % 1000 == 0:
            producer.poll(0)
    producer.flush()
    return len(records) / (time.perf_counter() - begun)


def _written(kafka: str) -> list[tuple[Any, Any, Any]]:
    consumer = Consumer(config.consumer(KafkaSettings(kafka_bootstrap_servers=kafka), group_id="bench"))
    numbers = consumer.list_topics(REQUESTS_BULK.name, timeout=10).topics[REQUESTS_BULK.name].partitions
    consumer.assign([TopicPartition(REQUESTS_BULK.name, number, 0) for number in numbers])
    found: list[tuple[Any, Any, Any]] = []
    left = set(numbers)
    while left and len(found) < KEPT:
        for message in consumer.consume(1000, 1.0):
            if message.error() is None:
                found.append((message.key(), message.value(), message.headers()))
            else:
                left.discard(message.partition())
    consumer.close()
    return found
