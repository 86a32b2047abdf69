"""The templates that Postlog ships with: complete, quick to fill in, nothing for a mail program to break."""

import re
from typing import Any

import msgspec
import pytest

from cli.template_files import BUILT_IN, built_in
from services.api.domain.previews import CLIPPED
from services.api.domain.templates import TemplateRequest, analyse, check
from shared.acceptance.schemas import check_variables
from shared.rendering.child import Templates, answer
from shared.rendering.frames import Answer, Request
from tests.unit.cli.builtin_variables import VARIABLES


def request(name: str) -> TemplateRequest:
    return msgspec.convert(built_in(name), TemplateRequest)


def made(name: str, variables: dict[str, Any]) -> Answer:
    content = request(name)
    given = variables | {"unsubscribe_url": "https://t.example/u/x"}
    parts: dict[str, Any] = {"subject": content.subject, "html": content.html, "text": content.text}
    return answer(Templates(), Request(tenant="t", name=name, version=1, variables=given, cpu_seconds=5, **parts))


def test_these_are_shipped() -> None:
    assert set(BUILT_IN) == set(VARIABLES) == {"invoice", "receipt", "password-reset", "newsletter"}


@pytest.mark.parametrize("name", BUILT_IN)
def test_they_are_accepted_and_their_schema_names_what_they_require(name: str) -> None:
    content = request(name)
    check(name, content)
    assert content.variables_schema is not None
    assert sorted(content.variables_schema["required"]) == list(analyse(content))
    check_variables(content.variables_schema, VARIABLES[name])


@pytest.mark.parametrize("name", BUILT_IN)
def test_they_are_rendered_with_all_variables_and_with_those_required(name: str) -> None:
    for variables in (VARIABLES[name], {each: VARIABLES[name][each] for each in analyse(request(name))}):
        found = made(name, variables)
        assert found.failure is None and found.html is not None and found.text is not None
        assert len(found.html.encode()) < CLIPPED / 4
        for part in (found.subject, found.html, found.text):
            assert "{{" not in part and "{%" not in part and "None" not in part
        assert variables["company"] in found.html and variables["company"] in found.text
        assert not re.search(r"<img(?![^>]*\balt=)", found.html)
        assert 'name="viewport"' in found.html and "prefers-color-scheme: dark" in found.html


def test_what_a_customer_is_called_is_escaped() -> None:
    assert "Chair &lt;Nora&gt; &amp; cushion" in (made("invoice", VARIABLES["invoice"]).html or "")


def test_a_newsletter_can_be_left() -> None:
    found = made("newsletter", VARIABLES["newsletter"])
    assert "https://t.example/u/x" in (found.html or "") and "https://t.example/u/x" in (found.text or "")
