"""What an email says: own content or a template, never both, and every variable that the template needs."""

import re
from typing import Any, Final

from shared.acceptance.limits import MAX_BODY, MAX_SUBJECT, MAX_VARIABLES_DEPTH
from shared.acceptance.refusal import Refused
from shared.acceptance.schemas import check_variables
from shared.acceptance.texts import require_clean
from shared.commands import SendEmail, nested_deeper
from shared.records import TemplateVersion

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def check_content(command: SendEmail) -> None:
    """Exactly one kind of content, each part once."""
    require_clean(command.subject, field="subject", longest=MAX_SUBJECT)
    _check_nesting(command.variables)
    if command.template is None:
        _check_own(command)
    else:
        _check_only_template(command)


def check_template(command: SendEmail, template: TemplateVersion | None) -> None:
    """The template is known, and has all that it requires, as its schema says; an explicit null is a value."""
    if command.template is None:
        return
    if template is None:
        raise Refused("unknown_template", "template", "there is no such template or version")
    require_variables(template, command.variables)


def require_variables(template: TemplateVersion, variables: dict[str, Any]) -> None:
    """All that the template requires is there, and as its schema says."""
    for name in template.required:
        if name not in variables:
            raise Refused("missing_variable", f"variables.{name}", f"the template requires the variable {name}")
    if template.variables_schema is not None:
        check_variables(template.variables_schema, variables)


def require_sha256(text: str | None, *, field: str) -> None:
    """Refuse what cannot be the name of a blob."""
    if text is not None and not _SHA256.fullmatch(text):
        raise Refused("wrong_type", field, "is not a SHA-256 in 64 lower case hex digits")


def _check_own(command: SendEmail) -> None:
    for field in ("variables", "template_version"):
        if getattr(command, field):
            raise Refused("content_conflict", field, "goes with a template only")
    for kind in ("html", "text"):
        _check_body(getattr(command, kind), getattr(command, f"{kind}_blob"), field=kind)
    if not any((command.html, command.text, command.html_blob, command.text_blob)):
        raise Refused("content_missing", "html", "give html or text, or a template")
    if not command.subject:
        raise Refused("content_missing", "subject", "give a subject")


def _check_body(body: str | None, blob: str | None, *, field: str) -> None:
    if body is not None and blob is not None:
        raise Refused("content_conflict", f"{field}_blob", f"give either {field} or {field}_blob")
    require_sha256(blob, field=f"{field}_blob")
    if body is not None and len(body) > MAX_BODY:
        raise Refused("too_long", field, f"has {len(body)} characters, at most {MAX_BODY} are allowed")


def _check_only_template(command: SendEmail) -> None:
    for field in ("subject", "html", "text", "html_blob", "text_blob"):
        if getattr(command, field) is not None:
            raise Refused("content_conflict", field, "the template brings its own")
    if command.template_version is not None and command.template_version < 1:
        raise Refused("unknown_template", "template_version", "versions count from 1")


def _check_nesting(variables: dict[str, Any]) -> None:
    if nested_deeper(variables, MAX_VARIABLES_DEPTH):
        raise Refused("nesting_too_deep", "variables", f"may be nested {MAX_VARIABLES_DEPTH} levels deep")
