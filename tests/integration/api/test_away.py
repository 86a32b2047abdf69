"""Kafka away, Postgres away, keys revoked, not ready: what is still answered, and how."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from starlette.testclient import TestClient

from services.api.main import build
from shared.kafka.admin import ensure_topics
from tests.fakes.proxy import KafkaProxy
from tests.integration.api.proxy import Proxy
from tests.integration.api.stage import DEAD_PORT, EMAIL, Stage, open_stage

pytestmark = pytest.mark.integration


def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def test_kafka_away(pg_database: str, topic_prefix: str, tmp_path: Path) -> None:
    stage = Stage(
        kafka_url=DEAD_PORT, database_url=pg_database, topic_prefix=topic_prefix, folder=tmp_path, api_kafka_seconds=1
    )
    stage.make_read_models()
    with stage.client() as client:
        for path, body in (
            ("/v1/emails", EMAIL),
            ("/v1/batches", {"emails": [EMAIL]}),
            ("/v1/suppressions", {"recipient": "ada@example.org"}),
        ):
            began = time.monotonic()
            response = client.post(path, json=body)
            assert (response.status_code, response.json()["code"]) == (503, "kafka_unavailable")
            assert response.headers["retry-after"] == "5"
            assert time.monotonic() - began < 4
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert DEAD_PORT in ready.json()["checks"]["kafka"]
        assert client.get("/v1/emails").status_code == 200
        assert client.get("/healthz").status_code == 200
    stage.close()


def test_kafka_goes_away_and_comes_back(kafka_url: str, pg_database: str, topic_prefix: str, tmp_path: Path) -> None:
    open_stage(kafka_url, pg_database, topic_prefix, tmp_path).close()
    with KafkaProxy(kafka_url) as proxy:
        kept: dict[str, Any] = {"database_url": pg_database, "topic_prefix": topic_prefix, "folder": tmp_path}
        stage = Stage(kafka_url=proxy.address, api_kafka_seconds=2, **kept)
        with stage.client() as client:
            until(lambda: client.get("/readyz").status_code == 200)
            assert client.post("/v1/emails", json=EMAIL).status_code == 202
            proxy.cut()
            began = time.monotonic()
            keyed = {"Idempotency-Key": "k"}
            refused = client.post("/v1/emails", json=EMAIL, headers=keyed)
            assert (refused.status_code, refused.json()["code"]) == (503, "kafka_unavailable")
            assert time.monotonic() - began < 5
            until(lambda: client.get("/readyz").status_code == 503)
            assert client.get("/v1/emails").status_code == 200
            proxy.reopen()
            until(lambda: client.post("/v1/emails", json=EMAIL, headers=keyed).status_code == 202)
            until(lambda: client.get("/readyz").status_code == 200)
        assert len({command.email_id for command in stage.commands()}) == 2
        stage.close()


def test_postgres_away(kafka_url: str, pg_database: str, topic_prefix: str, tmp_path: Path) -> None:
    parts = urlsplit(pg_database)
    proxy = Proxy(port=parts.port or 0)
    netloc = f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"
    stage = open_stage(kafka_url, urlunsplit(parts._replace(netloc=netloc)), topic_prefix, tmp_path)
    with stage.client() as client:
        assert client.get("/v1/emails").status_code == 200
        until(lambda: client.get("/readyz").status_code == 200)
        stage.close()
        proxy.cut()
        for headers in ({}, {"Idempotency-Key": "k"}):
            assert client.post("/v1/emails", json=EMAIL, headers=headers).status_code == 202
        assert client.post("/v1/batches", json={"emails": [EMAIL]}).status_code == 202
        email_id = client.post("/v1/emails", json=EMAIL).json()["email_id"]
        began = time.monotonic()
        assert client.post(f"/v1/emails/{email_id}/cancel").status_code == 202
        for path in ("/v1/emails", f"/v1/emails/{email_id}", "/v1/suppressions", "/v1/reports/summary"):
            response = client.get(path)
            assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
            assert response.headers["retry-after"] == "5"
        stranger = {"Authorization": f"Bearer plk_{'a' * 12}_{'a' * 52}"}
        until(lambda: client.get("/v1/emails", headers=stranger).status_code == 503)  # nobody can say any more
        assert time.monotonic() - began < 8
        ready = client.get("/readyz")
        assert ready.status_code == 200 and "database" in ready.json()["checks"]["database"]
        proxy.restore()
        until(lambda: client.get("/v1/emails").status_code == 200)
    assert len(stage.commands()) == 5
    stage.close()
    proxy.close()


def test_keys(stage: Stage, client: TestClient) -> None:
    for header in ("", "Basic abc", "Bearer", "Bearer x", f"Bearer plk_{'a' * 12}_{'a' * 52}"):
        response = client.post("/v1/emails", json=EMAIL, headers={"Authorization": header})
        assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
        assert response.headers["www-authenticate"].startswith("Bearer")
    key = stage.make_key()
    mine = {"Authorization": f"Bearer {key}"}
    assert client.post("/v1/emails", json=EMAIL, headers=mine).status_code == 202
    wrong = {"Authorization": f"Bearer {key[:-1]}{'b' if key[-1] == 'a' else 'a'}"}
    assert client.post("/v1/emails", json=EMAIL, headers=wrong).status_code == 401
    stage.revoke(key)
    until(lambda: client.post("/v1/emails", json=EMAIL, headers=mine).status_code == 401)


def test_a_missing_topic_is_not_ready(pg_database: str, kafka_url: str, topic_prefix: str, tmp_path: Path) -> None:
    stage = Stage(kafka_url=kafka_url, database_url=pg_database, topic_prefix=topic_prefix, folder=tmp_path)
    with stage.client() as client:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert f"topic {topic_prefix}email.requests is missing" in ready.json()["checks"]["kafka"]
        ensure_topics(stage.settings)
        until(lambda: client.get("/readyz").status_code == 200)
        queries = client.get("/v1/emails")
        assert (queries.status_code, queries.json()["code"]) == (503, "database_unavailable")
        assert "projector" in queries.json()["detail"]
    stage.close()


def test_a_database_that_was_never_migrated(kafka_url: str, pg_url: str, stage: Stage) -> None:
    with stage.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA state CASCADE")
    with TestClient(build(stage.settings)) as client:
        ready = client.get("/readyz").json()
        assert "postlog migrate" in ready["checks"]["database"]
        assert not ready["ready"]
        key = {"Authorization": f"Bearer plk_{'a' * 12}_{'a' * 52}"}
        assert client.get("/v1/emails", headers=key).status_code == 503
