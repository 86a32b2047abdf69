"""A whole stack for end-to-end tests: real processes, driven through public interfaces only."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from cli.stack.addresses import NOTHING_GIVEN
from cli.stack.stack import ANY_PORT, EVERYTHING, Stack
from tests.e2e.watch import LogWatcher
from tests.servers import LoopThread

CONNECTIONS = 20
SENDER = "Acme <billing@acme.example>"
QUICK = {
    "POSTLOG_TRANSACTIONAL_RETRY__FIRST_SECONDS": "1",
    "POSTLOG_TRANSACTIONAL_RETRY__FACTOR": "1.5",
    "POSTLOG_TRANSACTIONAL_RETRY__ATTEMPTS": "4",
    "POSTLOG_BROADCAST_RETRY__FIRST_SECONDS": "1",
    "POSTLOG_BROADCAST_RETRY__ATTEMPTS": "4",
    "POSTLOG_LEASE_SECONDS": "5",
    "POSTLOG_SMTP_CONNECTIONS": str(CONNECTIONS),
    "POSTLOG_DESTINATION_IN_FLIGHT": "50",
    "POSTLOG_API_KEYS_SECONDS": "1",
    "POSTLOG_API_KAFKA_SECONDS": "5",
    "POSTLOG_INBOX_SLOW_SECONDS": "1",
}


class World:
    """The stack, a client of the API, and what the inbox and the log say."""

    def __init__(self, stack: Stack, thread: LoopThread) -> None:
        self._thread = thread
        self.stack = stack
        self.log = LogWatcher(stack.addresses.kafka)
        self.api = self.client_of("default")
        self.inbox = httpx2.Client(base_url=str(stack.addresses.inbox), timeout=30)

    def client_of(self, tenant: str) -> httpx2.Client:
        """A client of the API with a key of this tenant's; to be closed by who asks for it."""
        key = self.postlog("keys", "create", "--tenant", tenant, "--name", "e2e").strip()
        headers = {"Authorization": f"Bearer {key}"}
        return httpx2.Client(base_url=self.stack.addresses.api, headers=headers, timeout=httpx2.Timeout(30))

    def postlog(self, *arguments: str) -> str:
        """Run a command of the command line against this stack; its output."""
        command = (sys.executable, "-m", "cli.main", *arguments)
        done = subprocess.run(command, env=self.stack.environment, capture_output=True, text=True, check=True)
        return done.stdout

    def kill(self, name: str) -> None:
        """kill -9; the supervisor starts it again."""

        async def kill() -> None:
            self.stack[name].kill()

        self._thread.run(kill())

    def stop(self, name: str) -> None:
        """Stop a part and leave it stopped."""
        self._thread.run(self.stack.stop(name))

    def start(self, name: str) -> None:
        """Start a part that was stopped; returns when it serves."""
        self._thread.run(self.stack.start(name))

    def serving(self, name: str) -> None:
        """Wait until a service answers again."""
        self._thread.run(self.stack[name].serving())

    def send_batch(self, recipients: list[str], *, key: str, **defaults: Any) -> dict[str, Any]:
        """Send a batch, and ask again under the same key until the API answers."""
        body = {"defaults": {"from": SENDER, "subject": "Hello", "text": "Hello.", **defaults}}
        content = json.dumps(body | {"emails": [{"to": to} for to in recipients]})
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        for _ in range(20):
            try:
                answer = self.api.post("/v1/batches", content=content, headers=headers)
            except httpx2.TransportError:
                self.serving("api")
                continue
            if answer.status_code != 503:
                assert answer.status_code == 202, answer.text
                found: dict[str, Any] = answer.json()
                return found
        raise AssertionError("the API did not take the batch")

    def arrived(self) -> list[dict[str, Any]]:
        """Every mail that the inbox kept."""
        rows: list[dict[str, Any]] = self.inbox.get("/api/messages", params={"limit": 10**9}).json()["messages"]
        return rows

    def close(self) -> None:
        """Close the clients."""
        self.log.close()
        self.api.close()
        self.inbox.close()


@contextmanager
def running_world(data: Path, **settings: str) -> Iterator[World]:
    """A whole stack on free ports, with short times; stopped at the end."""
    thread = LoopThread()
    stack = Stack(
        data,
        parts=EVERYTHING,
        settings=QUICK | settings,
        given=NOTHING_GIVEN,
        usual_ports=ANY_PORT,
        durable=False,
        say=print,
    )
    try:
        thread.run(stack.__aenter__())
        try:
            world = World(stack, thread)
            yield world
            world.close()
        finally:
            thread.run(stack.__aexit__())
    finally:
        thread.stop()
