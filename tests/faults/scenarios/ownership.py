"""Who owns a partition: two senders, rebalances, owners that are frozen and thawed."""

import shutil
import time
from typing import Final

from confluent_kafka import Consumer

from shared.topics import REQUESTS, REQUESTS_BULK, partition_for
from tests.faults.lab import LEASE_SECONDS
from tests.faults.registry import scenario
from tests.faults.smtp_server import paced
from tests.faults.trial import Trial

POLL_INTERVAL_MS: Final = 6000
FROZEN_SECONDS: Final = LEASE_SECONDS + 7  # longer than the lease, Kafka's session (6 s) and the poll interval
PARTITIONS: Final = 6
TAKEOVER_SECONDS: Final = 10.0
REBALANCE_EVERY: Final = 3.0


@scenario("two senders on the same folder: each has a slot of its own; one killed, its partitions move within 10 s")
def two_senders_one_folder(trial: Trial) -> None:
    """The lock on a slot's folder tells the second one to take the next; then the first is gone for good."""
    with trial.lab.processes.another_sender("second"), trial.load():
        trial.until(lambda: _both_work(trial), "both at work")
        trial.in_the_middle()
        trial.cuts_the_sender()
        killed = time.monotonic()
        trial.lab.processes.kill("sender")
        trial.recovers(since=killed, look=lambda: _all_move(trial, since=killed))
        assert trial.seconds_to_recover < TAKEOVER_SECONDS, f"taken over after {trial.seconds_to_recover:.1f} s"
        trial.lab.processes.start("sender")


def _both_work(trial: Trial) -> bool:
    return trial.lab.server.wire.open_sessions > 20


def _all_move(trial: Trial, *, since: float) -> bool:
    """Whether a mail that began after `since` was kept for an email of every partition."""
    copies = [copy for copy in trial.lab.server.wire.copies if copy.kept and copy.began > since]
    return len({partition_for(copy.email_id.encode(), PARTITIONS) for copy in copies}) == PARTITIONS


@scenario(
    "two senders that believe to be the same slot (a copied folder): one is fenced, nothing goes out twice unsaid"
)
def two_senders_one_slot(trial: Trial) -> None:
    """The same static member and transactional id: each that starts throws the other out."""
    folder = trial.lab.stack.data / "copied-sender"
    shutil.rmtree(folder, ignore_errors=True)
    with trial.load():
        shutil.copytree(trial.lab.stack.data / "sender", folder)
        trial.in_the_middle()
        trial.cuts_the_sender()
        begun = time.monotonic()
        with trial.lab.processes.another_sender("copy", settings={"POSTLOG_SENDER_DATA": str(folder)}):
            trial.recovers(since=begun)
            trial.cuts_the_sender()
        trial.lab.processes.kill("sender")
        trial.lab.processes.start("sender")


@scenario("a rebalance every 3 s between two senders: nothing lost, nothing in doubt")
def rebalance_every_3_s(trial: Trial) -> None:
    """A third member comes and goes; it takes partitions and does nothing with them."""
    rounds = 3 if trial.quick else 6
    with trial.lab.processes.another_sender("second"), trial.load():
        for _ in range(rounds):
            trial.in_the_middle()
            begun = time.monotonic()
            _come_and_go(trial)
            trial.recovers(since=begun)
            trial.until(lambda: time.monotonic() > begun + REBALANCE_EVERY, "time")  # noqa: B023


def _come_and_go(trial: Trial) -> None:
    group = {"group.id": "postlog-sender", "partition.assignment.strategy": "range", "session.timeout.ms": 6000}
    member = Consumer(group | {"bootstrap.servers": trial.lab.brokers.address, "enable.auto.commit": False})
    assigned: list[object] = []
    member.subscribe([REQUESTS.name, REQUESTS_BULK.name], on_assign=lambda _, partitions: assigned.extend(partitions))
    try:
        trial.until(lambda: member.poll(0.05) is None and bool(assigned), "the third member's partitions", seconds=30)
    finally:
        member.close()


@scenario("the sender frozen for longer than the poll interval and its lease, then thawed: it finishes nothing")
def sender_frozen_and_thawed(trial: Trial) -> None:
    """Dialogues stand before the dot when it freezes; the other one takes over meanwhile."""
    with trial.lab.processes.another_sender("frozen", options=("--max-poll-ms", str(POLL_INTERVAL_MS))), trial.load():
        _freeze(trial, "frozen", seconds=FROZEN_SECONDS)


@scenario("the only sender frozen for longer than its lease and thawed: nobody took over, and it goes on")
def only_sender_frozen_and_thawed(trial: Trial) -> None:
    """It comes back as a member that was given up."""
    with trial.load():
        _freeze(trial, "sender", seconds=FROZEN_SECONDS)


@scenario("the sender frozen for less than its lease: nothing happens but a pause")
def sender_frozen_for_a_moment(trial: Trial) -> None:
    """Shorter than the session and the lease."""
    with trial.load():
        _freeze(trial, "sender", seconds=2)


def _freeze(trial: Trial, name: str, *, seconds: float) -> None:
    trial.play(paced(0.03, at="data"))
    trial.until(lambda: trial.lab.server.wire.open_sessions > 5, "dialogues")
    trial.in_the_middle()
    trial.cuts_the_sender()
    begun = time.monotonic()
    with trial.lab.processes.frozen(name):
        trial.until(lambda: time.monotonic() > begun + seconds, "time")
    trial.in_the_middle()
    trial.recovers(since=time.monotonic())
