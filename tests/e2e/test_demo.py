"""The demo as a stranger runs it, on fewer customers: exit code 0, every figure right, nothing left behind."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cli.demo.asked import Asked
from cli.demo.customers import load_customers
from tests.up_process import processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
CUSTOMERS = 40
ELSEWHERE = {"POSTLOG_SMTP_HOST": "mail.example.com", "DATABASE_URL": "postgresql://nowhere.invalid/x"}
FIGURE = re.compile(r"│ (?P<name>\S.*?) +│ (?P<expected>.*?) +│ (?P<found>.*?) +│ (?P<mark>ok|DIFFERS) +│")


def test_the_demo_checks_every_figure_and_all_are_right(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    command = (sys.executable, "-m", "cli.main", "demo", "--data", str(place), "--customers", str(CUSTOMERS))
    done = subprocess.run(command, env=os.environ | ELSEWHERE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-9000:] + done.stderr[-2000:]
    assert processes_of(place) == []

    figures = list(FIGURE.finditer(done.stdout.partition("Checks")[2]))
    assert {figure["mark"] for figure in figures} == {"ok"}
    assert done.stdout.splitlines()[-1].startswith(f"{len(figures)} figures checked, 0 differ; ")
    found = {figure["name"]: figure["found"] for figure in figures}
    assert found["queued exactly once, of those asked for"] == str(CUSTOMERS + 12)
    assert found["delivered by the fold = a copy in the inbox"] == str(expected()["delivered"])
    assert found["opened = the readers: API"] == str(readers())
    assert "is live now" in done.stdout


def asked() -> list[Asked]:
    """The invoices."""
    return [Asked(email_id="", address=each.email, subject="") for each in load_customers(CUSTOMERS)]


def expected() -> Counter[str]:
    """How many emails end in which status: the invoices, ten on Kafka, one for later, one cancelled."""
    return Counter(email.status for email in asked()) + Counter(delivered=11, cancelled=1)


def readers() -> int:
    """How many customers read their mail."""
    return sum(email.behaviour.reads for email in asked())
