"""Where a user's rules are."""

from pathlib import Path

from pydantic import Field, field_validator

from shared.bounces.builtin import classifier
from shared.bounces.classifier import Classifier
from shared.settings import Settings


class BounceSettings(Settings):
    """Rules of the user, tried before those that come with the product."""

    bounce_rules: Path | None = Field(None, description="file of rules that judge refusals first (docs/bounces.md)")

    @field_validator("bounce_rules")
    @classmethod
    def _can_be_used(cls, file: Path | None) -> Path | None:
        if file is not None:
            classifier(_content(file))
        return file

    def classifier(self) -> Classifier:
        """The classifier with the user's rules, if there are some. Raises ValueError, a line for each mistake."""
        return classifier(_content(self.bounce_rules) if self.bounce_rules else None)


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        why = error.strerror
        raise ValueError(f"the file {file} cannot be read ({why}): name one that this user may read") from None
    except UnicodeDecodeError:
        raise ValueError(f"the file {file} is not UTF-8 text: name a TOML file") from None
