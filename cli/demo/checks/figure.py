"""One figure: what it should be and what it is."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Check:
    """A figure of which two sources must say the same; `differ` names the single things on which they do not."""

    figure: str
    expected: object
    found: object
    differ: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether both are the same, in all things."""
        return self.expected == self.found and not self.differ


def each(figure: str, *, expected: Mapping[str, object], found: Mapping[str, object]) -> Check:
    """One figure over many things by their names: how many there are, and of how many both sources say the same."""
    names = sorted(expected.keys() | found.keys())
    differ = [name for name in names if name not in expected or name not in found or expected[name] != found[name]]
    return Check(
        figure=figure,
        expected=len(expected),
        found=len(names) - len(differ),
        differ=tuple(f"{name}: {found.get(name)}, should be {expected.get(name)}" for name in differ),
    )


def counts(numbers: Mapping[str, int]) -> str:
    """Counts that are not zero, in words."""
    return ", ".join(f"{name} {numbers[name]}" for name in sorted(numbers) if numbers[name])
