"""Facts for property tests: any kinds, any times that collide, any order."""

from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from shared.events import BatchEvent, EmailEvent, Event
from tests import golden

E = TypeVar("E", bound=Event)
T0 = datetime(2026, 11, 23, 23, 59, 58, tzinfo=UTC)  # so that days change too
GOLDEN: Final = [golden.decode(path) for path in golden.paths("events")]
OF_EMAILS: Final[list[EmailEvent]] = [event for event in GOLDEN if isinstance(event, EmailEvent)]
OF_BATCHES: Final[list[BatchEvent]] = [event for event in GOLDEN if isinstance(event, BatchEvent)]
TAGS = st.lists(st.sampled_from(["a", "b", 'c"', "d\\"]), max_size=3).map(tuple)


@st.composite
def email_histories(draw: st.DrawFn) -> list[EmailEvent]:
    """Any facts about one email."""
    return [_varied(draw, event, number) for number, event in enumerate(draw(_some(OF_EMAILS)))]


@st.composite
def batch_histories(draw: st.DrawFn) -> list[BatchEvent]:
    """Any facts about one batch."""
    numbered = enumerate(draw(_some(OF_BATCHES)))
    return [replace(event, event_id=UUID(int=number + 1), occurred_at=_time(draw)) for number, event in numbered]


def _varied(draw: st.DrawFn, event: EmailEvent, number: int) -> EmailEvent:
    return replace(
        event,
        event_id=UUID(int=number + 1),
        occurred_at=_time(draw),
        email_id=UUID(int=7),
        tenant="default",
        attempt=draw(st.integers(0, 3)),
        recipient_domain=draw(st.sampled_from(["example.com", "example.org", None])),
        batch_id=draw(st.sampled_from([None, UUID(int=8), UUID(int=9)])),
        tags=draw(TAGS),
    )


def _time(draw: st.DrawFn) -> datetime:
    return T0 + timedelta(seconds=draw(st.integers(0, 4)))


def _some(events: list[E]) -> st.SearchStrategy[list[E]]:
    return st.lists(st.sampled_from(events), min_size=1, max_size=10)
