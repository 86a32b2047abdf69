"""Each email: queued once, ended as its address makes it end, by the API and by the fold of the log."""

from collections import Counter

from cli.demo.checks.figure import Check, counts, each
from cli.demo.evidence import Evidence
from cli.demo.fold import written


def checks(seen: Evidence) -> list[Check]:
    """What became of each."""
    asked = seen.order.emails
    status = {email_id: email.status for email_id, email in asked.items()}
    told = {email_id: view["status"] for email_id, view in seen.answers.emails.items()}
    folded = {email_id: story.status for email_id, story in seen.stories.items()}
    queued = written((record.value for record in seen.records), "email.queued")
    return [
        each("queued exactly once, of those asked for", expected=dict.fromkeys(asked, 1), found=queued),
        Check(
            figure="emails by status: API",
            expected=counts(Counter(status.values())),
            found=counts(Counter(told.values())),
        ),
        each("status as the behaviour says: API", expected=status, found=told),
        each("status as the behaviour says: fold", expected=status, found=folded),
        each(
            "times in doubt, as the behaviour says: fold",
            expected={email_id: email.doubts for email_id, email in asked.items()},
            found={email_id: story.count("email.in_doubt") for email_id, story in seen.stories.items()},
        ),
        Check(
            figure="attempts before their time",
            expected=0,
            found=sum(story.early for story in seen.stories.values()),
        ),
    ]
