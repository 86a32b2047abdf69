"""The OpenAPI document: schemas come from the Structs that also decode and encode the bodies."""

import inspect
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

from services.api.domain import answers, destinations, drafts, previews, rejections
from services.api.domain.batches import BatchRateRequest, BatchRequest
from services.api.domain.errors import ProblemDocument
from services.api.domain.suppressions import SuppressionRequest, SuppressionsRequest
from services.api.domain.templates import TemplateRequest
from shared.commands import Content
from shared.problems import PROBLEMS

SCHEMAS: Final[tuple[type[Struct], ...]] = (
    Content,
    BatchRequest,
    BatchRateRequest,
    TemplateRequest,
    SuppressionRequest,
    SuppressionsRequest,
    answers.EventPage,
    answers.CancelRequest,
    answers.RescheduleRequest,
    answers.RescheduleAnswer,
    answers.ResolveRequest,
    answers.Receipt,
    answers.BatchReceipt,
    rejections.StreamReceipt,
    rejections.RejectionPage,
    answers.BatchView,
    answers.BatchControl,
    answers.BatchAsked,
    answers.BatchRate,
    answers.EmailView,
    answers.EmailPage,
    answers.CancelAnswer,
    answers.ResolveAnswer,
    answers.Summary,
    answers.TemplateView,
    drafts.DraftView,
    previews.PreviewRequest,
    previews.TestMailRequest,
    previews.PreviewView,
    drafts.PublishRequest,
    drafts.TemplatePage,
    drafts.TemplateHistory,
    drafts.TemplateDiff,
    answers.SuppressionView,
    answers.SuppressionsReceipt,
    answers.SuppressionPage,
    destinations.OperatorRequest,
    destinations.LimitsRequest,
    destinations.WeightRequest,
    destinations.HoldAnswer,
    destinations.DestinationPage,
    ProblemDocument,
)


def operation(
    summary: str,
    *,
    returns: type[Struct] | None = None,
    status: int = 200,
    accepts: type[Struct] | None = None,
    example: dict[str, Any] | None = None,
    optional: bool = False,
    streams: Mapping[str, str] | None = None,
    later: bool = False,
) -> dict[str, Any]:
    """What a route says of itself: keyword arguments of FastAPI's decorators.

    `later`: without the sender's word in time it answers 202 instead.
    """
    found: dict[str, Any] = {
        "summary": summary,
        "status_code": status,
        "responses": {status: _response(returns), "default": _problem()},
    }
    if later:
        found["responses"][202] = _response(returns) | {"description": "Durably asked; the timeline will tell"}
    if accepts is not None:
        body = {"schema": _ref(accepts), "example": example}
        lines = {kind: {"schema": {"type": "string"}, "example": text} for kind, text in (streams or {}).items()}
        found["openapi_extra"] = {
            "requestBody": {"required": not optional, "content": {"application/json": body, **lines}},
        }
    return found


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the application."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        _, schemas = msgspec.json.schema_components(SCHEMAS, ref_template="#/components/schemas/{name}")
        found.setdefault("components", {})["schemas"] = {name: _tidy(schema) for name, schema in schemas.items()}
        found["components"]["schemas"]["ProblemDocument"]["properties"]["code"]["enum"] = list(PROBLEMS)
        app.openapi_schema = found
    return app.openapi_schema


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    if "description" in schema:
        schema["description"] = inspect.cleandoc(schema["description"])
    return schema


def _ref(kind: type[Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _response(kind: type[Struct] | None) -> dict[str, Any]:
    if kind is None:
        return {"description": "Done"}
    return {
        "description": inspect.cleandoc(kind.__doc__ or "").partition("\n")[0],
        "content": {"application/json": {"schema": _ref(kind)}},
    }


def _problem() -> dict[str, Any]:
    return {
        "description": "A problem (RFC 9457); its `code` is one of those at /errors.",
        "content": {"application/problem+json": {"schema": _ref(ProblemDocument)}},
    }
