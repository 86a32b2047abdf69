"""`postlog bench delivery`: from request records to 250 and all facts committed, signed, into a fast sink."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.bench import making, plain, reading
from cli.bench.ceiling import signatures_per_second
from cli.bench.mails import DOMAIN, POSTAL
from cli.bench.parts import Parts
from cli.errors import CommandError
from cli.stack.ports import free_port
from cli.stack.programs import POSTLOG
from cli.stack.stack import ANY_PORT, Stack
from shared.dkim import generate_key

WARM_UP: Final = 3000  # emails before anything is measured
PATIENCE: Final = 120.0  # seconds for what was fed to be delivered


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to measure. `seconds` of feeding; `senders` processes with `connections` each."""

    seconds: float = 60
    most: int = sys.maxsize
    senders: int = 2
    connections: int = 150
    destinations: int = 1000


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured. Times in seconds, CPU in milliseconds an email, memory in MiB.

    `cpu_ms` is by process and, of the senders, by thread, under load; `making_ms` by stage of making a mail, alone.
    """

    emails: int
    seconds: float
    ceiling: float
    plain: float
    verified: int
    cpu_ms: Mapping[str, float]
    making_ms: Mapping[str, float]
    resident_mb: Mapping[str, float]
    loaded: reading.Latency
    idle: reading.Latency

    @property
    def rate(self) -> float:
        """Emails a second."""
        return self.emails / self.seconds


async def run(plan: Plan) -> Figures:
    """Start the parts, feed, wait, verify."""
    with tempfile.TemporaryDirectory(prefix="postlog-bench-") as name, ExitStack() as running:
        folder = Path(name)
        (folder / "mails").mkdir()
        pem, record = generate_key("rsa-sha256")
        (folder / "key.pem").write_bytes(pem)
        before = signatures_per_second()
        port = free_port()
        sink = running.enter_context(_process("cli.bench.sink", str(port), str(folder / "mails")))
        settings = _settings(folder, port=port, connections=plan.connections)
        names = ("kafka", "postgres", "sender")
        async with Stack(folder / "data", parts=names, settings=settings, usual_ports=ANY_PORT, durable=False) as stack:
            senders = [_pid(stack, "sender"), *_more_senders(stack, running, plan.senders - 1)]
            parts = Parts(senders=senders, kafka=_pid(stack, "kafka"), sink=sink.pid)
            measured = await asyncio.to_thread(_measure, stack, parts, plan, folder)
            slow = plain.emails_per_second(port=port, key=pem, seconds=5)
            figures = Figures(
                ceiling=(before + signatures_per_second()) / 2,
                plain=slow,
                making_ms=making.milliseconds(folder / "key.pem"),
                verified=reading.verify(folder / "mails", record),
                **measured,
            )
    return figures


def _measure(stack: Stack, parts: Parts, plan: Plan, folder: Path) -> dict[str, Any]:
    kafka, taken = stack.addresses.kafka, folder / "mails" / "taken"
    reading.publish_template(kafka)
    warm = _feed(kafka, taken, "--most", str(WARM_UP), destinations=plan.destinations)
    log = reading.Log(kafka)
    log.await_delivered(warm, PATIENCE)
    begun, usage = time.time(), parts.snapshot()
    limits = ("--seconds", str(plan.seconds), "--most", str(plan.most), "--already", str(warm))
    fed = _feed(kafka, taken, *limits, destinations=plan.destinations)
    ended = log.await_delivered(warm + fed, PATIENCE)
    return {
        "emails": fed,
        "seconds": ended - begun,
        "cpu_ms": parts.since(usage, emails=fed),
        "resident_mb": parts.resident(),
        "loaded": log.latency(since=begun),
        "idle": log.idle_latency(kafka),
    }


def _feed(kafka: str, taken: Path, *limits: str, destinations: int) -> int:
    words = [kafka, str(taken), *limits, "--destinations", str(destinations)]
    said = subprocess.run(
        (sys.executable, "-m", "cli.bench.feeder", *words), check=True, capture_output=True, text=True
    )
    return int(said.stdout)


def _more_senders(stack: Stack, running: ExitStack, count: int) -> Iterator[int]:
    for _ in range(count):
        environment = stack.environment | {"POSTLOG_SENDER_PORT": str(free_port())}
        sender = subprocess.Popen((*POSTLOG, "serve", "sender"), env=environment)
        running.callback(_end, sender)
        yield sender.pid


def _pid(stack: Stack, name: str) -> int:
    pid = stack[name].pid
    assert pid is not None, f"{name} runs"
    return pid


@contextmanager
def _process(module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen((sys.executable, "-m", module, *words))
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        raise CommandError("a sender did not end within 30 s", exit_code=1) from None


def _settings(folder: Path, *, port: int, connections: int) -> dict[str, str]:
    domains = [{"domain": DOMAIN, "keys": [{"selector": "b1", "file": str(folder / "key.pem")}]}]
    return {
        "POSTLOG_SMTP_HOST": "127.0.0.1",
        "POSTLOG_SMTP_PORT": str(port),
        "POSTLOG_SMTP_TLS": "none",
        "POSTLOG_SMTP_CONNECTIONS": str(connections),
        "POSTLOG_SMTP_MAILS_PER_CONNECTION": "10000",
        # All senders' share: a few destinations cost what many do, instead of what their limits say.
        "POSTLOG_DESTINATION_CONNECTIONS": str(10 * connections),
        "POSTLOG_DESTINATION_IN_FLIGHT": str(10 * connections),
        "POSTLOG_SENDER_DATA": str(folder / "sender"),
        "POSTLOG_DKIM": json.dumps(domains),
        "POSTLOG_POSTAL_ADDRESS": POSTAL,
        "POSTLOG_BOUNCE_DOMAIN": f"bounces.{DOMAIN}",
        "POSTLOG_BLOB_URL": f"file://{folder}/blobs",
        "POSTLOG_LOG_LEVEL": "warning",
    }
