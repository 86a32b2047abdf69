"""The API as a process of its own: over a socket, stopped by a signal, and what it writes to its log."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.integration.api.stage import EMAIL, Stage

pytestmark = pytest.mark.integration
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(stage: Stage, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    """`postlog serve api`, ready, and a client with a key."""
    port = free_port()
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": stage.settings.kafka_bootstrap_servers,
        "DATABASE_URL": stage.settings.database_url.get_secret_value(),
        "POSTLOG_TOPIC_PREFIX": stage.settings.topic_prefix,
        "POSTLOG_PARTITIONS": str(stage.settings.partitions),
        "POSTLOG_RECIPIENT_KEY": "cd" * 32,
        "POSTLOG_DKIM": json.dumps([{"domain": "acme.test", "keys": [{"selector": "s", "file": "/nowhere"}]}]),
        "POSTLOG_BLOB_URL": stage.settings.blob_url,
        "POSTLOG_API_PORT": str(port),
        "POSTLOG_API_BODY_LIMIT": str(1024 * 1024),
    }
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "cli.main", "serve", "api"], env=environment, stderr=output)
    headers = {"Authorization": f"Bearer {stage.make_key()}"}
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            wait_until_ready(process, client)
            yield process, client
    finally:
        process.kill()
        process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], client: httpx2.Client) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None and time.monotonic() < deadline
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)


def test_requests_over_a_socket(stage: Stage, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with served(stage, log) as (process, client):
        answer = client.post("/v1/emails", json=EMAIL, headers={"traceparent": TRACE})
        assert answer.status_code == 202
        assert client.post("/v1/emails", json=EMAIL | {"to": "ada@@example.org"}).status_code == 422
        assert client.get("/v1/emails?recipient=ada@example.org").status_code == 200
        assert client.get("/v1/nothing/ada@example.org").status_code == 404
        with contextlib.suppress(httpx2.TransportError):  # cut off, before or after the answer was read
            assert client.post("/v1/emails", content=endless()).status_code == 413
        large = client.post("/v1/emails", content=b"x" * 5_000_000)
        assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
        metrics = client.get("/metrics").text
        assert 'postlog_api_emails_accepted_total{stream="transactional"} 1.0' in metrics
        assert 'postlog_api_problems_total{code="body_too_large"} 2.0' in metrics
        assert 'route="/v1/emails",status="202"' in metrics
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["route"] for line in lines if line["event"] == "request"} == {"/v1/emails", "none"}
    about = next(line for line in lines if line.get("status") == 202)
    assert (about["email_id"], about["trace_id"]) == (answer.json()["email_id"], TRACE.split("-")[1])
    assert {(line["service"], "timestamp" in line, "level" in line) for line in lines} == {("api", True, True)}
    assert not any(secret in log.read_text() for secret in ("example.org", "plk_", "Hello"))
    assert "example.org" not in metrics


def test_a_signal_lets_requests_under_way_finish(stage: Stage, tmp_path: Path) -> None:
    with served(stage, tmp_path / "api.log") as (process, client), socket.socket() as plain:
        email_id = client.post("/v1/emails", json=EMAIL).json()["email_id"]
        plain.connect(("127.0.0.1", client.base_url.port))
        fields = ("Host: here", f"Authorization: {client.headers['Authorization']}", "Prefer: wait=2")
        plain.sendall("\r\n".join((f"GET /v1/emails/{email_id} HTTP/1.1", *fields, "", "")).encode())
        while unread(plain):
            time.sleep(0.01)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 8
        assert plain.recv(65536).startswith(b"HTTP/1.1 404 ")


def unread(ours: socket.socket) -> int:
    """How many of the bytes that we sent the other side has not read yet, as Linux tells of its end."""
    ends = f"{ours.getpeername()[1]:04X}", f"{ours.getsockname()[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (queues,) = [row[4] for row in rows if (row[1].partition(":")[2], row[2].partition(":")[2]) == ends]
    return int(queues.partition(":")[2], 16)


def endless() -> Iterator[bytes]:
    """A body without end."""
    yield b'{"subject":"'
    while True:
        yield b"x" * 65536
