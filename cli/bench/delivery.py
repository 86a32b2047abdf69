"""`postlog bench delivery`: from request records to 250 and all facts committed, signed, into a fast sink."""

import asyncio
import json
import socket
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dkim
from confluent_kafka import Consumer, Producer, TopicPartition

from cli.bench.ceiling import signatures_per_second
from cli.errors import CommandError
from cli.stack.stack import ANY_PORT, Stack
from shared.dkim import generate_key
from shared.topics import EVENTS, REQUESTS_BULK

ROW: Final = (
    '<tr><td>Item {n} for {who}</td><td>{price}</td><td><a href="https://shop.test/{who}/{n}">more</a></td></tr>'
)


@dataclass(frozen=True)
class Figures:
    """What was measured."""

    emails: int
    seconds: float
    ceiling: float
    checked: int


def body(number: int) -> bytes:
    """A request of about 10 KB whose text differs from the others', with ten links."""
    who = uuid.uuid4().hex
    rows = "".join(ROW.format(n=n, who=who, price=f"{number * 7 % 997}.{n:02}") for n in range(10))
    filler = "".join(
        f"<p>Paragraph {n} of invoice {number} for {who}: thank you for your order.</p>" for n in range(100)
    )
    request = {
        "type": "SendEmail",
        "email_id": str(uuid.uuid4()),
        "stream": "broadcast",
        "from": "Acme <billing@acme.test>",
        "to": f"{who[:12]}@d{number % 200}.example",
        "subject": f"Invoice {number}",
        "html": f"<html><body><table>{rows}</table>{filler}</body></html>",
    }
    return json.dumps(request).encode()


async def run(emails: int, *, connections: int) -> Figures:
    """Start the parts, feed, wait, verify."""
    ceiling = signatures_per_second()
    with tempfile.TemporaryDirectory(prefix="postlog-bench-") as name:
        folder = Path(name)
        (folder / "mails").mkdir()
        pem, record = generate_key("rsa-sha256")
        (folder / "key.pem").write_bytes(pem)
        port = _free_port()
        sink = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli.bench.sink", str(port), str(folder / "mails")
        )
        try:
            settings = _settings(folder, port=port, connections=connections)
            parts = ("kafka", "postgres", "sender")
            async with Stack(
                folder / "data", parts=parts, settings=settings, usual_ports=ANY_PORT, durable=False
            ) as stack:
                seconds = await asyncio.to_thread(_measure, stack.addresses.kafka, emails)
        finally:
            sink.kill()
            await sink.wait()
        return Figures(emails, seconds, ceiling, _verify(folder / "mails", record))


def _settings(folder: Path, *, port: int, connections: int) -> dict[str, str]:
    domains = [{"domain": "acme.test", "keys": [{"selector": "b1", "file": str(folder / "key.pem")}]}]
    return {
        "POSTLOG_SMTP_HOST": "127.0.0.1",
        "POSTLOG_SMTP_PORT": str(port),
        "POSTLOG_SMTP_TLS": "none",
        "POSTLOG_SMTP_CONNECTIONS": str(connections),
        "POSTLOG_SMTP_MAILS_PER_CONNECTION": "10000",
        "POSTLOG_SENDER_DATA": str(folder / "sender"),
        "POSTLOG_DKIM": json.dumps(domains),
        "POSTLOG_POSTAL_ADDRESS": "Acme, 1 Harbour Road, Porto",
        "POSTLOG_BOUNCE_DOMAIN": "bounces.acme.test",
        "POSTLOG_BLOB_URL": f"file://{folder}/blobs",
        "POSTLOG_LOG_LEVEL": "warning",
    }


def _measure(kafka: str, emails: int) -> float:
    common = {"bootstrap.servers": kafka}
    producer = Producer(
        common | {"partitioner": "murmur2_random", "linger.ms": 20, "queue.buffering.max.messages": emails + 1}
    )
    requests = [body(number) for number in range(emails)]
    begun = time.perf_counter()
    for request in requests:
        producer.produce(REQUESTS_BULK.name, request, json.loads(request)["email_id"])
        producer.poll(0)
    producer.flush()
    _await_delivered(common, emails)
    return time.perf_counter() - begun


def _await_delivered(common: dict[str, str], emails: int) -> None:
    consumer = Consumer(common | {"group.id": "bench", "isolation.level": "read_committed", "fetch.wait.max.ms": 20})
    numbers = consumer.list_topics(EVENTS.name, timeout=10).topics[EVENTS.name].partitions
    consumer.assign([TopicPartition(EVENTS.name, number, 0) for number in numbers])
    delivered, deadline = 0, time.monotonic() + 400
    while delivered < emails:
        for message in consumer.consume(1000, 0.1):
            kind = dict(message.headers() or []).get("ce_type")
            delivered += kind == b"email.delivered"
        if time.monotonic() > deadline:
            raise CommandError(f"only {delivered} of {emails} were delivered in 400 s", exit_code=1)
    consumer.close()


def _verify(folder: Path, record: str) -> int:
    mails = sorted(folder.glob("*.eml"))
    for mail in mails:
        if not dkim.verify(mail.read_bytes(), dnsfunc=lambda *_, **__: record.encode()):
            raise CommandError(f"the signature of {mail.name} does not verify", exit_code=1)
    return len(mails)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
