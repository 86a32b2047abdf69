"""How Python is set: in a process of its own, for it is set for good."""

import subprocess
import sys

LOOK = """
import gc, sys
from shared import interpreter
interpreter.tune()
print(sys.getswitchinterval() <= 0.001, gc.get_threshold()[0] >= 10_000, gc.get_freeze_count() > 0)
"""


def test_threads_take_short_turns_and_garbage_is_seldom_looked_for() -> None:
    said = subprocess.run((sys.executable, "-c", LOOK), check=True, capture_output=True, text=True)
    assert said.stdout.split() == ["True", "True", "True"]
