"""Whatever a message is made of, and however mails are refused: a strict server hears nothing wrong."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pytest
import uvloop
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.sender.adapters.dialogue import BLOCK
from services.sender.adapters.smtp import Connection, Connector, Route, Timeouts
from services.sender.domain.mail import Composed, Outcome
from tests.fakes.strict_smtp import BARE, StrictSmtp

pytestmark = pytest.mark.integration

VALID: Final = re.compile(rb"(?:[^\r\n\0]{0,998}\r\n)+")
PIECES: Final = st.sampled_from(
    [
        b".",
        b"..",
        b"\r\n",
        b"\r\n.",
        b".\r\n",
        b"\r\n.\r\n",
        b"\r",
        b"\n",
        b"\r\n..\r\n",
        b"a",
        b"\0",
        b"\xff",
        b"\r\n\r",
    ]
)
MESSAGES: Final = st.lists(PIECES, max_size=12).map(b"".join) | st.binary(max_size=60)
SMUGGLING: Final = [  # those of aiosmtpd's test_smtpsmuggling.py, and their kin
    *(b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r.\n", b"\n.\r"),
    *(b"\r\r\n.\r\r\n", b"\r\n.\r\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n"),
]


class Bench:
    """A strict server and one connection to it at a time, on a loop that runs only while a mail is sent."""

    def __init__(self, *, pipelining: bool) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.server = self._runner.run(StrictSmtp(pipelining=pipelining).__aenter__())
        self._connection: Connection | None = None

    def send(self, message: bytes, *, sender: str = "s", recipient: str = "r") -> Outcome:
        mail = Composed(
            message=message,
            envelope_sender=f"{sender}@acme.test",
            envelope_id="1",
            recipient=f"{recipient}@example.com",
            from_domain="acme.test",
            date=datetime(2026, 11, 24, tzinfo=UTC),
        )
        return self._runner.run(self._send(mail))

    async def _send(self, mail: Composed) -> Outcome:
        if self._connection is None or not self._connection.usable:
            route = Route(host="127.0.0.1", port=self.server.port, tls="none", helo="mail.acme.test")
            self._connection = await Connector(Timeouts(reply=10, final_dot=10)).connect(route)
        return await self._connection.deliver(mail, may_finish=lambda: True)

    def close(self) -> None:
        async def end() -> None:
            if self._connection is not None:
                await self._connection.close()
            await self.server.__aexit__(None, None, None)

        self._runner.run(end())
        self._runner.close()


@pytest.fixture(scope="module", params=[True, False], ids=["pipelined", "one by one"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(pipelining=request.param)
    yield made
    made.close()
    assert not made.server.books.faults
    assert not BARE.search(made.server.books.wire)


def check(bench: Bench, message: bytes) -> None:
    """A valid message is taken as it is; of any other no command is said."""
    books = bench.server.books
    books.mails.clear()
    outcome = bench.send(message)
    assert not books.faults
    if VALID.fullmatch(message):
        assert outcome.kind == "delivered" and books.mails == [("r", message)]
    else:
        assert outcome.kind == "failed_local" and books.mails == []


@given(MESSAGES)
@example(b".\r\n")
@example(b"..\r\n.\r\n..\r\n")
@settings(deadline=None)
def test_any_message(bench: Bench, message: bytes) -> None:
    check(bench, message)
    check(bench, message + b"\r\n")


@given(st.integers(-6, 2), st.lists(PIECES, min_size=1, max_size=5).map(b"".join))
@example(-2, b"\r\n.\r\n")
@settings(deadline=None, max_examples=25)
def test_any_message_at_the_border_of_a_block(bench: Bench, offset: int, pieces: bytes) -> None:
    lines, rest = divmod(BLOCK + offset, 64)
    check(bench, (b"x" * 62 + b"\r\n") * lines + b"y" * rest + pieces + b"\r\n")


@pytest.mark.parametrize("pattern", SMUGGLING)
def test_nothing_is_smuggled(bench: Bench, pattern: bytes) -> None:
    heard = len(bench.server.books.wire)
    outcome = bench.send(b"Subject: x\r\n\r\na" + pattern + b"MAIL FROM:<evil@example.com>\r\n")
    assert outcome.kind == "failed_local" and len(bench.server.books.wire) == heard


REFUSALS: Final = {
    ("s", "r"): ("delivered", "end_of_data", 250),
    ("mail", "r"): ("bounced", "mail_from", 550),
    ("s", "rcpt"): ("bounced", "rcpt_to", 550),
    ("go", "rcpt"): ("bounced", "rcpt_to", 550),  # and DATA is accepted all the same
    ("s", "data"): ("deferred", "data", 450),
    ("s", "dot"): ("bounced", "end_of_data", 554),
}


@given(st.lists(st.sampled_from(sorted(REFUSALS)), min_size=1, max_size=8))
@settings(deadline=None)
def test_mails_after_refusals_on_one_connection(bench: Bench, mails: list[tuple[str, str]]) -> None:
    books = bench.server.books
    books.mails.clear()
    for sender, recipient in mails:
        outcome = bench.send(b"a\r\n", sender=sender, recipient=recipient)
        found = (outcome.kind, outcome.result.smtp_phase, outcome.result.smtp_reply_code)
        assert found == REFUSALS[sender, recipient] and not outcome.connection_lost
    assert not books.faults
    assert books.mails == [("r", b"a\r\n")] * mails.count(("s", "r"))
