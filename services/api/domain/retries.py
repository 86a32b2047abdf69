"""Retrying an email that was given up: which may be, and what is asked for then."""

from uuid import UUID

from msgspec.structs import replace

from services.api.domain.errors import ApiError
from shared.commands import SendEmail
from shared.ids import email_id_for


def require_retryable(status: str, *, erased: bool) -> None:
    """Raises ApiError for an email that did not fail, or whose personal data is gone."""
    if status not in ("failed", "bounced"):
        raise ApiError("not_failed", f"the email is {status}")
    if erased:
        raise ApiError("source_gone", "its personal data was erased")


def new_id_of(email_id: UUID, *, tenant: str) -> UUID:
    """The id of the one retry that an email can have; a retry that fails can be retried itself."""
    return email_id_for(tenant=tenant, operation="retry", key=str(email_id))


def again(original: SendEmail, *, email_id: UUID, command_id: UUID, template_version: int | None) -> SendEmail:
    """The same content for the same recipient, by the same version of the template, at once and without a deadline.

    It is no part of the original's batch: that one's counts are closed.
    """
    return replace(
        original,
        email_id=email_id,
        command_id=command_id,
        retry_of=original.email_id,
        batch_id=None,
        send_at=None,
        expires_at=None,
        template_version=template_version if original.template is not None else None,
    )
