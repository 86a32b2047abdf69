"""Secrets of the local stack are made once and are nobody else's."""

from pathlib import Path

from cli.stack.local_secrets import local_secrets


def test_the_same_secrets_come_back(tmp_path: Path) -> None:
    made = local_secrets(tmp_path / "secrets.json")
    assert local_secrets(tmp_path / "secrets.json") == made


def test_a_secret_of_a_later_release_is_added_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text('{"postgres_password": "from-before"}')
    made = local_secrets(file)
    assert made.postgres_password == "from-before"
    assert local_secrets(file) == made


def test_each_data_directory_has_its_own(tmp_path: Path) -> None:
    assert local_secrets(tmp_path / "one.json") != local_secrets(tmp_path / "two.json")


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    local_secrets(tmp_path / "secrets.json")
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
