"""How Python itself is set for a service with an event loop or a hot loop beside other threads."""

import gc
import sys
from typing import Final

TURN: Final = 0.0005  # seconds that a thread which answers waits for one that computes, at each of its blocking calls


def tune() -> None:
    """Let threads take shorter turns, and look for garbage seldom. Call it once, when all is imported.

    Hardly anything here is cyclic. Looking for it cost a fifth of a sender's time, and held an API that took batches of
    1,000 up for 0.1 s at a time. What exists by now is not looked at again.
    """
    sys.setswitchinterval(TURN)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
