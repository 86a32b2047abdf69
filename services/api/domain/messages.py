"""From a mail back to its email: the Message-ID of every mail that we send begins with the email's id."""

from uuid import UUID

from services.api.domain.errors import ApiError


def email_of(message_id: str) -> UUID:
    """The id of the email whose mail has this Message-ID, with or without its brackets; raises ApiError."""
    left = message_id.strip().removeprefix("<").partition("@")[0]
    try:
        return UUID(left)
    except ValueError:
        raise ApiError("invalid_parameter", "not a Message-ID of this service", field="message_id") from None
