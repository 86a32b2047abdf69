"""How sessions begin: addresses, TLS and its certificates, ways to log in."""

import asyncio
import base64
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from services.sender.adapters import smtp
from services.sender.adapters.smtp import ConnectFailed, Connector, Route, Timeouts
from tests.fakes.scripted_smtp import ScriptedSmtp
from tests.fakes.stuck_smtp import StuckSmtp
from tests.integration.sender.certificates import self_signed
from tests.integration.sender.test_smtp import QUICK, STARTTLS, connect, failure, mail, route

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def test_another_address_than_the_host_s_and_a_source_of_our_own() -> None:
    async with ScriptedSmtp() as server:
        connection = await connect(server, host="mx.example.test", address="127.0.0.1", source="127.0.0.2")
        result = (await connection.deliver(mail(), may_finish=lambda: True)).result
        await connection.close()
    assert (result.mx_host, result.mx_ip, result.source_ip) == ("mx.example.test", "127.0.0.1", "127.0.0.2")


async def test_a_source_that_is_not_ours() -> None:
    failed = await failure({}, source="192.0.2.1")
    assert failed.result.smtp_phase == "connect" and str(failed)


@pytest.mark.parametrize("tls", ["required", "implicit"])
async def test_the_certificate_is_the_host_s_whatever_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: str
) -> None:
    context, certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    smtp._context.cache_clear()
    names: list[str] = []
    context.sni_callback = lambda channel, name, _: names.append(name)
    async with ScriptedSmtp(STARTTLS, tls=context, smtps=tls == "implicit") as server:
        good = await connect(server, tls=tls, host="mx.example.test", address="127.0.0.1")
        outcome = await good.deliver(mail(), may_finish=lambda: True)
        await good.close()
        with pytest.raises(ConnectFailed, match=r"other\.example\.test"):
            await connect(server, tls=tls, host="other.example.test", address="127.0.0.1")
    smtp._context.cache_clear()
    assert outcome.result.tls_verified is True and names == ["mx.example.test", "other.example.test"]


@pytest.mark.parametrize("tls", ["opportunistic", "required", "implicit"])
async def test_certificates_can_be_looked_at_from_outside(tmp_path: Path, tls: str) -> None:
    context, certificate = self_signed(tmp_path)
    own = x509.load_pem_x509_certificate(certificate.read_bytes())
    seen: list[tuple[bytes, ...]] = []

    def proven(_: Route, certificates: tuple[bytes, ...]) -> bool:
        seen.append(certificates)
        return True

    async with ScriptedSmtp(STARTTLS, tls=context, smtps=tls == "implicit") as server:
        there = route(server, tls=tls, verify=False)
        connection = await Connector(QUICK, verify_peer=proven).connect(there)
        outcome = await connection.deliver(mail(), may_finish=lambda: True)
        await connection.close()
    assert [[x509.load_der_x509_certificate(der) for der in chain] for chain in seen] == [[own]]
    assert outcome.kind == "delivered" and outcome.result.tls_verified is True


async def test_certificates_can_be_refused_from_outside(tmp_path: Path) -> None:
    def refuse(_: Route, certificates: tuple[bytes, ...]) -> bool:
        raise ValueError("no TLSA record matches")

    context, _ = self_signed(tmp_path)
    async with ScriptedSmtp(STARTTLS, tls=context) as server:
        with pytest.raises(ConnectFailed, match="TLSA") as failed:
            await Connector(QUICK, verify_peer=refuse).connect(route(server, tls="required", verify=False))
    assert failed.value.result.smtp_phase == "starttls"
    assert [line.split(" ")[0] for line in server.sessions[0].commands] == ["EHLO", "STARTTLS"]


async def test_what_is_said_in_the_clear_after_starttls_does_not_count() -> None:
    failed = await failure(STARTTLS | {"STARTTLS": "220 go\r\n250 injected"}, tls="required")
    assert failed.result.smtp_phase == "starttls" and "in the clear" in str(failed)


async def test_implicit_tls_with_a_server_that_speaks_in_the_clear() -> None:
    failed = await failure({}, tls="implicit", verify=False)
    assert failed.result.smtp_phase == "connect" and failed.result.smtp_reply_code is None


async def test_a_handshake_that_does_not_end() -> None:
    class Mute(ScriptedSmtp):
        async def _reply(self, step: str, writer: asyncio.StreamWriter) -> str:
            answer = await super()._reply(step, writer)
            return answer if step != "STARTTLS" else await asyncio.Future()

    async with Mute(STARTTLS) as server:
        with pytest.raises(ConnectFailed, match="handshake") as failed:
            await connect(server, tls="required")
    assert failed.value.result.smtp_phase == "starttls"


async def test_a_server_that_knows_no_safe_version_of_tls(tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with ScriptedSmtp(STARTTLS, tls=context) as server:
        with pytest.raises(ConnectFailed) as failed:
            await connect(server, tls="required", verify=False)
        assert failed.value.result.smtp_phase == "starttls"
        clear = await connect(server, tls="opportunistic")
        outcome = await clear.deliver(mail(), may_finish=lambda: True)
        await clear.close()
    assert outcome.kind == "delivered" and outcome.result.tls_version is None


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAIN = "AUTH PLAIN " + b64("\0tim\0tanstaaftanstaaf")
CHALLENGE = "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"  # the example of RFC 2195
RESPONSE = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"


@pytest.mark.parametrize(
    ("offered", "script", "heard"),
    [
        ("AUTH PLAIN LOGIN", {}, [PLAIN]),
        ("AUTH=PLAIN", {}, [PLAIN]),
        (
            "AUTH XOAUTH2 LOGIN",
            {"AUTH": "334 UGFzc3dvcmQ6", b64("tanstaaftanstaaf").upper(): "235 ok"},
            [f"AUTH LOGIN {b64('tim')}", b64("tanstaaftanstaaf")],
        ),
        ("AUTH PLAIN CRAM-MD5", {"AUTH": CHALLENGE, RESPONSE.upper(): "235 ok"}, ["AUTH CRAM-MD5", RESPONSE]),
        (
            "auth cram-md5 plain",
            {"AUTH": ["504 5.5.4 not that one", "235 ok"]},
            ["AUTH CRAM-MD5", PLAIN],
        ),
    ],
)
async def test_ways_to_log_in(offered: str, script: dict[str, Any], heard: list[str]) -> None:
    async with ScriptedSmtp({"EHLO": f"250-mx\r\n250 {offered}", **script}) as server:
        connection = await connect(server, username="tim", password="tanstaaftanstaaf")
        await connection.close()
        assert server.sessions[0].commands == ["EHLO mail.acme.test", *heard, "QUIT"]


@pytest.mark.parametrize("offered", ["SIZE", "AUTH GSSAPI"])
async def test_no_way_to_log_in(offered: str) -> None:
    failed = await failure({"EHLO": f"250-mx\r\n250 {offered}"}, username="u", password="p")
    assert failed.result.smtp_phase == "auth" and "log in" in str(failed)


async def test_wrong_credentials_are_not_tried_again_in_another_way() -> None:
    async with ScriptedSmtp({"EHLO": "250-mx\r\n250 AUTH PLAIN LOGIN", "AUTH": "535 5.7.8 no"}) as server:
        with pytest.raises(ConnectFailed):
            await connect(server, username="u", password="p")
        assert len(server.sessions[0].commands) == 2


async def test_a_challenge_that_is_none() -> None:
    failed = await failure({"EHLO": "250-mx\r\n250 AUTH CRAM-MD5", "AUTH": "334 é"}, username="u", password="p")
    assert failed.result.smtp_phase == "auth"


async def test_over_tls_too_the_dot_waits_until_all_the_rest_has_left(tmp_path: Path) -> None:
    """Beneath the TLS layer is a buffer of which that layer does not tell."""
    context, _ = self_signed(tmp_path)
    asked = asyncio.Event()

    def may_finish() -> bool:
        asked.set()
        return True

    with StuckSmtp(context) as server:
        there = Route(host="127.0.0.1", port=server.port, tls="required", verify=False, helo="mail.acme.test")
        connection = await Connector(Timeouts()).connect(there)
        connection._session.info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        big = (b"x" * 62 + b"\r\n") * 4000  # less than a block
        sending = asyncio.create_task(connection.deliver(mail(big), may_finish=may_finish))
        async with asyncio.timeout(5):
            while not connection._session.unsent:
                await asyncio.sleep(0.001)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asked.wait(), 0.1)
        server.go_on.set()
        assert (await sending).kind == "delivered" and asked.is_set()
        assert server.message == big + b".\r\n"
        connection._session.cut()
