"""On the event loop that the delivery runs on, once more: what depends on its transports and sockets."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from services.sender.adapters.templates import Renderer, RenderingFailed
from shared.records import TemplateVersion
from tests.fakes.scripted_smtp import DROP
from tests.integration.sender import test_smtp as on_asyncio

pytestmark = pytest.mark.integration
Case = Callable[[], Awaitable[None]]


def run(case: Awaitable[None]) -> None:
    async def whole() -> None:
        await case

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())


@pytest.mark.parametrize(
    "case",
    [
        on_asyncio.test_delivered_with_all_facts,
        on_asyncio.test_a_big_message_arrives_whole,
        on_asyncio.test_a_server_that_stops_reading_is_left_in_time,
        on_asyncio.test_cut_when_it_may_not_finish,
        on_asyncio.test_may_finish_is_asked_before_the_dot_is_written,
        on_asyncio.test_several_mails_on_one_connection_with_a_reset_after_a_refusal,
        on_asyncio.test_nobody_listens,
    ],
)
def test_plain(case: Case) -> None:
    run(case())


@pytest.mark.parametrize("case", [on_asyncio.test_starttls_and_auth, on_asyncio.test_a_big_message_over_tls])
def test_tls(case: Callable[[Path], Awaitable[None]], tmp_path: Path) -> None:
    run(case(tmp_path))


@pytest.mark.parametrize("kind", ["deferred", "in_doubt"])
def test_a_lost_connection_before_and_after_the_dot(kind: str) -> None:
    async def case() -> None:
        step = "dot" if kind == "in_doubt" else "body"
        big = on_asyncio.MESSAGE + b"0123456789abcdef\r\n" * 500_000
        outcome, _ = await on_asyncio.attempt({step: DROP}, on_asyncio.mail(big))
        assert (outcome.kind, outcome.connection_lost) == (kind, True)

    run(case())


def test_rendering() -> None:
    """Started on one thread's loop, or on none, and used on another's."""
    renderer = Renderer(time_limit=0.5)
    renderer.start()
    template = TemplateVersion(tenant="t", name="n", version=1, subject="s", html="{{ x }}" * 1000)
    endless = TemplateVersion(
        tenant="t", name="n", version=2, subject="s", html="{% for a in x %}" * 9 + "{% endfor %}" * 9
    )

    async def case() -> None:
        for number in range(10):
            assert (await renderer.render(template, {"x": str(number)})).html == str(number) * 1000
        with pytest.raises(RenderingFailed):
            await renderer.render(endless, {"x": list(range(1000))})
        assert (await renderer.render(template, {"x": "a" * 1000})).html == "a" * 1_000_000

    try:
        run(case())
    finally:
        renderer.close()
