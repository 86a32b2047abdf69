"""What the local services are told: it works by itself, and gives way to the user."""

import json
from pathlib import Path

import pytest

from cli.stack.addresses import NOTHING_GIVEN, Addresses
from cli.stack.environment import service_environment
from cli.stack.local_secrets import LocalSecrets
from cli.stack.ports import USUAL
from cli.stack.programs import service_part
from services.api.settings import ApiSettings
from services.sender.consumer import REPLY_GRACE
from services.sender.settings import SenderSettings

SECRETS = LocalSecrets(postgres_password="pw", token_keys=f"1:{'ab' * 32}", recipient_key="cd" * 32)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data directory, and a working directory without `.env`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def told(data: Path, **ports: int) -> dict[str, str]:
    addresses = Addresses.of(dict(USUAL) | ports, given=NOTHING_GIVEN, postgres_password="pw")
    return service_environment(addresses, secrets=SECRETS, data=data)


def test_services_learn_the_chosen_ports(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_API_PORT", "1")
    assert told(data, api=40001)["POSTLOG_API_PORT"] == "40001"


def test_it_is_enough_to_construct_the_settings(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in told(data).items():
        monkeypatch.setenv(name, value)
    assert ApiSettings().sending_domains() == SenderSettings().sending_domains() == {"acme.example"}
    assert SenderSettings().smtp_port == 2525


def test_keys_are_made_once(data: Path) -> None:
    first = told(data)["POSTLOG_DKIM"]
    files = [Path(key["file"]) for key in json.loads(first)[0]["keys"]]
    before = [file.read_bytes() for file in files]
    assert told(data)["POSTLOG_DKIM"] == first
    assert [file.read_bytes() for file in files] == before
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


def test_what_the_user_has_set_is_left_to_the_user(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_TRACKER_URL", "https://t.acme.example")
    (data.parent / "key").write_text("1:00\n")
    monkeypatch.setenv("POSTLOG_TOKEN_KEYS_FILE", str(data.parent / "key"))
    (data.parent / ".env").write_text("POSTLOG_POSTAL_ADDRESS=Here\n")
    assert told(data).keys().isdisjoint({"POSTLOG_TRACKER_URL", "POSTLOG_TOKEN_KEYS", "POSTLOG_POSTAL_ADDRESS"})
    assert "POSTLOG_DKIM" in told(data)


def test_the_sender_has_time_to_drain_before_it_is_killed(data: Path) -> None:
    for environment in (told(data), {"POSTLOG_DRAIN_SECONDS": "12"}, {}):
        part = service_part("sender", port=1, environment=environment)
        drain = float(environment.get("POSTLOG_DRAIN_SECONDS", 20))
        assert part.stop_seconds > drain + REPLY_GRACE
    assert service_part("sender", port=1, environment=told(data)).stop_seconds <= 10
