"""What the read models must say, by rules of its own: no code is shared with projector or lifecycle."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

Event = dict[str, Any]
ENDS = {
    "email.delivered": "delivered",
    "email.bounced": "bounced",
    "email.failed": "failed",
    "email.cancelled": "cancelled",
    "email.suppressed": "suppressed",
    "email.rejected": "rejected",
    "resolved:give_up": "failed",
}
WAITS = {
    "email.queued": "queued",
    "email.scheduled": "scheduled",
    "email.rescheduled": "scheduled",
    "email.sending": "sending",
    "email.deferred": "deferred",
    "email.in_doubt": "in_doubt",
    "resolved:retry": "deferred",
}


def stories(values: Iterable[bytes]) -> dict[str, list[Event]]:
    """Each email's facts, once each and by time, by its id; those of refused commands left out."""
    found: dict[str, dict[str, Event]] = defaultdict(dict)
    for value in values:
        event = json.loads(value)
        if "email_id" in event and event["type"] != "email.request_refused":
            found[event["email_id"]].setdefault(event["event_id"], event)
    return {key: sorted(facts.values(), key=lambda one: one["occurred_at"]) for key, facts in found.items()}


def status(story: list[Event]) -> str:
    """The last word counts; held lies over what waits."""
    said, held = "?", False
    for event in story:
        kind = event["type"] if event["type"] != "email.resolved" else f"resolved:{event['decision']}"
        said = ENDS.get(kind) or WAITS.get(kind) or said
        held = {"email.held": True, "email.released": False}.get(kind, held)
    return "held" if held else said


def batches(found: dict[str, list[Event]]) -> Counter[tuple[str, str]]:
    """Emails by batch and status."""
    return Counter((story[0]["batch_id"], status(story)) for story in found.values() if story[0].get("batch_id"))


def summary(found: dict[str, list[Event]]) -> dict[tuple[str, ...], Counter[str]]:
    """Counts by tenant, day, dimension and value."""
    cells: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for story in found.values():
        first, kinds = story[0], {event["type"] for event in story}
        counts = Counter([status(story)] if status(story) in ENDS.values() else [])
        counts["accepted"] += "email.queued" in kinds
        for kind in ("deferred", "opened", "clicked", "complained", "unsubscribed"):
            counts[kind] += f"email.{kind}" in kinds
        where = [("all", ""), ("recipient_domain", first["recipient_domain"])]
        where += [("template", first["template"])] if first.get("template") else []
        where += [("tag", tag) for tag in set(first.get("tags", []))]
        for dimension, value in where:
            cells[first["tenant"], first["occurred_at"][:10], dimension, value] += counts
    return cells


def addresses(records: Iterable[tuple[bytes, bytes | None]], erased: set[str]) -> dict[str, str]:
    """The address of each email that has one: the last word, unless the email was erased."""
    last = {key.decode(): value for key, value in records}
    return {key: json.loads(value)["address"] for key, value in last.items() if value and key not in erased}
