"""Answers: JSON from the Structs of the contract, problem documents for everything else (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from services.api import metrics
from services.api.domain.errors import ApiError

_encode = msgspec.json.Encoder().encode
_BY_STATUS = {404: "not_found", 405: "method_not_allowed"}


def answer(body: msgspec.Struct, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(_encode(body), status, dict(headers or {}), media_type="application/json")


def problem(error: ApiError, *, headers: Mapping[str, str] | None = None, trace_id: str | None = None) -> Response:
    """A problem document."""
    metrics.problem(error.code)
    return Response(
        _encode(error.document(trace_id=trace_id)),
        error.status,
        {**error.headers, **(headers or {})},
        media_type="application/problem+json",
    )


def install(app: FastAPI, *, routes: Sequence[BaseRoute]) -> None:
    """Every error of the framework becomes a problem document too."""

    @app.exception_handler(ApiError)
    async def _ours(request: Request, error: ApiError) -> Response:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def _parameter(request: Request, error: RequestValidationError) -> Response:
        first: dict[str, Any] = error.errors()[0]
        return problem(ApiError("invalid_parameter", first["msg"], field=str(first["loc"][-1])))

    @app.exception_handler(HTTPException)
    async def _framework(request: Request, error: HTTPException) -> Response:
        headers = {"Allow": ", ".join(_methods(request, routes))} if error.status_code == 405 else error.headers
        return problem(ApiError(_BY_STATUS.get(error.status_code, "invalid_parameter")), headers=headers)


def _methods(request: Request, routes: Sequence[BaseRoute]) -> list[str]:
    """All methods of the path; the framework names those of its first route only."""
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in matching for method in getattr(route, "methods", None) or ()})
