"""The command line as a client of the API."""

import json
import time
from collections.abc import Iterator
from math import inf
from typing import Annotated, Any, Final

import httpx2
import typer

from cli.errors import CommandError

Json = dict[str, Any]
# Options of every command that speaks to the API.
URL = Annotated[str, typer.Option(help="The API.", envvar="POSTLOG_URL")]
KEY = Annotated[str, typer.Option(help="An API key of the tenant.", envvar="POSTLOG_KEY")]
LOCAL: Final = "http://127.0.0.1:8080"
AGAIN: Final = 1.0  # seconds before a stream is asked for again
LATER: Final = (408, 503)
AWAY: Final = 60.0  # seconds in which an API that is away may come back


class _NotNow(Exception):
    """The API is there, and cannot answer now."""


class ApiAway(CommandError):
    """No answer, or one that says to ask again later."""


class Api:
    """Calls that must succeed; raises CommandError with the API's own words when one does not."""

    def __init__(self, url: str, *, key: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}

    def call(self, method: str, path: str, **options: Any) -> Json:
        """One request on a connection of its own; the answer's JSON, empty when it has no content."""
        try:
            with httpx2.Client(base_url=self._url, headers=self._headers, timeout=30) as client:
                answer = client.request(method, path, **options)
        except httpx2.TransportError as error:
            raise self._away(error) from None
        if answer.is_error:
            raise (ApiAway if answer.status_code in LATER else CommandError)(_words(answer))
        found: Json = answer.json() if answer.content else {}
        return found

    def pages(self, path: str, **params: Any) -> Iterator[Json]:
        """Each page of a list, asked for when it is wanted."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.call("GET", path, params=params | ({"cursor": cursor} if cursor else {}))
            yield page
            cursor = page["next_cursor"]

    def watch(self, path: str, *, last: str) -> Iterator[Json]:
        """The data of Server-Sent Events until the event called `last`, asked for again when the stream ends before.

        An API that was there is waited for; raises CommandError when it stays away for a minute.
        """
        heard, trouble = False, inf
        while True:
            try:
                for name, data in self._events(path):
                    heard, trouble = True, inf
                    yield data
                    if name == last:
                        return
            except (httpx2.TransportError, _NotNow) as error:
                trouble = min(trouble, time.monotonic())
                if not heard or time.monotonic() - trouble > AWAY:
                    raise self._away(error) from None
            time.sleep(AGAIN)

    def _away(self, error: Exception) -> ApiAway:
        return ApiAway(f"the API does not answer at {self._url} (--url, POSTLOG_URL): {error}")

    def _events(self, path: str) -> Iterator[tuple[str, Json]]:
        with (
            httpx2.Client(base_url=self._url, headers=self._headers, timeout=30) as client,
            client.stream("GET", path) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise (_NotNow if answer.status_code == 503 else CommandError)(_words(answer))
            yield from _news(answer.iter_lines())


def _news(lines: Iterator[str]) -> Iterator[tuple[str, Json]]:
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def _words(answer: httpx2.Response) -> str:
    """A problem document (RFC 9457) as a sentence; whatever else it is, as it is."""
    try:
        problem = answer.json()
        return f"{problem['title']}: {problem.get('detail') or problem.get('code')}. {problem.get('mend', '')}".strip()
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:500]}"
