"""The facts on `email.events`: one frozen type per event, one codec. Pure: no IO, no clock, no randomness."""

from shared.events.email import *  # noqa: F403 (the package re-exports its facts)
from shared.events.email import EMAIL_EVENTS
from shared.events.envelope import DsnEvent, EmailEvent, Event, SmtpEvent
from shared.events.other import *  # noqa: F403
from shared.events.other import OTHER_EVENTS, BatchEvent

ALL_EVENTS: tuple[type[Event], ...] = (*EMAIL_EVENTS, *OTHER_EVENTS)

__all__ = ["ALL_EVENTS", "BatchEvent", "DsnEvent", "EmailEvent", "Event", "SmtpEvent"]
__all__ += [kind.__name__ for kind in ALL_EVENTS]
