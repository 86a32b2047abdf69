"""Variables against a template's JSON Schema: the error names the variable and holds no value."""

import time
from typing import Any

import pytest

from shared.acceptance.refusal import Refused
from shared.acceptance.schemas import MAX_DEPTH, MAX_SCHEMA, check_variables, schema_error

INVOICE: dict[str, Any] = {
    "type": "object",
    "required": ["number", "lines"],
    "properties": {
        "number": {"type": "string", "pattern": "^[A-Z0-9-]+$", "maxLength": 20},
        "due": {"type": "string", "format": "date"},
        "currency": {"enum": ["EUR", "USD"]},
        "lines": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["amount"],
                "properties": {"amount": {"type": "number", "minimum": 0}},
            },
        },
        "notes": {"additionalProperties": {"type": "string"}},
    },
    "additionalProperties": False,
}
GOOD: dict[str, Any] = {"number": "A-1", "lines": [{"amount": 1.5}]}


def test_what_is_as_the_schema_says() -> None:
    assert schema_error(INVOICE) is None
    check_variables(INVOICE, GOOD | {"due": "2026-12-01", "currency": "EUR", "notes": {"x": "y"}})


@pytest.mark.parametrize(
    ("changes", "code", "field", "detail"),
    [
        ({"number": 7}, "invalid_variable", "variables.number", 'type: "string"'),
        ({"number": "a b"}, "invalid_variable", "variables.number", 'pattern: "^[A-Z0-9-]+$"'),
        ({"lines": []}, "invalid_variable", "variables.lines", "minItems: 1"),
        ({"lines": [{"amount": 1}, {"amount": -1}]}, "invalid_variable", "variables.lines[1].amount", "minimum: 0"),
        ({"lines": [{}]}, "missing_variable", "variables.lines[0].amount", 'required: "amount"'),
        ({"due": "tomorrow"}, "invalid_variable", "variables.due", 'format: "date"'),
        ({"currency": "GBP"}, "invalid_variable", "variables.currency", 'enum: ["EUR","USD"]'),
        ({"ada@example.com": 1}, "invalid_variable", "variables", "additionalProperties: false"),
        ({"notes": {"ada@example.com": 1}}, "invalid_variable", "variables.notes.*", 'type: "string"'),
    ],
)
def test_what_is_not(changes: dict[str, Any], code: str, field: str, detail: str) -> None:
    with pytest.raises(Refused) as caught:
        check_variables(INVOICE, GOOD | changes)
    refusal = caught.value.refusal
    assert (refusal.code, refusal.field, refusal.detail) == (code, field, f"the template's schema says {detail}")


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(Refused) as caught:
        check_variables(INVOICE, {"lines": [{"amount": 1}]})
    assert (caught.value.refusal.code, caught.value.refusal.field) == ("missing_variable", "variables.number")


def deep(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"not": found}
    return found


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "strin"}, "strin"),
        ({"pattern": "("}, "regex"),
        ({"pattern": "(?=a)b"}, "regex"),  # looking ahead has no linear time
        ({"$ref": "#"}, "$ref is not supported"),
        ({"properties": {"a": {"allOf": [{"$ref": "https://example.com/schema"}]}}}, "$ref is not supported"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties is not supported"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema"),
        ({"const": "x" * MAX_SCHEMA}, "bytes"),
        (deep(MAX_DEPTH + 1), "levels deep"),
    ],
)
def test_what_is_no_schema_for_us(schema: dict[str, Any], problem: str) -> None:
    assert problem in (schema_error(schema) or "")


def test_no_expression_takes_long() -> None:
    schema = {"properties": {"a": {"pattern": "^(a+)+$"}}}
    assert schema_error(schema) is None
    before = time.perf_counter()
    with pytest.raises(Refused):
        check_variables(schema, {"a": "a" * 100_000 + "!"})
    assert time.perf_counter() - before < 5
