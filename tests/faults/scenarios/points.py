"""The sender killed at an exact point of a dialogue: the server does it, the moment the dialogue is there."""

import signal
import time
from typing import Final

from tests.faults.registry import scenario
from tests.faults.smtp_server import Phase, Play, Step, paced
from tests.faults.trial import Trial

KILLS: Final = 5
PACE: Final = 0.03


def killed_at(trial: Trial, phase: Phase) -> None:
    """Kill the sender, several times, when a dialogue is at `phase`; the server's replies after that go nowhere."""
    for _ in range(2 if trial.quick else KILLS):
        with trial.load(pace=PACE, work=100):
            struck: list[Step] = []
            trial.play(_striking(trial, phase, struck))
            trial.until(lambda: bool(struck), f"a dialogue at {phase}")  # noqa: B023 (called within this turn)
            killed = time.monotonic()
            trial.play(paced(PACE))
            trial.lab.processes.restart("sender")
            trial.recovers(since=killed)
        _was_not_recorded(trial, struck[0])
        if phase in ("rcpt", "body"):
            trial.until(lambda: trial.lab.server.wire.has(struck[0].recipient) > 0, "the mail itself")  # noqa: B023
            assert trial.lab.server.wire.has(struck[0].recipient) == 1, "no dot had come, and two copies have"


def _striking(trial: Trial, phase: Phase, struck: list[Step]) -> Play:
    usual = paced(PACE)

    async def play(step: Step) -> str | None:
        if step.phase == phase and not struck:
            trial.in_the_middle()
            trial.cuts_the_sender()
            struck.append(step)
            trial.lab.processes.signal("sender", signal.SIGKILL)
        return await usual(step)

    return play


def _was_not_recorded(trial: Trial, step: Step) -> None:
    """The attempt had begun and its end was not written: in doubt is what the log must say of it."""
    email_ids = {one.recipient: email_id for email_id, one in trial.ledger.acknowledged.items()}
    email_id = email_ids[step.recipient]
    stories = trial.lab.facts.stories
    trial.until(
        lambda: email_id in stories and stories[email_id].count("email.in_doubt") > 0, f"a doubt about {email_id}"
    )


@scenario("the sender killed before DATA: the mail goes out once more, and once only")
def sender_killed_before_data(trial: Trial) -> None:
    """At RCPT: the content has not begun."""
    killed_at(trial, "rcpt")


@scenario("the sender killed inside DATA: half a mail is no mail")
def sender_killed_inside_data(trial: Trial) -> None:
    """The first line of the content has come."""
    killed_at(trial, "body")


@scenario("the sender killed after the final dot, before the reply: in doubt, by name", quick=True)
def sender_killed_after_the_dot(trial: Trial) -> None:
    """The server has the whole mail, and its reply is on its way."""
    killed_at(trial, "dot")


@scenario("the sender killed after the 250, before the record: in doubt, by name", quick=True)
def sender_killed_after_the_reply(trial: Trial) -> None:
    """The reply has left the server; a group commit takes longer than the kill."""
    killed_at(trial, "replied")


@scenario("the sender killed after the final dot, with the policy give_up: no mail arrives twice")
def sender_killed_after_the_dot_giving_up(trial: Trial) -> None:
    """Emails in doubt are given up, and say so; whoever has the mail has one copy."""
    trial.configure(POSTLOG_TRANSACTIONAL_RETRY__IN_DOUBT="give_up")
    killed_at(trial, "dot")
    wire, wanted = trial.lab.server.wire, trial.ledger.acknowledged
    trial.until(lambda: len(trial.lab.facts.settled(wanted)) == len(wanted), "every email final")
    for email_id in list(wanted):
        story = trial.lab.facts.stories[email_id]
        assert wire.has(wanted[email_id].recipient) <= 1, f"{email_id} arrived twice"
        if story.count("email.in_doubt"):
            trial.ledger.promise(email_id, wanted[email_id].recipient, expected="failed")
