"""`/c/{token}`: a tracked link. It leads where the token says, and nowhere else."""

from services.tracker.handlers.reports import Reports
from services.tracker.routes.asgi import Request
from services.tracker.routes.pages import NEVER_KEPT, NOT_FOUND, Answer


class Click:
    """GET and HEAD of a link."""

    methods = frozenset({"GET", "HEAD"})

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def __call__(self, request: Request) -> Answer:
        """302 to the signed target; 404 for a token that is not ours."""
        target = self._reports.clicked(request.rest, request.reader())
        if target is None:
            return NOT_FOUND
        return Answer(302, [(b"location", target.encode("ascii")), (b"content-length", b"0"), *NEVER_KEPT])
