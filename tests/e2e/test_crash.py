"""Each service killed in the middle of a 2,000-email batch: nothing lost, every duplicate among the doubted ones."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from cli.demo.fold import Story
from cli.inbox.behaviours import behaviour_of
from shared.ids import batch_id_for
from tests.e2e.asking import Json, until
from tests.e2e.world import World, running_world

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]
EMAILS = 2000
SETTLED = {"delivered", "bounced", "failed", "cancelled", "suppressed", "rejected"}
BEHAVING = ("hardbounce", "mailboxfull", "reject", "greylist", "defer", "slow", "reader")
PAGE = '<p>Hello. <a href="https://acme.example/offer">Look here</a>.</p>'
CONNECTIONS = 5  # few, so that a batch takes its time and each kill meets it in the middle
TRIES = 5
ESTABLISHED = "01"  # as /proc/net/tcp has it


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world"), POSTLOG_SMTP_CONNECTIONS=str(CONNECTIONS)) as world:
        yield world


class Run:
    """2,000 emails to 20 domains, in two batches of 1,000; every tenth recipient behaves."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self.keys = [f"{name}-first", f"{name}-second"]
        self.batches = [str(batch_id_for(tenant="default", key=key)) for key in self.keys]
        self.recipients = [recipient(name, number) for number in range(EMAILS)]
        self.to: dict[str, str] = {}

    def post(self, half: int) -> Json:
        """Send one of the batches; the API may have to be asked again."""
        to = self.recipients[half * 1000 : half * 1000 + 1000]
        receipt = self._world.send_batch(to, key=self.keys[half], html=PAGE)
        self.to |= dict(zip((item["email_id"] for item in receipt["emails"]), to, strict=True))
        return receipt

    def settled(self) -> int:
        """How many emails have come to their end."""
        return sum(n for status, n in self._world.log.statuses(set(self.batches)).items() if status in SETTLED)

    def stories(self) -> dict[str, Story]:
        """The emails' stories."""
        return {key: one for key, one in self._world.log.stories().items() if one.batch_id in self.batches}

    def readers(self) -> list[Story]:
        """The stories of emails to readers."""
        return [one for key, one in self.stories().items() if behaviour_of(self.to[key]).reads]


def recipient(name: str, number: int) -> str:
    behaviour = f"{BEHAVING[number // 10 % len(BEHAVING)]}+" if number % 10 == 3 else ""
    return f"{behaviour}{name}{number}@d{number % 20}.example"


def test_the_sender_is_killed(world: World) -> None:
    run = Run(world, "sender")
    run.post(0), run.post(1)
    wait_until_part_is_settled(run, 0.15)
    os.kill(pid(world, "sender"), signal.SIGSTOP)  # so that what is open now is what is open at the kill
    connections = open_connections(world)
    world.kill("sender")
    assert_in_the_middle(run)
    assert 0 < connections <= CONNECTIONS
    check(world, run, most_in_doubt=connections)
    world.serving("sender")


def test_the_others_are_killed(world: World) -> None:
    run = Run(world, "others")
    run.post(0)
    wait_until_part_is_settled(run, 0.15)
    readers_before = hits(run)
    for part, victim in ((0.15, "tracker"), (0.2, "projector")):
        wait_until_part_is_settled(run, part)
        world.kill(victim)
        assert_in_the_middle(run)
    kill_while_it_reads_a_batch(world, run)
    check(world, run, most_in_doubt=0)
    assert 0 < readers_before < hits(run), "readers came before the kill and after"
    for name in ("tracker", "projector", "api"):
        world.serving(name)


def wait_until_part_is_settled(run: Run, part: float) -> None:
    while run.settled() < EMAILS * part:
        time.sleep(0.02)


def assert_in_the_middle(run: Run) -> None:
    """Called right after a kill: most of the work is neither done nor still to come."""
    assert EMAILS * 0.1 <= run.settled() <= EMAILS * 0.9, "not in the middle"


def pid(world: World, name: str) -> int:
    found = world.stack[name].pid
    assert found is not None
    return found


def open_connections(world: World) -> int:
    """How many connections to the inbox are established."""
    port = f":{int(world.stack.environment['POSTLOG_SMTP_PORT']):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(remote.endswith(port) and state == ESTABLISHED for _, _, remote, state, *_ in rows)


def kill_while_it_reads_a_batch(world: World, run: Run) -> None:
    """kill -9 to the API after `batch.opened` and before `batch.closed`; the client asks again under its key.

    When all was written by the time of the kill, it is done again: the same request, the same batch.
    """
    with ThreadPoolExecutor(1) as client:
        for _ in range(TRIES):
            already = len(of_second(world, run))
            answer = client.submit(run.post, 1)
            until(partial(of_second, world, run, already))
            world.kill("api")
            assert_in_the_middle(run)
            assert answer.result()["acknowledged"] == 1000
            until(lambda start=already: "email.batch.closed" in of_second(world, run, start))  # type: ignore[misc]
            written = Counter(of_second(world, run, already))
            if written["email.batch.opened"] > written["email.batch.closed"]:
                return
    raise AssertionError("the API was never killed between the two")


def of_second(world: World, run: Run, start: int = 0) -> list[str]:
    """The facts about the second batch itself, from one on."""
    return world.log.of_batch(run.batches[1])[start:]


def hits(run: Run) -> int:
    """How many emails have been opened."""
    return sum(one.count("email.opened") > 0 for one in run.stories().values())


def check(world: World, run: Run, *, most_in_doubt: int) -> None:
    wait_until_settled(world, run)
    check_log(world, run, most_in_doubt=most_in_doubt)
    for batch_id in run.batches:
        check_read_models(world, batch_id)


def wait_until_settled(world: World, run: Run) -> None:
    deadline = time.monotonic() + 300
    while run.settled() < EMAILS or not all(one.count("email.clicked") for one in run.readers()):
        assert time.monotonic() < deadline, (world.log.statuses(set(run.batches)), hits(run))
        time.sleep(0.1)


def check_log(world: World, run: Run, *, most_in_doubt: int) -> None:
    stories = run.stories()
    assert stories.keys() == run.to.keys()
    assert all(story.count("email.queued") == 1 for story in stories.values())
    ends = {key: behaviour_of(address).status for key, address in run.to.items()}
    assert not {run.to[key]: story.status for key, story in stories.items() if story.status != ends[key]}
    assert all(one.count("email.opened") and one.count("email.clicked") for one in run.readers())
    arrived = Counter(row["message_id"].partition("@")[0] for row in world.arrived() if row["accepted"])
    doubted = {key for key, story in stories.items() if story.count("email.in_doubt")}
    delivered = {key for key, story in stories.items() if story.status == "delivered"}
    assert delivered <= arrived.keys(), "delivered, says the log, and the inbox has no copy"
    assert {key for key in stories if arrived[key] > 1} <= doubted, "a duplicate that was not in doubt"
    assert len(doubted) <= most_in_doubt


def check_read_models(world: World, batch_id: str) -> None:
    """The read models come to tell the same as the log."""
    expected = world.log.statuses({batch_id})
    deadline = time.monotonic() + 60
    while True:
        answer = world.api.get(f"/v1/batches/{batch_id}")
        if answer.status_code == 200 and answer.json()["counts"] == expected and answer.json()["acknowledged"] == 1000:
            return
        assert time.monotonic() < deadline, (answer.text, expected)
        time.sleep(0.2)
