"""How long a crashed part waits before it is started again."""

import pytest

from cli.stack.supervisor import FIRST_PAUSE, LONGEST_PAUSE, STEADY, next_pause


@pytest.mark.parametrize(
    ("before", "lived", "pause"),
    [
        pytest.param(0, 1, FIRST_PAUSE, id="the first crash"),
        pytest.param(FIRST_PAUSE, 1, FIRST_PAUSE * 2, id="the second soon after"),
        pytest.param(LONGEST_PAUSE, 1, LONGEST_PAUSE, id="never longer"),
        pytest.param(LONGEST_PAUSE, STEADY + 1, FIRST_PAUSE, id="a crash after a steady life is the first again"),
    ],
)
def test_pause(before: float, lived: float, pause: float) -> None:
    assert next_pause(before, lived=lived) == pause
