"""If-Match and If-None-Match (RFC 9110 section 13)."""

import pytest

from services.api.domain.conditions import condition_of
from services.api.domain.errors import ApiError


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "current", "holds"),
    [
        (None, None, None, True),
        (None, None, '"1"', True),
        ('"1"', None, '"1"', True),
        ('"0", "1"', None, '"1"', True),
        ('"2"', None, '"1"', False),
        ('W/"1"', None, '"1"', False),  # the comparison is strong
        ('"1"', None, None, False),
        ("*", None, '"1"', True),
        ("*", None, None, False),
        (None, "*", None, True),
        (None, "*", '"1"', False),
    ],
)
def test_what_must_hold(if_match: str | None, if_none_match: str | None, current: str | None, holds: bool) -> None:
    condition = condition_of(if_match, if_none_match)
    if holds:
        condition.require(current)
        return
    with pytest.raises(ApiError) as caught:
        condition.require(current)
    assert (caught.value.code, caught.value.status) == ("precondition_failed", 412)


@pytest.mark.parametrize(("if_match", "if_none_match"), [("1", None), ('"1', None), ("", None), (None, '"1"')])
def test_what_cannot_be_understood(if_match: str | None, if_none_match: str | None) -> None:
    with pytest.raises(ApiError, match="invalid_parameter"):
        condition_of(if_match, if_none_match)
