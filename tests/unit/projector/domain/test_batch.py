"""The fold of a batch: order and repetition change nothing; the last word on pauses counts."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.projector.domain import batch
from services.projector.domain.batch import BatchFold
from shared.events import BatchCancelled, BatchClosed, BatchEvent, BatchOpened, BatchPaused, BatchResumed
from tests import golden
from tests.unit.projector.histories import T0, batch_histories


def folded(*events: BatchEvent) -> BatchFold:
    fold = None
    for event in events:
        fold = batch.add(fold, event)
    assert fold is not None
    return fold


@given(batch_histories(), st.data())
def test_any_order_and_any_repetition_fold_to_the_same(history: list[BatchEvent], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(history)))
    assert folded(*data.draw(st.permutations(history + again))) == folded(*history)


@given(batch_histories())
def test_a_fold_survives_being_stored(history: list[BatchEvent]) -> None:
    assert batch.decode(batch.encode(folded(*history))) == folded(*history)


def test_the_opening_fact_names_the_batch_even_when_it_comes_last() -> None:
    opened, closed = golden.event(BatchOpened), golden.event(BatchClosed)
    before = folded(closed)
    assert (before.named.stream, before.named.template) == (closed.stream, None)
    named = batch.add(before, opened).named
    assert (named.template, named.tags, named.reference) == (opened.template, opened.tags, opened.reference)


def test_the_last_word_on_a_pause_counts_also_when_it_is_read_first() -> None:
    paused = replace(golden.event(BatchPaused), occurred_at=T0)
    resumed = replace(golden.event(BatchResumed), occurred_at=T0.replace(second=59))
    for order in ((paused, resumed), (resumed, paused)):
        said = folded(*order).paused
        assert said is not None
        assert not said.paused
    assert folded(paused).paused is not None
    assert folded(paused).paused.paused  # type: ignore[union-attr]


def test_counts_of_the_close_and_a_cancellation_are_kept() -> None:
    fold = folded(golden.event(BatchClosed), golden.event(BatchCancelled))
    assert fold.closed is not None
    assert fold.closed.acknowledged == golden.event(BatchClosed).acknowledged
    assert fold.cancelled
