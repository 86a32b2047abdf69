"""Templates: immutable versions, numbered from 1; publishing the same content again makes no new one."""

import hashlib
import json
from typing import Any, Final

from msgspec import Struct

from services.api.domain.errors import ApiError
from shared.acceptance import valid_name
from shared.acceptance.limits import MAX_SUBJECT
from shared.acceptance.refusal import Refused
from shared.acceptance.schemas import schema_error
from shared.acceptance.texts import require_clean
from shared.records import PublishedTemplate, TemplateVersion
from shared.templating import required_variables, syntax_error

LARGEST: Final = 800_000  # bytes of subject, html and text: a version is one record


class TemplateRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The content of a template, in Jinja2. Without `text` it is made from the html.

    `variables_schema` is a JSON Schema (2020-12, without references): emails whose variables break it are refused.
    """

    subject: str
    html: str | None = None
    text: str | None = None
    variables_schema: dict[str, Any] | None = None


def check(name: str, request: TemplateRequest) -> None:
    """Raises ApiError for what cannot be a template, its syntax apart."""
    if not valid_name(name):
        raise ApiError("invalid_characters", "a name is 1 to 64 of A-Z a-z 0-9 . _ -", field="name")
    if not (request.html or request.text):
        raise ApiError("content_missing", "give html or text", field="html")
    try:
        require_clean(request.subject, field="subject", longest=MAX_SUBJECT)
    except Refused as refused:
        raise ApiError.of(refused.refusal) from None
    for field in ("html", "text"):
        if "\x00" in (getattr(request, field) or ""):
            raise ApiError("invalid_characters", "contains a NUL character", field=field)
    if request.variables_schema is not None and (wrong := schema_error(request.variables_schema)) is not None:
        raise ApiError("invalid_schema", wrong, field="variables_schema")
    size = sum(len(part.encode()) for part in (request.subject, request.html or "", request.text or ""))
    if size > LARGEST:
        raise ApiError("body_too_large", f"the template has {size} bytes, at most {LARGEST} are allowed")


def analyse(request: TemplateRequest) -> tuple[str, ...]:
    """The variables that the template requires; raises ApiError for what is wrong with its syntax."""
    parts = {"subject": request.subject, "html": request.html, "text": request.text}
    for field, source in parts.items():
        if source is not None and (wrong := syntax_error(source)) is not None:
            raise ApiError("invalid_template", wrong, field=field)
    return required_variables(parts.values())


def content_hash(request: TemplateRequest) -> str:
    """Equal for equal content."""
    parts: list[Any] = [request.subject, request.html, request.text]
    if request.variables_schema is not None:
        parts.append(request.variables_schema)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def version_of(
    request: TemplateRequest, *, tenant: str, name: str, number: int, required: tuple[str, ...]
) -> TemplateVersion:
    """The immutable version."""
    return TemplateVersion(
        tenant=tenant,
        name=name,
        version=number,
        subject=request.subject,
        html=request.html,
        text=request.text,
        required=required,
        content_hash=content_hash(request),
        variables_schema=request.variables_schema,
    )


def pointer_to(version: TemplateVersion) -> PublishedTemplate:
    """The pointer that publishes it."""
    return PublishedTemplate(tenant=version.tenant, name=version.name, version=version.version)


def deleted(version: TemplateVersion) -> PublishedTemplate:
    """The pointer of a deleted template: it still says what emails that were accepted before are made of."""
    return PublishedTemplate(tenant=version.tenant, name=version.name, version=version.version, deleted=True)


def request_of(version: TemplateVersion) -> TemplateRequest:
    """The content of a version, as it was asked for."""
    return TemplateRequest(
        subject=version.subject, html=version.html, text=version.text, variables_schema=version.variables_schema
    )
