"""Where values come from: the environment, a file that a variable names, `.env`, or nowhere."""

from collections.abc import Iterator, Mapping
from typing import Self

from cli.config.catalog import Setting
from cli.errors import CommandError
from shared.settings import Settings
from shared.settings_sources import DotEnv, Environment


class Places:
    """The variables of the environment and of `.env`; names in capitals, empty ones left out."""

    def __init__(self, *, environment: Mapping[str, str], dotenv: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._dotenv = dict(dotenv)

    @classmethod
    def here(cls) -> Self:
        """Those of this process and its working directory."""
        try:
            environment, dotenv = (_capitals(source(Settings).env_vars) for source in (Environment, DotEnv))
        except UnicodeDecodeError:
            raise CommandError(".env: not UTF-8 text", exit_code=2) from None
        return cls(environment=environment, dotenv=dotenv)

    def all_names(self) -> Iterator[tuple[str, str]]:
        """Every name, and where it stands."""
        yield from ((name, "the environment") for name in self._environment)
        yield from ((name, ".env") for name in self._dotenv)

    def of(self, setting: Setting) -> str:
        """Where the setting's value comes from, when it has been set."""
        names = dict.fromkeys((setting.name, setting.name.partition("__")[0]))
        files = self._dotenv | self._environment
        if any(name in self._environment for name in names):
            return "environment"
        if file := next((files[f"{name}_FILE"] for name in names if f"{name}_FILE" in files), None):
            return f"file {file}"
        return ".env"


def _capitals(variables: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value for name, value in variables.items() if value is not None}
