"""Templates: the log first, the row after; immutable versions."""

import pytest

from services.api.domain.errors import ApiError
from services.api.domain.templates import TemplateRequest
from shared.topics import TEMPLATES
from tests.unit.api.stage import Stage, origin

pytestmark = pytest.mark.asyncio
WELCOME = TemplateRequest(subject="Hello {{ name }}", html="<p>{{ greeting }}, {{ name }}</p>")


async def test_a_first_version() -> None:
    stage = Stage()
    view = await stage.templates.publish("welcome", WELCOME, origin=origin())
    assert (view.version, view.published, view.required) == (1, 1, ("greeting", "name"))
    (key, version), (pointer_key, pointer) = stage.log.values(TEMPLATES.name)
    assert (key, pointer_key) == ("default/welcome/1", "default/welcome")
    assert version["subject"] == WELCOME.subject and pointer["version"] == 1
    assert [row.version for row in stage.rows.rows] == [1]


async def test_the_next_number_is_above_both_log_and_rows() -> None:
    stage = Stage()
    assert (await stage.templates.publish("invoice", WELCOME, origin=origin())).version == 3
    stage.rows.highest = 7
    assert (await stage.templates.publish("invoice", WELCOME, origin=origin())).version == 8


async def test_the_same_content_is_no_new_version() -> None:
    stage = Stage()
    await stage.templates.publish("welcome", WELCOME, origin=origin())
    stage.copy.versions.append(stage.rows.rows[0])
    written = len(stage.log.records)
    view = await stage.templates.publish("welcome", WELCOME, origin=origin())
    assert view.version == 1 and len(stage.log.records) == written


async def test_when_kafka_fails_there_is_no_row() -> None:
    stage = Stage()
    stage.log.fail_after = 1
    with pytest.raises(ApiError, match="kafka_unavailable"):
        await stage.templates.publish("welcome", WELCOME, origin=origin())
    assert stage.rows.rows == []


@pytest.mark.parametrize(
    ("name", "request_", "code", "field"),
    [
        ("a/b", WELCOME, "invalid_characters", "name"),
        ("w", TemplateRequest(subject="s"), "content_missing", "html"),
        ("w", TemplateRequest(subject="s\n", text="t"), "invalid_characters", "subject"),
        ("w", TemplateRequest(subject="s", text="\x00"), "invalid_characters", "text"),
        ("w", TemplateRequest(subject="s" * 999, text="t"), "too_long", "subject"),
        ("w", TemplateRequest(subject="s", html="x" * 800_001), "body_too_large", None),
        ("w", TemplateRequest(subject="{{ oops", text="t"), "invalid_template", "subject"),
        ("w", TemplateRequest(subject="s", html="{% for x in y %}"), "invalid_template", "html"),
        ("w", TemplateRequest(subject="s", text="{% include 'x' %}"), "invalid_template", "text"),
        ("w", TemplateRequest(subject="s", text="{{ x | nonsense }}"), "invalid_template", "text"),
    ],
)
async def test_what_is_no_template(name: str, request_: TemplateRequest, code: str, field: str | None) -> None:
    stage = Stage()
    with pytest.raises(ApiError) as caught:
        await stage.templates.publish(name, request_, origin=origin())
    assert (caught.value.code, caught.value.field) == (code, field)
    assert stage.log.records == []


async def test_show_the_published_or_another_version_of_the_tenants_own() -> None:
    stage = Stage()
    view = await stage.templates.show("invoice", version=None, origin=origin())
    assert (view.version, view.published) == (2, 2)
    for name, version, tenant in (("invoice", 1, "default"), ("invoice", None, "other"), ("nothing", None, "default")):
        with pytest.raises(ApiError, match="not_found"):
            await stage.templates.show(name, version=version, origin=origin(tenant))
