"""What the demo prints: each figure, and by name what differs."""

from io import StringIO

from rich.console import Console

from cli.demo import show
from cli.demo.checks.figure import Check, each

RIGHT = Check(figure="emails asked for", expected=3, found=3)
WRONG = each("status", expected=dict.fromkeys("abcdefg", "delivered"), found=dict.fromkeys("abcdefg", "failed"))


def printed(*found: Check) -> str:
    console = Console(width=120, record=True, file=StringIO())
    show.figures(console, found)
    show.verdict(console, found, took="3 s")
    return console.export_text()


def test_figures_that_hold() -> None:
    text = printed(RIGHT)
    assert "│ ok" in text and "DIFFERS" not in text
    assert text.splitlines()[-1] == "1 figures checked, 0 differ; 3 s"


def test_figures_that_differ_say_in_what() -> None:
    text = printed(RIGHT, WRONG)
    assert "DIFFERS" in text
    assert "status: a: failed, should be delivered" in text
    assert "status: and 2 more" in text
    assert text.splitlines()[-1] == "2 figures checked, 1 differ; 3 s"
