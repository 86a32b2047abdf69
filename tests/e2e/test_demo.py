"""The demo as a stranger runs it, on fewer customers: exit code 0 and every figure right."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_the_demo_checks_every_figure_and_all_are_right(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "cli.main", "demo", "--data", str(tmp_path / "demo"), "--customers", "40")
    embedded = {
        key: value for key, value in os.environ.items() if key not in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")
    }
    done = subprocess.run(command, env=embedded, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "figures checked, 0 differ" in done.stdout
    assert "is live now" in done.stdout and "DIFFERS" not in done.stdout
