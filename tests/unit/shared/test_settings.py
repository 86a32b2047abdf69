"""Settings: their order of precedence, values from files, and that a mistake is its field's, never a traceback."""

from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError

from shared.settings import KafkaSettings, RecipientSettings, Settings, TokenSettings

KEYS = "1:" + "ab" * 32


class Pace(BaseModel):
    """A nested group of settings."""

    factor: float = 2
    steps: list[int] = []


class Example(Settings):
    """One setting of each kind."""

    count: int = Field(3, description="a number")
    secret: SecretStr | None = Field(None, description="a secret")
    aliased: str = Field("none", validation_alias="OTHER_NAME", description="with a name of its own")
    items: list[str] = Field(default_factory=list, description="JSON")
    pace: Pace = Field(Pace(), description="nested")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory: no `.env` of the developer's."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mistakes(kind: type[Settings]) -> dict[str, str]:
    """Field (or alias) and message of each mistake."""
    with pytest.raises(ValidationError) as caught:
        kind()
    return {".".join(map(str, error["loc"])): error["msg"] for error in caught.value.errors()}


def test_environment_then_file_then_dotenv_then_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Example().count == 3
    (folder / ".env").write_text("POSTLOG_COUNT=4\n")
    assert Example().count == 4
    (folder / "count").write_text("5\n")
    monkeypatch.setenv("POSTLOG_COUNT_FILE", str(folder / "count"))
    assert Example().count == 5
    monkeypatch.setenv("POSTLOG_COUNT", "6")
    assert Example().count == 6


def test_a_file_may_be_named_in_dotenv(folder: Path) -> None:
    (folder / "count").write_text("5")
    (folder / ".env").write_text("POSTLOG_COUNT_FILE=count\n")
    assert Example().count == 5


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_COUNT", "")
    assert Example().count == 3


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_loses_its_line_end_and_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    (folder / "secret").write_bytes(f" two words {end}".encode())
    monkeypatch.setenv("POSTLOG_SECRET_FILE", str(folder / "secret"))
    secret = Example().secret
    assert secret is not None
    assert secret.get_secret_value() == " two words "


def test_a_setting_with_a_name_of_its_own_comes_from_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "name").write_text("from a file\n")
    monkeypatch.setenv("OTHER_NAME_FILE", str(folder / "name"))
    assert Example().aliased == "from a file"


def test_a_list_and_a_group_come_from_files_as_json(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "items").write_text('["a", "b"]\n')
    (folder / "pace").write_text('{"factor": 1.5}\n')
    monkeypatch.setenv("POSTLOG_ITEMS_FILE", str(folder / "items"))
    monkeypatch.setenv("POSTLOG_PACE_FILE", str(folder / "pace"))
    monkeypatch.setenv("POSTLOG_PACE__STEPS", "[1]")
    example = Example()
    assert example.items == ["a", "b"]
    assert example.pace == Pace(factor=1.5, steps=[1])


def test_a_missing_file_is_a_mistake_of_its_setting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_COUNT_FILE", "/no/such/file")
    monkeypatch.setenv("OTHER_NAME_FILE", str(folder))  # a folder
    found = mistakes(Example)
    assert "/no/such/file cannot be read (No such file or directory): name one that" in found["count"]
    assert "cannot be read (Is a directory)" in found["OTHER_NAME"]


def test_a_file_that_is_no_text_is_a_mistake_of_its_setting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("POSTLOG_SECRET_FILE", str(folder / "binary"))
    assert "is not UTF-8 text" in mistakes(Example)["secret"]


def test_bad_json_stands_beside_every_other_mistake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_ITEMS", "a,b")
    monkeypatch.setenv("POSTLOG_COUNT", "many")
    (folder / ".env").write_text("POSTLOG_PACE={\n")
    found = mistakes(Example)
    assert "not JSON" in found["items"]
    assert "not JSON" in found["pace"]
    assert "valid integer" in found["count"]


def test_no_mistake_shows_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_RECIPIENT_KEY", "confidential")
    with pytest.raises(ValidationError) as caught:
        RecipientSettings()
    assert "openssl rand -hex 32" in str(caught.value)
    assert "confidential" not in str(caught.value)


@pytest.mark.parametrize("keys", ["", "nothex", "1:ab", f"300:{'ab' * 32}", KEYS + ",", "1"])
def test_bad_token_keys_say_how_they_are_written(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    monkeypatch.setenv("POSTLOG_TOKEN_KEYS", keys)
    assert "token_keys" in mistakes(TokenSettings)


def test_token_keys_need_no_recipient_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_TOKEN_KEYS", KEYS)
    assert "recipient_key" not in TokenSettings().model_dump()


def test_a_prefix_stands_before_every_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_TOPIC_PREFIX", "eu.")
    assert KafkaSettings().topic("email.events") == "eu.email.events"


def test_a_ca_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SSL_CA_LOCATION", "/no/ca.pem")
    assert "no file /no/ca.pem" in mistakes(KafkaSettings)["KAFKA_SSL_CA_LOCATION"]
