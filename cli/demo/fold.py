"""A fold of the log for checking: it shares no code with the projector or the lifecycle, on purpose.

It reads `email.events` as plain JSON and counts by rules of its own: the last word of the receiving side wins, then
what we did ourselves, then where the email waits.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
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
TIMES = ("email.deferred", "email.opened", "email.clicked")  # counted once for an email, however often they happened
Event = dict[str, Any]


@dataclass
class Story:
    """One email's events, in the order of its partition."""

    email_id: str
    events: list[Event] = field(default_factory=list)

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

    @property
    def queued(self) -> Event:
        """Its first event of that type: what does not vary over its life. Empty when there is none."""
        return next((event for event in self.events if event["type"] == "email.queued"), {})

    @property
    def early(self) -> int:
        """How many attempts began before the time that the log had set for them."""
        due, found = None, 0
        for event in self.events:
            due = event.get("send_at") or event.get("retry_at") or due
            if event["type"] == "email.sending" and due is not None:
                found += datetime.fromisoformat(event["occurred_at"]) < datetime.fromisoformat(due)
        return found

    def count(self, kind: str) -> int:
        """How many events of a type it has."""
        return sum(event["type"] == kind for event in self.events)


def fold(values: Iterable[bytes], stories: dict[str, Story] | None = None) -> dict[str, Story]:
    """The emails' stories from the values of `email.events`, each event once; with `stories`, these go on."""
    stories = {} if stories is None else stories
    for value in values:
        event = json.loads(value)
        if "email_id" not in event:
            continue
        story = stories.setdefault(event["email_id"], Story(event["email_id"]))
        if all(event["event_id"] != known["event_id"] for known in story.events):
            story.events.append(event)
    return stories


def written(values: Iterable[bytes], kind: str) -> Counter[str]:
    """How many records of a type there are for each email, repetitions of the same event counted too."""
    events = map(json.loads, values)
    return Counter(event["email_id"] for event in events if event["type"] == kind)


def by_batch(stories: dict[str, Story]) -> dict[str, Counter[str]]:
    """Emails per status, per batch."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for story in stories.values():
        if story.batch_id is not None:
            counts[story.batch_id][story.status] += 1
    return counts


def summary(stories: dict[str, Story], keys: Callable[[Event], Iterable[str]]) -> dict[str, Counter[str]]:
    """A report: what became of the emails, by what `keys` finds in their first event."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for story in stories.values():
        ever = [kind.removeprefix("email.") for kind in TIMES if story.count(kind)]
        for key in keys(story.queued):
            counts[key].update(["accepted", story.status, *ever])
    return counts
