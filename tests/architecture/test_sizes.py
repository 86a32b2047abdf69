"""Small files, small functions."""

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import ROOT, modules, tree

MAX_FILE: Final = 400  # lines
MAX_FUNCTION: Final = 60


@pytest.mark.parametrize("folder", ["services", "shared", "cli", "tests", "examples"])
def test_no_file_is_long(folder: str) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules(folder)}
    assert {_name(path): lines for path, lines in lengths.items() if lines > MAX_FILE} == {}


@pytest.mark.parametrize("folder", ["services", "shared", "cli", "tests", "examples"])
def test_no_function_is_long(folder: str) -> None:
    found = {}
    for path in modules(folder):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION:
                    found[f"{_name(path)}:{node.lineno}"] = lines
    assert found == {}


def test_no_module_is_called_utils() -> None:
    bad = {"utils", "util", "helpers", "common", "misc"}
    assert [path for path in modules("services", "shared", "cli", "tests") if path.stem in bad] == []


@pytest.mark.parametrize("folder", ["services", "shared", "cli"])
def test_every_module_says_what_it_holds(folder: str) -> None:
    texts = {path: path.read_text(encoding="utf-8").strip() for path in modules(folder)}
    silent = [_name(path) for path, text in texts.items() if text and not ast.get_docstring(tree(path))]
    assert silent == []


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))
