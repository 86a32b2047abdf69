"""/healthz, /readyz, /metrics, and the pages that the types of problems point to."""

import msgspec
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.api.domain.errors import ApiError
from services.api.routes.describe import operation
from services.api.routes.parts import PartsOf
from shared.problems import PROBLEMS, Problem

router = APIRouter(tags=["service"])


@router.get("/healthz", summary="Whether the process lives", response_class=Response)
async def healthz() -> Response:
    """Answers as long as the event loop turns."""
    return Response('{"alive": true}', media_type="application/json")


@router.get("/readyz", summary="Whether commands are taken, and what else is wrong", response_class=Response)
async def readyz(parts: PartsOf) -> Response:
    """200 when commands are taken. The database may be away then: queries say so."""
    found = await parts.readiness.check()
    body = msgspec.json.encode({"ready": found.ready, "checks": found.checks})
    return Response(body, 200 if found.ready else 503, media_type="application/json")


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics() -> Response:
    """What this process has counted."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/errors", summary="All codes of problems", response_class=Response)
async def errors() -> Response:
    """The catalogue."""
    return _page("\n\n".join(map(_describe, PROBLEMS.values())))


@router.get("/errors/{code}", **operation("One code of problems"), response_class=Response)
async def error(code: str) -> Response:
    """What the `type` of a problem document points to."""
    if code not in PROBLEMS:
        raise ApiError("not_found", "there is no such code")
    return _page(_describe(PROBLEMS[code]))


def _describe(problem: Problem) -> str:
    return f"{problem.code}\n{problem.title} (HTTP status {problem.status})\n{problem.mend}"


def _page(text: str) -> Response:
    return Response(f"{text}\n", media_type="text/plain; charset=utf-8")
