"""After all journeys: no address and no name of anybody stands in a log, a metric or a fact (P15)."""

import re
from collections.abc import Iterator

import httpx2
import msgspec
import pytest

from cli.stack.stack import SERVICES
from shared.records import PersonalPart, decode_personal
from tests.e2e.asking import ask, becomes, content, send
from tests.e2e.kafka import headers_of, records
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
REFUSED = {"to": "Perdita Losthope <perdita losthope@nowhere.example>"}  # never becomes anybody's personal part
KNOWN_TO_ALL = "billing@acme.example"  # whom mail comes from: facts name it


def test_no_address_and_no_name_is_written_where_it_does_not_belong(world: World) -> None:
    for to in ("Ada Lovelace <written@bounce.example>", "hardbounce+written@bounce.example", "drop+w@bounce.example"):
        becomes(world, send(world, to), {"w": "delivered", "h": "bounced", "d": "failed"}[to.split("<")[-1][0]])
    assert ask(world.api, content(REFUSED["to"])).status_code == 422
    people = list(everybody(world))
    assert len(people) > 3 and any(person.name for person in people)
    words = words_of(people)
    assert words.search("to Ada Lovelace") and words.search("<WRITTEN@bounce.example>"), "it finds what it looks for"
    for place, text in written(world):
        assert not (found := words.search(text)), f"{place}: {text[max(0, found.start() - 200) : found.end() + 200]}"


def everybody(world: World) -> Iterator[PersonalPart]:
    """Whoever was written to; garbage of other tests is nobody."""
    for record in records(world, "email.personal"):
        try:
            yield decode_personal(record.value() or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue


def words_of(people: list[PersonalPart]) -> re.Pattern[str]:
    """Finds any of their addresses in any case, and any of their names as a word."""
    addresses = {person.address for person in people} | {person.reply_to for person in people if person.reply_to}
    names = {person.name for person in people if person.name} | {"Perdita", "Losthope"}
    alternatives = [f"(?i:{re.escape(one)})" for one in sorted(addresses - {KNOWN_TO_ALL}, key=len, reverse=True)]
    return re.compile("|".join([*alternatives, *(rf"\b{re.escape(name)}\b" for name in sorted(names))]))


def written(world: World) -> Iterator[tuple[str, str]]:
    """All that the services wrote into logs, metrics and facts; a part at a time, with where it stands."""
    for name in SERVICES:
        for log in sorted((world.stack.data / "logs").glob(f"{name}*.log")):
            yield log.name, log.read_text(errors="replace")
        yield f"/metrics of {name}", httpx2.get(f"{getattr(world.stack.addresses, name)}/metrics").text
    for record in records(world, "email.events"):
        place = f"email.events/{record.partition()}/{record.offset()}"
        parts = (record.key() or b"", *headers_of(record).values(), record.value() or b"")
        yield place, "\n".join(part.decode(errors="replace") for part in parts)
