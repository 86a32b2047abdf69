"""What nobody foresaw: a problem document without the cause, and a log line without the caller's words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import structlog
from starlette.testclient import TestClient

from services.api.domain.keys import StoredKey
from services.api.routes.app import create_app
from services.api.routes.parts import Parts

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Broken:
    """Parts whose keys fail in a way that quotes a caller."""

    @property
    def keys(self) -> "Broken":
        """Itself."""
        return self

    async def whose(self, key: str) -> StoredKey:
        """Never says."""
        raise RuntimeError(f"no such thing: {key}")


@asynccontextmanager
async def parts() -> AsyncIterator[Parts]:
    yield cast(Parts, Broken())


def test_an_internal_error() -> None:
    headers = {"Authorization": "Bearer ada@example.org", "traceparent": TRACE}
    with structlog.testing.capture_logs() as lines, TestClient(create_app(parts, version="0")) as client:
        response = client.get("/v1/emails", headers=headers)
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["trace_id"] == TRACE.split("-")[1]
    failed: Any = next(line for line in lines if line["event"] == "request failed")
    assert failed["error"] == "RuntimeError" and failed["at"][-1].endswith("whose")
    assert "example.org" not in f"{lines}{response.text}"


def test_a_malformed_traceparent_is_a_new_trace() -> None:
    for given in ("", "nonsense", "00-" + "0" * 32 + "-" + "1" * 16 + "-01"):
        with TestClient(create_app(parts, version="0")) as client:
            response = client.get("/v1/emails", headers={"Authorization": "Bearer x", "traceparent": given})
        assert len(response.json()["trace_id"]) == 32 and response.json()["trace_id"] not in given


def test_lines_of_a_request_have_its_trace_and_nothing_of_another() -> None:
    said = structlog.testing.LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, said])
    structlog.contextvars.bind_contextvars(email_id="of another request")
    with TestClient(create_app(parts, version="0")) as client:
        assert client.get("/v1/emails", headers={"traceparent": TRACE}).status_code == 401
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    (line,) = said.entries
    assert (line["event"], line["status"], line["trace_id"]) == ("request", 401, TRACE.split("-")[1])
    assert "email_id" not in line
