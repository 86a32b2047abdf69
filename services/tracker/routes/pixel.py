"""`/o/{token}`: the open pixel. Every token, genuine or not, gets the same picture."""

import base64
from typing import Final

from services.tracker.handlers.reports import Reports
from services.tracker.routes.asgi import Request
from services.tracker.routes.pages import Answer, answer

GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")  # 43 bytes, transparent
PIXEL: Final = answer(200, GIF, kind=b"image/gif")


class Pixel:
    """GET and HEAD of a pixel."""

    methods = frozenset({"GET", "HEAD"})

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def __call__(self, request: Request) -> Answer:
        """The picture; the hit is on its way."""
        self._reports.opened(request.rest, request.reader())
        return PIXEL
