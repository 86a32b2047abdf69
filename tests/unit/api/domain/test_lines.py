"""Lines and rows out of pieces: the same whatever the pieces are, numbered, limited."""

import pytest

from services.api.domain.errors import ApiError
from services.api.domain.lines import LONGEST, Line, Lines, Rows


def split(data: bytes, size: int) -> list[Line]:
    lines = Lines()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return [line for piece in pieces for line in lines.feed(piece)] + list(lines.end())


def rows(data: bytes, size: int = 7) -> list[Line]:
    joined = Rows()
    found = list(joined.join(split(data, size)))
    joined.end()
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_lines_are_numbered(size: int) -> None:
    assert split(b"a\r\n\nbc\nd", size) == [Line(1, b"a"), Line(2, b""), Line(3, b"bc"), Line(4, b"d")]
    assert split(b"a\n", size) == [Line(1, b"a")]
    assert split(b"", size) == []


def test_of_a_line_that_is_too_long_nothing_is_kept() -> None:
    data = b"a\n" + b"x" * (LONGEST + 1) + b"\nb\n" + b"y" * LONGEST
    assert split(data, 65536) == [Line(1, b"a"), Line(2, None), Line(3, b"b"), Line(4, b"y" * LONGEST)]


def test_a_quoted_cell_may_hold_line_ends() -> None:
    assert rows(b'to,text\n\nada,"a\n\nb ""c"""\ngrace,d\n') == [
        Line(1, b"to,text"),
        Line(3, b'ada,"a\n\nb ""c"""'),
        Line(6, b"grace,d"),
    ]


@pytest.mark.parametrize("data", [b'to\n"ada\n', b'to\n"ada\n' + b"x\n" * LONGEST], ids=["ends", "goes on"])
def test_a_quote_that_does_not_end(data: bytes) -> None:
    with pytest.raises(ApiError, match="malformed_csv") as caught:
        rows(data, 65536)
    assert "line 2" in str(caught.value.detail)
