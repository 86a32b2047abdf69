"""Users' templates as they are accepted: what they require, what is wrong with them, what they may not do."""

import time

import pytest
from jinja2.exceptions import SecurityError, UndefinedError

from shared.templating import environment, required_variables, syntax_error


def render(source: str, *, html: bool = True, **variables: object) -> str:
    return environment(html=html).from_string(source).render(variables)


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["Hello {{ name }}"], ("name",)),
        (["{{ b }}", None, "{{ a.x[b] }}"], ("a", "b")),
        (["{% for item in items %}{{ item.price }}{{ loop.index }}{% endfor %}"], ("items",)),
        (["{% set x = 1 %}{{ x }}"], ()),
        (["{{ name|default('you') }} {{ other|d('') }}"], ()),
        (["{% if name is defined %}{{ name }}{% endif %}"], ()),
        (["{% if name is undefined %}x{% endif %}", "{{ name }}"], ()),
        (["{{ unsubscribe_url }} {{ range(3) }} {{ dict(a=1) }}"], ()),
        (["{{ first ~ (second|default('')) }}"], ("first",)),
        ([None, None], ()),
    ],
)
def test_required_variables(sources: list[str | None], names: tuple[str, ...]) -> None:
    assert required_variables(sources) == names


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{{ name }}", None),
        ("line one\n{{ name", "line 2: unexpected end of template, expected 'end of print statement'."),
        ("{% if x %}", "line 1: Unexpected end of template."),
        ("{{ x|nosuch }}", "line 1: No filter named 'nosuch'."),
        ("{{ x|random }}", "line 1: No filter named 'random'."),
        ("{% if x is nosuch %}{% endif %}", "line 1: No test named 'nosuch'."),
        ("\n{% include 'x' %}", "line 2: a template cannot load another one"),
        ("{% extends 'x' %}", "line 1: a template cannot load another one"),
        ("{% import 'x' as y %}", "line 1: a template cannot load another one"),
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", "it is nested too deeply"),
    ],
)
def test_syntax_errors(source: str, problem: str | None) -> None:
    found = syntax_error(source)
    assert found == problem if problem is None else (found or "").startswith(problem)


@pytest.mark.parametrize("source", ["{{ 'a'|center(3000000000) }}", "{{ 'a' * 3000000000 }}", "{{ 9**9**9**9 }}"])
def test_nothing_is_evaluated_when_a_template_is_accepted(source: str) -> None:
    started = time.process_time()
    assert syntax_error(source) is None
    assert required_variables([source]) == ()
    assert time.process_time() - started < 1


def test_html_is_escaped_and_text_is_not() -> None:
    assert render("{{ x }}", x="<b>") == "&lt;b&gt;"
    assert render("{{ x }}", html=False, x="<b>") == "<b>"


@pytest.mark.parametrize(
    ("source", "name"), [("{{ name }}", "name"), ("{% if name %}{% endif %}", "name"), ("{{ a.b }}", ".b")]
)
def test_a_missing_variable_is_an_error_with_its_name(source: str, name: str) -> None:
    with pytest.raises(UndefinedError) as error:
        render(source, a={})
    assert error.value.message == name


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 100001 }}",
        "{{ 100001 * 'a' }}",
        "{{ [1] * 100001 }}",
        "{{ x * 10**9 }}",
        "{{ 10 ** 5000 }}",
        "{{ '%99999999d' % 1 }}",
        "{{ range(10001) }}",
        "{{ (10 ** 1000) * (10 ** 1000) }}",
        "{{ x.__class__.__mro__ }}",
        "{{ x.format.__globals__ }}",
        "{{ items.append(1) }}",
    ],
)
def test_what_a_template_may_not_do(source: str) -> None:
    with pytest.raises((SecurityError, UndefinedError)):
        render(source, x="aa", items=[])


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{{ 3 * 4 }} {{ 2 ** 10 }} {{ 7 % 3 }} {{ 2.5 * 2 }}", "12 1024 1 5.0"),
        ("{{ '-' * 5 }}{{ '%05.2f'|format(3.14159) }}", "-----03.14"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{{ cycler('a', 'b').next() }}", "a"),
    ],
)
def test_what_it_may(source: str, result: str) -> None:
    assert render(source) == result
