"""Composed and signed mail through another's SMTP server (aiosmtpd, in the inbox): what arrives is what was signed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dkim
import pytest
import pytest_asyncio

from cli.inbox.behaviours import BEHAVIOURS, Behaviour
from cli.inbox.inbox import Inbox
from services.sender.adapters.dkim import Signer
from services.sender.adapters.mime import Composed
from services.sender.adapters.smtp import Connection, Connector, Route, Timeouts
from services.sender.replies import classify
from shared.bounces.builtin import classifier
from shared.dkim import DkimDomain, DkimKey, generate_key
from tests.unit.sender.adapters.mails import an_email, composed

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


@pytest_asyncio.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with Inbox(tmp_path / "inbox", slow_seconds=0.2) as box:
        yield box


@pytest_asyncio.fixture
async def connection(inbox: Inbox) -> AsyncIterator[Connection]:
    route = Route(host="127.0.0.1", port=inbox.smtp_port)
    found = await Connector(Timeouts(reply=10, final_dot=10)).connect(route)
    yield found
    await found.close()


def mail(**changes: Any) -> Composed:
    return composed(an_email(email_id=uuid4(), **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ".\n..\n. a line that begins with a dot\n\nFrom me"},
        {"html": "<p>" + "Здравствуйте. " * 2000 + "</p>", "subject": "Счёт № 1"},
        {"to": "josé@münchen.example", "headers": {"X-Long": "word " * 100}},
    ],
)
async def test_the_signature_survives_the_way(
    inbox: Inbox, connection: Connection, tmp_path: Path, changes: dict[str, Any]
) -> None:
    pem, value = generate_key("rsa-sha256")
    key = tmp_path / "key.pem"
    key.write_bytes(pem)
    signer = Signer([DkimDomain(domain="acme.test", keys=[DkimKey(selector="s1", file=key)])])
    sent = composed(an_email(email_id=uuid4(), **changes), signer=signer)
    outcome = await connection.deliver(sent, may_finish=lambda: True)

    assert outcome.kind == "delivered"
    (row,) = inbox.store.messages()
    arrived = inbox.store.source(row["id"])
    assert arrived == sent.message
    assert dkim.verify(arrived, dnsfunc=lambda name, timeout: value.encode())


@pytest.mark.parametrize("row", BEHAVIOURS, ids=lambda row: row.name)
async def test_each_behaviour(connection: Connection, row: Behaviour) -> None:
    outcome = await connection.deliver(mail(to=f"{row.name}@example.com"), may_finish=lambda: True)

    if row.drops:
        assert outcome.kind == "in_doubt" and outcome.connection_lost
    elif row.reply is None:
        assert outcome.kind == "delivered" and not outcome.connection_lost
    else:
        assert outcome.kind == ("bounced" if row.reply.startswith("5") else "deferred")
        assert outcome.result.smtp_reply_text == row.reply[4:].replace("<{recipient}>", "<recipient>")


async def test_an_unknown_user_is_a_hard_bounce(connection: Connection) -> None:
    outcome = await connection.deliver(mail(to="hardbounce+7@example.com"), may_finish=lambda: True)

    assert classify(outcome.result, classifier=classifier()).category == "invalid_recipient"
    assert "hardbounce" not in str(outcome.result)
