"""The command line as a client of the API."""

from typing import Any

import httpx2

from cli.errors import CommandError

Json = dict[str, Any]


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
            raise CommandError(f"the API does not answer at {self._url} (--url, POSTLOG_URL): {error}") from None
        if answer.is_error:
            raise CommandError(_words(answer))
        found: Json = answer.json() if answer.content else {}
        return found


def _words(answer: httpx2.Response) -> str:
    """A problem document (RFC 9457) as a sentence; whatever else it is, as it is."""
    try:
        problem = answer.json()
        return f"{problem['title']}: {problem.get('detail') or problem.get('code')}. {problem.get('mend', '')}".strip()
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:500]}"
