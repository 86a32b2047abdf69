"""What goes wrong, in the catalogue's words; the edge makes a problem document of it (RFC 9457)."""

from typing import Any

import msgspec

from shared.acceptance import Refusal
from shared.problems import PROBLEMS

RETRY_AFTER = 5  # seconds; said with every 429 and 503


class ItemProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One error of several: `index` counts the items of a batch from 0."""

    code: str
    detail: str
    field: str | None = None
    index: int | None = None


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457, with the stable `code`, the `field` it is about and how to `mend` it."""

    type: str
    title: str
    status: int
    code: str
    mend: str
    detail: str | None = None
    field: str | None = None
    errors: tuple[ItemProblem, ...] = ()
    trace_id: str | None = None


class ApiError(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self, code: str, detail: str | None = None, *, field: str | None = None, errors: tuple[ItemProblem, ...] = ()
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.field = field
        self.errors = errors

    @classmethod
    def of(cls, refusal: Refusal) -> "ApiError":
        """The error for a refusal by the rules."""
        return cls(refusal.code, refusal.detail, field=refusal.field)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEMS[self.code].status

    @property
    def headers(self) -> dict[str, str]:
        """Header fields that go with the status (RFC 9110 sections 10.2.3, 11.6.1 and 15.5.14)."""
        found: dict[int, dict[str, str]] = {
            413: {"Connection": "close"},  # else the rest of the body would be read
            401: {"WWW-Authenticate": 'Bearer realm="postlog"'},
            429: {"Retry-After": str(RETRY_AFTER)},
            503: {"Retry-After": str(RETRY_AFTER)},
        }
        return found.get(self.status, {})

    def document(self, **more: Any) -> ProblemDocument:
        """The problem document."""
        kind = PROBLEMS[self.code]
        return ProblemDocument(
            type=kind.type,
            title=kind.title,
            status=kind.status,
            code=kind.code,
            mend=kind.mend,
            detail=self.detail,
            field=self.field,
            errors=self.errors,
            **more,
        )
