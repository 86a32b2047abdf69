"""Each service killed with kill -9, again and again, at random moments under load; and everything at once."""

import threading
import time
from collections.abc import Callable
from typing import Final

import httpx2

from tests.faults.client import pixel_of
from tests.faults.failing import Failing
from tests.faults.registry import scenario
from tests.faults.trial import Trial

KILLS: Final = 20
LONGEST_LIFE: Final = 0.8  # seconds of work between two kills, at most
GENTLE: Final = 0.1  # seconds for each mail while others than the sender are killed: that is 200 mails a second


def kill_again_and_again(trial: Trial, name: str, *, look: Callable[[float], Callable[[], bool] | None]) -> None:
    """Kill a service at random moments; after each kill wait until `look(moment of the kill)` sees it work again."""
    for _ in range(4 if trial.quick else KILLS):
        time.sleep(trial.random.uniform(0, LONGEST_LIFE))
        trial.until(lambda: trial.lab.server.wire.open_sessions > 0, "open connections")
        trial.in_the_middle()
        if name == "sender":
            trial.cuts_the_sender()
        killed = time.monotonic()
        trial.lab.processes.restart(name)
        trial.recovers(since=killed, look=look(killed))


@scenario("the sender killed at random: nothing lost, duplicates only among the emails in doubt", quick=True)
def sender_killed(trial: Trial) -> None:
    """Under a load that never ends before the kills do."""
    with trial.load():
        kill_again_and_again(trial, "sender", look=lambda _: None)


@scenario("the API killed at random: a 202 is a promise, and asking again under the same key is one email")
def api_killed(trial: Trial) -> None:
    """Customers ask for single emails and for batches, and ask again when they hear nothing."""
    promised: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            trial.single(trial.recipients(1)[0])
            promised.append(time.monotonic())

    customers = [Failing(ask) for _ in range(3)]
    with trial.load(pace=GENTLE):
        for customer in customers:
            customer.start()
        kill_again_and_again(trial, "api", look=lambda killed: lambda: bool(promised) and promised[-1] > killed + 0.1)
        done.set()
        for customer in customers:
            customer.join()


@scenario("the projector killed at random: rows and counts come to say what the log says")
def projector_killed(trial: Trial) -> None:
    """The next email that is promised shows up in the API."""

    def shows(killed: float) -> Callable[[], bool]:
        promise = trial.batch(trial.recipients(1))[0]
        statuses = trial.lab.client.statuses
        return lambda: bool(statuses(batches=[], singles=[promise.email_id])[promise.email_id])

    with trial.load(pace=GENTLE):
        kill_again_and_again(trial, "projector", look=shows)


@scenario("the tracker killed at random: every open that was answered is a fact, and none is counted that was not")
def tracker_killed(trial: Trial) -> None:
    """Readers look at their mail again and again while it is killed."""
    mails = trial.batch(trial.recipients(50), html="<p>Hello.</p>")
    wire, facts = trial.lab.server.wire, trial.lab.facts
    trial.until(lambda: all(wire.has(mail.recipient) for mail in mails), "the readers' mail")
    readers = {mail.recipient for mail in mails}  # others' mail may still come in
    pixels = [pixel_of(copy.source) for copy in wire.copies if copy.kept and copy.recipient in readers]
    before, asked, answered, done = facts.kinds["email.opened"], [0], [0.0], threading.Event()
    hits = [0]

    def read() -> None:
        with httpx2.Client(timeout=5, verify=False) as browser:
            while not done.is_set():
                asked[0] += 1
                try:
                    browser.get(trial.random.choice(pixels)).raise_for_status()
                except httpx2.HTTPError:
                    done.wait(0.02)
                else:
                    hits[0] += 1
                    answered[0] = time.monotonic()

    reader = Failing(read)
    with trial.load(pace=GENTLE):
        reader.start()
        kill_again_and_again(trial, "tracker", look=lambda killed: lambda: answered[0] > killed + 0.1)
        done.set()
        reader.join()

    def opened() -> int:
        return facts.kinds["email.opened"] - before

    trial.until(lambda: opened() >= hits[0], f"{hits[0]} opens were answered, facts")
    assert opened() <= asked[0], f"{asked[0]} asked, {opened()} opens in the log"
    trial.figures |= {"opens_answered": hits[0], "opens_in_the_log": opened()}


@scenario("everything killed at once and started in any order, twice: it all comes back and nothing is lost")
def everything_killed(trial: Trial) -> None:
    """Kafka, PostgreSQL and the services, from kill -9, in an order that is drawn."""
    processes = trial.lab.processes
    for _ in range(2):
        with trial.load():
            trial.in_the_middle()
            trial.cuts_the_sender()
            killed = time.monotonic()
            names = ["broker", "postgres", "api", "sender", "tracker", "projector"]
            for name in names:
                processes.kill(name)
            trial.random.shuffle(names)
            processes.start_in_any_order(names)
            trial.recovers(since=killed)
