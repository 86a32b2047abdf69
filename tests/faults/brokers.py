"""Kafka for the lab: one embedded node, or several that copy to each other; killed, frozen and started at will."""

from pathlib import Path

from cli.stack.kafka import Quorum, kafka_part, new_cluster_id
from cli.stack.part import Part
from cli.stack.ports import HOST, free_port
from cli.stack.supervisor import Supervisor


class Brokers:
    """As many nodes as asked for. With three, every topic has three copies and two must have a record (min ISR 2)."""

    def __init__(self, data: Path, *, number: int) -> None:
        self._parts = _parts(data, number=number)
        self._supervisor = Supervisor(logs=data, say=lambda _: None)
        self.address = ",".join(part.address for part in self._parts)
        self.number = number

    async def start_all(self) -> None:
        """Start every node; returns when all answer."""
        await self._supervisor.start(*self._parts)

    async def stop_all(self) -> None:
        """Stop every node."""
        await self._supervisor.stop(*(part.name for part in self._parts))

    def pid(self, node: int) -> int | None:
        """The process of a node; None when it is dead."""
        return self._supervisor[self._parts[node].name].pid

    async def stop(self, node: int) -> None:
        """Stop a node in good order."""
        await self._supervisor.stop(self._parts[node].name)

    async def start(self, node: int) -> None:
        """Start a node that is down; returns when it answers."""
        await self._supervisor.start(self._parts[node])


def _parts(data: Path, *, number: int) -> list[Part]:
    data.mkdir(parents=True, exist_ok=True)
    ports = [free_port() for _ in range(number)]
    controllers = tuple(f"{node}@{HOST}:{port}" for node, port in enumerate(ports, start=1))
    cluster_id = new_cluster_id()
    quorums = [Quorum(node=node, controllers=controllers, cluster_id=cluster_id) for node in range(1, number + 1)]
    return [
        kafka_part(
            data / f"node-{quorum.node}",
            port=free_port(),
            controller_port=ports[quorum.node - 1],
            quorum=quorum if number > 1 else None,
            say=print,
        )
        for quorum in quorums
    ]
