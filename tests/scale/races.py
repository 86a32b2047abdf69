"""Cancels and reschedules that come in the very moment an email is due: answer and inbox agree."""

import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from shared.commands import CancelEmail, RescheduleEmail
from tests.scale.place import Place, Sender, an_email

SPREAD: Final = 0.15  # seconds around the due moment within which the commands come
LATER: Final = 4.0  # seconds by which a reschedule moves it
LEAD: Final = 8.0
ANSWERS: Final = frozenset(("cancelled", "cancel_refused", "rescheduled", "request_refused"))


def run(place: Place, *, races: int, seconds: float, seed: int, restart: bool) -> dict[str, float]:
    """Half of them cancels, half reschedules; with `restart` the sender is killed in the middle."""
    chance = random.Random(seed)
    sender = place.sender()
    sender.start()
    begins = time.time() + LEAD
    due = [begins + seconds * number / races for number in range(races)]
    emails = [an_email(number, send_at=datetime.fromtimestamp(at, UTC)) for number, at in enumerate(due)]
    place.ask(emails)
    place.until(lambda: place.log.kinds["scheduled"] == races, "all scheduled", seconds=LEAD)
    race = [
        (at + chance.uniform(-SPREAD, SPREAD), _command(number, email.email_id, at))
        for number, (email, at) in enumerate(zip(emails, due, strict=True))
    ]
    killer = threading.Timer(begins + seconds / 2 - time.time(), _kill_and_start, [sender])
    if restart:
        killer.start()
    _ask_in_time(place, sorted(race, key=lambda one: one[0]))
    if restart:
        killer.join()
    place.until(lambda: _answered(place) == races, "all answered", seconds=60)
    place.until(lambda: _ended(place) == races, "all at their end", seconds=60)
    return _judge(place, {str(email.email_id): at for email, at in zip(emails, due, strict=True)})


def _command(number: int, email_id: UUID, due: float) -> CancelEmail | RescheduleEmail:
    if number % 2:
        return CancelEmail(email_id=email_id)
    return RescheduleEmail(email_id=email_id, send_at=datetime.fromtimestamp(due + LATER, UTC))


def _kill_and_start(sender: Sender) -> None:
    sender.kill()
    sender.start()


def _ask_in_time(place: Place, race: list[tuple[float, CancelEmail | RescheduleEmail]]) -> None:
    for at, command in race:
        time.sleep(max(0.0, at - time.time()))  # the moment is the point
        place.ask([command])


def _answered(place: Place) -> int:
    return sum(place.log.kinds[kind] for kind in ANSWERS)


def _ended(place: Place) -> int:
    return place.log.kinds["delivered"] + place.log.kinds["cancelled"]


def _judge(place: Place, due: dict[str, float]) -> dict[str, float]:
    copies = Counter(copy.email_id for copy in place.server.wire.copies if copy.kept)
    wrong, answers, doubted = {}, Counter[str](), 0
    for email_id, at in due.items():
        told = place.log.about[email_id]
        (answer,) = [one.kind for one in told if one.kind in ANSWERS]
        answers[answer] += 1
        in_doubt = any(one.kind == "in_doubt" for one in told)
        doubted += in_doubt
        began = [one.occurred_at for one in told if one.kind == "sending"]
        wanted = 0 if answer == "cancelled" else 1
        earliest = at + (LATER if answer == "rescheduled" else 0.0)
        right = wanted <= copies[email_id] <= wanted + (in_doubt and wanted)
        if not right or any(one < earliest for one in began):
            wrong[email_id] = [one.kind for one in told]
    figures: dict[str, float] = {"races": len(due), "wrong": len(wrong), "in_doubt": doubted, **answers}
    assert not wrong, (figures, wrong)
    return figures
