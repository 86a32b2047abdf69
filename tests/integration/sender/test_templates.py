"""Rendering in a child process: what templates may do, and that nothing they do hangs the sender."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from shared.records import TemplateVersion
from shared.rendering.renderer import Rendered, Renderer, RendererDown, RenderingFailed

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]
VERSIONS = count(1)


@pytest_asyncio.fixture
async def renderer() -> AsyncIterator[Renderer]:
    found = Renderer(time_limit=1.0, memory_mb=256)
    found.start()
    yield found
    found.close()


@pytest_asyncio.fixture
async def patient() -> AsyncIterator[Renderer]:
    """For what must not end for want of time, whatever else the machine does."""
    found = Renderer(time_limit=20.0, memory_mb=256)
    found.start()
    yield found
    found.close()


def version(html: str | None = None, *, subject: str = "s", text: str | None = None) -> TemplateVersion:
    return TemplateVersion(tenant="t", name="n", version=next(VERSIONS), subject=subject, html=html, text=text)


async def failure(renderer: Renderer, template: TemplateVersion, **variables: Any) -> str:
    with pytest.raises(RenderingFailed) as failed:
        await renderer.render(template, variables)
    return str(failed.value)


async def test_parts(renderer: Renderer) -> None:
    template = version("<p>{{ name }}: {{ 2 * 3 }}</p>", subject="Hi {{ name }}", text="Dear {{ name }}")
    assert await renderer.render(template, {"name": "José <b>"}) == Rendered(
        subject="Hi José <b>", html="<p>José &lt;b&gt;: 6</p>", text="Dear José <b>"
    )
    assert await renderer.render(version(text="x"), {}) == Rendered(subject="s", html=None, text="x")


async def test_a_subject_is_one_line(renderer: Renderer) -> None:
    template = version(text="x", subject=" Hi\n{{ name }}\x00 ")
    assert (await renderer.render(template, {"name": "a\r\nBcc: b\u2028c"})).subject == "Hi a Bcc: b c"


@pytest.mark.parametrize("scheme", ["javascript:", "JaVaScRiPt:", " java\tscript:", "vbscript:", "data:text/html,"])
async def test_no_variable_runs_code_in_a_link(renderer: Renderer, scheme: str) -> None:
    template = version('<a href="{{ url }}">x</a><img src="{{ url }}"><form action="{{ url }}"></form>')
    html = (await renderer.render(template, {"url": f"{scheme}alert(1)"})).html
    assert html == '<a href="#">x</a><img src="#"><form action="#"></form>'


@pytest.mark.parametrize(
    "url", ["https://a.test/?a=1&b=2", "mailto:a@b.test", "tel:+1", "cid:logo", "/x", "#top", "myapp://x"]
)
async def test_links_are_left_alone(renderer: Renderer, url: str) -> None:
    html = (await renderer.render(version('<a href="{{ url }}">x</a>'), {"url": url})).html
    assert html == f'<a href="{url.replace("&", "&amp;")}">x</a>'


async def test_an_embedded_image_is_left_alone(renderer: Renderer) -> None:
    html = '<img src="data:image/png;base64,AAAA">'
    assert (await renderer.render(version(html), {})).html == html


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ customer }}", "html: the variable customer is missing"),
        ("{{ given.first }}", "html: the variable .first is missing"),
        ("{{ given[secret] }}", "html: a variable that another one names is missing"),
        ("a\n{{ secret|int / 0 }}", "html: ZeroDivisionError in line 2"),
        ("{{ secret.nosuch() }}", "html: the variable .nosuch is missing"),
        ("{{ secret() }}", "html: TypeError in line 1"),
        ("{{ ''.__class__ }}", "html: it does what a template must not do"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "html: it does what a template must not do"),
        ("{{ ('{0.__class__.__mro__}').format(secret) }}", "html: it does what a template must not do"),
        ("{{ 'a' * 200000000 }}", "html: a repetition has at most"),
        ("{{ 9 ** 999999 }}", "html: a number has at most"),
        ("{% for i in range(10001) %}{% endfor %}", "html: a range has at most"),
        ("{% for i in range(9999) %}{{ 'a' * 999 }}{% endfor %}", "html: it renders to more than 1048576 bytes"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "it is nested too deeply"),
        ("{% include '/etc/passwd' %}", "html: TypeError in line 1"),
        ("{{ name", "line 1: "),
        ("{{ 'a'|center(300000000) }}", "it needs more than 256 MiB of memory"),
        ("{{ '%300000000d'|format(1) }}", "it needs more than 256 MiB of memory"),
        ("{% set a = 'a' * 99999 %}" + "{% set a = a ~ a %}" * 20 + "{{ a }}", "it needs more than 256 MiB of memory"),
        ("{% for a in [1] %}" * 50 + "{% endfor %}" * 50, "it is nested too deeply"),
    ],
)
async def test_what_fails_says_why_and_gives_nothing_away(patient: Renderer, source: str, words: str) -> None:
    said = await failure(patient, version(source), given={}, secret="Geheim")
    assert said.startswith(words) and "Geheim" not in said
    assert (await patient.render(version("{{ x }}"), {"x": 1})).html == "1"  # and the next one is rendered


LOOP = (
    "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}"
)


async def test_a_loop_is_ended_in_time(renderer: Renderer) -> None:
    await renderer.render(version("x"), {})  # it is up
    started = time.monotonic()
    assert await failure(renderer, version(LOOP)) == "it takes longer than 1 s"
    assert time.monotonic() - started < 1.5
    assert (await renderer.render(version("ok"), {})).html == "ok"


async def test_the_event_loop_goes_on_meanwhile(renderer: Renderer) -> None:
    await renderer.render(version("x"), {})
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.02)
            beats += 1

    beating = asyncio.create_task(beat())
    await failure(renderer, version(LOOP))
    beating.cancel()
    assert beats > 20


async def test_many_at_once_get_each_their_own() -> None:
    renderer = Renderer(workers=2)
    renderer.start()
    template = version("{{ x }}")
    try:
        found = await asyncio.gather(*(renderer.render(template, {"x": number}) for number in range(200)))
    finally:
        renderer.close()
    assert [each.html for each in found] == [str(number) for number in range(200)]


async def test_one_that_gives_up_waiting_does_not_get_the_next_ones_answer(renderer: Renderer) -> None:
    await renderer.render(version("x"), {})
    waiting = asyncio.create_task(renderer.render(version(LOOP), {}))
    while not renderer._free.empty():
        await asyncio.sleep(0)
    waiting.cancel()
    assert (await renderer.render(version("mine"), {})).html == "mine"


async def test_a_child_that_is_killed_is_replaced(renderer: Renderer) -> None:
    await renderer.render(version("x"), {})
    (child,) = renderer._all
    os.kill(child._process.pid, 9)
    assert (await renderer.render(version("again"), {})).html == "again"


async def test_a_child_that_does_not_come_up_is_nobodys_fault(renderer: Renderer) -> None:
    (child,) = renderer._all
    os.kill(child._process.pid, 9)
    with pytest.raises(RendererDown):
        await renderer.render(version("x"), {})
    assert (await renderer.render(version("x"), {})).html == "x"


async def test_a_template_whose_child_is_killed_again_and_again_fails(renderer: Renderer) -> None:
    async def kill() -> None:
        while True:
            for child in renderer._all:
                if child._ready:
                    os.kill(child._process.pid, 9)
            await asyncio.sleep(0.05)

    killing = asyncio.create_task(kill())
    assert await failure(renderer, version(LOOP)) == "its rendering process was killed twice"
    killing.cancel()


async def test_the_child_has_none_of_our_secrets(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_TOKEN_KEYS", "1:00")
    renderer = Renderer()
    renderer.start()
    try:
        await renderer.render(version("x"), {})
        (child,) = renderer._all
        with open(f"/proc/{child._process.pid}/environ", "rb") as environ:
            assert b"POSTLOG" not in environ.read()
    finally:
        renderer.close()


@pytest.mark.parametrize("value", [object(), {1: object()}, 2**70, "\ud800"])
async def test_variables_that_are_no_json(renderer: Renderer, value: Any) -> None:
    assert await failure(renderer, version("{{ x }}"), x=value) == "a variable cannot be given to a template"


async def test_closed_means_no_process_is_left() -> None:
    renderer = Renderer(workers=2)
    renderer.start()
    processes = [child._process for child in renderer._all]
    renderer.close()
    assert all(process.returncode is not None for process in processes)
