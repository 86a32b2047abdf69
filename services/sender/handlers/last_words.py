"""What the handlers ask of `email.controls`: the last word of operators, of replies, of other senders."""

from typing import Protocol

from shared.records import Control, ControlKind


class Controls(Protocol):
    """A copy of the topic."""

    @property
    def controls_version(self) -> int:
        """Another one whenever a control has changed."""

    def control(self, tenant: str, kind: ControlKind, name: str) -> Control | None:
        """The last word on something."""

    def controls_of(self, kind: ControlKind) -> list[Control]:
        """All last words of a kind."""
