"""Prefer, Idempotency-Key and cursors."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.domain.errors import ApiError
from services.api.domain.preferences import (
    EmailCursor,
    SuppressionCursor,
    idempotency_key,
    read_cursor,
    wait_of,
    write_cursor,
)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("respond-async", None),
        ("wait=10", 10),
        ("Wait = 10", 10),
        ('respond-async, wait="7"', 7),
        ("wait=5, respond-async", 5),
        ("wait=0", 0),
        ("wait=3600", 30),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("await=5", None),
        ("wait=" + "9" * 400, None),
    ],
)
def test_wait(header: str | None, seconds: float | None) -> None:
    assert wait_of(header) == seconds


@pytest.mark.parametrize("key", ["a", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "k" * 255])
def test_keys(key: str) -> None:
    assert idempotency_key(key) == key


@pytest.mark.parametrize("key", ["", "k" * 256, "a b", "ä", "a\x00"])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(ApiError, match="invalid_parameter"):
        idempotency_key(key)


def test_cursors_come_back() -> None:
    email = EmailCursor(datetime(2026, 11, 3, 12, 0, 0, 123456, tzinfo=UTC), uuid4())
    assert read_cursor(write_cursor(email), EmailCursor) == email
    suppression = SuppressionCursor("ab", "list:news")
    assert read_cursor(write_cursor(suppression), SuppressionCursor) == suppression
    assert read_cursor(None, EmailCursor) is None


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ApiError, match="invalid_parameter"):
        read_cursor(text, EmailCursor)
