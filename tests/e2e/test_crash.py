"""Each service killed in the middle of a 2,000-email batch: nothing lost, every duplicate among the doubted ones."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from cli.inbox.behaviours import behaviour_of
from tests.e2e.world import CONNECTIONS, World, running_world

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]
EMAILS = 2000
SETTLED = {"delivered", "bounced", "failed", "cancelled", "suppressed", "rejected"}
BEHAVING = ("hardbounce", "mailboxfull", "reject", "greylist", "defer", "slow", "reader")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world")) as world:
        yield world


def recipients(victim: str) -> list[str]:
    """2,000 addresses at 20 domains; every tenth behaves."""
    found = []
    for number in range(EMAILS):
        local = (
            f"{BEHAVING[number // 10 % len(BEHAVING)]}+{victim}{number}" if number % 10 == 3 else f"{victim}{number}"
        )
        found.append(f"{local}@d{number % 20}.example")
    return found


def settled(world: World, batches: set[str]) -> int:
    return sum(count for status, count in world.log.statuses(batches).items() if status in SETTLED)


@pytest.mark.parametrize("victims", [["sender"], ["tracker", "projector", "api"]], ids="-".join)
def test_kill_minus_nine_in_the_middle(world: World, victims: list[str]) -> None:
    name = "-".join(victims)
    to = recipients(name)
    receipts = [world.send_batch(to[start : start + 1000], key=f"{name}-{start}") for start in (0, 1000)]
    batches = {receipt["batch_id"] for receipt in receipts}
    for number, victim in enumerate(victims):
        kill_in_the_middle(world, victim, batches, at=0.15 + 0.1 * number)
    wait_until_settled(world, batches)
    check(world, batches, dict(zip(ids(receipts), to, strict=True)))
    for victim in victims:
        world.serving(victim)
    for receipt in receipts:
        check_read_models(world, receipt["batch_id"])


def kill_in_the_middle(world: World, victim: str, batches: set[str], *, at: float) -> None:
    while (before := settled(world, batches)) < EMAILS * at:
        time.sleep(0.05)
    world.kill(victim)
    assert EMAILS * 0.1 <= before <= settled(world, batches) <= EMAILS * 0.9, f"{victim} was not killed in the middle"


def wait_until_settled(world: World, batches: set[str]) -> None:
    deadline = time.monotonic() + 300
    while settled(world, batches) < EMAILS:
        assert time.monotonic() < deadline, world.log.statuses(batches)
        time.sleep(0.2)


def ids(receipts: list[dict[str, list[dict[str, str]]]]) -> list[str]:
    return [item["email_id"] for receipt in receipts for item in receipt["emails"]]


def check(world: World, batches: set[str], to: dict[str, str]) -> None:
    stories = {key: story for key, story in world.log.stories().items() if story.batch_id in batches}
    assert stories.keys() == to.keys()
    assert all(story.count("email.queued") == 1 for story in stories.values())
    wrong = {to[key]: story.status for key, story in stories.items() if story.status != behaviour_of(to[key]).status}
    assert not wrong
    arrived = Counter(row["message_id"].partition("@")[0] for row in world.arrived() if row["accepted"])
    doubted = {key for key, story in stories.items() if story.count("email.in_doubt")}
    delivered = {key for key, story in stories.items() if story.status == "delivered"}
    assert delivered <= arrived.keys(), "delivered, says the log, and the inbox has no copy"
    assert {key for key in stories if arrived[key] > 1} <= doubted, "a duplicate that was not in doubt"
    assert len(doubted) <= CONNECTIONS


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
