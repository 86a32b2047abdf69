"""Many emails scheduled over an hour that passes quickly, while the sender is stopped, killed and started again."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from shared.commands import SendEmail
from tests.faults.wire import Copy
from tests.scale.pace import Pace
from tests.scale.place import LEASE_SECONDS, Place, Sender, an_email

HOUR: Final = 3600.0
LATEST: Final = 5.0  # seconds after due or recovery (P5)
CLOCKS: Final = 0.02  # seconds by which the test's two clocks (monotonic, epoch) may drift apart
CHUNK: Final = 5000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """So many emails in `real` seconds; the sender is restarted so often, by TERM and kill -9 in turn.

    `latest` is how late the last may be; more than P5 allows where the machine is shared and lateness is not the point.
    """

    emails: int
    real: float
    restarts: int
    lead: float  # real seconds from the beginning to the first that is due
    latest: float = LATEST


@dataclass(frozen=True)
class Outage:
    """When the sender was away: down, and serving again."""

    down: float
    up: float


def run(place: Place, plan: Plan) -> dict[str, float]:
    """Each is sent once, not before it is due, and not later than it may be; the figures."""
    pace = Pace(since=time.time(), factor=HOUR / plan.real)
    sender = place.sender(pace=pace)
    sender.start()
    due: dict[str, float] = {}
    asked = _requests(plan, pace, due)
    while chunk := list(islice(asked, CHUNK)):
        place.ask(chunk)
    place.until(lambda: place.log.kinds["scheduled"] == plan.emails, "all scheduled", seconds=plan.lead)
    outages = _restart(sender, plan, since=pace.since)
    left = pace.since + plan.lead + plan.real - time.time()
    place.until(lambda: place.log.kinds["delivered"] >= plan.emails, "all delivered", seconds=left + 60)
    return _judge(place, plan, pace=pace, due=due, outages=outages)


def _requests(plan: Plan, pace: Pace, due: dict[str, float]) -> Iterator[SendEmail]:
    for number in range(plan.emails):
        send_at = pace.after(plan.lead + plan.real * ((number * 7919) % plan.emails) / plan.emails)
        email = an_email(number, send_at=send_at)
        due[str(email.email_id)] = send_at.timestamp()
        yield email


def _restart(sender: Sender, plan: Plan, *, since: float) -> list[Outage]:
    outages = []
    for number in range(plan.restarts):
        at = since + plan.lead + plan.real * (number + 1) / (plan.restarts + 1)
        time.sleep(max(0.0, at - time.time()))  # the moment is the point
        down = time.time()
        (sender.kill if number % 2 else sender.stop)()
        sender.start()
        outages.append(Outage(down, time.time()))
    return outages


def _judge(place: Place, plan: Plan, *, pace: Pace, due: dict[str, float], outages: list[Outage]) -> dict[str, float]:
    doubted = {email_id for email_id, told in place.log.about.items() if any(one.kind == "in_doubt" for one in told)}
    kept = _kept(place)
    lost = due.keys() - kept.keys()
    twice = {email_id for email_id, copies in kept.items() if len(copies) > 1}
    early = [email_id for email_id in due if _began(place, email_id) < due[email_id]]
    shift = time.time() - time.monotonic()
    late = sorted(
        _late(kept[email_id][0].dot_at + shift, pace.real(due[email_id]), outages, doubted=email_id in doubted)
        for email_id in due.keys() - lost
    )
    figures = {
        "emails": plan.emails,
        "lost": len(lost),
        "twice": len(twice),
        "twice_without_doubt": len(twice - doubted),
        "early": len(early) + sum(one < -CLOCKS for one in late),
        "late_p50": late[len(late) // 2],
        "late_p99": late[len(late) * 99 // 100],
        "late_most": late[-1],
        "in_doubt": len(doubted),
        "down_longest": max((one.up - one.down for one in outages), default=0.0),
    }
    assert not (lost or twice - doubted or figures["early"]) and late[-1] <= plan.latest, figures
    return figures


def _began(place: Place, email_id: str) -> float:
    """When the first attempt began, by the owner's clock."""
    return next(told.occurred_at for told in place.log.about[email_id] if told.kind == "sending")


def _kept(place: Place) -> dict[str, list[Copy]]:
    found: dict[str, list[Copy]] = {}
    for copy in place.server.wire.copies:
        if copy.kept:
            found.setdefault(copy.email_id, []).append(copy)
    return found


def _late(at: float, due: float, outages: list[Outage], *, doubted: bool) -> float:
    """Seconds after it was due, or after the sender was back; in doubt it waits for the old lease to be over."""
    for outage in outages:
        recovered = outage.up + (LEASE_SECONDS if doubted else 0.0)
        if outage.down - LATEST <= due <= outage.up and at > outage.up:
            return max(at - recovered, 0.0)
    return at - due
