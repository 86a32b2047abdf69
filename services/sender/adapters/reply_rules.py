"""Reads the rules on replies: the user's file first, then ours."""

from pathlib import Path
from typing import Final

import msgspec

from services.sender.domain.reply_rules import RuleSet

OURS: Final = Path(__file__).with_name("reply_rules.toml")


class BadRules(ValueError):
    """A file of rules cannot be used; the message says why."""


def load_rules(users: Path | None) -> tuple[RuleSet, ...]:
    """The rule sets, in the order in which they are asked."""
    return (*([_read(users)] if users is not None else []), _read(OURS))


def _read(path: Path) -> RuleSet:
    """A TOML or JSON file."""
    decode = msgspec.json.decode if path.suffix == ".json" else msgspec.toml.decode
    try:
        rules: RuleSet = decode(path.read_bytes(), type=RuleSet)
    except OSError as error:
        raise BadRules(f"the rules on replies cannot be read: {error.strerror} ({path})") from None
    except ValueError as error:  # msgspec's are ValueErrors, and so are ours
        raise BadRules(f"{path}: {error}") from None
    return rules
