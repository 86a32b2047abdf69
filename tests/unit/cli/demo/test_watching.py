"""Progress where there is no terminal: plain lines."""

from io import StringIO

from rich.console import Console

from cli.demo.watching import display

GOALS = {"final": 3, "clicked": 1}


def test_plain_lines_for_a_log_file() -> None:
    output = StringIO()
    with display(Console(file=output, width=80), GOALS) as show:
        for final, clicked in ((0, 0), (0, 0), (1, 0), (3, 1)):
            show({"final": final, "clicked": clicked})
    assert output.getvalue() == "final 0/3   clicked 0/1\nfinal 3/3   clicked 1/1\n"


def test_bars_on_a_terminal() -> None:
    output = StringIO()
    with display(Console(file=output, width=80, force_terminal=True), GOALS) as show:
        show({"final": 3, "clicked": 1})
    assert "3/3" in output.getvalue() and "━" in output.getvalue()
