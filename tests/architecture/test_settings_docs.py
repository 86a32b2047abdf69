"""Every setting is documented, once, and the committed pages are what the code says."""

from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

from cli.config.catalog import SERVICES, readers, settings_class, settings_of
from cli.config.documents import env_example, settings_page
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
REQUIRED = {"POSTLOG_TOKEN_KEYS": "1:" + "ab" * 32, "POSTLOG_RECIPIENT_KEY": "cd" * 32}


def test_the_catalogue_has_every_service() -> None:
    assert {path.parent.name for path in ROOT.glob("services/*/main.py")} == set(SERVICES)
    for service in SERVICES:
        names = [name for name, kind in vars(import_module(f"services.{service}.settings")).items() if _is_own(kind)]
        assert names == [settings_class(service).__name__] == [f"{service.title()}Settings"]


def _is_own(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Settings) and kind.__module__.startswith("services.")


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_says_what_it_means(service: str) -> None:
    assert [setting.name for setting in settings_of(service) if len(setting.meaning) < 8] == []


def test_a_setting_that_several_services_read_means_the_same_to_all() -> None:
    names = [setting.name for setting in readers()]
    assert sorted(set(names)) == sorted(names), "one of them has another type, default or description"


def test_the_committed_pages_are_as_the_code_says() -> None:
    hint = "write them with: postlog contract write"
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == settings_page(), hint
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == env_example(), hint


def test_the_example_with_every_line_in_force_is_what_holds_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    example = dotenv_values(stream=StringIO("\n".join(_assignments())))
    assert set(example) == {setting.name for setting in readers()}
    for name, value in example.items():
        monkeypatch.setenv(name, REQUIRED.get(name) or value or "")
    in_force = {service: settings_class(service)().model_dump() for service in SERVICES}
    for name in example.keys() - REQUIRED.keys():
        monkeypatch.delenv(name)
    assert in_force == {service: settings_class(service)().model_dump() for service in SERVICES}


def _assignments() -> list[str]:
    """The lines of the example that set something, or would if they were no comments."""
    names = {setting.name for setting in readers()}
    lines = [line.removeprefix("# ") for line in env_example().splitlines()]
    return [line for line in lines if line.partition("=")[0] in names]
