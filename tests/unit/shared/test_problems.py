"""The catalogue: what can be answered is in it, what is in it can be answered."""

import re
from pathlib import Path

from shared.problems import PROBLEMS

ROOT = Path(__file__).parents[3]
RAISED = re.compile(r"""(?:ApiError|Refused|Refusal)\(\s*"([a-z_]+)"|\bcode="([a-z_]+)\"""")


def sources() -> dict[Path, str]:
    folders = ("services/api", "services/sender", "shared/acceptance")
    return {path: path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.py")}


def test_every_code_that_is_raised_is_in_the_catalogue() -> None:
    raised = {one or other for text in sources().values() for one, other in RAISED.findall(text)}
    assert {"invalid_address", "kafka_unavailable", "already_final"} <= raised
    assert raised <= set(PROBLEMS)


def test_every_code_of_the_catalogue_is_used() -> None:
    everything = "\n".join(sources().values())
    assert [code for code in PROBLEMS if f'"{code}"' not in everything] == []


def test_problems_are_whole() -> None:
    for code, problem in PROBLEMS.items():
        assert problem.code == code and problem.type == f"/errors/{code}"
        assert 400 <= problem.status <= 599
        assert problem.title and problem.mend.endswith(".")
