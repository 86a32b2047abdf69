"""Kafka and PostgreSQL: killed, frozen, restarted, cut off."""

import time

from tests.faults.registry import scenario
from tests.faults.trial import Trial


@scenario("the broker killed twice under load: what was acknowledged is there, and sending goes on")
def broker_killed_twice(trial: Trial) -> None:
    """kill -9, start, and again when work has just gone on."""
    with trial.load():
        for _ in range(2):
            trial.in_the_middle()
            trial.cuts_the_sender()
            killed = time.monotonic()
            trial.lab.processes.restart("broker")
            trial.recovers(since=killed)


@scenario("the broker stopped and started in good order")
def broker_restarted(trial: Trial) -> None:
    """As for an upgrade."""
    with trial.load():
        trial.in_the_middle()
        trial.cuts_the_sender()
        stopped = time.monotonic()
        trial.lab.processes.stop("broker")
        trial.lab.processes.start("broker")
        trial.recovers(since=stopped)


@scenario("the broker frozen for 8 s, longer than session and lease, and thawed")
def broker_frozen(trial: Trial) -> None:
    """It answers nobody, and no connection breaks."""
    with trial.load():
        trial.in_the_middle()
        trial.cuts_the_sender()
        with trial.lab.processes.frozen("broker"):
            begun = time.monotonic()
            trial.until(lambda: time.monotonic() > begun + 8, "time")
        trial.recovers(since=time.monotonic())


@scenario("one of three brokers killed, with three copies and min ISR 2: sending goes on without it", brokers=3)
def one_of_three_brokers_killed(trial: Trial) -> None:
    """Each of the three in turn, the sender's coordinators among them; each stays away until work goes on."""
    with trial.load():
        for node in range(3):
            trial.in_the_middle()
            trial.cuts_the_sender()
            killed = time.monotonic()
            trial.lab.processes.kill(f"broker-{node}")
            trial.recovers(since=killed)
            trial.lab.processes.start(f"broker-{node}")


@scenario("PostgreSQL stopped and started: emails are taken and sent without it, and the rows catch up", quick=True)
def postgres_stopped(trial: Trial) -> None:
    """Requests are acknowledged and sent while it is away."""
    with trial.load():
        trial.in_the_middle()
        trial.lab.processes.stop("postgres")
        stopped, kept = time.monotonic(), trial.lab.server.wire.kept
        promised = len(trial.ledger.acknowledged)
        trial.until(lambda: trial.lab.server.wire.kept > kept + 200, "200 mails without PostgreSQL")
        trial.until(lambda: len(trial.ledger.acknowledged) > promised, "promises without PostgreSQL")
        trial.lab.processes.start("postgres")
        started = time.monotonic()
        newest = trial.batch(trial.recipients(1))[0]
        statuses = trial.lab.client.statuses
        trial.recovers(
            since=started, look=lambda: bool(statuses(batches=[], singles=[newest.email_id])[newest.email_id])
        )
        trial.figures["seconds_away"] = started - stopped


@scenario("PostgreSQL killed under load and started")
def postgres_killed(trial: Trial) -> None:
    """kill -9: it recovers from its own log; the projector goes on from the checkpoint beside the rows."""
    with trial.load():
        trial.in_the_middle()
        killed = time.monotonic()
        trial.lab.processes.restart("postgres")
        newest = trial.batch(trial.recipients(1))[0]
        statuses = trial.lab.client.statuses
        trial.recovers(
            since=killed, look=lambda: bool(statuses(batches=[], singles=[newest.email_id])[newest.email_id])
        )
