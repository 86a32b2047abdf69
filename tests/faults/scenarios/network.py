"""The network between the sender and Kafka, by a TCP proxy: cut while the mail servers can be reached."""

import time
from typing import Final

from tests.fakes.proxy import KafkaProxy
from tests.faults.lab import LEASE_SECONDS
from tests.faults.registry import scenario
from tests.faults.trial import Trial

CUT_SECONDS: Final = LEASE_SECONDS + 7  # longer than the lease and than Kafka's session


@scenario("the sender cut off from Kafka, not from the mail servers: another takes over, nothing goes out twice unsaid")
def sender_cut_off_from_kafka(trial: Trial) -> None:
    """It may finish what its lease covers; what it learns too late it reports when it is back."""
    processes = trial.lab.processes
    with KafkaProxy(trial.lab.brokers.address) as proxy:
        behind = {"KAFKA_BOOTSTRAP_SERVERS": proxy.address}
        with processes.another_sender("behind", settings=behind), trial.load():
            trial.until(lambda: trial.lab.server.wire.open_sessions > 5, "dialogues")
            trial.in_the_middle()
            trial.cuts_the_sender()
            proxy.cut()
            cut = time.monotonic()
            trial.until(lambda: time.monotonic() > cut + CUT_SECONDS, "time")
            trial.in_the_middle()
            proxy.reopen()
            trial.recovers(since=time.monotonic())


@scenario("the only sender cut off from Kafka and back: it goes on")
def only_sender_cut_off_from_kafka(trial: Trial) -> None:
    """The API and the rest still reach Kafka."""
    processes = trial.lab.processes
    with KafkaProxy(trial.lab.brokers.address) as proxy:
        processes.stop("sender")
        behind = {"KAFKA_BOOTSTRAP_SERVERS": proxy.address}
        with processes.another_sender("behind", settings=behind), trial.load():
            trial.in_the_middle()
            trial.cuts_the_sender()
            proxy.cut()
            cut = time.monotonic()
            trial.until(lambda: time.monotonic() > cut + CUT_SECONDS, "time")
            proxy.reopen()
            trial.recovers(since=time.monotonic())
        processes.start("sender")  # only now: it shall have the slot, and the port, that it had
