"""A sender whose time of day runs faster: `python -m tests.scale.fast_sender --since EPOCH --pace N`."""

import argparse
from datetime import UTC, datetime

from services.sender import main as sender
from shared.clock import SystemClock
from tests.scale.pace import Pace


def main() -> None:
    """Run it as `postlog serve sender` does. Leases and sleeps keep the machine's time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--since", type=float, required=True, help="when the clocks were the same, epoch seconds")
    parser.add_argument("--pace", type=float, required=True, help="how many times as fast it runs since")
    asked = parser.parse_args()
    pace = Pace(since=asked.since, factor=asked.pace)

    class Fast(SystemClock):
        """The machine's clocks, but the time of day runs fast."""

        def now(self) -> datetime:
            """The time of day of this sender."""
            return datetime.fromtimestamp(pace.shown(super().now().timestamp()), UTC)

    setattr(sender, "SystemClock", Fast)  # noqa: B010 (mypy: by name)
    sender.run()


if __name__ == "__main__":
    main()
