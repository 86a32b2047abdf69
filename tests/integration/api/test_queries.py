"""Queries: each in one snapshot of the live schema, paged without gaps, and of the tenant's own alone."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.event import listens_for
from starlette.testclient import TestClient

from services.api.adapters.database import Database
from services.api.adapters.read_models import ReadModels
from shared.db import read_models
from shared.db.engine import make_engine
from shared.position import RULES, Position
from shared.tokens import recipient_ref
from tests.integration.api.stage import Stage, email_row

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 3, 12, 0, 0, 123456, tzinfo=UTC)
KEY = bytes.fromhex("cd" * 32)


def ids(answer: Any) -> list[UUID]:
    return [UUID(one["email_id"]) for one in answer.json()["emails"]]


def fact_row(email_id: UUID, kind: str, *, at: datetime, offset: int, **fields: Any) -> dict[str, Any]:
    event_id = uuid4()
    body = {"type": kind, "event_id": str(event_id), "occurred_at": at.isoformat(), "tenant": "default", **fields}
    return {
        "partition": 0,
        "offset": offset,
        "event_id": event_id,
        "tenant": "default",
        "email_id": email_id,
        "type": kind,
        "occurred_at": at,
        "logged_at": at + timedelta(milliseconds=3),
        "body": body,
    }


def test_an_email_with_its_timeline_and_personal_part(stage: Stage, client: TestClient) -> None:
    email_id, batch_id = uuid4(), uuid4()
    row = email_row(
        email_id,
        status="bounced",
        batch_id=batch_id,
        tags=["invoice"],
        queued_at=NOW,
        updated_at=NOW + timedelta(seconds=2),
        attempts=1,
        last_reply_code=550,
        last_reply_text="5.1.1 <recipient> unknown",
        template="invoice",
        template_version=3,
    )
    stage.put(read_models.emails, row)
    words = {"smtp_reply_text": "5.1.1 <recipient> unknown", "attempt": 1}
    stage.put(
        read_models.events,
        fact_row(email_id, "email.bounced", at=NOW + timedelta(seconds=2), offset=9, **words),
        fact_row(email_id, "email.queued", at=NOW, offset=7, causation_id=str(uuid4())),
    )
    person = {"address": "ada@example.org", "name": "Ada", "subject": "Hi", "metadata": {"customer": "7"}}
    stage.put(read_models.personal, {"tenant": "default", "email_id": email_id, **person})
    body = client.get(f"/v1/emails/{email_id}").json()
    assert (body["status"], body["attempts"], body["last_reply_code"]) == ("bounced", 1, 550)
    assert (body["batch_id"], body["tags"], body["queued_at"]) == (
        str(batch_id),
        ["invoice"],
        "2026-11-03T12:00:00.123456Z",
    )
    assert body["personal"] == person | {"reply_to": None}
    queued, bounced = body["timeline"]
    assert (queued["type"], bounced["type"]) == ("email.queued", "email.bounced")
    assert "causation_id" in queued and bounced["smtp_reply_text"] == words["smtp_reply_text"]
    assert "tenant" not in queued and queued["logged_at"].startswith("2026-11-03T12:00:00.126")


def test_an_erased_email_has_no_personal_part(stage: Stage, client: TestClient) -> None:
    email_id = uuid4()
    stage.put(read_models.emails, email_row(email_id, erased=True, updated_at=NOW))
    body = client.get(f"/v1/emails/{email_id}").json()
    assert body["erased"] is True and body["personal"] is None and body["timeline"] == []


def test_pages_have_no_gap_and_no_repeat(stage: Stage, client: TestClient) -> None:
    rows = [
        email_row(uuid4(), queued_at=NOW + timedelta(seconds=n // 3), updated_at=NOW + timedelta(days=1))
        for n in range(20)
    ]
    rejected = email_row(uuid4(), status="rejected", queued_at=None, updated_at=NOW - timedelta(seconds=1))
    stage.put(read_models.emails, *rows, rejected)
    seen: list[UUID] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get("/v1/emails", params={"limit": 4, **({"cursor": cursor} if cursor else {})})
        seen += ids(answer)
        cursor = answer.json()["next_cursor"]
    newest_first = sorted(rows, key=lambda row: (row["queued_at"], row["email_id"]), reverse=True)
    assert seen == [row["email_id"] for row in newest_first] + [rejected["email_id"]]
    assert "timeline" not in client.get("/v1/emails").json()["emails"][0]


def test_filters(stage: Stage, client: TestClient) -> None:
    batch_id = uuid4()
    ref = recipient_ref(key=KEY, tenant="default", address="ada@example.org")
    mine, other = uuid4(), uuid4()
    stage.put(
        read_models.emails,
        email_row(mine, status="delivered", batch_id=batch_id, recipient_ref=ref, updated_at=NOW),
        email_row(other, status="queued", batch_id=None, recipient_ref="0" * 32, updated_at=NOW),
    )
    for query in ("status=delivered", f"batch_id={batch_id}", "recipient=Ada@Example.org", f"recipient={ref}"):
        assert ids(client.get(f"/v1/emails?{query}")) == [mine]
    assert ids(client.get(f"/v1/emails?status=queued&batch_id={batch_id}")) == []
    refused = client.get("/v1/emails?recipient=nobody")
    assert (refused.status_code, refused.json()["field"]) == (422, "recipient")
    assert len(ids(client.get("/v1/emails"))) == 2


def test_a_batch_with_exact_counts(stage: Stage, client: TestClient) -> None:
    batch_id = uuid4()
    key = {"tenant": "default", "batch_id": batch_id}
    stage.put(read_models.batches, key | {"stream": "broadcast", "tags": ["q4"], "opened_at": NOW})
    assert client.get(f"/v1/batches/{batch_id}").json()["received"] is None
    stage.empty(read_models.batches)
    closed = {"stream": "broadcast", "acknowledged": 10, "refused": 2, "opened_at": NOW, "closed_at": NOW}
    stage.put(read_models.batches, key | closed)
    counts = {"delivered": 5, "queued": 3, "bounced": 0}
    stage.put(read_models.batch_counts, *(key | {"status": name, "emails": n} for name, n in counts.items()))
    place = {"topic": "email.events", "logged_at": NOW}
    stage.put(read_models.checkpoints, *(place | {"partition": n, "next_offset": 40 + n} for n in range(3)))
    body = client.get(f"/v1/batches/{batch_id}").json()
    assert (body["acknowledged"], body["refused"], body["received"]) == (10, 2, 2)
    assert body["counts"] == {"delivered": 5, "queued": 3}
    assert body["position"].pop("token") == Position(offsets=body["position"]["offsets"], rules=RULES).token()
    assert body["position"] == {
        "offsets": {"email.events": {"0": 40, "1": 41, "2": 42}},
        "rules": RULES,
        "as_of": "2026-11-03T12:00:00.123456Z",
    }


def test_the_summary(stage: Stage, client: TestClient) -> None:
    def row(day: int, dimension: str, value: str, **counts: int) -> dict[str, Any]:
        found = {"tenant": "default", "day": date(2026, 11, day), "dimension": dimension, "value": value}
        return found | dict.fromkeys(read_models.COUNTED, 0) | counts

    stage.put(
        read_models.summary,
        row(1, "all", "", accepted=5, delivered=4),
        row(2, "all", "", accepted=3, delivered=3, opened=1),
        row(1, "tag", "invoice", accepted=2, delivered=2),
        row(2, "tag", "invoice", accepted=1, delivered=1),
        row(2, "tag", "welcome", accepted=2, delivered=2),
        row(9, "all", "", accepted=100),
        row(2, "all", "", accepted=7) | {"tenant": "other"},
    )
    days = client.get("/v1/reports/summary?from=2026-11-01&to=2026-11-02").json()
    assert [(each["key"], each["counts"]["accepted"]) for each in days["rows"]] == [
        ("2026-11-01", 5),
        ("2026-11-02", 3),
    ]
    assert (days["total"]["accepted"], days["total"]["delivered"], days["total"]["opened"]) == (8, 7, 1)
    tags = client.get("/v1/reports/summary?from=2026-11-01&to=2026-11-02&by=tag").json()
    assert [(each["key"], each["counts"]["accepted"]) for each in tags["rows"]] == [("invoice", 3), ("welcome", 2)]
    assert tags["total"]["accepted"] == 8 and tags["position"]["offsets"] == {}
    nothing = client.get("/v1/reports/summary?from=2020-01-01&to=2020-01-02").json()
    assert nothing["rows"] == [] and nothing["total"]["accepted"] == 0


def test_suppressions(stage: Stage, client: TestClient) -> None:
    def row(ref: str, scope: str = "tenant", **changes: Any) -> dict[str, Any]:
        basic = {"tenant": "default", "scope": scope, "recipient_ref": ref * 32, "reason": "manual"}
        return basic | {"expires_at": None, "removed_at": None, "event_id": uuid4()} | changes

    stage.put(
        read_models.suppressions,
        row("a"),
        row("a", "list:news"),
        row("b", expires_at=datetime(2020, 1, 1, tzinfo=UTC)),
        row("c", expires_at=datetime(2120, 1, 1, tzinfo=UTC)),
        row("d", tenant="other"),
        row("e", removed_at=NOW),
    )
    first = client.get("/v1/suppressions?limit=2").json()
    assert [(one["recipient_ref"][0], one["scope"]) for one in first["suppressions"]] == [
        ("a", "list:news"),
        ("a", "tenant"),
    ]
    rest = client.get("/v1/suppressions", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["recipient_ref"][0] for one in rest["suppressions"]] == ["c"] and rest["next_cursor"] is None
    of_list = client.get("/v1/suppressions?scope=list:news").json()["suppressions"]
    assert [one["scope"] for one in of_list] == ["list:news"]
    assert len(client.get(f"/v1/suppressions?recipient={'a' * 32}").json()["suppressions"]) == 2


def test_queries_follow_the_live_schema_at_once(stage: Stage, client: TestClient) -> None:
    old, new = uuid4(), uuid4()
    stage.put(read_models.emails, email_row(old, updated_at=NOW))
    assert ids(client.get("/v1/emails")) == [old]
    stage.make_read_models("read_2")
    assert ids(client.get("/v1/emails")) == []
    stage.put(read_models.emails, email_row(new, updated_at=NOW), schema="read_2")
    assert ids(client.get("/v1/emails")) == [new]
    with stage.engine.begin() as connection:
        connection.execute(text("UPDATE state.read_models SET live = 'read_1', previous = 'read_2'"))
    assert ids(client.get("/v1/emails")) == [old]


def test_queries_write_nothing(stage: Stage, client: TestClient) -> None:
    assert client.get("/v1/emails").status_code == 200
    assert stage.commands() == [] and stage.facts() == []


def test_a_batch_is_shown_from_one_snapshot(stage: Stage) -> None:
    """Its row is read first and its counts after: what is committed in between belongs to the next answer."""
    batch_id = uuid4()
    changes: list[str] = []
    stage.put(
        read_models.batches, {"tenant": "default", "batch_id": batch_id, "stream": "broadcast", "acknowledged": 3}
    )
    count = {"tenant": "default", "batch_id": batch_id, "emails": 1}
    stage.put(read_models.batch_counts, count | {"status": "queued"})
    engine = make_engine(stage.settings, application="test")

    @listens_for(engine, "after_cursor_execute")
    def commit_meanwhile(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "FROM batches" in statement and not changes:
            changes.append(statement)
            stage.put(read_models.batch_counts, count | {"status": "delivered"})

    database = Database(engine, threads=1)
    views = ReadModels(database)
    first, second = (asyncio.run(views.batch("default", batch_id)) for _ in range(2))
    database.close()
    assert changes and first is not None and second is not None
    assert (first.counts, first.received) == ({"queued": 1}, 2)
    assert (second.counts, second.received) == ({"delivered": 1, "queued": 1}, 1)
