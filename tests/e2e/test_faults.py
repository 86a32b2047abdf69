"""A part of the fault lab (`make faults` runs all of it)."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_the_quick_scenarios() -> None:
    command = (sys.executable, "-m", "tests.faults", "--quick")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["ok"], told["lost"], told["unexplained"]) == (True, 0, 0)
    assert all(one["emails"] > 0 for one in told["scenarios"].values())
