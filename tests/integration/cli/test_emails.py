"""`postlog emails` against a running API."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from cli.commands.emails import app
from cli.errors import CommandError
from shared.commands import RescheduleEmail
from shared.db.read_models import emails
from tests.integration.api.stage import Stage, email_row

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_emails_are_searched(served: Stage) -> None:
    mine = uuid4()
    served.put(emails, email_row(mine, status="failed", updated_at=NOW, tags=["q4"], reference="invoice/4711"))
    served.put(emails, email_row(uuid4(), updated_at=NOW))
    for words in (("--tag", "q4"), ("--status", "failed", "--reference", "invoice/4711")):
        (line,) = run("search", *words, "--json").output.splitlines()
        assert json.loads(line)["email_id"] == str(mine)
    assert str(mine) in run("search", "--message-id", f"<{mine}@acme.test>").output


def test_one_is_rescheduled_or_retried(served: Stage) -> None:
    email_id = uuid4()
    mine = str(email_id)
    served.put(emails, email_row(email_id, status="scheduled", updated_at=NOW))
    asked = run("reschedule", mine, "--at", "2026-12-24T08:00:00")
    assert asked.output == f"email {mine}: requested, 2026-12-24T08:00:00Z\n"
    (command,) = served.commands()
    assert isinstance(command, RescheduleEmail) and command.send_at == datetime(2026, 12, 24, 8, tzinfo=UTC)
    refused = run("retry", mine)
    assert isinstance(refused.exception, CommandError) and "Did not fail" in str(refused.exception)
