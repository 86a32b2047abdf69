"""Every figure of the demo against what the inbox received and an independent fold of the log. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cli.demo.fold import Story
from cli.inbox.behaviours import behaviour_of

Json = dict[str, Any]
FINAL = frozenset({"delivered", "bounced", "failed", "cancelled", "suppressed", "rejected"})


@dataclass(frozen=True, kw_only=True)
class Check:
    """One figure: what it should be and what it is."""

    figure: str
    expected: object
    found: object

    @property
    def holds(self) -> bool:
        """Whether both are the same."""
        return self.expected == self.found


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that the demo has learnt, from four sides.

    `asked` are the addresses by email id as the demo asked for them; `views` the API's answers about each; `batches`
    its answers about the batches; `stories` the fold of the log; `arrived` and `attempts` what the inbox says.
    """

    asked: Mapping[str, str]
    cancelled: str
    views: Mapping[str, Json]
    batches: Mapping[str, Json]
    report: Json
    stories: Mapping[str, Story]
    arrived: Collection[Json]
    attempts: Collection[Json]


def checks(seen: Evidence) -> list[Check]:
    """All figures."""
    return [*_of_emails(seen), *_of_batches(seen), *_of_the_report(seen), *_of_the_inbox(seen), *_of_readers(seen)]


def expected_status(seen: Evidence, email_id: str) -> str:
    """What the behaviour table (or the cancel) says must become of an email."""
    return "cancelled" if email_id == seen.cancelled else behaviour_of(seen.asked[email_id]).status


def _of_emails(seen: Evidence) -> list[Check]:
    expected = Counter(expected_status(seen, email_id) for email_id in seen.asked)
    told = Counter(view["status"] for view in seen.views.values())
    folded = Counter(seen.stories[email_id].status for email_id in seen.asked if email_id in seen.stories)
    queued = sum(story.count("email.queued") for story in seen.stories.values())
    differ = [email_id for email_id in seen.asked if seen.views[email_id]["status"] != expected_status(seen, email_id)]
    return [
        Check(figure="emails asked for = queued, each once", expected=len(seen.asked), found=queued),
        Check(
            figure="emails by status: API", expected=dict(sorted(expected.items())), found=dict(sorted(told.items()))
        ),
        Check(
            figure="emails by status: fold of the log",
            expected=dict(sorted(expected.items())),
            found=dict(sorted(folded.items())),
        ),
        Check(figure="emails whose status is not what their address makes of it", expected=0, found=len(differ)),
        Check(
            figure="emails not final",
            expected=0,
            found=sum(view["status"] not in FINAL for view in seen.views.values()),
        ),
    ]


def _of_batches(seen: Evidence) -> list[Check]:
    found = []
    for number, (batch_id, batch) in enumerate(seen.batches.items(), 1):
        folded = Counter(story.status for story in seen.stories.values() if story.batch_id == batch_id)
        found.append(
            Check(figure=f"batch {number}: counts = fold of the log", expected=dict(folded), found=batch["counts"])
        )
        total = sum(batch["counts"].values())
        found.append(Check(figure=f"batch {number}: sum = acknowledged", expected=batch["acknowledged"], found=total))
    return found


def _of_the_report(seen: Evidence) -> list[Check]:
    folded = Counter(story.status for story in seen.stories.values())
    total = seen.report["total"]
    names = ("delivered", "bounced", "failed", "cancelled")
    return [
        Check(figure="report: accepted", expected=len(seen.stories), found=total["accepted"]),
        Check(figure="report: by status", expected={n: folded[n] for n in names}, found={n: total[n] for n in names}),
    ]


def _of_the_inbox(seen: Evidence) -> list[Check]:
    copies = Counter(row["message_id"].partition("@")[0] for row in seen.arrived if row["accepted"])
    delivered = {key for key, story in seen.stories.items() if story.status == "delivered"}
    doubted = {key for key, story in seen.stories.items() if story.count("email.in_doubt")}
    answered = Counter(attempt["phase"] for attempt in seen.attempts if attempt["reply"] != "dropped")
    told = sum(story.count(kind) for story in seen.stories.values() for kind in ("email.delivered", "email.bounced"))
    refused = sum(not attempt["reply"].startswith(("250", "dropped", "5")) for attempt in seen.attempts)
    put_off = sum(story.count("email.deferred") for story in seen.stories.values())
    given_up = sum(story.status == "failed" and not story.count("email.in_doubt") for story in seen.stories.values())
    return [
        Check(
            figure="delivered, and a copy in the inbox", expected=len(delivered), found=len(delivered & copies.keys())
        ),
        Check(figure="in the inbox, and not delivered", expected=0, found=len(copies.keys() - delivered)),
        Check(
            figure="duplicates that were not in doubt",
            expected=0,
            found=sum(count > 1 and key not in doubted for key, count in copies.items()),
        ),
        Check(
            figure="final replies of the inbox = delivered + bounced",
            expected=sum(answered.values()) - refused,
            found=told,
        ),
        Check(figure="4xx of the inbox = deferred + given up", expected=refused, found=put_off + given_up),
        Check(figure="copies of the cancelled email", expected=0, found=copies[seen.cancelled]),
    ]


def _of_readers(seen: Evidence) -> list[Check]:
    readers = {email_id for email_id, address in seen.asked.items() if behaviour_of(address).reads}
    opened = {email_id for email_id, view in seen.views.items() if view["opened_at"]}
    clicked = {email_id for email_id, view in seen.views.items() if view["clicked_at"]}
    folded = {key for key, story in seen.stories.items() if story.count("email.opened")}
    return [
        Check(
            figure="opened = the readers", expected=len(readers), found=len(opened & readers) - len(opened - readers)
        ),
        Check(
            figure="clicked = the readers", expected=len(readers), found=len(clicked & readers) - len(clicked - readers)
        ),
        Check(figure="opened: fold of the log", expected=len(readers), found=len(folded)),
        Check(
            figure="report: opened, clicked",
            expected=[len(readers)] * 2,
            found=[seen.report["total"]["opened"], seen.report["total"]["clicked"]],
        ),
    ]


def personal_data_in(values: Collection[bytes], *, words: Collection[str]) -> list[str]:
    """The words (addresses, names) that stand anywhere in the log's records; there must be none."""
    everything = b"\n".join(values)
    escaped = everything.decode("utf-8", "replace")
    return sorted({word for word in words if word and word in escaped})
