"""Conditions on a change (RFC 9110 section 13): `If-Match` and `If-None-Match: *`, against lost updates."""

import re
from dataclasses import dataclass
from typing import Final

from services.api.domain.errors import ApiError

_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e]{0,100}"'
_TAGS: Final = re.compile(rf"{_TAG}(?:\s*,\s*{_TAG}){{0,19}}")


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What must hold for a change: one of the `tags` is current (None: any state will do), or nothing is there."""

    tags: frozenset[str] | None = None
    absent: bool = False

    def require(self, current: str | None) -> None:
        """Raises ApiError `precondition_failed`; `current` is the entity tag of what is there, None for nothing."""
        if self.absent and current is not None:
            raise ApiError("precondition_failed", f"it exists, its ETag is {current}", field="If-None-Match")
        if self.tags is not None and current not in self.tags and not (current and "*" in self.tags):
            there = f"its ETag is {current} now" if current else "it does not exist"
            raise ApiError("precondition_failed", there, field="If-Match")


ALWAYS: Final = Condition()


def condition_of(if_match: str | None, if_none_match: str | None) -> Condition:
    """The condition that the header fields state; raises ApiError `invalid_parameter`."""
    if if_none_match is not None and if_none_match.strip() != "*":
        raise ApiError("invalid_parameter", "is * here: make it only if it does not exist", field="If-None-Match")
    return Condition(tags=_tags(if_match), absent=if_none_match is not None)


def _tags(if_match: str | None) -> frozenset[str] | None:
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return frozenset({"*"})
    if not _TAGS.fullmatch(if_match.strip()):
        raise ApiError("invalid_parameter", "is an ETag as it was given, in its quotes, or *", field="If-Match")
    return frozenset(re.findall(_TAG, if_match))
