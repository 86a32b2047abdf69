"""Addresses: the environment's win over embedded parts."""

from pathlib import Path

import pytest

from cli.stack.addresses import NOTHING_GIVEN, Addresses, Given
from cli.stack.ports import USUAL


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # no .env there
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "POSTLOG_SMTP_HOST", "POSTLOG_SMTP_PORT"):
        monkeypatch.delenv(name, raising=False)


def of(given: Given) -> Addresses:
    return Addresses.of(dict(USUAL), given=given, postgres_password="pw")


def test_all_is_embedded_when_nothing_is_given() -> None:
    given = Given()
    assert given.replaced() == frozenset()
    assert of(given) == of(NOTHING_GIVEN)
    assert of(given).kafka == "127.0.0.1:9092"
    assert of(given).database_url == "postgresql://postlog:pw@127.0.0.1:5432/postlog"
    assert (of(given).smtp_host, of(given).smtp_port) == ("127.0.0.1", 2525)


def test_each_given_address_replaces_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker.example:9093")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/postlog")
    monkeypatch.setenv("POSTLOG_SMTP_HOST", "relay.example")
    given = Given()
    assert given.replaced() == {"kafka", "postgres", "inbox"}
    addresses = of(given)
    assert addresses.kafka == "broker.example:9093"
    assert addresses.database_url == "postgresql://db.example/postlog"
    assert (addresses.smtp_host, addresses.smtp_port, addresses.inbox) == ("relay.example", 25, None)


def test_a_dotenv_file_counts_as_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KAFKA_BOOTSTRAP_SERVERS=broker.example:9093\n")
    assert Given().replaced() == {"kafka"}
