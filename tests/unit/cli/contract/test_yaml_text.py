"""Our YAML is YAML."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli.contract.yaml_text import to_yaml

TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]) | st.just("\n"))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXT)
ODD_NAMES = st.sampled_from(["no", "y", "$ref", "1", "a: b", "#c", "email.events", "~", ""])
NAMES = ODD_NAMES | st.text("ab-. ", max_size=5)
DATA = st.recursive(SCALARS, lambda part: st.lists(part, max_size=4) | st.dictionaries(NAMES, part, max_size=4))


@given(DATA)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": {"b": [1, {"c": "d", "e": []}]}}, 'a:\n  b:\n    - 1\n    - c: "d"\n      e: []\n'),
        ([[1, 2], {}], "- - 1\n  - 2\n- {}\n"),
        ({"no": None}, '"no": null\n'),
    ],
)
def test_how_it_looks(value: Any, text: str) -> None:
    assert to_yaml(value) == text
