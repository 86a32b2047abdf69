"""A sender for the lab only: with a clock that is wrong, or with little patience for an owner that does not poll.

`python -m tests.faults.altered_sender --clock-offset -3600 --max-poll-ms 6000`
"""

import argparse
from datetime import datetime, timedelta
from typing import Any

from services.sender import main as sender
from shared.clock import SystemClock
from shared.kafka import config
from shared.settings import KafkaSettings


def main() -> None:
    """Alter it, and run it as `postlog serve sender` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clock-offset", type=float, default=0.0, help="seconds that the time of day is ahead")
    parser.add_argument("--max-poll-ms", type=int, default=300_000, help="after so long without a poll it is given up")
    asked = parser.parse_args()
    setattr(sender, "SystemClock", _shifted(timedelta(seconds=asked.clock_offset)))  # noqa: B010 (mypy: by name)
    setattr(config, "consumer", _impatient(asked.max_poll_ms))  # noqa: B010
    sender.run()


def _shifted(offset: timedelta) -> type[SystemClock]:
    class Shifted(SystemClock):
        """The machine's clocks, but the time of day is another."""

        def now(self) -> datetime:
            """The wrong time of day."""
            return super().now() + offset

    return Shifted


def _impatient(max_poll_ms: int) -> Any:
    usual = config.consumer

    def consumer(settings: KafkaSettings, *, group_id: str) -> config.Config:
        patience = {"max.poll.interval.ms": max_poll_ms, "session.timeout.ms": min(max_poll_ms, 45_000)}
        return usual(settings, group_id=group_id) | patience

    return consumer


if __name__ == "__main__":
    main()
