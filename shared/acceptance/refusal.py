"""How a rule says no."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """`code` is one of `shared.problems`, `field` a path such as `attachments[0].filename`.

    `detail` is a sentence that never repeats the caller's values: it goes into events and logs.
    """

    code: str
    field: str | None
    detail: str


class Refused(Exception):
    """Carries a refusal out of a rule; never leaves this package."""

    def __init__(self, code: str, field: str | None, detail: str) -> None:
        super().__init__(code)
        self.refusal = Refusal(code, field, detail)
