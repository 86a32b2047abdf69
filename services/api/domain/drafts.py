"""Drafts of templates, what lists and histories say, and how two versions differ."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import Struct

from services.api.domain.errors import ApiError
from services.api.domain.templates import TemplateRequest, content_hash

MAX_DIFF_LINES: Final = 5000  # of each part: what a comparison costs is bounded
PARTS: Final = ("subject", "html", "text", "variables_schema")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Content that is not published, and when it was written."""

    content: TemplateRequest
    updated_at: datetime


class DraftView(Struct, frozen=True, kw_only=True):
    """A draft: content that is not published. `published` is the version that is, if any."""

    name: str
    published: int | None
    content: TemplateRequest
    updated_at: datetime


class PublishRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Publish an earlier version again; without this, the draft."""

    version: int


class ListedTemplate(Struct, frozen=True, kw_only=True):
    """A template in a list: the published version and the newest one, and whether there is a draft."""

    name: str
    published: int | None
    newest: int
    draft: bool


class TemplatePage(Struct, frozen=True, kw_only=True):
    """A page of templates by name."""

    templates: tuple[ListedTemplate, ...]
    next_cursor: str | None


class ListedVersion(Struct, frozen=True, kw_only=True):
    """A version in a history."""

    version: int
    published: bool
    content_hash: str
    required: tuple[str, ...]


class TemplateHistory(Struct, frozen=True, kw_only=True):
    """All versions of a template, the newest first."""

    name: str
    versions: tuple[ListedVersion, ...]


class TemplateDiff(Struct, frozen=True, kw_only=True, rename={"old": "from", "new": "to"}):
    """How two versions differ: a unified diff of each part that does."""

    name: str
    old: str
    new: str
    parts: dict[str, str]


def draft_tag(content: TemplateRequest) -> str:
    """The entity tag of a draft: equal content has an equal one, whoever wrote it."""
    return f'"{content_hash(content)}"'


def version_tag(number: int | None) -> str | None:
    """The entity tag of a template: its published version."""
    return f'"{number}"' if number is not None else None


def compare(old: TemplateRequest, new: TemplateRequest, *, names: tuple[str, str]) -> dict[str, str]:
    """The unified diffs, by part; raises ApiError `too_many_items` for what is too long to be compared."""
    return dict(_differences(_texts(old), _texts(new), names=names))


def _differences(old: dict[str, str], new: dict[str, str], *, names: tuple[str, str]) -> Iterator[tuple[str, str]]:
    for part in PARTS:
        one, other = old.get(part, ""), new.get(part, "")
        if one != other:
            before, after = _lines(one, part=part), _lines(other, part=part)
            old_label, new_label = (f"{part} ({name})" for name in names)
            lines = difflib.unified_diff(before, after, old_label, new_label, lineterm="")
            yield part, "".join(f"{line}\n" for line in lines)


def _texts(content: TemplateRequest) -> dict[str, str]:
    schema = content.variables_schema
    written = json.dumps(schema, indent=2, ensure_ascii=False) if schema is not None else None
    parts = {"subject": content.subject, "html": content.html, "text": content.text, "variables_schema": written}
    return {part: text for part, text in parts.items() if text is not None}


def _lines(text: str, *, part: str) -> list[str]:
    found = text.splitlines()
    if len(found) > MAX_DIFF_LINES:
        raise ApiError(
            "too_many_items", f"has {len(found)} lines, at most {MAX_DIFF_LINES} can be compared", field=part
        )
    return found
