"""The demo as a client: the API and the inbox over HTTP, the request topic over Kafka."""

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import httpx2
from confluent_kafka import Producer

from cli.errors import CommandError
from shared.topics import REQUESTS

Json = dict[str, Any]
PATIENCE: Final = 20.0  # seconds


class Api:
    """Calls that must succeed; raises CommandError with the API's own words when one does not."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx2.Client(base_url=url, headers=headers, timeout=60)

    def get(self, path: str, **parameters: Any) -> Json:
        """GET, waiting for what was just done to be known."""
        return self._call("GET", path, params=parameters, headers={"Prefer": "wait=20"})

    def post(self, path: str, body: Json, *, key: str | None = None) -> Json:
        """POST."""
        return self._call("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def put(self, path: str, body: Json) -> Json:
        """PUT."""
        return self._call("PUT", path, json=body)

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _call(self, method: str, path: str, **options: Any) -> Json:
        try:
            answer = self._client.request(method, path, **options)
        except httpx2.TransportError as error:
            raise CommandError(f"{method} {path}: the API does not answer ({error})") from None
        if answer.status_code >= 400:
            raise CommandError(f"{method} {path}: {answer.status_code} {answer.text}")
        found: Json = answer.json()
        return found


class Inbox:
    """What the inbox says of itself."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url, timeout=60)

    def messages(self) -> list[Json]:
        """Every mail kept."""
        rows: list[Json] = self._client.get("/api/messages", params={"limit": 1_000_000}).json()["messages"]
        return rows

    def attempts(self) -> list[Json]:
        """Every attempt at RCPT or the end of DATA."""
        rows: list[Json] = self._client.get("/api/attempts").json()["attempts"]
        return rows

    def source(self, number: int) -> bytes:
        """A mail as it arrived."""
        return self._client.get(f"/api/messages/{number}/source").content

    def close(self) -> None:
        """Close the client."""
        self._client.close()


def ask_on_kafka(brokers: str, contents: Sequence[Json]) -> list[str]:
    """Put a SendEmail for each content straight onto the request topic, as any other service may; returns their ids."""
    producer = Producer({"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True})
    ids = [str(uuid4()) for _ in contents]
    for email_id, content in zip(ids, contents, strict=True):
        record = {"type": "SendEmail", "email_id": email_id, **content}
        producer.produce(REQUESTS.name, json.dumps(record).encode(), email_id)
    if left := producer.flush(PATIENCE):
        raise CommandError(f"Kafka did not acknowledge {left} of {len(ids)} requests")
    return ids
