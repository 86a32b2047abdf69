"""JSON Schemas (2020-12) of templates' variables: a plain tree, so that a check costs no more than its size.

References are refused, for they can go round in circles or abroad; expressions are matched in linear time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from shared.acceptance.refusal import Refused
from shared.commands import nested_deeper

MAX_SCHEMA: Final = 65_536  # bytes
MAX_DEPTH: Final = 40
_CACHED: Final = 500
_REFUSED: Final = frozenset(
    {
        "$ref",
        "$dynamicRef",
        "$recursiveRef",
        "$id",
        "$anchor",
        "$dynamicAnchor",
        "unevaluatedProperties",
        "unevaluatedItems",
    }
)
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_error(schema: Mapping[str, Any]) -> str | None:
    """What is wrong with a schema; None when it can be used."""
    encoded = msgspec.json.encode(schema)
    if len(encoded) > MAX_SCHEMA:
        return f"has {len(encoded)} bytes, at most {MAX_SCHEMA} are allowed"
    if nested_deeper(schema, MAX_DEPTH):
        return f"may be nested {MAX_DEPTH} levels deep"
    if schema.get("$schema", _DIALECT) != _DIALECT:
        return f"its $schema is {_DIALECT}, or left out"
    for name in _names(schema):
        if name in _REFUSED:
            return f"{name} is not supported: write out what it stands for"
    try:
        _validator(encoded)
    except (ValidationError, ValueError) as error:
        return str(getattr(error, "message", error))[:500]
    return None


def check_variables(schema: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
    """Raises `Refused` for the first variable that is not as the schema says; no value stands in the error."""
    encoded = msgspec.json.encode(schema)
    validator = _validator(encoded)
    if validator.is_valid(variables):
        return
    first = _Broken.of(next(validator.iter_errors(variables)), schema=encoded.decode())
    code = "missing_variable" if first.keyword == "required" else "invalid_variable"
    raise Refused(code, first.field, f"the template's schema says {first.rule}")


@dataclass(frozen=True, kw_only=True)
class _Broken:
    """The first rule of a schema that variables break."""

    field: str
    keyword: str
    rule: str

    @classmethod
    def of(cls, error: ValidationError, *, schema: str) -> "_Broken":
        path = "variables" + "".join(_step(step, schema=schema) for step in error.instance_path)
        keyword = str(error.schema_path[-1]) if error.schema_path else "false"
        asked: Any = msgspec.json.decode(schema)
        for step in error.schema_path:
            asked = asked[step]
        missing = getattr(error.kind, "property", None) if keyword == "required" else None
        rule = f"{keyword}: {msgspec.json.encode(missing or asked).decode()[:100]}"
        return cls(field=f"{path}.{missing}" if missing else path, keyword=keyword, rule=rule)


def _step(step: str | int, *, schema: str) -> str:
    """A step of a path; a name that is not the schema's own could be personal."""
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if msgspec.json.encode(step).decode() in schema else ".*"


@lru_cache(maxsize=_CACHED)
def _validator(schema: bytes) -> Draft202012Validator:
    return Draft202012Validator(
        msgspec.json.decode(schema), validate_formats=True, pattern_options=RegexOptions(size_limit=1024 * 1024)
    )


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)
