"""The final dot leaves only while we may finish, however slowly the socket takes what we write."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from services.sender.adapters.dialogue import BLOCK, Connection
from services.sender.adapters.session import Session
from services.sender.domain.mail import Composed, Outcome
from services.sender.domain.route import Route, Timeouts
from shared.commands import SmtpResult
from tests.fakes.narrow_transport import NarrowTransport

pytestmark = pytest.mark.asyncio
ENVELOPE = b"MAIL FROM:<a@acme.test>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"


class Case:
    """A mail on its way through a socket that takes `room` octets of its content, dot included, after the envelope."""

    def __init__(self, message: bytes, *, room: int, timeouts: Timeouts | None = None) -> None:
        self.asked = 0
        self.may = True
        self._message = message
        session = Session(asyncio.get_running_loop())
        self.transport = NarrowTransport(session, room=len(ENVELOPE) + room)
        self.session = session
        self.connection = Connection(
            session,
            Route(host="mx.example.com"),
            facts=SmtpResult(),
            offered={"pipelining": ""},
            timeouts=timeouts or Timeouts(),
        )

    def start(self) -> "asyncio.Task[Outcome]":
        """Speak; the other side accepts the envelope."""
        mail = Composed(
            message=self._message,
            envelope_sender="a@acme.test",
            envelope_id="1",
            recipient="b@example.com",
            from_domain="acme.test",
            date=datetime(2026, 11, 24, tzinfo=UTC),
        )
        sending = asyncio.create_task(self.connection.deliver(mail, may_finish=self._may_finish))
        asyncio.get_running_loop().call_soon(self.session.data_received, b"250 ok\r\n250 ok\r\n354 go\r\n")
        return sending

    def content(self) -> bytes:
        """What has left of it."""
        return bytes(self.transport.left).removeprefix(ENVELOPE)

    def _may_finish(self) -> bool:
        self.asked += 1
        return self.may


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not met():
            await asyncio.sleep(0.001)


async def test_it_is_not_asked_for_before_the_content_has_left() -> None:
    case = Case(b"hello\r\n", room=6)
    sending = case.start()
    await until(lambda: case.content() == b"hello\r")
    asked_before = case.asked
    case.transport.room = 100
    await until(lambda: case.content() == b"hello\r\n.\r\n")
    case.session.data_received(b"250 taken\r\n")
    assert (await sending).kind == "delivered"
    assert (asked_before, case.asked) == (0, 1)


async def test_a_dot_that_lingers_does_not_leave_later_than_it_may() -> None:
    case = Case(b"hello\r\n", room=7)
    sending = case.start()
    await until(lambda: case.asked >= 3)  # and again, as long as it lingers
    case.may = False
    outcome = await sending
    assert (outcome.kind, outcome.connection_lost) == ("cut", True)
    assert case.transport.aborted and case.content() == b"hello\r\n"


async def test_a_dot_that_lingers_leaves_while_it_may() -> None:
    case = Case(b"hello\r\n", room=7)
    sending = case.start()
    await until(lambda: case.asked >= 3)
    case.transport.room = 3
    case.session.data_received(b"250 taken\r\n")
    assert (await sending).kind == "delivered"


@pytest.mark.parametrize("room", [3, 7])
async def test_neither_content_nor_dot_linger_for_ever(room: int) -> None:
    case = Case(b"hello\r\n", room=room, timeouts=Timeouts(reply=0.05))
    outcome = await case.start()
    assert (outcome.kind, outcome.result.smtp_phase, outcome.detail) == ("deferred", "data", "no reply in time")
    assert case.transport.aborted and not case.content().endswith(b".\r\n")


async def test_one_block_at_a_time() -> None:
    case = Case((b"x" * 62 + b"\r\n") * (BLOCK // 64 * 2), room=10)
    sending = case.start()
    await until(lambda: case.transport.get_write_buffer_size() > 0)
    assert case.transport.get_write_buffer_size() == BLOCK - 10
    case.transport.room = BLOCK - 10
    await until(lambda: case.transport.get_write_buffer_size() == BLOCK)
    assert not case.asked
    case.session.connection_lost(None)
    assert (await sending).kind == "deferred"


async def test_once_it_is_out_its_reply_is_waited_for_whoever_interrupts() -> None:
    case = Case(b"hello\r\n", room=100)
    sending = case.start()
    await until(lambda: case.content() == b"hello\r\n.\r\n")
    case.connection.interrupt()
    assert not case.transport.aborted and not sending.done()
    case.session.data_received(b"250 taken\r\n")
    outcome = await sending
    assert (outcome.kind, outcome.connection_lost) == ("delivered", False)


async def test_a_flood_of_replies_is_cut() -> None:
    session = Session(asyncio.get_running_loop())
    transport = NarrowTransport(session, room=0)
    session.data_received(b"250 taken\r\n" * 16)
    before = transport.aborted
    session.data_received(b"250 taken\r\n")
    assert (before, transport.aborted, session.usable) == (False, True, False)
