"""What the rendering process answers, without the process: see the integration tests for its limits."""

from typing import Any

import pytest

from shared.rendering import frames
from shared.rendering.child import MAX_CACHED, MAX_OUTPUT, Templates, answer
from shared.rendering.frames import LENGTH, Answer, Request


def request(html: str | None = None, *, version: int = 1, **changes: Any) -> Request:
    fixed: dict[str, Any] = {"subject": "s", "text": None, "variables": {}, "cpu_seconds": 1.0}
    return Request(tenant="t", name="n", version=version, html=html, **fixed | changes)


def failure(html: str, **variables: Any) -> str | None:
    return answer(Templates(), request(html, variables=variables)).failure


def test_the_parts_that_there_are() -> None:
    asked = request("<p>{{ x }}</p>", subject="a\r\n{{ x }}", text="{{ x }}", variables={"x": "<&>"})
    assert answer(Templates(), asked) == Answer(subject="a <&>", html="<p>&lt;&amp;&gt;</p>", text="<&>")
    assert answer(Templates(), request(text="t")) == Answer(subject="s", html=None, text="t")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ y }}", "html: the variable y is missing"),
        ("{{ x[x] }}", "html: a variable that another one names is missing"),
        ("\n{{ 1 / 0 }}", "html: ZeroDivisionError in line 2"),
        ("{{ x.__class__ }}", "html: it does what a template must not do"),
        ("{{ 'a' * 10 ** 9 }}", "html: a repetition has at most 100000 characters or items"),
        (
            "{% for a in 'aaaaaaaaaaaa' %}{{ 'a' * 100000 }}{% endfor %}",
            f"html: it renders to more than {MAX_OUTPUT} bytes",
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "it is nested too deeply"),
        ("{{", "line 1: unexpected 'end of template'"),
    ],
)
def test_failures(source: str, said: str) -> None:
    assert failure(source, x="Geheim") == said


def test_a_version_is_compiled_once_and_never_another_ones() -> None:
    templates = Templates()
    assert answer(templates, request("one", version=1)).html == "one"
    assert answer(templates, request("two", version=2)).html == "two"
    assert templates.parts(request("one", version=1)) is templates.parts(request("one", version=1))
    for version in range(3, MAX_CACHED + 5):
        answer(templates, request("x", version=version))
    assert answer(templates, request("one", version=1)).html == "one"
    assert len(templates._parts) == MAX_CACHED


def test_frames() -> None:
    asked = request("h", variables={"a": [1, None, "é"]})
    framed = frames.frame(asked)
    assert frames.request(framed[LENGTH.size :]) == asked
    assert LENGTH.unpack(framed[: LENGTH.size]) == (len(framed) - LENGTH.size,)
