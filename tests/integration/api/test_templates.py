"""The life of a template: draft, versions, rollback, deletion; lost updates; with several API processes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.commands import SendEmail
from shared.records import PublishedTemplate, decode_template
from shared.topics import TEMPLATES
from tests.integration.api.stage import EMAIL, Stage
from tests.logs import read

pytestmark = pytest.mark.integration
ONE = {"subject": "One", "text": "{{ name }}"}
TWO = {"subject": "Two", "text": "{{ name }}"}
ASKED = {"from": EMAIL["from"], "to": "ada@example.org", "template": "hello", "variables": {"name": "Ada"}}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def pointers(stage: Stage) -> list[tuple[int, bool]]:
    records = [decode_template(message.value() or b"") for message in read(stage.settings, TEMPLATES.name)]
    return [(one.version, one.deleted) for one in records if isinstance(one, PublishedTemplate)]


def test_a_draft_is_written_compared_and_published(stage: Stage, client: TestClient) -> None:
    assert code(client.get("/v1/templates/hello/draft")) == (404, "not_found")
    written = client.put("/v1/templates/hello/draft", json=ONE)
    assert (written.status_code, written.json()["published"], written.json()["content"]) == (200, None, ONE)
    assert client.get("/v1/templates/hello/draft").headers["etag"] == written.headers["etag"]
    assert code(client.post("/v1/emails", json=ASKED)) == (422, "unknown_template")  # nobody is sent a draft
    assert pointers(stage) == []
    published = client.post("/v1/templates/hello/publish")
    assert (published.status_code, published.json()["version"], published.headers["etag"]) == (200, 1, '"1"')
    assert client.post("/v1/emails", json=ASKED).status_code == 202
    assert code(client.post("/v1/templates/hello/publish")) == (404, "not_found")  # the draft is gone
    client.put("/v1/templates/hello/draft", json=TWO)
    assert client.get("/v1/templates/hello/diff").json() == {
        "name": "hello",
        "from": "published",
        "to": "draft",
        "parts": {"subject": "--- subject (published)\n+++ subject (draft)\n@@ -1 +1 @@\n-One\n+Two\n"},
    }
    assert client.post("/v1/templates/hello/publish").json()["version"] == 2
    assert list(client.get("/v1/templates/hello/diff?from=1&to=2").json()["parts"]) == ["subject"]
    assert code(client.get("/v1/templates/hello/diff?from=1&to=3")) == (404, "not_found")
    assert code(client.get("/v1/templates/hello/diff?from=0&to=1")) == (400, "invalid_parameter")


def test_a_draft_that_is_no_template_is_kept_but_not_published(stage: Stage, client: TestClient) -> None:
    assert client.put("/v1/templates/hello/draft", json={"subject": "{{ oops", "text": "t"}).status_code == 200
    assert code(client.post("/v1/templates/hello/publish")) == (422, "invalid_template")
    assert client.get("/v1/templates/hello/draft").status_code == 200 and pointers(stage) == []


def test_a_draft_is_thrown_away(client: TestClient) -> None:
    assert code(client.delete("/v1/templates/hello/draft")) == (404, "not_found")
    tag = client.put("/v1/templates/hello/draft", json=ONE).headers["etag"]
    assert code(client.delete("/v1/templates/hello/draft", headers={"If-Match": '"x"'})) == (412, "precondition_failed")
    assert client.delete("/v1/templates/hello/draft", headers={"If-Match": tag}).status_code == 204
    assert client.get("/v1/templates/hello/draft").status_code == 404


def test_rollback_points_to_an_earlier_version(stage: Stage, client: TestClient) -> None:
    for content in (ONE, TWO):
        client.put("/v1/templates/hello", json=content)
    back = client.post("/v1/templates/hello/publish", json={"version": 1}, headers={"If-Match": '"2"'})
    assert (back.json()["version"], back.json()["published"], back.headers["etag"]) == (1, 1, '"1"')
    assert client.get("/v1/templates/hello").json()["subject"] == "One"
    client.post("/v1/templates/hello/publish", json={"version": 1})
    assert pointers(stage) == [(1, False), (2, False), (1, False)]  # the same again writes nothing
    history = client.get("/v1/templates/hello/versions").json()["versions"]
    assert [(one["version"], one["published"]) for one in history] == [(2, False), (1, True)]
    assert code(client.post("/v1/templates/hello/publish", json={"version": 9})) == (404, "not_found")
    assert client.put("/v1/templates/hello", json=TWO).json()["version"] == 3


def test_deleting_refuses_new_mail_and_keeps_what_was_accepted(stage: Stage, client: TestClient) -> None:
    client.put("/v1/templates/hello", json=ONE)
    assert code(client.delete("/v1/templates/hello", headers={"If-Match": '"7"'})) == (412, "precondition_failed")
    assert client.delete("/v1/templates/hello").status_code == 204
    assert code(client.delete("/v1/templates/hello")) == (404, "not_found")
    with stage.client() as another:
        for each in (client, another):
            assert code(each.post("/v1/emails", json=ASKED)) == (422, "unknown_template")
            assert code(each.post("/v1/emails", json=ASKED | {"template_version": 1})) == (422, "unknown_template")
            for path in ("hello", "hello?version=1", "hello/versions"):
                assert code(each.get(f"/v1/templates/{path}")) == (404, "not_found")
            assert each.get("/v1/templates").json()["templates"] == []
    assert pointers(stage) == [(1, False), (1, True)]  # the sender goes on to make queued mail of version 1
    assert client.post("/v1/templates/hello/publish", json={"version": 1}).status_code == 200
    assert client.post("/v1/emails", json=ASKED).status_code == 202
    client.delete("/v1/templates/hello")
    assert client.put("/v1/templates/hello", json=ONE).json()["version"] == 2  # a number is never used twice


def test_no_update_is_lost_with_two_api_processes(stage: Stage, client: TestClient) -> None:
    first = client.put("/v1/templates/hello", json=ONE, headers={"If-None-Match": "*"})
    draft = client.put("/v1/templates/hello/draft", json=ONE, headers={"If-None-Match": "*"})
    assert code(client.put("/v1/templates/hello", json=TWO, headers={"If-None-Match": "*"})) == (
        412,
        "precondition_failed",
    )

    def write(number: int) -> list[int]:
        each, content = clients[number % 2], {"subject": f"by {number}", "text": "t"}
        put = each.put("/v1/templates/hello", json=content, headers={"If-Match": first.headers["etag"]})
        path, condition = "/v1/templates/hello/draft", {"If-Match": draft.headers["etag"]}
        return [put.status_code, each.put(path, json=content, headers=condition).status_code]

    with stage.client() as another, ThreadPoolExecutor(6) as pool:
        clients = (client, another)
        published, drafted = zip(*pool.map(write, range(6)), strict=True)
    assert sorted(published) == sorted(drafted) == [200, 412, 412, 412, 412, 412]
    assert client.get("/v1/templates/hello").headers["etag"] == '"2"'


def test_templates_are_listed_by_name(stage: Stage, client: TestClient) -> None:
    for name in ("b", "a"):
        client.put(f"/v1/templates/{name}", json=ONE)
    client.put("/v1/templates/c/draft", json=ONE)
    page = client.get("/v1/templates?limit=2").json()
    assert [one["name"] for one in page["templates"]] == ["a", "b"]
    rest = client.get("/v1/templates", params={"cursor": page["next_cursor"]}).json()
    assert rest == {
        "templates": [{"name": "c", "published": None, "newest": 0, "draft": True}],
        "next_cursor": None,
    }
    with stage.client(tenant="other") as other:
        assert other.get("/v1/templates").json()["templates"] == []
        assert other.get("/v1/templates/c/draft").status_code == 404


def test_variables_are_checked_against_the_versions_schema(client: TestClient) -> None:
    schema = {"required": ["name"], "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    shown = client.put("/v1/templates/hello", json=ONE | {"variables_schema": schema})
    assert shown.json()["variables_schema"] == schema
    assert client.post("/v1/emails", json=ASKED).status_code == 202
    refused = client.post("/v1/emails", json=ASKED | {"variables": {"name": "Ada", "age": "old"}})
    assert (code(refused), refused.json()["field"]) == ((422, "invalid_variable"), "variables.age")
    client.put("/v1/templates/hello", json=ONE)  # another version, without one
    assert client.post("/v1/emails", json=ASKED | {"variables": {"name": "Ada", "age": "old"}}).status_code == 202
    assert "variables_schema" in client.get("/v1/templates/hello/diff?from=1&to=2").json()["parts"]
    bad = client.put("/v1/templates/hello", json=ONE | {"variables_schema": {"$ref": "#"}})
    assert (code(bad), bad.json()["field"]) == ((422, "invalid_schema"), "variables_schema")
    one = {"from": EMAIL["from"], "to": "ada@example.org", "template": "hello", "template_version": 1}
    items = [one | {"variables": {"name": name}} for name in ("Ada", 1)]
    batch = client.post("/v1/batches", json={"emails": items}).json()
    assert [each.get("problem", {}).get("code") for each in batch["emails"]] == [None, "invalid_variable"]


PAGE = {
    "subject": "Hello {{ name }}",
    "html": "<p>{{ name }} <a href='{{ link }}'>x</a></p><img src='https://a.test/a.png'><img alt='' src='cid:b'>",
}
SHOWN = {"name": "<Ada>", "link": "javascript:alert(1)"}


def preview(client: TestClient, **body: Any) -> Any:
    return client.post("/v1/templates/hello/preview", json=body)


def test_a_preview_is_what_the_sender_makes(stage: Stage, client: TestClient) -> None:
    assert code(preview(client)) == (404, "not_found")
    client.put("/v1/templates/hello", json=PAGE)
    found = preview(client, variables=SHOWN).json()
    assert (found["subject"], found["size"]) == ("Hello <Ada>", len(found["html"]))
    assert "&lt;Ada&gt;" in found["html"] and "javascript:" not in found["html"]
    assert "<Ada>" in found["text"]
    assert [one["code"] for one in found["warnings"]] == ["image_without_alt"]
    bulk = preview(client, variables=SHOWN | {"name": "x" * 105_000}, stream="broadcast").json()
    assert [one["code"] for one in bulk["warnings"]] == ["clipped", "image_without_alt", "unsubscribe_missing"]
    missing = preview(client, variables={"link": "x"})
    assert (code(missing), missing.json()["field"]) == ((422, "missing_variable"), "variables.name")
    draft = {"subject": "{{ unsubscribe_url }}", "text": "{% for a in range(9999) %}{% for b in range(9999) %}"}
    client.put("/v1/templates/hello/draft", json=draft | {"text": draft["text"] + "{% endfor %}{% endfor %}"})
    slow = preview(client, draft=True)
    assert code(slow) == (422, "rendering_failed") and "takes longer" in slow.json()["detail"]
    for word in ("one", "two"):  # a draft that is written again is never taken for the one before
        client.put("/v1/templates/hello/draft", json={"subject": word, "text": "t"})
        assert preview(client, draft=True).json()["subject"] == word
    assert stage.commands() == []


def test_a_test_is_an_email_with_a_tag(stage: Stage, client: TestClient) -> None:
    client.put("/v1/templates/hello", json=PAGE)
    client.put("/v1/templates/hello/draft", json={"subject": "Draft {{ name }}", "text": "t"})
    asked = {"from": EMAIL["from"], "to": "me@acme.test", "variables": SHOWN}
    for body in (asked, asked | {"draft": True}):
        assert client.post("/v1/templates/hello/test", json=body).status_code == 202
    commands = [one for one in stage.commands() if isinstance(one, SendEmail)]
    draft, version = sorted(commands, key=lambda one: one.template or "")
    assert (version.template, version.template_version, version.tags) == ("hello", 1, ("test",))
    assert version.variables == SHOWN
    assert (draft.template, draft.subject, draft.text, draft.tags) == (None, "Draft <Ada>", "t", ("test",))
    assert code(client.post("/v1/templates/hello/test", json=asked | {"to": "nobody"})) == (422, "invalid_address")


HOSTILE = {
    "{{ 'a' * 10**9 }}": "a repetition has at most",
    "{% set n = namespace(s='a') %}{% for _ in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}": "MiB of memory",
    "{% for _ in range(9999) %}{% for _ in range(9999) %}{% endfor %}{% endfor %}": "takes longer",
    "{% for _ in range(9999) %}{{ 'a' * 1000 }}{% endfor %}": "it renders to more than",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}": "nested too deeply",
    "{{ ''.__class__.__mro__ }}": "must not do",
    "{{ ''['__cla' ~ 'ss__'].__mro__ }}": "must not do",
    "{{ ''|attr('__class__') }}": "must not do",
    "{{ '{0.__class__}'.format(1) }}": "must not do",
}


def test_no_template_harms_the_api(client: TestClient) -> None:
    for source, words in HOSTILE.items():
        client.put("/v1/templates/hello/draft", json={"subject": "s", "text": source})
        answer = preview(client, draft=True)
        assert (code(answer), words in answer.json()["detail"]) == ((422, "rendering_failed"), True), source
    client.put("/v1/templates/hello/draft", json={"subject": "s", "text": "well"})
    assert preview(client, draft=True).json()["text"] == "well"


def test_what_can_be_no_name_names_nothing(client: TestClient) -> None:
    for path in ("%00/draft", "a%20b/draft"):
        assert code(client.get(f"/v1/templates/{path}")) == (404, "not_found")
        assert code(client.delete(f"/v1/templates/{path}")) == (404, "not_found")
        assert code(client.put(f"/v1/templates/{path}", json=ONE)) == (422, "invalid_characters")
    for answer in (
        client.delete("/v1/templates/%00"),
        client.post("/v1/templates/%00/publish"),
        client.post("/v1/templates/%00/publish", json={"version": 1}),
        client.post("/v1/templates/%00/preview", json={"draft": True}),
    ):
        assert code(answer) == (404, "not_found")
