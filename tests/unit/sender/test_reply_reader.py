"""Replies, however they are cut on their way."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.reply_reader import MAX_LINE, MAX_LINES, MAX_REPLY, NotAReply, Reply, ReplyReader

TEXTS = st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"").strip())
REPLIES = st.builds(Reply, st.integers(200, 599), st.lists(TEXTS, min_size=1, max_size=MAX_LINES).map(tuple))


def read(*pieces: bytes) -> list[Reply]:
    reader = ReplyReader()
    for piece in pieces:
        reader.feed(piece)
    return list(reader.replies)


def written(reply: Reply, line_end: bytes) -> bytes:
    *before, last = reply.lines
    return b"".join(b"%d-%b%b" % (reply.code, text, line_end) for text in before) + b"%d %b%b" % (
        reply.code,
        last,
        line_end,
    )


@given(st.lists(REPLIES, max_size=4), st.lists(st.integers(0, 400)), st.sampled_from([b"\r\n", b"\n"]))
def test_cut_anywhere_they_are_read_as_they_were_written(
    replies: list[Reply], cuts: list[int], line_end: bytes
) -> None:
    wire = b"".join(written(reply, line_end) for reply in replies)
    borders = [0, *sorted(cuts), len(wire)]
    assert read(*(wire[start:end] for start, end in pairwise(borders))) == replies
    assert read(*(wire[at : at + 1] for at in range(len(wire)))) == replies


@pytest.mark.parametrize(
    ("wire", "code", "text"),
    [
        (b"250\r\n", 250, ""),
        (b"250 \r\n", 250, ""),
        (b"250-\r\n250\r\n", 250, "\n"),
        (b"250-2.1.0 a\r\n250 2.1.0 b\r\n", 250, "2.1.0 a\n2.1.0 b"),
        (b"250 caf\xe9\r\n", 250, "caf\udce9"),
        (b"250-one\r\n550 other\r\n", 550, "one\nother"),  # the last line decides, as with other clients
    ],
)
def test_a_reply(wire: bytes, code: int, text: str) -> None:
    (reply,) = read(wire)
    assert (reply.code, reply.text) == (code, text)


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b"25\r\n",
        b"2500 ok\r\n",
        b"abc ok\r\n",
        b" 250 ok\r\n",
        b"250-ok\r\nthen this\r\n",
        "２５０ ok\r\n".encode(),
        b"250 " + b"x" * MAX_LINE + b"\r\n",
        b"250 " + b"x" * MAX_LINE,
        b"250-x\r\n" * MAX_LINES,
        (b"250-" + b"x" * 2000 + b"\r\n") * (MAX_REPLY // 2000 + 1),
    ],
)
def test_not_a_reply(wire: bytes) -> None:
    with pytest.raises(NotAReply):
        read(wire)
    with pytest.raises(NotAReply):
        read(*(wire[at : at + 1] for at in range(len(wire))))


def test_replies_before_the_garbage_are_kept() -> None:
    reader = ReplyReader()
    with pytest.raises(NotAReply):
        reader.feed(b"250 queued\r\ngarbage\r\n")
    assert [reply.code for reply in reader.replies] == [250]


def test_empty_means_that_not_even_a_part_has_come() -> None:
    reader = ReplyReader()
    for part in (b"2", b"50-a\r\n", b"250 b\r\n"):
        reader.feed(part)
        assert not reader.empty
    reader.replies.clear()
    assert reader.empty
