"""Streamed batches over HTTP, on a real Kafka: what a client sends, what is answered, what is written."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.api.domain.lines import LONGEST
from shared.commands import SendEmail
from shared.events import BatchClosed, BatchOpened
from tests.integration.api.stage import Stage

pytestmark = pytest.mark.integration
HEAD = {"defaults": {"from": "shop@acme.test", "subject": "Hello", "text": "Hi"}}
NDJSON = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "k"}
CSV = {"Content-Type": "text/csv; charset=utf-8", "Idempotency-Key": "c"}


def ndjson(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def emails(count: int) -> list[dict[str, Any]]:
    return [{"to": f"c{number}@example.org", "reference": str(number)} for number in range(count)]


def sent(stage: Stage) -> list[SendEmail]:
    return [one for one in stage.commands() if isinstance(one, SendEmail)]


def test_ndjson_is_written_and_what_was_refused_is_told(stage: Stage, client: TestClient) -> None:
    lines = emails(2500)
    lines[2000] = {"to": "nobody"}
    response = client.post("/v1/batches", content=ndjson(HEAD, *lines), headers=NDJSON)
    assert response.status_code == 202
    body = response.json()
    assert (body["acknowledged"], body["refused"], body["resumed_from"], body["dry_run"]) == (2499, 1, None, False)
    (refused,) = body["rejections"]
    assert {name: refused[name] for name in ("line", "index", "code", "field")} == {
        "line": 2002,
        "index": 2000,
        "code": "invalid_address",
        "field": "to",
    }
    assert client.get(f"/v1/batches/{body['batch_id']}/rejections").json() == {
        "rejections": [refused],
        "next_cursor": None,
    }
    assert {one.reference for one in sent(stage)} == {str(number) for number in range(2500)} - {"2000"}
    opened, closed = stage.facts()
    assert isinstance(opened, BatchOpened) and isinstance(closed, BatchClosed)
    assert (closed.acknowledged, closed.refused) == (2499, 1)
    with stage.client(tenant="other") as other:
        assert other.get(f"/v1/batches/{body['batch_id']}/rejections").status_code == 404


def test_csv_compressed_with_what_all_share_in_the_query(stage: Stage, client: TestClient) -> None:
    text = 'to,to_name,reference,metadata.order\r\nada@example.org,"Lovelace, Ada",r1,17\r\nnobody,,r2,18\r\n'
    query: dict[str, Any] = {"from": "shop@acme.test", "stream": "broadcast", "list": "news", "tags": ["a", "b"]}
    response = client.post(
        "/v1/batches", params=query, content=gzip.compress(text.encode()), headers=CSV | {"Content-Encoding": "gzip"}
    )
    assert (response.status_code, response.json()["code"]) == (422, "content_missing")
    assert [one["code"] for one in response.json()["errors"]] == ["content_missing", "invalid_address"]
    assert client.put("/v1/templates/hello", json={"subject": "Hello", "text": "Hi"}).is_success
    response = client.post(
        "/v1/batches",
        params=query | {"template": "hello"},
        content=gzip.compress(text.encode()),
        headers=CSV | {"Content-Encoding": "gzip"},
    )
    assert (response.status_code, response.json()["acknowledged"], response.json()["refused"]) == (202, 1, 1)
    (one,) = sent(stage)
    assert (one.stream, one.list, one.tags, one.template) == ("broadcast", "news", ("a", "b"), "hello")
    assert (one.reference, one.metadata) == ("r1", {"order": "17"})


def test_a_stream_that_breaks_goes_on_with_another_process(stage: Stage, client: TestClient) -> None:
    whole = ndjson(HEAD, *emails(3500))
    cut = gzip.compress(whole)[:-9]

    def pieces() -> Iterator[bytes]:
        yield from (cut[at : at + 1000] for at in range(0, len(cut), 1000))

    broken = client.post("/v1/batches", content=pieces(), headers=NDJSON | {"Content-Encoding": "gzip"})
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed_compression")
    assert 999 <= len(sent(stage)) < 3500
    with stage.client() as another:
        body = another.post("/v1/batches", content=whole, headers=NDJSON).json()
        assert body["acknowledged"] == 3500 and body["resumed_from"] in (999, 1999, 2999)
        again = another.post("/v1/batches", content=whole, headers=NDJSON)
        assert (again.status_code, again.json()["resumed_from"]) == (202, 3500)
        other = another.post("/v1/batches", content=whole.replace(b"c17@", b"d17@"), headers=NDJSON)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    written = sent(stage)
    assert len({one.email_id for one in written}) == 3500 == len(written)
    closed = [fact for fact in stage.facts() if isinstance(fact, BatchClosed)]
    assert [(one.acknowledged, one.refused) for one in closed] == [(3500, 0)]


def test_a_dry_run_sends_nothing(stage: Stage, client: TestClient) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    content = ndjson(HEAD, *emails(2), {"to": "x"})
    response = client.post("/v1/batches?dry_run=true", content=content, headers=headers)
    assert response.status_code == 200
    body = response.json()
    assert (body["acknowledged"], body["refused"], body["dry_run"]) == (2, 1, True)
    assert len(client.get(f"/v1/batches/{body['batch_id']}/rejections").json()["rejections"]) == 1
    assert stage.commands() == [] and stage.facts() == []


@pytest.mark.parametrize(
    ("query", "content", "headers", "status", "code"),
    [
        ("", b"", NDJSON, 422, "missing_field"),
        ("", ndjson(HEAD), NDJSON, 422, "missing_field"),
        ("", ndjson(HEAD, *emails(1)), {"Content-Type": "application/x-ndjson"}, 400, "invalid_parameter"),
        ("", b"x", NDJSON | {"Content-Encoding": "br"}, 415, "unsupported_encoding"),
        ("", b"x", NDJSON | {"Content-Encoding": "gzip"}, 400, "malformed_compression"),
        ("", b"{" * (LONGEST + 1), NDJSON, 422, "content_missing"),
        ("", gzip.compress(b" " * 10**8), NDJSON | {"Content-Encoding": "gzip"}, 413, "body_too_large"),
        ("", b"a;b\n", CSV, 400, "malformed_csv"),
        ("", b'to\n"' + b"x\n" * LONGEST, CSV, 400, "malformed_csv"),
        ("?template=x", b"{}", {"Content-Type": "application/json"}, 400, "invalid_parameter"),
        ("?dry_run=true", b"{}", {"Content-Type": "application/json"}, 400, "invalid_parameter"),
        ("?stream=urgent", ndjson(HEAD, *emails(1)), NDJSON, 400, "invalid_parameter"),
    ],
)
def test_what_cannot_be_read(
    stage: Stage, client: TestClient, query: str, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    response = client.post(f"/v1/batches{query}", content=content, headers=headers)
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert stage.commands() == [] and stage.facts() == []
