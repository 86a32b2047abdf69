"""A fold of the log for checking: it shares no code with the projector or the lifecycle, on purpose.

It reads `email.events` as plain JSON and counts by rules of its own: the last word of the receiving side wins, then
what we did ourselves, then where the email waits.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

ENDS = {
    "email.delivered": "delivered",
    "email.bounced": "bounced",
    "email.failed": "failed",
    "email.cancelled": "cancelled",
    "email.suppressed": "suppressed",
    "email.rejected": "rejected",
}
WAITS = {
    "email.queued": "queued",
    "email.scheduled": "scheduled",
    "email.rescheduled": "scheduled",
    "email.sending": "sending",
    "email.deferred": "deferred",
    "email.in_doubt": "in_doubt",
    "email.resolved": "deferred",
}


@dataclass
class Story:
    """One email's events, in the order of its partition."""

    email_id: str
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def batch_id(self) -> str | None:
        """Its batch."""
        return next((event["batch_id"] for event in self.events if event.get("batch_id")), None)

    @property
    def status(self) -> str:
        """Its status by this module's own rules."""
        status = "?"
        for event in self.events:
            kind = event["type"]
            if kind in ENDS:
                status = ENDS[kind]
            elif kind == "email.resolved" and event["decision"] != "retry":
                status = {"delivered": "delivered", "bounced": "bounced", "give_up": "failed"}[event["decision"]]
            elif kind in WAITS and status not in ENDS.values():
                status = WAITS[kind]
        return status

    def count(self, kind: str) -> int:
        """How many events of a type it has."""
        return sum(event["type"] == kind for event in self.events)


def fold(values: list[bytes]) -> dict[str, Story]:
    """The emails' stories from the values of `email.events`, each event once."""
    stories: dict[str, Story] = {}
    seen: set[str] = set()
    for value in values:
        event = json.loads(value)
        if event["event_id"] in seen or "email_id" not in event:
            continue
        seen.add(event["event_id"])
        stories.setdefault(event["email_id"], Story(event["email_id"])).events.append(event)
    return stories


def by_batch(stories: dict[str, Story]) -> dict[str, Counter[str]]:
    """Emails per status, per batch."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for story in stories.values():
        if story.batch_id is not None:
            counts[story.batch_id][story.status] += 1
    return counts
