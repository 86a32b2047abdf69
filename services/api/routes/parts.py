"""What the routes are given: the handlers, the caller, the request's origin."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.api.domain.errors import ApiError
from services.api.domain.preferences import idempotency_key, wait_of
from services.api.domain.record import Origin
from services.api.handlers.batch_controls import BatchControls
from services.api.handlers.batches import Batches
from services.api.handlers.cancel import Cancel
from services.api.handlers.destinations import Destinations
from services.api.handlers.drafts import Drafts
from services.api.handlers.emails import Emails
from services.api.handlers.intake import Intake
from services.api.handlers.operating import Operating
from services.api.handlers.ports import Keys, Readiness
from services.api.handlers.previews import Previews
from services.api.handlers.queries import Queries
from services.api.handlers.refused import Refused
from services.api.handlers.reschedule import Reschedule
from services.api.handlers.resolve import Resolve
from services.api.handlers.retry import Retry
from services.api.handlers.suppressions import Suppressions
from services.api.handlers.templates import Templates
from services.api.handlers.watching import Watching
from shared.clock import Clock

BATCH_WAIT = 5.0  # seconds; see `patience`
BEARER = HTTPBearer(auto_error=False, description="An API key, made by `postlog keys create`.")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """All that the routes use; `main` puts it together."""

    keys: Keys
    emails: Emails
    batches: Batches
    batch_controls: BatchControls
    intake: Intake
    refused: Refused
    cancel: Cancel
    reschedule: Reschedule
    resolve: Resolve
    retry: Retry
    templates: Templates
    drafts: Drafts
    previews: Previews
    suppressions: Suppressions
    operating: Operating
    destinations: Destinations
    queries: Queries
    watching: Watching
    readiness: Readiness
    clock: Clock
    body_limit: int


def parts(request: Request) -> Parts:
    """The parts of the running application."""
    found: Parts = request.app.state.parts
    return found


async def origin(
    request: Request,
    ready: Annotated[Parts, Depends(parts)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> Origin:
    """Whose request it is: the tenant is the key's. Raises ApiError for what the key may not do."""
    if credentials is None:
        raise ApiError("unauthorized", "no API key was sent")
    key = await ready.keys.whose(credentials.credentials)
    now = ready.clock.now()
    key.allow(request.method, request.scope["route"].path, now=now)
    return Origin(
        tenant=key.tenant,
        by=f"api:{key.prefix}",
        traceparent=request.scope["traceparent"],
        now=now,
    )


def key_header(
    given: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Makes a repeat safe: the same key and body give the same answer."),
    ] = None,
) -> str | None:
    """The Idempotency-Key, checked."""
    return idempotency_key(given)


def wait_header(
    given: Annotated[
        str | None,
        Header(
            alias="Prefer",
            description="`wait=N`: take up to N (at most 30) seconds to tell of all that was done before (RFC 7240).",
        ),
    ] = None,
) -> float | None:
    """The seconds of `Prefer: wait`."""
    return wait_of(given)


def applied(wait: float | None, *, current: bool = True) -> dict[str, str]:
    """The header that says that `Prefer: wait` was granted: a query's answer is `current`."""
    return {} if wait is None or not current else {"Preference-Applied": f"wait={wait:.0f}"}


def id_of(text: str, *, missing: ApiError) -> UUID:
    """The id in a path; what is none names nothing, so it is `missing`."""
    try:
        return UUID(text)
    except ValueError:
        raise missing from None


def batch_of(text: str) -> UUID:
    """The id of a batch in a path."""
    return id_of(text, missing=no_batch())


def no_batch() -> ApiError:
    """The answer about a batch that is not there."""
    return ApiError("not_found", "there is no such batch")


def patience(wait: float | None) -> float:
    """Seconds for a batch that another process opened a moment ago to be known."""
    return BATCH_WAIT if wait is None else wait


PartsOf = Annotated[Parts, Depends(parts)]
OriginOf = Annotated[Origin, Depends(origin)]
KeyOf = Annotated[str | None, Depends(key_header)]
WaitOf = Annotated[float | None, Depends(wait_header)]
