"""Rendering on the event loop that the delivery runs on."""

import asyncio

import pytest
import uvloop

from shared.records import TemplateVersion
from shared.rendering.renderer import Renderer, RenderingFailed

pytestmark = pytest.mark.integration


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
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(case())
    finally:
        renderer.close()
