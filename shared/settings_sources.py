"""Where settings come from: the environment, files named by `NAME_FILE`, `.env`. What cannot be read is a mistake."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, PydanticBaseSettingsSource

PREFIX = "POSTLOG_"


class Unusable:
    """Stands for a value that could not be had; the settings object turns it into the mistake of its field."""

    def __init__(self, why: str) -> None:
        self.why = why


class _JsonOrMistake(PydanticBaseSettingsSource):
    """Bad JSON is the field's mistake like any other, beside all the others, not an exception of its own."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """The decoded JSON, or `Unusable`."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError as error:
            return Unusable(f"not JSON ({error})")


class Environment(_JsonOrMistake, EnvSettingsSource):
    """The process's environment."""


class DotEnv(_JsonOrMistake, DotEnvSettingsSource):
    """The file `.env` of the working directory."""


class FileSecrets(_JsonOrMistake):
    """`NAME_FILE=/path` gives the setting `NAME` the content of a file, without its last line end."""

    def __init__(self, settings_cls: type[BaseSettings], *, variables: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self._variables = variables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The content of the file that a variable names, if one does; `Unusable` when it cannot be read."""
        path = self._variables.get(f"{env_name(field, field_name)}_FILE".lower())
        return (_read(Path(path)) if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All settings that come from files."""
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if isinstance(value, str):
                value = self.prepare_field_value(name, field, value, value_is_complex=False)
            if value is not None:
                found[str(field.validation_alias or name)] = value
        return found


def env_name(field: FieldInfo, field_name: str) -> str:
    """The variable that sets the field."""
    return str(field.validation_alias or f"{PREFIX}{field_name.upper()}")


def _read(path: Path) -> str | Unusable:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        return Unusable(f"the file {path} cannot be read ({error.strerror}): name one that this user may read")
    except UnicodeDecodeError:
        return Unusable(f"the file {path} is not UTF-8 text: name a text file")
