"""Identities: derived ones are the same anywhere, made ones tell when."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import batch_id_for, derived_id, email_id_for, event_id_for, made_at, new_id


def test_a_derived_id_is_a_uuid_of_version_8_and_never_changes() -> None:
    found = derived_id("email", "acme", "emails", "order-17", 0, 0)
    assert (found.version, found.variant) == (8, RFC_4122)
    assert found == UUID("5672c103-dca0-8741-aa5b-771da5cc8124")


def test_each_part_of_a_keyed_request_counts() -> None:
    base: dict[str, Any] = {"tenant": "acme", "operation": "emails", "key": "order-17", "line": 1, "ordinal": 2}
    changed = [base | {name: value} for name, value in (("tenant", "b"), ("operation", "b"), ("key", "b"))]
    changed += [base | {"line": 2}, base | {"ordinal": 1}]
    assert len({email_id_for(**values) for values in [base, *changed]}) == 6
    assert email_id_for(**base) == email_id_for(**base)


def test_emails_batches_and_events_of_the_same_words_have_different_ids() -> None:
    assert len({derived_id("x", "y"), batch_id_for(tenant="x", key="y"), event_id_for(subject="x", kind="y")}) == 3


def test_an_event_id_hashes_subject_type_attempt_and_cause() -> None:
    base: dict[str, Any] = {"subject": uuid4(), "kind": "email.sending", "attempt": 1, "cause": uuid4()}
    others = [base | {"subject": uuid4()}, base | {"kind": "email.deferred"}, base | {"attempt": 2}]
    others.append(base | {"cause": uuid4()})
    assert len({event_id_for(**values) for values in [base, *others, base]}) == 5


@given(st.lists(st.tuples(st.text("ab", max_size=3), st.text("ab", max_size=3)), unique=True, max_size=20))
def test_parts_do_not_run_into_each_other(pairs: list[tuple[str, str]]) -> None:
    assert len({derived_id(*pair) for pair in pairs}) == len(pairs)


def test_a_new_id_tells_when_it_was_made() -> None:
    made = made_at(new_id())
    assert made is not None and abs(made - datetime.now(UTC)) < timedelta(seconds=5)


def test_other_versions_do_not_tell_when() -> None:
    assert made_at(uuid4()) is None and made_at(derived_id("x")) is None


@given(st.uuids(version=4))
def test_any_uuid_of_version_7_has_a_time_however_absurd(base: UUID) -> None:
    found = made_at(UUID(int=base.int & ~(0xF << 76) | 7 << 76))
    assert found is not None and found.tzinfo is UTC


def test_the_latest_uuid_of_version_7_is_of_the_year_9999() -> None:
    found = made_at(UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"))
    assert found is not None and found.year == 9999
