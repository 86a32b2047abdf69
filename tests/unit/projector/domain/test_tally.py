"""The counts: however the facts come in portions, the changes add up to what the emails are in the end."""

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.projector.domain import email
from services.projector.domain.tally import COUNTS, Cell, Share, Tally
from shared.db.read_models import COUNTED
from shared.events import EmailDelivered, EmailEvent, EmailOpened, EmailQueued, EmailRejected
from tests import golden
from tests.unit.projector.histories import email_histories


def added(*tallies: Tally) -> tuple[Counter[Share], Counter[tuple[Cell, int]]]:
    """All changes together."""
    shares: Counter[Share] = Counter()
    cells: Counter[tuple[Cell, int]] = Counter()
    for tally in tallies:
        for share, change in tally.shares():
            shares[share] += change
        for cell, changes in tally.cells():
            for at, change in enumerate(changes):
                cells[cell, at] += change
    return +shares, +cells


@given(email_histories(), st.data())
def test_changes_add_up_to_what_the_email_is_in_the_end(history: list[EmailEvent], data: st.DataObject) -> None:
    tallies, stored, fold = [], None, None
    for event in data.draw(st.permutations(history)):
        fold = email.add(fold, event)
        if data.draw(st.booleans()):  # a portion ends: it is counted, stored and loaded again
            tallies.append(Tally())
            tallies[-1].move("default", stored, fold)
            stored = fold = email.decode(email.encode(fold))
    tallies.append(Tally())
    assert fold is not None
    tallies[-1].move("default", stored, fold)
    at_once = Tally()
    at_once.move("default", None, fold)
    assert added(*tallies) == added(at_once)


def test_the_counts_are_the_columns_of_the_summary() -> None:
    assert COUNTS == COUNTED


def test_an_email_counts_by_day_template_domain_and_each_tag_once() -> None:
    queued = replace(golden.event(EmailQueued), tags=("a", "a", "b"), template="t", recipient_domain="x.example")
    tally = Tally()
    tally.move("default", None, email.add(None, queued))
    day = date(queued.occurred_at.year, queued.occurred_at.month, queued.occurred_at.day)
    expected = [("all", ""), ("recipient_domain", "x.example"), ("tag", "a"), ("tag", "b"), ("template", "t")]
    assert [cell for cell, _ in tally.cells()] == [Cell("default", day, *what) for what in expected]
    assert all(numbers == (1, *[0] * 11) for _, numbers in tally.cells())
    assert tally.shares() == [(Share("default", str(queued.batch_id), "queued"), 1)]


def test_a_rejected_email_is_counted_but_was_never_accepted() -> None:
    tally = Tally()
    tally.move("default", None, email.add(None, golden.event(EmailRejected)))
    numbers = dict(zip(COUNTS, tally.cells()[0][1], strict=True))
    assert (numbers["accepted"], numbers["rejected"]) == (0, 1)


def test_nothing_is_counted_before_the_email_is_known_to_be_ours() -> None:
    tally = Tally()
    tally.move("default", None, email.add(None, golden.event(EmailOpened)))
    assert (tally.cells(), tally.shares()) == ([], [])


def test_a_status_moves_from_one_share_to_the_other() -> None:
    queued = email.add(None, golden.event(EmailQueued))
    delivered = email.add(queued, replace(golden.event(EmailDelivered), attempt=1))
    tally = Tally()
    tally.move("default", queued, delivered)
    assert sorted((share.status, change) for share, change in tally.shares()) == [("delivered", 1), ("queued", -1)]
    assert all(numbers[COUNTS.index("accepted")] == 0 for _, numbers in tally.cells())
