"""Very many open emails: memory, disk, and how long a sender takes to be back, from its disk and without it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.scale.place import Place, Sender, an_email

CHUNK: Final = 10_000
BACKLOG: Final = 20_000
MIB: Final = 1024 * 1024


def run(place: Place, *, emails: int) -> dict[str, float]:
    """All scheduled for a day far ahead; the figures."""
    sender = place.sender()
    sender.start()
    begins = sender.memory()
    far = datetime.now(UTC) + timedelta(days=30)
    began = time.monotonic()
    for start in range(0, emails, CHUNK):
        numbers = range(start, min(start + CHUNK, emails))
        place.ask(an_email(number, send_at=far + timedelta(seconds=number % 86_400)) for number in numbers)
        _keep_up(place, sender, asked=numbers.stop)
    place.until(lambda: place.log.kinds["scheduled"] == emails, "all scheduled", seconds=60 + emails / 200)
    took = time.monotonic() - began
    figures = {"emails": emails, "taken_per_second": emails / took, "rss_empty_mb": begins / MIB}
    figures |= {"rss_mb": sender.memory() / MIB, "rss_most_mb": sender.memory("VmHWM") / MIB}
    sender.stop()
    figures["files_mb"] = sender.files() / MIB
    figures["back_from_disk_s"] = sender.start()
    sender.kill()
    figures["back_from_disk_after_kill_s"] = sender.start()
    figures["rss_back_from_disk_mb"] = sender.memory() / MIB
    sender.stop()
    sender.forget()
    figures["back_from_changelog_s"] = sender.start()
    figures["rss_back_from_changelog_mb"] = sender.memory() / MIB
    _still_works(place)
    return figures


def _keep_up(place: Place, sender: Sender, *, asked: int) -> None:
    """Ask no faster than it takes, and say what memory it needs by then."""
    place.until(lambda: place.log.kinds["scheduled"] > asked - BACKLOG, "requests taken", seconds=120)
    place.log.about.clear()  # not what is measured here
    if asked % (10 * CHUNK) == 0:
        print(f"  {asked} open: {sender.memory() / MIB:.0f} MB", flush=True)


def _still_works(place: Place) -> None:
    """New mail goes out at once, past all that waits."""
    place.ask([an_email(0)])
    place.until(lambda: place.log.kinds["delivered"] == 1, "a new email delivered", seconds=30)
