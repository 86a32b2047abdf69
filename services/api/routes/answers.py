"""Answers: JSON from the Structs of the contract, problem documents for everything else (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from services.api import metrics
from services.api.domain.errors import ApiError

_encode = msgspec.json.Encoder().encode


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


def install(app: FastAPI, *, routes: Sequence[APIRoute]) -> None:
    """Every error of the framework becomes a problem document too."""

    @app.exception_handler(ApiError)
    async def _ours(request: Request, error: ApiError) -> Response:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def _parameter(request: Request, error: RequestValidationError) -> Response:
        first: dict[str, Any] = error.errors()[0]
        return problem(ApiError("invalid_parameter", first["msg"], field=str(first["loc"][-1])))

    @app.exception_handler(404)
    async def _no_route(request: Request, error: Exception) -> Response:
        return problem(ApiError("not_found"))

    @app.exception_handler(405)
    async def _no_method(request: Request, error: Exception) -> Response:
        methods = _methods(request.scope["route"].path, routes)
        return problem(ApiError("method_not_allowed"), headers={"Allow": ", ".join(methods)})


def _methods(path: str, routes: Sequence[APIRoute]) -> list[str]:
    """All methods of a path; the framework names those of its first route only."""
    return sorted({method for route in routes if route.path == path for method in route.methods or ()})
