"""Opens and clicks: of those, and only those, whose recipient reads."""

from cli.demo.checks.figure import Check, each
from cli.demo.evidence import Evidence


def checks(seen: Evidence) -> list[Check]:
    """By the API and by the fold of the log."""
    readers = dict.fromkeys((key for key, email in seen.order.emails.items() if email.behaviour.reads), True)
    found = []
    for verb in ("opened", "clicked"):
        told = dict.fromkeys((key for key, view in seen.answers.emails.items() if view[f"{verb}_at"]), True)
        folded = dict.fromkeys((key for key, story in seen.stories.items() if story.count(f"email.{verb}")), True)
        found.append(each(f"{verb} = the readers: API", expected=readers, found=told))
        found.append(each(f"{verb} = the readers: fold", expected=readers, found=folded))
    return found
