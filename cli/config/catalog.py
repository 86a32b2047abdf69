"""Every setting of every service, from the typed settings objects: the one list of them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from shared.settings import Settings
from shared.settings_sources import env_name

SERVICES: Final = {
    "api": "services.api.settings:ApiSettings",
    "sender": "services.sender.settings:SenderSettings",
    "tracker": "services.tracker.settings:TrackerSettings",
    "projector": "services.projector.settings:ProjectorSettings",
}
# Variables of the command line itself.
OTHERS: Final = {
    "POSTLOG_INBOX_SLOW_SECONDS": "how long the inbox takes for slow@…, in seconds; 3 when not set",
    "POSTLOG_URL": "the API that `postlog queue`, `batch` and `emails` ask; http://127.0.0.1:8080 when not set",
    "POSTLOG_KEY": "the API key of `postlog queue`, `batch` and `emails`",
}
_WORDS: Final = {int: "whole number", float: "number", bool: "true or false", str: "text", Path: "path"}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting. `kind` says in words what it takes; `default` is as it would stand in the environment, None when
    there is none; `path` leads to its value in the settings object."""

    name: str
    path: tuple[str, ...]
    kind: str
    default: str | None
    required: bool
    secret: bool
    meaning: str


def settings_class(service: str) -> type[Settings]:
    """The settings object of a service."""
    module, _, name = SERVICES[service].partition(":")
    found: type[Settings] = getattr(import_module(module), name)
    return found


def settings_of(service: str) -> list[Setting]:
    """All settings of a service, inherited ones first."""
    return list(_settings(settings_class(service)))


def readers() -> dict[Setting, list[str]]:
    """Every setting once, with the services that read it."""
    found: dict[Setting, list[str]] = {}
    for service in SERVICES:
        for setting in settings_of(service):
            found.setdefault(setting, []).append(service)
    return found


def _settings(kind: type[Settings]) -> Iterator[Setting]:
    for field_name, field in kind.model_fields.items():
        name, default = env_name(field, field_name), field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            for part, inner in type(default).model_fields.items():
                yield _setting(f"{name}__{part.upper()}", (field_name, part), inner, default=getattr(default, part))
        else:
            yield _setting(name, (field_name,), field, default=default)


def _setting(name: str, path: tuple[str, ...], field: FieldInfo, *, default: Any) -> Setting:
    return Setting(
        name=name,
        path=path,
        kind=_kind(field),
        default=None if field.is_required() else written(default),
        required=field.is_required(),
        secret=_is_secret(field.annotation),
        meaning=field.description or "",
    )


def written(value: Any) -> str | None:
    """A value as it would stand in the environment."""
    match value:
        case None:
            return None
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case str() | int() | float() | Path():
            return str(value)
        case _:
            return json.dumps(value, default=lambda model: model.model_dump(mode="json"))


def _kind(field: FieldInfo) -> str:
    """Such as `whole number, 1 to 1000`."""
    kinds = [kind for kind in _alternatives(field.annotation) if kind is not type(None)]
    if get_origin(kinds[0]) is Literal:
        return " | ".join(map(str, get_args(kinds[0])))
    container = "JSON object" if get_origin(kinds[0]) is dict else "JSON list"
    word = "secret" if kinds[0] is SecretStr else _WORDS.get(kinds[0], container)
    return ", ".join([word, *_bounds(field)])


def _bounds(field: FieldInfo) -> Iterator[str]:
    found = {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("gt", "ge", "lt", "le", "pattern")
        if getattr(rule, name, None) is not None
    }
    match found:
        case {"ge": low, "le": high}:
            yield f"{low} to {high}"
        case {"ge": low, "lt": high}:
            yield f"from {low}, below {high}"
        case {"ge": low}:
            yield f"{low} or more"
        case {"gt": low}:
            yield f"above {low}"
        case {"pattern": pattern}:
            yield f"matching {pattern}"


def _alternatives(annotation: Any) -> Iterable[Any]:
    return (annotation,) if get_origin(annotation) in (None, Literal, list, dict) else get_args(annotation)


def _is_secret(annotation: Any) -> bool:
    return SecretStr in _alternatives(annotation)
