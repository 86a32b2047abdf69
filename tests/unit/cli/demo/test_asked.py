"""What must become of each address, by the table of behaviours and the demo's settings."""

import pytest

from cli.demo.asked import ATTEMPTS, SETTINGS, Asked
from services.sender.settings import SenderSettings


@pytest.mark.parametrize(
    ("local", "status", "attempts", "doubts"),
    [
        ("customer", "delivered", 1, 0),
        ("hardbounce", "bounced", 1, 0),
        ("reject", "bounced", 1, 0),
        ("mailboxfull", "bounced", 1, 0),
        ("greylist", "delivered", 2, 0),
        ("defer", "failed", ATTEMPTS, 0),
        ("drop", "failed", 2, 2),
        ("slow", "delivered", 1, 0),
        ("reader", "delivered", 1, 0),
    ],
)
def test_each_behaviour(local: str, status: str, attempts: int, doubts: int) -> None:
    asked = Asked(email_id="e1", address=f"{local}+1@example.com", subject="Hello")
    assert (asked.status, asked.attempts, asked.doubts) == (status, attempts, doubts)


def test_the_cancelled_one_is_never_tried() -> None:
    asked = Asked(email_id="e1", address="defer@example.com", subject="Hello", cancelled=True)
    assert (asked.status, asked.attempts, asked.doubts) == ("cancelled", 0, 0)


def test_the_settings_are_those_of_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"POSTLOG_TOKEN_KEYS": f"1:{'ab' * 32}", "POSTLOG_RECIPIENT_KEY": "ab" * 32}
    for name, value in (SETTINGS | secrets).items():
        monkeypatch.setenv(name, value)
    policy = SenderSettings().policy("transactional")
    assert (policy.attempts, policy.in_doubt_retries, policy.first_seconds) == (ATTEMPTS, 1, 1)
