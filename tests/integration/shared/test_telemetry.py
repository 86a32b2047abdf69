"""The admin port of a worker."""

import http.client
from collections.abc import Callable, Iterator

import pytest

from shared.telemetry import serve_admin

pytestmark = pytest.mark.integration
Get = Callable[[str], tuple[int, str | None, bytes]]
checks: dict[str, str | None] = {}


@pytest.fixture
def get() -> Iterator[Get]:
    server = serve_admin(host="127.0.0.1", port=0, checks=lambda: checks)

    def ask(path: str) -> tuple[int, str | None, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
        connection.request("GET", path)
        response = connection.getresponse()
        answer = response.status, response.getheader("Content-Type"), response.read()
        connection.close()
        return answer

    yield ask
    server.shutdown()
    server.server_close()
    checks.clear()


def test_it_is_alive(get: Get) -> None:
    assert get("/healthz") == (200, "application/json", b'{"alive": true}')


def test_it_is_ready_when_all_checks_are(get: Get) -> None:
    checks["kafka"] = None
    assert get("/readyz")[0] == 200
    checks["kafka"] = "Kafka does not answer"
    status, _, body = get("/readyz")
    assert status == 503 and b"Kafka does not answer" in body


def test_metrics_are_prometheus_text(get: Get) -> None:
    status, kind, body = get("/metrics")
    assert status == 200 and kind is not None and kind.startswith("text/plain") and b"python_info" in body


def test_other_pages_are_not_there(get: Get) -> None:
    status, _, body = get("/secrets")
    assert status == 404 and b"/healthz, /readyz or /metrics" in body
