"""The composition of the local stack: which parts run, in which order, with which settings."""

import asyncio
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Self

from cli.errors import CommandError
from cli.stack.addresses import Addresses, Given
from cli.stack.claim import Claim
from cli.stack.environment import service_environment
from cli.stack.kafka import kafka_part
from cli.stack.local_secrets import local_secrets
from cli.stack.part import Part
from cli.stack.ports import USUAL, choose_ports
from cli.stack.postgres import postgres_part
from cli.stack.process import run
from cli.stack.programs import POSTLOG, inbox_part, service_part
from cli.stack.supervisor import Supervised, Supervisor

SERVERS: Final = ("kafka", "postgres", "inbox")
SERVICES: Final = ("api", "sender", "tracker", "projector")
EVERYTHING: Final = SERVERS + SERVICES
ANY_PORT: Final[Mapping[str, int]] = dict.fromkeys(USUAL, 0)
_PART_AT: Final = {name: name for name in EVERYTHING} | {
    "database_url": "postgres",
    "smtp_host": "inbox",
    "smtp_port": "inbox",
}


class Stack:
    """The stack on one data directory, as an asynchronous context: up inside, nothing left behind after.

    `parts` names what to run; parts that `given` replaces are left out. `settings` are environment variables for the
    services and win over all others. Entering raises AlreadyRunning, or CommandError that says which part failed.
    """

    def __init__(
        self,
        data: Path,
        *,
        parts: Collection[str] = EVERYTHING,
        settings: Mapping[str, str] | None = None,
        given: Given | None = None,
        usual_ports: Mapping[str, int] = USUAL,
        durable: bool = True,
        say: Callable[[str], None] = print,
    ) -> None:
        if unknown := set(parts) - set(EVERYTHING):
            raise CommandError(f"no part {', '.join(sorted(unknown))}: there are {', '.join(EVERYTHING)}", exit_code=2)
        self.data = data.resolve()
        self._given = Given() if given is None else given
        self._parts = set(parts) - self._given.replaced()
        self._settings, self._usual_ports = dict(settings or {}), usual_ports
        self._durable, self._say = durable, say
        self.addresses: Addresses
        self.environment: dict[str, str]

    async def __aenter__(self) -> Self:
        self._claim = Claim.on(self.data)
        try:
            self._settle()
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        self._claim.announce(**self.note())
        return self

    async def __aexit__(self, *_: object) -> None:
        if hasattr(self, "_supervisor"):
            await self._supervisor.stop(*SERVICES)
            await self._supervisor.stop(*SERVERS)
        self._claim.release()

    def __getitem__(self, name: str) -> Supervised:
        """A running part: its `pid`, `log`, `kill()`, `serving()`; KeyError when it does not run here."""
        return self._supervisor[name]

    @property
    def api_key(self) -> str:
        """A key of the default tenant for local use; the same in every run."""
        return self._secrets.api_key

    def note(self) -> dict[str, Any]:
        """What runs and where: for people, for a second start and for other programs."""
        running = self._parts | self._given.replaced()
        found = {name: value for name, value in asdict(self.addresses).items() if _PART_AT[name] in running}
        key = {"api_key": self.api_key} if "api" in running else {}
        return {"parts": sorted(self._parts), "addresses": found | key}

    async def stop(self, name: str) -> None:
        """Stop one part and leave it stopped."""
        await self._supervisor.stop(name)

    async def start(self, name: str) -> None:
        """Start a part that was stopped."""
        await self._supervisor.start(self._part(name))

    def _settle(self) -> None:
        """Ports, secrets, addresses and settings: known before anything starts."""
        self._ports = choose_ports(self.data / "ports.json", usual=self._usual_ports)
        self._secrets = local_secrets(self.data / "secrets.json")
        self.addresses = Addresses.of(self._ports, given=self._given, postgres_password=self._secrets.postgres_password)
        told = service_environment(self.addresses, secrets=self._secrets, data=self.data)
        self.environment = os.environ | told | self._settings
        logs = self.data / "logs"
        logs.mkdir(exist_ok=True)
        self._supervisor = Supervisor(logs=logs, say=self._say)

    async def _start(self) -> None:
        await self._supervisor.start(*(self._part(name) for name in SERVERS if name in self._parts))
        services = [name for name in SERVICES if name in self._parts]
        if services:
            await asyncio.gather(self._database(), self._step("topics", "create"))
            await self._supervisor.start(*(self._part(name) for name in services))

    async def _database(self) -> None:
        await self._step("migrate")
        await self._postlog("keys", "create", "--name", "local", "--stdin", say=self._secrets.api_key)

    async def _step(self, *command: str) -> None:
        """A command of ours that must be done before the services start."""
        began = time.monotonic()
        said = await self._postlog(*command)
        self._say(f"{command[0]:<10} done in  {time.monotonic() - began:4.1f} s   {said.strip()}")

    async def _postlog(self, *command: str, say: str = "") -> str:
        doing = f"postlog {' '.join(command)}"
        return await run((*POSTLOG, *command), doing=doing, environment=self.environment, say=say)

    def _part(self, name: str) -> Part:
        match name:
            case "kafka":
                port, controller_port = self._ports["kafka"], self._ports["kafka-controller"]
                return kafka_part(self.data / "kafka", port=port, controller_port=controller_port, say=self._say)
            case "postgres":
                password, port = self._secrets.postgres_password, self._ports["postgres"]
                return postgres_part(self.data / "postgres", port=port, password=password, durable=self._durable)
            case "inbox":
                smtp, http = self._ports["smtp"], self._ports["inbox"]
                return inbox_part(self.data / "inbox", smtp_port=smtp, http_port=http, environment=self.environment)
            case _:
                return service_part(name, port=self._ports[name], environment=self.environment)
