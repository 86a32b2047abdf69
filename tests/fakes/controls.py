"""A copy of `email.controls` in memory."""

from shared.records import Control, ControlKind, control_key


class Said:
    """What has been said last of everything."""

    def __init__(self) -> None:
        self.controls_version = 0
        self.controls: dict[str, Control] = {}

    def say(self, control: Control) -> None:
        """The last word on something from now on."""
        self.controls[control_key(control)] = control
        self.controls_version += 1

    def control(self, tenant: str, kind: ControlKind, name: str) -> Control | None:
        """The last word on something."""
        return self.controls.get(f"{tenant}/{kind}/{name}")

    def controls_of(self, kind: ControlKind) -> list[Control]:
        """All last words of a kind."""
        return [control for control in self.controls.values() if control.kind == kind]
