"""`postlog config`: a line for each mistake, what is set and where it comes from, never a secret."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.commands.config import app
from cli.commands.serve import app as serve
from cli.errors import CommandError

KEYS, RECIPIENT_KEY = "1:" + "ab" * 32, "cd" * 32


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment in which everything is right, and an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTLOG_TOKEN_KEYS", KEYS)
    monkeypatch.setenv("POSTLOG_RECIPIENT_KEY", RECIPIENT_KEY)
    return tmp_path


def run(*words: str) -> tuple[int, list[str]]:
    """Exit code and lines."""
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output.splitlines()


def test_ok_when_all_is_right() -> None:
    assert run("check") == (0, ["ok"])


MISTAKES = [
    ("POSTLOG_PARTITIONS", "many", "'many' is not a whole number, 1 to 1000 (partitions of"),
    ("POSTLOG_PARTITIONS", "0", "'0' is not a whole number, 1 to 1000"),
    ("POSTLOG_LOG_LEVEL", "loud", "'loud' is not one of debug, info, warning, error"),
    ("POSTLOG_SMTP_TLS_VERIFY", "perhaps", "'perhaps' is not true or false"),
    ("POSTLOG_TRANSACTIONAL_RETRY__FACTOR", "0.5", "'0.5' is not a number, 1 or more"),
    ("POSTLOG_TRANSACTIONAL_RETRY__JITTER", "1", "'1' is not a number, from 0, below 1"),
    ("POSTLOG_BROADCAST_RETRY", "{", "not JSON"),
    ("POSTLOG_DKIM", "acme.example", "not JSON"),
    ("POSTLOG_DKIM", "{}", "{} is not a JSON list"),
    ("POSTLOG_DKIM", '[{"domain": "a b"}]', "at 0.domain: "),
    ("POSTLOG_DKIM", '[{"domain": "a.example", "keys": [{"selector": "s", "file": "/no"}]}]', "no file /no: make one"),
    ("POSTLOG_TRUSTED_PROXIES", "10.0.0.1/8", "has host bits set; write addresses or networks such as"),
    ("POSTLOG_TOKEN_KEYS", "confidential", "not id:hex,id:hex"),
    ("POSTLOG_RECIPIENT_KEY", "confidential", "make one with: openssl rand -hex 32"),
    ("POSTLOG_TOPIC_PREFIX", "a/b", "'a/b' is not text, matching"),
    ("KAFKA_SSL_CA_LOCATION", "/no", "no file /no: give the path of a PEM file"),
    ("KAFKA_SECURITY_PROTOCOL", "TLS", "'TLS' is not one of PLAINTEXT, SSL, "),
    ("POSTLOG_PARTITION", "3", "no such setting (in the environment); did you mean POSTLOG_PARTITIONS?"),
    ("POSTLOG_TRANSACTIONAL_RETRY__FACTORS", "3", "did you mean POSTLOG_TRANSACTIONAL_RETRY__FACTOR?"),
    ("POSTLOG_ZZZ", "3", "no such setting (in the environment); docs/settings.md lists all"),
    ("POSTLOG_SMTP_PASSWORD_FILE", "/no", "the file /no cannot be read (No such file or directory)"),
]


@pytest.mark.parametrize(("name", "value", "said"), MISTAKES)
def test_a_mistake_is_one_line_with_the_setting_and_how_to_mend_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    code, lines = run("check")
    assert code == 2
    (line,) = lines
    assert line.startswith(f"{name.removesuffix('_FILE')}: ")
    assert said in line
    assert "confidential" not in line
    assert "Value error" not in line


def test_what_is_not_set_is_said_once_although_two_services_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTLOG_TOKEN_KEYS")
    code, lines = run("check")
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(
        "POSTLOG_TOKEN_KEYS: not set; set it, here or in a file named by POSTLOG_TOKEN_KEYS_FILE"
    )


def test_every_mistake_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POSTLOG_API_PORT", "POSTLOG_SMTP_PORT", "POSTLOG_TRACKER_PORT", "POSTLOG_PROJECTOR_BATCH"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("POSTLOG_TYPO", "x")
    assert [line.partition(":")[0] for line in run("check")[1]] == [
        "POSTLOG_API_PORT",
        "POSTLOG_SMTP_PORT",
        "POSTLOG_TRACKER_PORT",
        "POSTLOG_PROJECTOR_BATCH",
        "POSTLOG_TYPO",
    ]


def test_settings_that_go_together_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_SMTP_USERNAME", "me")
    assert run("check") == (2, ["POSTLOG_SMTP_USERNAME and POSTLOG_SMTP_PASSWORD go together: set both or neither"])


def test_one_service_has_its_own_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_API_PORT", "x")
    assert run("check", "--service", "tracker") == (0, ["ok"])
    assert run("check", "--service", "api")[0] == 2


def test_a_typo_in_dotenv_is_found_there(folder: Path) -> None:
    (folder / ".env").write_text("POSTLOG_LOGLEVEL=info\n# POSTLOG_NOT_THIS=1\nOTHER=1\n")
    code, lines = run("check")
    assert (code, lines) == (2, ["POSTLOG_LOGLEVEL: no such setting (in .env); did you mean POSTLOG_LOG_LEVEL?"])


def test_a_dotenv_that_is_no_text_is_said(folder: Path) -> None:
    (folder / ".env").write_bytes(b"\xff\xfe")
    for command, words in ((app, ["check"]), (serve, ["tracker"])):
        error = CliRunner().invoke(command, words).exception
        assert isinstance(error, CommandError)
        assert (error.exit_code, str(error)) == (2, ".env: not UTF-8 text")


def test_a_value_and_its_file_are_one_too_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_TOKEN_KEYS_FILE", str(folder / "keys"))
    (folder / "keys").write_text(KEYS)
    assert run("check") == (
        2,
        ["POSTLOG_TOKEN_KEYS: set beside POSTLOG_TOKEN_KEYS_FILE (in the environment); keep one of the two"],
    )


def test_show_says_where_each_value_comes_from_and_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTLOG_TOKEN_KEYS")
    (folder / "keys").write_text(KEYS)
    (folder / ".env").write_text('POSTLOG_TOKEN_KEYS_FILE=keys\nPOSTLOG_BROADCAST_RETRY={"factor": 3}\n')
    monkeypatch.setenv("POSTLOG_API_PORT", "9000")
    monkeypatch.setenv("POSTLOG_TRANSACTIONAL_RETRY__FACTOR", "1.5")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:confidential@db/postlog")
    code, lines = run("show")
    assert code == 0
    for line in (
        "POSTLOG_API_PORT = 9000  (environment)",
        "POSTLOG_TRACKER_PORT = 8081  (default)",
        "POSTLOG_TOKEN_KEYS = ********  (file keys)",
        "POSTLOG_RECIPIENT_KEY = ********  (environment)",
        "DATABASE_URL = ********  (environment)",
        "POSTLOG_TRANSACTIONAL_RETRY__FACTOR = 1.5  (environment)",
        "POSTLOG_TRANSACTIONAL_RETRY__ATTEMPTS = 60  (default)",
        "POSTLOG_BROADCAST_RETRY__FACTOR = 3  (.env)",
        "POSTLOG_BROADCAST_RETRY__ATTEMPTS = 60  (default)",
        "POSTLOG_POSTAL_ADDRESS = (not set)  (default)",
        "POSTLOG_SMTP_TLS_VERIFY = true  (default)",
    ):
        assert line in lines
    assert not re.search(f"confidential|{KEYS}|{RECIPIENT_KEY}", "\n".join(lines))
    assert len({line.partition(" ")[0] for line in lines}) == len(lines)


def test_show_of_one_service_shows_what_that_one_reads() -> None:
    names = {line.partition(" ")[0] for line in run("show", "--service", "tracker")[1]}
    assert {"POSTLOG_TRACKER_PORT", "POSTLOG_TOKEN_KEYS"} <= names
    assert names.isdisjoint({"POSTLOG_RECIPIENT_KEY", "DATABASE_URL", "POSTLOG_API_PORT"})


def test_show_needs_settings_that_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_API_PORT", "x")
    code, lines = run("show")
    assert (code, len(lines)) == (2, 1)


def test_a_service_with_mistakes_does_not_start_and_says_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_TRACKER_PORT", "x")
    result = CliRunner().invoke(serve, ["tracker"])
    assert isinstance(result.exception, CommandError)
    assert result.exception.exit_code == 2
    assert str(result.exception).startswith("POSTLOG_TRACKER_PORT: 'x' is not a whole number, 0 to 65535")
