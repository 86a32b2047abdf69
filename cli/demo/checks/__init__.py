"""Every figure of the demo, held against every other source of it. Pure."""

from cli.demo.checks import batches, emails, inbox, log, mails, readers
from cli.demo.checks.figure import Check
from cli.demo.evidence import Evidence


def checks(seen: Evidence) -> list[Check]:
    """All figures."""
    parts = (emails, batches, inbox, mails, readers, log)
    return [check for part in parts for check in part.checks(seen)]
