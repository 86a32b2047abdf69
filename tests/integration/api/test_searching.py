"""Searching emails and their events: every filter, their indexes, and pages without gaps."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from services.api.adapters import email_queries
from services.api.domain.filters import EmailFilter
from shared.db import read_models
from tests.integration.api.stage import Stage, email_row
from tests.integration.api.test_queries import fact_row, ids

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 3, 12, 0, 0, 123456, tzinfo=UTC)
PLAIN: dict[str, Any] = {"tags": [], "template": None, "reference": None}


def fill(stage: Stage) -> tuple[UUID, UUID]:
    mine, other = uuid4(), uuid4()
    said = {"template": "invoice", "tags": ["q4", 'it\'s "odd"'], "reference": "invoice/4711"}
    stage.put(
        read_models.emails,
        email_row(mine, queued_at=NOW, updated_at=NOW, **said),
        email_row(other, queued_at=NOW + timedelta(hours=1), updated_at=NOW, **PLAIN),
        email_row(uuid4(), tenant="other", queued_at=NOW, updated_at=NOW, **said),
    )
    return mine, other


def test_every_filter(stage: Stage, client: TestClient) -> None:
    mine, other = fill(stage)
    for name, value in (
        ("template", "invoice"),
        ("tag", "q4"),
        ("tag", 'it\'s "odd"'),
        ("reference", "invoice/4711"),
        ("message_id", f"<{mine}@acme.test>"),
        ("message_id", f"{mine}@acme.test"),
        ("until", "2026-11-03T12:30:00Z"),
        ("until", "2026-11-03T13:30:00+01:00"),
    ):
        assert ids(client.get("/v1/emails", params={name: value})) == [mine], name
    assert ids(client.get("/v1/emails", params={"since": "2026-11-03T12:30:00Z"})) == [other]
    assert ids(client.get("/v1/emails", params={"tag": "q4", "template": "receipt"})) == []
    assert ids(client.get("/v1/emails", params={"tag": "q"})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("tag", "a\x00b"), ("reference", ""), ("message_id", "<x@acme.test>"), ("since", "2026-11-03T12:00:00")],
)
def test_what_cannot_be_searched_for(client: TestClient, name: str, value: str) -> None:
    refused = client.get("/v1/emails", params={name: value})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (400, "invalid_parameter", name)


def test_what_is_rare_is_found_by_its_index(stage: Stage) -> None:
    fill(stage)
    many = [email_row(uuid4(), queued_at=NOW - timedelta(seconds=n), updated_at=NOW, **PLAIN) for n in range(5000)]
    stage.put(read_models.emails, *many)
    rare = {"template": "invoice", "tag": "q4", "reference": "invoice/4711"}
    with stage.engine.begin() as connection:
        connection.execute(text("SET LOCAL search_path TO read_1"))
        connection.execute(text("ANALYZE emails"))
        for name, value in rare.items():
            wanted = EmailFilter(tenant="default", limit=50, **{name: value})  # type: ignore[arg-type]
            assert f"emails_by_{name}" in plan_of(connection, wanted)


def plan_of(connection: Connection, wanted: EmailFilter) -> str:
    statement = email_queries.select_page(wanted).compile(connection, compile_kwargs={"render_postcompile": True})
    asked = connection.exec_driver_sql(f"EXPLAIN {statement}", dict(statement.params))
    return "\n".join(asked.scalars())


def test_an_emails_events_in_pages(stage: Stage, client: TestClient) -> None:
    email_id = uuid4()
    stage.put(read_models.emails, email_row(email_id, updated_at=NOW))
    kinds = ["email.queued", "email.sending", "email.delivered", "email.opened", "email.opened"]
    rows = [fact_row(email_id, kind, at=NOW, offset=n) for n, kind in enumerate(kinds)]
    stage.put(read_models.events, *reversed(rows), fact_row(uuid4(), "email.queued", at=NOW, offset=99))
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        where: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get(f"/v1/emails/{email_id}/events", params=where).json()
        seen += [one["type"] for one in page["events"]]
        cursor = page["next_cursor"]
    assert seen == kinds
    opened = client.get(f"/v1/emails/{email_id}/events", params={"type": "email.opened"}).json()
    assert [one["type"] for one in opened["events"]] == ["email.opened"] * 2 and opened["next_cursor"] is None
    whole = client.get(f"/v1/emails/{email_id}/events").json()["events"]
    assert client.get(f"/v1/emails/{email_id}").json()["timeline"] == whole


def test_events_of_what_is_unknown_or_anothers(stage: Stage, client: TestClient) -> None:
    foreign = uuid4()
    stage.put(read_models.emails, email_row(foreign, tenant="other", updated_at=NOW))
    answers = [client.get(f"/v1/emails/{each}/events") for each in (foreign, uuid4(), "nonsense")]
    assert {one.status_code for one in answers} == {404} and len({one.text for one in answers}) == 1
