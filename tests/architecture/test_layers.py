"""The dependency rule: domain <- handlers <- (routes | consumer, adapters) <- main; and the core is pure."""

import re
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import ROOT, calls, imports, modules, name_of

# The sender's own parts beside the rooms: its books are as far in as its handlers, what holds them as its consumer.
BOOKS: Final = ("group", "lease", "metrics", "positions", "ready", "turns")
HOLDERS: Final = ("assembly", "limiting", "ownership", "requests")
RANK: Final = (
    {"domain": 0, "handlers": 1, "routes": 2, "consumer": 2, "adapters": 2, "main": 3}
    | dict.fromkeys(BOOKS, 1)
    | dict.fromkeys(HOLDERS, 2)
)
SERVICES: Final = ("api", "sender", "tracker", "projector")

PURE: Final = [
    *modules("shared/events", "shared/acceptance"),
    *(path for service in SERVICES for path in modules(f"services/{service}/domain")),
    *(ROOT / "shared" / f"{name}.py" for name in ("lifecycle", "topics", "commands", "records", "problems")),
    *(ROOT / "shared" / f"{name}.py" for name in ("tokens", "templating", "position", "public_addresses")),
    *(
        ROOT / "shared" / "bounces" / f"{name}.py"
        for name in ("judgement", "reading", "phrases", "rules", "classifier")
    ),
    ROOT / "services" / "sender" / "replies.py",
]
LIBRARY: Final = (
    "abc array ast base64 binascii bisect collections contextlib copy csv dataclasses datetime decimal difflib email",
    "enum fractions functools hashlib heapq hmac html ipaddress itertools json math msgspec operator re string",
    "struct textwrap tomllib types typing unicodedata urllib uuid zlib",
)
PURE_LIBRARY: Final = frozenset(" ".join(LIBRARY).split())
# Pure, and each of use to pure code: an address's grammar, a settings value, syntax trees of templates, JSON Schemas.
PURE_PACKAGES: Final = frozenset({"email_validator", "pydantic", "jinja2", "jsonschema_rs"})
IMPURE_PARTS: Final = frozenset({"urllib.request", "email.utils", "multiprocessing"})
IMPURE_CALLS: Final = re.compile(
    r"(open|print|input|exec|eval|new_id|uuid[14]|uuid\.uuid[14])$"
    r"|.*\b(now|utcnow|today|fromtimestamp_local|urlopen|read_text|write_text|getenv)$"
)


def ring(module: str) -> tuple[str, str] | None:
    """The service and the room of a module that is in a room."""
    parts = module.split(".")
    return (parts[1], parts[2]) if parts[0] == "services" and len(parts) > 2 and parts[2] in RANK else None


def test_a_module_imports_from_its_own_ring_and_those_inside_it() -> None:
    outward = set()
    for path in modules("services"):
        mine = ring(name_of(path))
        for module, _ in imports(path):
            other = ring(module)
            if mine and other and RANK[other[1]] > RANK[mine[1]]:
                outward.add((name_of(path), module))
    assert outward == set()


def test_only_main_is_imported_by_no_room() -> None:
    for path in modules("services"):
        assert not any(re.fullmatch(r"services\.\w+\.main", module) for module, _ in imports(path)), name_of(path)


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_pure_code_imports_pure_code_only(path: Path) -> None:
    pure = {name_of(each) for each in PURE} | {"shared.ids"}
    for module, name in imports(path):
        root = module.partition(".")[0]
        if root in ("shared", "services", "cli"):
            assert module in pure or f"{module}.{name}" in pure, f"{name_of(path)} imports {module}"
        else:
            assert root in PURE_LIBRARY | PURE_PACKAGES and module not in IMPURE_PARTS, f"{name_of(path)}: {module}"


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_pure_code_asks_no_clock_no_chance_and_no_environment(path: Path) -> None:
    found = [f"{called} in line {line}" for called, line in calls(path) if IMPURE_CALLS.match(called)]
    assert not found, name_of(path)


def test_settings_are_read_in_main_alone() -> None:
    """No other module of a service constructs a settings object."""
    for path in modules("services"):
        if path.name != "main.py":
            made = [called for called, _ in calls(path) if re.fullmatch(r"\w*Settings", called)]
            assert not made, name_of(path)


def test_the_demos_fold_shares_no_code_with_what_it_checks() -> None:
    """It imports the standard library alone."""
    used = {module.partition(".")[0] for module, _ in imports(ROOT / "cli" / "demo" / "fold.py")}
    assert used <= sys.stdlib_module_names


def test_settings_are_read_in_main_and_by_the_command_line_alone() -> None:
    readers = [path for path in modules("services") if any(is_settings(name) for name, _ in calls(path))]
    assert {name_of(path) for path in readers} == {f"services.{service}.main" for service in SERVICES}


def is_settings(called: str) -> bool:
    """Whether it is the name of a settings object's class: calling it reads the environment."""
    return re.fullmatch(r"(\w+\.)?[A-Z]\w*Settings", called) is not None
