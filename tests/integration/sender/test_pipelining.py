"""Mail to servers that offer PIPELINING (RFC 2920), and replies that come when none is expected."""

import asyncio
from typing import Any

import pytest

from services.sender.adapters.smtp import Connection, Timeouts
from services.sender.domain.mail import Outcome
from tests.fakes.scripted_smtp import DROP, SILENCE, Script, ScriptedSmtp
from tests.integration.sender.test_smtp import MESSAGE, PIPELINING, attempt, connect, mail

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def two(script: Script) -> tuple[Outcome, Outcome, list[str]]:
    """Two mails on one connection; the verbs that the server heard."""
    async with ScriptedSmtp({**PIPELINING, **script}) as server:
        connection = await connect(server)
        outcomes = [await connection.deliver(mail(), may_finish=lambda: True) for _ in range(2)]
        await connection.close()
        return outcomes[0], outcomes[1], [line.split(" ")[0] for line in server.sessions[0].commands]


async def test_mail_rcpt_and_data_go_without_waiting() -> None:
    outcome, server = await attempt({**PIPELINING, "MAIL": "", "RCPT": "", "DATA": "250 a\r\n250 b\r\n354 c"})
    assert outcome.kind == "delivered"
    assert [line.split(" ")[0] for line in server.sessions[0].commands] == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


async def test_nothing_goes_before_its_turn_where_it_is_not_offered() -> None:
    outcome, server = await attempt({"RCPT": SILENCE})
    assert outcome.result.smtp_phase == "rcpt_to" and len(server.sessions[0].commands) == 3


@pytest.mark.parametrize(
    ("step", "phase"), [("MAIL", "mail_from"), ("RCPT", "rcpt_to"), ("DATA", "data"), ("dot", "end_of_data")]
)
async def test_the_next_mail_meets_a_clean_session(step: str, phase: str) -> None:
    data = {"DATA": ["503 5.5.1 no", "354 go"]} if step in ("MAIL", "RCPT") else {}
    refused, delivered, heard = await two({**data, step: ["550 5.7.1 no", "354 go" if step == "DATA" else "250 ok"]})
    assert (refused.kind, refused.result.smtp_phase, delivered.kind) == ("bounced", phase, "delivered")
    reset = [] if step == "dot" else ["RSET"]
    transaction = ["MAIL", "RCPT", "DATA"]
    assert heard == ["EHLO", *transaction, *reset, *transaction, "QUIT"]


@pytest.mark.parametrize("said", ["554 5.5.1 no valid recipients", "250 fine"])
async def test_a_transaction_for_nobody_is_ended_by_a_dot_alone(said: str) -> None:
    async with ScriptedSmtp({**PIPELINING, "RCPT": ["550 5.1.1 no", "250 ok"], "dot": [said, "250 ok"]}) as server:
        connection = await connect(server)
        refused = await connection.deliver(mail(), may_finish=lambda: False)
        delivered = await connection.deliver(mail(), may_finish=lambda: True)
        assert server.sessions[0].messages == [b"", MESSAGE.replace(b"\r\n.", b"\r\n..")]
    assert (refused.kind, refused.result.smtp_phase, refused.connection_lost) == ("bounced", "rcpt_to", False)
    assert refused.result.smtp_reply_text == "5.1.1 no" and delivered.kind == "delivered"


@pytest.mark.parametrize("said", [DROP, SILENCE, "gibberish"])
async def test_a_transaction_for_nobody_that_does_not_end_costs_the_connection(said: str) -> None:
    outcome, _ = await attempt({**PIPELINING, "RCPT": "550 5.1.1 no", "dot": said})
    assert (outcome.kind, outcome.result.smtp_reply_code, outcome.connection_lost) == ("bounced", 550, True)


async def test_a_server_that_would_take_content_after_refusing_the_sender_is_left() -> None:
    outcome, server = await attempt({**PIPELINING, "MAIL": "550 5.7.1 no"})
    assert (outcome.kind, outcome.result.smtp_phase, outcome.connection_lost) == ("bounced", "mail_from", True)
    assert server.sessions[0].messages == [] and server.sessions[0].commands[-1] == "DATA"


async def test_a_refusal_counts_though_the_connection_is_lost_after_it() -> None:
    outcome, _ = await attempt({**PIPELINING, "RCPT": "550 5.1.1 no", "DATA": DROP})
    assert (outcome.kind, outcome.result.smtp_phase, outcome.connection_lost) == ("bounced", "rcpt_to", True)


async def test_a_server_that_closes_after_a_refusal_is_left() -> None:
    outcome, server = await attempt({**PIPELINING, "RCPT": "550 5.1.1 no", "DATA": "421 4.3.2 closing"})
    assert (outcome.kind, outcome.result.smtp_reply_code, outcome.connection_lost) == ("bounced", 550, True)
    assert server.sessions[0].commands[-1] == "DATA"


@pytest.mark.parametrize(
    ("early", "kind", "code"),
    [("421 4.3.2 closing", "deferred", 421), ("250 taken", "deferred", 250), ("554 5.7.1 no", "bounced", 554)],
)
@pytest.mark.parametrize("offered", [{}, PIPELINING], ids=["one by one", "pipelined"])
async def test_a_reply_before_the_dot_ends_it(early: str, kind: str, code: int, offered: Script) -> None:
    outcome, server = await attempt({**offered, "DATA": f"354 go\r\n{early}"})
    assert (outcome.kind, outcome.result.smtp_phase, outcome.result.smtp_reply_code) == (kind, "data", code)
    assert outcome.connection_lost and server.sessions[0].messages == []


@pytest.mark.parametrize("after", ["421 4.4.2 idle too long", "gibberish", "250 once more"])
async def test_what_comes_after_the_reply_to_the_dot_does_not_change_it(after: str) -> None:
    async with ScriptedSmtp({"dot": f"250 2.0.0 taken\r\n{after}"}) as server:
        connection = await connect(server)
        outcome = await connection.deliver(mail(), may_finish=lambda: True)
        assert (outcome.kind, outcome.result.smtp_reply_text) == ("delivered", "2.0.0 taken")
        assert outcome.connection_lost

        again = await connection.deliver(mail(), may_finish=lambda: True)
        assert (again.kind, again.result.smtp_phase, again.connection_lost) == ("deferred", "mail_from", True)
        assert again.result.smtp_reply_code == (int(after[:3]) if after[:3].isdigit() else None)
        await connection.close()


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "dot"])
async def test_a_reply_that_comes_octet_by_octet_is_not_waited_for_longer(step: str) -> None:
    class Dripping(ScriptedSmtp):
        async def _reply(self, at: str, writer: asyncio.StreamWriter) -> str:
            if at != step:
                return await super()._reply(at, writer)
            for octet in b"250 " + b"x" * 500:
                writer.write(bytes([octet]))
                await writer.drain()
                await asyncio.sleep(0.02)
            return ""

    loop = asyncio.get_running_loop()
    async with Dripping() as server:
        begun = loop.time()
        try:
            connection: Connection = await connect(server, Timeouts(reply=0.2, final_dot=0.2, quit=0.2))
            detail = (await connection.deliver(mail(), may_finish=lambda: True)).detail
        except Exception as failed:  # the connection itself
            detail = str(failed)
        assert detail == "no reply in time" and loop.time() - begun < 2


@pytest.mark.parametrize(
    ("script", "kind"), [({"DATA": SILENCE}, "cut"), ({"body": SILENCE}, "in_doubt"), ({"dot": SILENCE}, "in_doubt")]
)
async def test_interrupted(script: dict[str, Any], kind: str) -> None:
    """Before the dot nothing is delivered; after it the reply is waited for all the same."""
    async with ScriptedSmtp({**PIPELINING, **script}) as server:
        connection = await connect(server)
        sending = asyncio.create_task(connection.deliver(mail(), may_finish=lambda: True))
        heard = server.sessions[0]
        while "DATA" not in heard.commands or not ("DATA" in script or heard.unfinished or heard.messages):
            await asyncio.sleep(0.01)
        connection.interrupt()
        outcome = await sending
        assert (outcome.kind, outcome.connection_lost) == (kind, True)


async def test_interrupted_while_idle() -> None:
    async with ScriptedSmtp() as server:
        connection = await connect(server)
        first = await connection.deliver(mail(), may_finish=lambda: True)
        connection.interrupt()
        assert not connection.usable
        second = await connection.deliver(mail(), may_finish=lambda: True)
        assert (first.kind, second.kind) == ("delivered", "cut")
