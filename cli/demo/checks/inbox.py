"""What the inbox really received, against what we say was sent."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from cli.demo.checks.figure import Check, each
from cli.demo.evidence import Evidence

LATEST: Final = timedelta(seconds=5)  # after its time (P5)
DROPPED: Final = "dropped"
PLACEHOLDER: Final = "<recipient>"


def checks(seen: Evidence) -> list[Check]:
    """Copies, attempts and replies."""
    return [*_copies(seen), *_attempts(seen), *_times(seen)]


def _copies(seen: Evidence) -> list[Check]:
    copies = Counter(each_one.email_id for each_one in seen.arrived if each_one.row["accepted"])
    delivered = {key for key, story in seen.stories.items() if story.status == "delivered"}
    doubted = {key for key, story in seen.stories.items() if story.count("email.in_doubt")}
    cancelled = [email for email in seen.order.emails.values() if email.cancelled]
    tried = Counter(attempt["recipient"] for attempt in seen.attempts)
    return [
        each(
            "delivered by the fold = a copy in the inbox",
            expected=dict.fromkeys(delivered, True),
            found=dict.fromkeys(copies, True),
        ),
        Check(
            figure="second copies of emails that never were in doubt",
            expected=0,
            found=sum(count - 1 for key, count in copies.items() if key not in doubted),
        ),
        Check(
            figure="cancelled: attempts, copies",
            expected=(0, 0),
            found=(sum(tried[email.address] for email in cancelled), sum(copies[e.email_id] for e in cancelled)),
        ),
    ]


def _attempts(seen: Evidence) -> list[Check]:
    asked = seen.order.emails
    ids = {email.address: email_id for email_id, email in asked.items()}
    replies = [(ids.get(attempt["recipient"], "nobody's"), _said(attempt)) for attempt in seen.attempts]
    tried = Counter(email_id for email_id, _ in replies)
    return [
        each(
            "attempts, as the behaviour says: inbox",
            expected={email_id: email.attempts for email_id, email in asked.items()},
            found={email_id: tried[email_id] for email_id in asked.keys() | tried.keys()},
        ),
        each(
            "attempts: API = inbox",
            expected={email_id: tried[email_id] for email_id in asked},
            found={email_id: view["attempts"] for email_id, view in seen.answers.emails.items()},
        ),
        each(
            "last reply in the server's own words: API = inbox",
            expected=dict.fromkeys(asked, "") | dict(replies),
            found={email_id: _told(view) for email_id, view in seen.answers.emails.items()},
        ),
    ]


def _said(attempt: dict[str, Any]) -> str:
    reply: str = attempt["reply"].replace(f"<{attempt['recipient']}>", PLACEHOLDER)
    return "" if reply == DROPPED else reply


def _told(view: dict[str, Any]) -> str:
    return f"{view['last_reply_code']} {view['last_reply_text']}" if view["last_reply_code"] else ""


def _times(seen: Evidence) -> list[Check]:
    """The scheduled email: one copy, not before its time and not long after."""
    found = []
    for email in seen.order.emails.values():
        if email.due is None or email.cancelled:
            continue
        times = [datetime.fromisoformat(one.row["time"]) for one in seen.arrived if one.email_id == email.email_id]
        early = sum(at < email.due for at in times)
        late = sum(at > email.due + LATEST for at in times)
        found.append(
            Check(
                figure=f"scheduled: copies, early, over {LATEST.seconds} s late",
                expected=(1, 0, 0),
                found=(len(times), early, late),
            )
        )
    return found
