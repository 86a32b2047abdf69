"""P4: a slow destination holds up nobody else, and a broadcast holds up no transactional email."""

import asyncio
import statistics
import time
from typing import Final

from tests.faults.client import Promise
from tests.faults.failing import Failing
from tests.faults.registry import scenario
from tests.faults.smtp_server import Step
from tests.faults.trial import Trial

EMAILS: Final = 1500
SLOW: Final = 200
TAKES: Final = 0.02  # seconds for every mail
SLOW_TAKES: Final = 4.0
BROADCAST: Final = 6000
SINGLES: Final = 100
PAUSE: Final = 0.1  # seconds between two single emails


async def _one_is_slow(step: Step) -> str | None:
    if step.phase == "dot":
        await asyncio.sleep(SLOW_TAKES if step.recipient.endswith("@slow.example") else TAKES)
    return None


@scenario("one slow destination: the others keep 90 % of their speed")
def slow_destination(trial: Trial) -> None:
    """The same emails to others, alone and while hundreds wait for a server that takes 4 s for each."""
    trial.configure(POSTLOG_DESTINATION_IN_FLIGHT="10", POSTLOG_SMTP_CONNECTIONS="40")  # as they are by default
    trial.play(_one_is_slow)
    _rate(trial, 300)  # connections are open, caches are warm
    alone = _rate(trial, EMAILS)
    for start in range(0, SLOW, 100):
        trial.batch(trial.recipients(100, local=f"slow{start}", domain="slow.example"))
    trial.until(lambda: _slow_sessions(trial) > 0, "the slow destination at work")
    beside = _rate(trial, EMAILS)
    assert _slow_waiting(trial) > 0, "the slow destination was done too early to be in anybody's way"
    trial.figures |= {"rate_alone": alone, "rate_beside_slow": beside, "ratio": beside / alone}
    assert beside >= 0.9 * alone, f"{beside:.0f} emails/s beside a slow destination, {alone:.0f} alone"


def _rate(trial: Trial, number: int) -> float:
    """Emails a second, from the first that is kept to the last."""
    recipients = trial.recipients(number, local="fast")
    for start in range(0, number, 500):
        trial.batch(recipients[start : start + 500])
    wire = trial.lab.server.wire
    trial.until(lambda: all(wire.has(to) for to in recipients), "the others' mail", seconds=120)
    wanted = set(recipients)
    at = [copy.dot_at for copy in wire.copies if copy.recipient in wanted]
    return (len(at) - 1) / (max(at) - min(at))


def _slow_sessions(trial: Trial) -> int:
    return sum(copy.recipient.endswith("@slow.example") and copy.dot_at > 0 for copy in trial.lab.server.wire.copies)


def _slow_waiting(trial: Trial) -> int:
    wire, promises = trial.lab.server.wire, trial.ledger.acknowledged.values()
    return sum(one.recipient.endswith("@slow.example") and not wire.has(one.recipient) for one in promises)


@scenario("a large broadcast at 70 % of its speed alone: p95 of transactional emails stays under twice its idle value")
def broadcast_beside_transactional(trial: Trial) -> None:
    """Request to 250, measured from before the POST."""
    _latencies(trial)  # connections are open, caches are warm
    idle = _latencies(trial)
    lone = _broadcast_rate(trial)
    rates: list[float] = []
    broadcast = Failing(lambda: rates.append(_broadcast_rate(trial)))
    kept = trial.lab.server.wire.kept
    broadcast.start()
    trial.until(lambda: trial.lab.server.wire.kept > kept + 200, "the broadcast under way")
    beside = _latencies(trial)
    assert not rates, "the broadcast was over too early"
    broadcast.join()
    trial.figures |= {"p95_idle_ms": idle, "p95_beside_ms": beside, "broadcast_alone": lone, "broadcast": rates[0]}
    assert rates[0] >= 0.7 * lone, f"the broadcast ran at {rates[0]:.0f} emails/s, {lone:.0f} alone"
    assert beside < 2 * idle, f"p95 of request to 250: {beside:.0f} ms beside a broadcast, {idle:.0f} ms idle"


def _latencies(trial: Trial) -> float:
    """p95 of request to 250 over some single emails, in milliseconds."""
    asked: list[tuple[float, Promise]] = []
    for recipient in trial.recipients(SINGLES, local="single"):
        asked.append((time.monotonic(), trial.single(recipient)))
        time.sleep(PAUSE)
    wire = trial.lab.server.wire
    trial.until(lambda: all(wire.has(promise.recipient) for _, promise in asked), "the single emails")
    replied = {copy.recipient: copy.replied_at for copy in wire.copies if copy.kept}
    times = [(replied[promise.recipient] - begun) * 1000 for begun, promise in asked]
    return statistics.quantiles(times, n=20)[-1]


def _broadcast_rate(trial: Trial) -> float:
    recipients = trial.recipients(BROADCAST, local="broad")
    for start in range(0, BROADCAST, 1000):
        trial.batch(recipients[start : start + 1000], stream="broadcast", list="news")
    wire = trial.lab.server.wire
    trial.until(lambda: all(wire.has(to) for to in recipients), "the broadcast", seconds=120)
    wanted = set(recipients)
    at = [copy.dot_at for copy in wire.copies if copy.recipient in wanted]
    return (len(at) - 1) / (max(at) - min(at))
