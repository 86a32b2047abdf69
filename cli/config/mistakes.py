"""What is wrong with the settings: a line for each mistake, with the setting's name and how to mend it."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from cli.config.catalog import OTHERS, Setting, readers, settings_class, settings_of
from cli.config.places import Places
from shared.settings_sources import PREFIX


def mistakes_of(service: str) -> list[str]:
    """The mistakes that keep a service from starting."""
    try:
        settings_class(service)()
    except ValidationError as error:
        return lines_of(error, settings_of(service))
    except UnicodeDecodeError:
        return [".env: not UTF-8 text"]
    return []


def lines_of(error: ValidationError, known: Sequence[Setting]) -> list[str]:
    """A line for each mistake that a settings object found in itself."""
    return [line for details in error.errors(include_url=False) for line in _lines(details, known)]


def all_mistakes(services: Iterable[str], places: Places) -> list[str]:
    """Those of all the services, and of variables that no service reads; each once."""
    found = [line for service in services for line in mistakes_of(service)]
    return list(dict.fromkeys([*found, *_unknown(places), *_said_twice(places)]))


def _lines(details: Mapping[str, Any], known: Sequence[Setting]) -> list[str]:
    """One, or several where a setting names a file with several mistakes: each after the setting's name."""
    first, *others = _line(details, known).splitlines()
    name = first.partition(": ")[0]
    return [first, *(f"{name}: {other}" for other in others)]


def _line(details: Mapping[str, Any], known: Sequence[Setting]) -> str:
    message = str(details["msg"]).removeprefix("Value error, ")
    if not details["loc"]:
        return message  # about several settings: it names them
    name, setting, place = _named(details["loc"], known)
    if setting is None or place or details["type"] == "value_error":
        return f"{name}: {place}{message}"
    if details["type"] == "missing":
        or_file = f", here or in a file named by {name}_FILE" if setting.secret else ""
        return f"{name}: not set; set it{or_file} ({setting.meaning})"
    value = "the value" if setting.secret else repr(details["input"])
    default = f"; {setting.default} when not set" if setting.default else ""
    return f"{name}: {value} is not {_with_article(setting.kind)} ({setting.meaning}{default})"


def _named(loc: tuple[Any, ...], known: Sequence[Setting]) -> tuple[str, Setting | None, str]:
    """The variable that an error is about, its setting if it is one, and the place within its JSON."""
    for setting in known:
        size = 1 if loc[0] == setting.name else len(setting.path)
        if loc[0] == setting.name or loc[:size] == setting.path:
            place = ".".join(map(str, loc[size:]))
            return setting.name, setting, f"at {place}: " if place else ""
    return f"{PREFIX}{loc[0]}".upper(), None, ""


def _with_article(kind: str) -> str:
    if " | " in kind:
        return f"one of {kind.replace(' | ', ', ')}"
    return kind if kind.startswith(("true", "text")) else f"a {kind}"


def _unknown(places: Places) -> Iterator[str]:
    names = {setting.name for setting in readers()}
    groups = {name.partition("__")[0] for name in names}
    known = names | groups | {f"{name}_FILE" for name in names | groups} | OTHERS.keys()
    without_prefix = {name.removeprefix(PREFIX): name for name in sorted(known)}
    for name, where in places.all_names():
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name.removeprefix(PREFIX), without_prefix, n=1)
            hint = f"did you mean {without_prefix[near[0]]}?" if near else "docs/settings.md lists all; unset it"
            yield f"{name}: no such setting (in {where}); {hint}"


def _said_twice(places: Places) -> Iterator[str]:
    names = set(places.all_names())
    for name, where in sorted(names):
        if (f"{name}_FILE", where) in names:
            yield f"{name}: set beside {name}_FILE (in {where}); keep one of the two"
