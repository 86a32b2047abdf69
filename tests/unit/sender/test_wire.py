"""What may stand on the wire: a receiver finds exactly one message, whatever it takes for a line end."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sender.wire import UnsafeOnTheWire, require_address, stuffed

PIECES = [
    b"a",
    b".",
    b"..",
    b"\r\n",
    b"\r",
    b"\n",
    b"\r\n.\r\n",
    b"\n.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r\n.\r",
    b"\0",
    b" ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
@example(b"a\r.\r\r\n")
@example(b".\r\n")
def test_no_reader_finds_the_end_of_data_in_a_message(message: bytes) -> None:
    try:
        sent = stuffed(message)
    except UnsafeOnTheWire:
        return
    whole = sent + b".\r\n"
    for line_end in (rb"\r\n", rb"\n", rb"\r", rb"\r\n|\n|\r"):  # strict readers, and lax ones
        ends = [found.start() for found in re.finditer(rb"(?:^|%b)\.(?:%b)" % (line_end, line_end), whole)]
        assert ends in ([], [len(sent) - 2], [len(sent) - 1])
    lines = sent.split(b"\r\n")
    assert b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines) == message


@pytest.mark.parametrize(
    "message", [b"a\nb\r\n", b"a\rb\r\n", b"\r\r\n", b"a\r\n\n\r\n", b"a", b"", b"a\0\r\n", b"x" * 999 + b"\r\n"]
)
def test_refused(message: bytes) -> None:
    with pytest.raises(UnsafeOnTheWire):
        stuffed(message)


@given(st.lists(st.sampled_from([0, 1, 76, 499, 997, 998, 999, 1000, 5000]), min_size=1, max_size=8))
def test_lines_of_up_to_998_octets_are_sent(lengths: list[int]) -> None:
    message = b"".join(b"x" * length + b"\r\n" for length in lengths)
    if max(lengths) <= 998:
        assert stuffed(message) == message
    else:
        with pytest.raises(UnsafeOnTheWire):
            stuffed(message)


@pytest.mark.parametrize(
    "address", ["a@b.example", "jo+tag@b.example", "josé@b.example", "o'neil@b.example", f"{'a' * 64}@b.example"]
)
def test_addresses_that_can_be_sent(address: str) -> None:
    assert require_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@b.example",
        "a@",
        "a@b@c.example",
        "a b@c.example",
        '"a b"@c.example',
        "a\u00a0b@c.example",
        "a\u2028b@c.example",
        "a@b.example>",
        "<a@b.example",
        "a@b.example\r\nRCPT TO:<x@y.example",
        "a@b.example\n",
        "a\x00@b.example",
        "a@münchen.example",
        f"{'a' * 65}@b.example",
        f"{'é' * 33}@b.example",
        f"a@{'b' * 256}",
        f"a@{'b' * 253}",
    ],
)
def test_addresses_that_cannot(address: str) -> None:
    with pytest.raises(UnsafeOnTheWire):
        require_address(address)
