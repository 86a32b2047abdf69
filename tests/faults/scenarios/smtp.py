"""Receiving servers that refuse, cut, dawdle, babble and break their TLS."""

import asyncio
import os
import time
from pathlib import Path
from typing import Final

from tests.faults.registry import scenario
from tests.faults.smtp_server import Cut, Phase, Play, Step, plain
from tests.faults.trial import Trial
from tests.faults.wire import Copy
from tests.integration.sender.certificates import self_signed

EACH: Final = 10
CONNECTIONS_CUT: Final = 15
NAMED: Final[tuple[Phase, ...]] = ("rcpt", "data", "body", "dot", "replied")
MOST_GROWTH: Final = 200 * 1024 * 1024  # bytes that the sender may grow by while a server babbles


def first_attempts(play: Play, *, among: str) -> Play:
    """`play` for the first attempt at each address whose local part begins so; later ones meet a plain server."""
    first: dict[str, Copy | None] = {}

    async def once(step: Step) -> str | None:
        mine = step.recipient.startswith(among) and first.setdefault(step.recipient, step.copy) is step.copy
        return await play(step) if mine else None

    return once


def sent(trial: Trial, play: Play, recipients: list[str], *, seconds: float = 60) -> None:
    """Send to these and to as many others, and wait until all have their mail."""
    trial.play(play)
    begun = time.monotonic()
    trial.batch(recipients + trial.recipients(len(recipients), local="plain"))
    trial.until(lambda: trial.waiting() == 0, "all mail", seconds=seconds)
    trial.recovers(since=begun, look=lambda: True)


@scenario("421 at the banner: tried again, not counted against the email")
def smtp_421_at_the_banner(trial: Trial) -> None:
    """The first connections are all sent away."""
    refused = set[int]()

    async def play(step: Step) -> str | None:
        if step.phase == "banner" and len(refused) < CONNECTIONS_CUT:
            refused.add(step.session)
            return "421 come back in a moment"
        return None

    sent(trial, play, trial.recipients(EACH))


@scenario("greylisting: the first attempt at each address is put off", quick=True)
def smtp_greylisting(trial: Trial) -> None:
    """451 at RCPT; the second attempt is taken."""

    async def play(step: Step) -> str | None:
        return "451 4.7.1 greylisted" if step.phase == "rcpt" else None

    sent(trial, first_attempts(play, among="grey"), trial.recipients(100, local="grey"))


@scenario("the connection cut in each phase of the dialogue: twice only what was cut after the dot", quick=True)
def smtp_cut_in_each_phase(trial: Trial) -> None:
    """At the banner, EHLO and MAIL by connection; after that by address. `lost`: cut after the dot, and not kept."""
    cut: dict[Phase, set[int]] = {"banner": set(), "ehlo": set(), "mail": set()}

    async def early(step: Step) -> str | None:
        if step.phase in cut and len(cut[step.phase]) < CONNECTIONS_CUT // 3:
            cut[step.phase].add(step.session)
            raise Cut
        return None

    async def named(step: Step) -> str | None:
        phase = step.recipient.partition("+")[0].removeprefix("cut-")
        if step.phase == phase or (phase == "lost" and step.phase == "dot"):
            raise Cut(kept=phase != "lost")
        return None

    later = first_attempts(named, among="cut-")

    async def play(step: Step) -> str | None:
        return await early(step) or await later(step)

    recipients = [to for phase in (*NAMED, "lost") for to in trial.recipients(EACH, local=f"cut-{phase}")]
    sent(trial, play, recipients)


@scenario("replies at one byte a second: given up in time, and nobody else waits")
def smtp_one_byte_a_second(trial: Trial) -> None:
    """At RCPT that is put off, at the dot it is in doubt."""

    async def play(step: Step) -> str | None:
        if step.phase == step.recipient.partition("+")[0].removeprefix("slow-"):
            _kept_without_a_word(trial, step)
            for byte in b"250 2.0.0 this takes its time\r\n":
                step.writer.write(bytes((byte,)))
                await step.writer.drain()
                await asyncio.sleep(1)
            raise Cut
        return None

    recipients = trial.recipients(4, local="slow-rcpt") + trial.recipients(4, local="slow-dot")
    sent(trial, first_attempts(play, among="slow-"), recipients)


@scenario("a reply that never ends: cut off, and the sender's memory does not grow with it")
def smtp_endless_reply(trial: Trial) -> None:
    """Continuation lines as fast as they are taken."""

    async def play(step: Step) -> str | None:
        if step.phase == step.recipient.partition("+")[0].removeprefix("babble-"):
            _kept_without_a_word(trial, step)
            while True:
                step.writer.write(b"250-and another thing\r\n" * 1000)
                await step.writer.drain()
        return None

    before = _resident(trial)
    recipients = trial.recipients(3, local="babble-rcpt") + trial.recipients(3, local="babble-dot")
    sent(trial, first_attempts(play, among="babble-"), recipients)
    growth = _resident(trial) - before
    trial.figures["sender_grew_mb"] = growth / 1024 / 1024
    assert growth < MOST_GROWTH, f"the sender grew by {growth / 1024 / 1024:.0f} MB"


def _kept_without_a_word(trial: Trial, step: Step) -> None:
    """At the dot: the server has the mail, and the sender will not hear of it in time."""
    if step.copy is not None and step.phase == "dot":
        step.copy.unanswered = True
        trial.lab.server.wire.keep(step.copy, at=time.monotonic())


def _resident(trial: Trial) -> int:
    """The most memory that the sender has ever had, in bytes."""
    status = Path(f"/proc/{trial.lab.processes.pid('sender')}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


@scenario("STARTTLS that breaks, policy opportunistic: mail goes in the clear")
def smtp_broken_tls_opportunistic(trial: Trial) -> None:
    """Garbage instead of a handshake."""
    trial.lab.server.tls, _ = self_signed(trial.lab.stack.data)
    sent(trial, _garbage_for_tls, trial.recipients(EACH))


@scenario("STARTTLS that breaks, policy required: not one mail in the clear, and all once it is mended")
def smtp_broken_tls_required(trial: Trial) -> None:
    """Mail waits while it is broken."""
    trial.configure(POSTLOG_SMTP_TLS="required", POSTLOG_SMTP_TLS_VERIFY="false")
    trial.lab.server.tls, _ = self_signed(trial.lab.stack.data)
    trial.play(_garbage_for_tls)
    trial.batch(trial.recipients(EACH))
    facts = trial.lab.facts
    before = facts.kinds["email.deferred"]
    trial.until(lambda: facts.kinds["email.deferred"] > before + 3, "refusals")
    assert trial.waiting() == EACH, "a mail went in the clear"
    mended = time.monotonic()
    trial.play(plain)
    trial.recovers(since=mended, look=lambda: trial.waiting() == 0)


async def _garbage_for_tls(step: Step) -> str | None:
    if step.phase == "starttls":
        step.writer.write(b"220 2.0.0 go on\r\n")
        await step.writer.drain()
        await asyncio.sleep(0.05)
        step.writer.write(os.urandom(200))
        await step.writer.drain()
        raise Cut
    return None
