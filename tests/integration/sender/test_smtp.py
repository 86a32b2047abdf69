"""SMTP sessions against a real server on loopback that answers every step as the test wants it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.sender.adapters import smtp
from services.sender.adapters.mime import Composed
from services.sender.adapters.smtp import ConnectFailed, Connection, Connector, Outcome, Route, Timeouts
from tests.fakes.scripted_smtp import DROP, SILENCE, Script, ScriptedSmtp
from tests.integration.sender.certificates import self_signed

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

QUICK = Timeouts(reply=0.5, final_dot=0.5, quit=0.5)
MESSAGE = b"From: a@acme.test\r\nSubject: x\r\n\r\n.one\r\n..two\r\nthree\r\n"


def mail(message: bytes = MESSAGE, *, recipient: str = "Jose@example.com", **changes: Any) -> Composed:
    return Composed(
        message=message,
        envelope_sender="bounces+abc@acme.test",
        envelope_id="0199-1",
        recipient=recipient,
        from_domain="acme.test",
        date=datetime(2026, 11, 24, tzinfo=UTC),
        **changes,
    )


def route(server: ScriptedSmtp, **changes: Any) -> Route:
    fixed: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "tls": "none", "helo": "mail.acme.test"}
    return Route(**fixed | changes)


async def connect(server: ScriptedSmtp, timeouts: Timeouts = QUICK, **changes: Any) -> Connection:
    return await Connector(timeouts).connect(route(server, **changes))


async def attempt(
    script: Script,
    what: Composed | None = None,
    *,
    may_finish: Callable[[], bool] = lambda: True,
) -> tuple[Outcome, ScriptedSmtp]:
    async with ScriptedSmtp(script) as server:
        connection = await connect(server)
        outcome = await connection.deliver(what or mail(), may_finish=may_finish)
        assert connection.usable is not outcome.connection_lost
        await connection.close()
        return outcome, server


async def failure(script: Script, **changes: Any) -> ConnectFailed:
    async with ScriptedSmtp(script) as server:
        with pytest.raises(ConnectFailed) as failed:
            await connect(server, **changes)
        return failed.value


async def test_delivered_with_all_facts() -> None:
    outcome, _ = await attempt({"dot": "250-2.0.0 thanks\r\n250 2.0.0 queued as 42"})

    assert outcome.kind == "delivered" and not outcome.connection_lost and outcome.session_ms >= 0
    result = outcome.result
    assert (result.smtp_phase, result.smtp_reply_code, result.enhanced_status_code) == ("end_of_data", 250, "2.0.0")
    assert result.smtp_reply_text == "2.0.0 thanks\n2.0.0 queued as 42"
    assert (result.mx_host, result.mx_ip, result.source_ip) == ("127.0.0.1", "127.0.0.1", "127.0.0.1")
    assert result.tls_version is None and result.tls_verified is None


async def test_says_what_the_extensions_allow() -> None:
    _, server = await attempt({"EHLO": "250-mx\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 DSN"})

    assert server.sessions[0].commands == [
        "EHLO mail.acme.test",
        f"MAIL FROM:<bounces+abc@acme.test> SIZE={len(MESSAGE)} RET=HDRS ENVID=0199-1",
        "RCPT TO:<Jose@example.com> NOTIFY=FAILURE,DELAY ORCPT=rfc822;Jose@example.com",
        "DATA",
        "QUIT",
    ]


async def test_dots_are_stuffed_and_nothing_else_is_changed() -> None:
    _, server = await attempt({})

    assert server.sessions[0].messages == [MESSAGE.replace(b"\r\n.", b"\r\n..")]


async def test_a_big_message_arrives_whole() -> None:
    big = MESSAGE + b"0123456789abcdef\r\n" * 100_000
    outcome, server = await attempt({}, mail(big))

    assert outcome.kind == "delivered"
    assert server.sessions[0].messages == [big.replace(b"\r\n.", b"\r\n..")]


PIPELINING: Script = {"EHLO": "250-mx\r\n250-SIZE 10485760\r\n250 PIPELINING"}


@pytest.mark.parametrize("offered", [{}, PIPELINING], ids=["one by one", "pipelined"])
@pytest.mark.parametrize(
    ("step", "phase"), [("MAIL", "mail_from"), ("RCPT", "rcpt_to"), ("DATA", "data"), ("dot", "end_of_data")]
)
@pytest.mark.parametrize(
    ("reply", "kind", "lost"),
    [
        ("450 4.2.1 later", "deferred", False),
        ("550 5.1.1 never", "bounced", False),
        ("421 4.3.2 closing", "deferred", True),
        ("999 what is this", None, True),
        ("gibberish", None, True),
        ("\r\n".join(["250-and so on"] * 100), None, True),
        ("250 " + "x" * 3000, None, True),
        (DROP, None, True),
        (SILENCE, None, True),
    ],
)
async def test_replies_at_every_phase(
    step: str, phase: str, reply: str, *, kind: str | None, lost: bool, offered: Script
) -> None:
    after = {"DATA": "503 5.5.1 nobody to send to"} if step in ("MAIL", "RCPT") else {}
    outcome, server = await attempt({**offered, **after, step: reply})

    expected = kind or ("in_doubt" if step == "dot" else "deferred")
    assert (outcome.kind, outcome.connection_lost, outcome.result.smtp_phase) == (expected, lost, phase)
    said = int(reply[:3]) if reply[:3].isdigit() and len(reply) < 1000 else None
    assert outcome.result.smtp_reply_code == said
    assert (outcome.detail is None) == (kind is not None)
    if step != "dot":
        assert not server.sessions[0].messages


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [(DROP, "deferred", None), ("421 4.3.0 shutting down", "deferred", 421), ("552 5.3.4 too big", "bounced", 552)],
)
async def test_an_end_in_the_middle_of_the_message_is_no_doubt(reply: str, kind: str, code: int | None) -> None:
    asked = 0

    def may_finish() -> bool:
        nonlocal asked
        asked += 1
        return True

    big = MESSAGE + b"0123456789abcdef\r\n" * 500_000
    outcome, server = await attempt({"body": reply}, mail(big), may_finish=may_finish)

    assert (outcome.kind, outcome.result.smtp_phase, outcome.connection_lost) == (kind, "data", True)
    assert outcome.result.smtp_reply_code == code
    assert not asked and not server.sessions[0].messages


async def test_a_server_that_stops_reading_is_left_in_time() -> None:
    class Stuck(ScriptedSmtp):
        async def _message(self, *_: Any) -> None:
            await asyncio.Event().wait()

    async with Stuck() as server:
        connection = await connect(server)
        outcome = await connection.deliver(mail(MESSAGE + b"x" * 70 + b"\r\n" * 10_000_000), may_finish=lambda: True)

    assert (outcome.kind, outcome.result.smtp_phase, outcome.detail) == ("deferred", "data", "no reply in time")


async def test_cut_when_it_may_not_finish() -> None:
    outcome, server = await attempt({}, may_finish=lambda: False)
    heard = server.sessions[0]

    assert outcome.kind == "cut" and outcome.connection_lost
    assert heard.messages == [] and heard.commands[-1] == "DATA"


async def test_may_finish_is_asked_before_the_dot_is_written() -> None:
    async with ScriptedSmtp() as server:
        connection = await connect(server)
        seen: list[bytes] = []

        def may_finish() -> bool:
            seen.append(bytes(server.sessions[0].unfinished or b""))
            return True

        outcome = await connection.deliver(mail(), may_finish=may_finish)
        assert outcome.kind == "delivered"
        assert len(seen) == 1 and not seen[0].endswith(b"\r\n.\r\n")


async def test_several_mails_on_one_connection_with_a_reset_after_a_refusal() -> None:
    async with ScriptedSmtp({"RCPT": ["550 5.1.1 no", "250 ok"]}) as server:
        connection = await connect(server)
        kinds = [(await connection.deliver(mail(), may_finish=lambda: True)).kind for _ in range(3)]
        await connection.close()

        assert kinds == ["bounced", "delivered", "delivered"] and connection.mails == 3
        assert [line.split(" ")[0] for line in server.sessions[0].commands] == [
            "EHLO",
            *("MAIL", "RCPT", "RSET"),
            *("MAIL", "RCPT", "DATA"),
            *("MAIL", "RCPT", "DATA"),
            "QUIT",
        ]


async def test_a_connection_that_the_server_has_closed_is_known_to_be_unusable() -> None:
    async with ScriptedSmtp({"dot": ["250 ok"], "RSET": DROP, "RCPT": "550 no"}) as server:
        connection = await connect(server)
        outcome = await connection.deliver(mail(), may_finish=lambda: True)

        assert outcome.kind == "bounced" and outcome.connection_lost and not connection.usable


async def test_a_session_that_is_given_up_in_the_middle_is_cut() -> None:
    async with ScriptedSmtp({"dot": SILENCE}) as server:
        connection = await connect(server, Timeouts())
        sending = asyncio.create_task(connection.deliver(mail(), may_finish=lambda: True))
        while not server.sessions[0].messages:
            await asyncio.sleep(0.01)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not connection.usable


@pytest.mark.parametrize(
    ("message", "recipient"),
    [
        (b"Subject: x\r\n\r\na\n.\nMAIL FROM:<x@y>\r\n", "a@example.com"),
        (b"Subject: x\r\n\r\na\r.\r\r\n", "a@example.com"),
        (b"Subject: x\r\n\r\na\r\n.\r\r\n", "a@example.com"),
        (b"Subject: x\r\n\r\nno end", "a@example.com"),
        (b"Subject: x\r\n\r\n" + b"y" * 999 + b"\r\n", "a@example.com"),
        (MESSAGE, "a@example.com>\r\nRCPT TO:<b@example.com"),
        (MESSAGE, "a@example.com SIZE=1"),
        (MESSAGE, "<a@example.com>"),
        (MESSAGE, "a@b@example.com"),
        (MESSAGE, "nobody"),
    ],
)
async def test_what_could_be_read_in_two_ways_is_not_sent(message: bytes, recipient: str) -> None:
    outcome, server = await attempt({}, mail(message, recipient=recipient))

    assert outcome.kind == "failed_local" and outcome.detail and not outcome.connection_lost
    assert server.sessions[0].commands == ["EHLO mail.acme.test", "QUIT"]


async def test_smtputf8_goes_only_where_it_is_offered() -> None:
    international = mail(recipient="josé@example.com", smtputf8=True, eight_bit=True)
    outcome, server = await attempt({}, international)
    assert outcome.kind == "delivered"
    assert server.sessions[0].commands[1].endswith(f" SIZE={len(MESSAGE)} BODY=8BITMIME SMTPUTF8")

    refused, server = await attempt({"EHLO": "250 mx"}, international)
    assert refused.kind == "failed_local" and "5.6.7" in (refused.detail or "")
    assert server.sessions[0].commands == ["EHLO mail.acme.test", "QUIT"]


async def test_a_connection_lost_in_the_meantime_is_no_fault_of_the_mail() -> None:
    async with ScriptedSmtp() as server:
        connection = await connect(server)
    while connection.usable:
        await asyncio.sleep(0.01)
    international = mail(recipient="josé@example.com", smtputf8=True, eight_bit=True)
    outcome = await connection.deliver(international, may_finish=lambda: True)
    assert (outcome.kind, outcome.result.smtp_phase, outcome.connection_lost) == ("deferred", "mail_from", True)


async def test_the_recipient_does_not_stand_in_the_reply() -> None:
    outcome, _ = await attempt({"RCPT": "550 5.1.1 <jose@EXAMPLE.com>: user JOSE unknown"})

    assert outcome.result.smtp_reply_text == "5.1.1 <recipient>: user <recipient> unknown"


@pytest.mark.parametrize("step", ["connect", "EHLO"])
@pytest.mark.parametrize("reply", ["421 4.3.2 busy", "554 5.7.1 go away", DROP, SILENCE, "gibberish"])
async def test_no_session_without_a_greeting(step: str, reply: str) -> None:
    failed = await failure({step: reply, "HELO": reply})

    assert failed.result.smtp_phase == step.lower()
    assert failed.result.smtp_reply_code == (int(reply[:3]) if reply[:3].isdigit() else None)
    assert failed.result.mx_host == "127.0.0.1" and str(failed)


async def test_helo_where_ehlo_is_not_known() -> None:
    outcome, server = await attempt({"EHLO": "502 5.5.1 what?"})

    assert outcome.kind == "delivered"
    assert server.sessions[0].commands[:3] == [
        "EHLO mail.acme.test",
        "HELO mail.acme.test",
        "MAIL FROM:<bounces+abc@acme.test>",
    ]


async def test_nobody_listens() -> None:
    async with ScriptedSmtp() as server:
        port = server.port
    with pytest.raises(ConnectFailed) as failed:
        await Connector(QUICK).connect(Route(host="127.0.0.1", port=port, tls="none"))
    assert failed.value.result.smtp_phase == "connect" and failed.value.result.smtp_reply_code is None


@pytest.mark.parametrize("changes", [{"host": "a..b"}, {"host": "\u2028.example"}, {"helo": "two words"}])
async def test_names_that_are_none(changes: dict[str, str]) -> None:
    with pytest.raises(ConnectFailed) as failed:
        await Connector(QUICK).connect(Route(**{"host": "127.0.0.1"} | changes))  # type: ignore[arg-type]
    assert failed.value.result.smtp_phase == "connect"


STARTTLS = {"EHLO": "250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"}


async def test_starttls_and_auth(tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    async with ScriptedSmtp(STARTTLS, tls=context) as server:
        connection = await connect(server, tls="opportunistic", username="u", password="p")
        outcome = await connection.deliver(mail(), may_finish=lambda: True)
        await connection.close()

    assert outcome.kind == "delivered" and server.sessions[0].encrypted
    assert outcome.result.tls_version == "TLSv1.3" and outcome.result.tls_cipher
    assert outcome.result.tls_verified is False
    assert [line.split(" ")[0] for line in server.sessions[0].commands[:4]] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


async def test_a_big_message_over_tls(tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    big = MESSAGE + b"0123456789abcdef\r\n" * 100_000
    async with ScriptedSmtp(STARTTLS, tls=context) as server:
        connection = await connect(server, Timeouts(), tls="opportunistic")
        outcome = await connection.deliver(mail(big), may_finish=lambda: True)
        await connection.close()

    assert outcome.kind == "delivered" and len(server.sessions[0].messages[0]) == len(big) + 2


async def test_required_tls_checks_the_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, certificate = self_signed(tmp_path)
    smtp._context.cache_clear()
    async with ScriptedSmtp(STARTTLS, tls=context) as server:
        with pytest.raises(ConnectFailed) as failed:
            await connect(server, tls="required")
        assert failed.value.result.smtp_phase == "starttls" and "certificate" in str(failed.value).lower()

        unverified = await connect(server, tls="required", verify=False)
        await unverified.close()

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        smtp._context.cache_clear()
        verified = await connect(server, tls="required")
        outcome = await verified.deliver(mail(), may_finish=lambda: True)
        await verified.close()
    smtp._context.cache_clear()
    assert outcome.result.tls_verified is True


async def test_implicit_tls(tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    async with ScriptedSmtp(tls=context, smtps=True) as server:
        with pytest.raises(ConnectFailed) as failed:
            await connect(server, tls="implicit")
        assert failed.value.result.smtp_phase == "connect" and "certificate" in str(failed.value).lower()

        connection = await connect(server, tls="implicit", verify=False)
        outcome = await connection.deliver(mail(), may_finish=lambda: True)
        await connection.close()
    assert outcome.kind == "delivered" and outcome.result.tls_version == "TLSv1.3"


async def test_required_tls_is_not_given_up() -> None:
    failed = await failure({}, tls="required")
    assert failed.result.smtp_phase == "starttls" and "not offered" in str(failed)


async def test_opportunistic_tls_goes_on_in_the_clear_when_it_fails() -> None:
    async with ScriptedSmtp(STARTTLS | {"STARTTLS": "454 4.7.0 not now"}) as server:
        connection = await connect(server, tls="opportunistic")
        outcome = await connection.deliver(mail(), may_finish=lambda: True)
        await connection.close()
    assert outcome.kind == "delivered" and outcome.result.tls_version is None and len(server.sessions) == 2


async def test_credentials_do_not_go_over_a_clear_connection_by_accident() -> None:
    failed = await failure({"EHLO": "250-mx\r\n250 AUTH PLAIN"}, tls="opportunistic", username="u", password="p")
    assert failed.result.smtp_phase == "auth" and "unencrypted" in str(failed)


async def test_wrong_credentials() -> None:
    failed = await failure(
        {"EHLO": "250-mx\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 no"}, username="user", password="hunter2"
    )
    assert (failed.result.smtp_phase, failed.result.smtp_reply_code) == ("auth", 535)
    assert failed.result.enhanced_status_code == "5.7.8" and "hunter2" not in repr(failed)
