"""The lab as a customer and as a reader: asks until it is answered, and keeps what it was promised."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import httpx2

SENDER: Final = "Acme <billing@acme.example>"
PATIENCE: Final = 90.0  # seconds to ask again under the same key
PIXEL: Final = re.compile(r'src=3D"(http[^"]+?)"|src="(http[^"]+?)"')
Json = dict[str, Any]


@dataclass(frozen=True)
class Promise:
    """One email that the API has acknowledged."""

    email_id: str
    recipient: str
    batch_id: str | None = None


class Client:
    """One customer of the API. Safe to use from several threads."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=httpx2.Timeout(20, connect=2)
        )

    def send(self, recipient: str, *, key: str, **more: Any) -> Promise:
        """One email, asked for under a key until there is a 202."""
        body = {"from": SENDER, "to": recipient, "subject": "Hello", "text": "Hello.", **more}
        return Promise(self._ask("/v1/emails", body, key=key)["email_id"], recipient)

    def send_batch(
        self, recipients: list[str], *, key: str, stream: str = "transactional", **more: Any
    ) -> list[Promise]:
        """A batch, asked for under a key until there is a 202."""
        defaults = {"from": SENDER, "subject": "Hello", "text": "Hello.", **more}
        body = {"stream": stream, "defaults": defaults, "emails": [{"to": to} for to in recipients]}
        receipt = self._ask("/v1/batches", body, key=key)
        assert receipt["acknowledged"] == len(recipients), receipt
        pairs = zip(receipt["emails"], recipients, strict=True)
        return [Promise(item["email_id"], to, receipt["batch_id"]) for item, to in pairs]

    def statuses(self, *, batches: Iterable[str], singles: Iterable[str]) -> dict[str, str]:
        """What the API shows of these emails; empty for one that it does not know."""
        found: dict[str, str] = {}
        for batch_id in batches:
            found |= self._batch(batch_id)
        for email_id in singles:
            answer = self._get(f"/v1/emails/{email_id}")
            found[email_id] = answer["status"] if answer else ""
        return found

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _batch(self, batch_id: str) -> dict[str, str]:
        found: dict[str, str] = {}
        parameters = {"batch_id": batch_id, "limit": "200"}
        while True:
            page = self._get("/v1/emails", parameters)
            if page is None:
                return found
            found |= {email["email_id"]: email["status"] for email in page["emails"]}
            if not page["next_cursor"]:
                return found
            parameters["cursor"] = page["next_cursor"]

    def _ask(self, path: str, body: Json, *, key: str) -> Json:
        deadline = time.monotonic() + PATIENCE
        while True:
            said = self._once(path, body, key)
            if not isinstance(said, str):
                return said
            assert time.monotonic() < deadline, f"the API did not take {key} within {PATIENCE:g} s: {said}"
            time.sleep(0.05)

    def _once(self, path: str, body: Json, key: str) -> Json | str:
        """The receipt, or why there is none; AssertionError when it is refused for good."""
        try:
            answer = self._http.post(path, json=body, headers={"Idempotency-Key": key})
        except httpx2.TransportError as error:
            return repr(error)
        if answer.status_code in (409, 503):
            return answer.text
        assert answer.status_code == 202, answer.text
        receipt: Json = answer.json()
        return receipt

    def _get(self, path: str, parameters: dict[str, str] | None = None) -> Json | None:
        try:
            answer = self._http.get(path, params=parameters)
        except httpx2.TransportError:
            return None
        found: Json | None = answer.json() if answer.status_code == 200 else None
        return found


def pixel_of(source: bytes) -> str:
    """The address of the tracking pixel in a mail as it arrived."""
    text = source.replace(b"=\r\n", b"").decode()
    return next(found for match in PIXEL.finditer(text) for found in match.groups() if found).replace("=3D", "=")
