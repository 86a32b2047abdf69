"""Routes."""

import pytest

from services.sender.adapters.mx import Smarthost
from services.sender.domain.route import Route, Timeouts


@pytest.mark.asyncio
async def test_a_smarthost_takes_all_mail() -> None:
    route = Route(host="relay.acme.test", port=587, tls="required", username="u", password="secret")
    router = Smarthost(route)
    one, other = [await router.site(domain, stream="broadcast") for domain in ("example.com", "example.org")]
    assert one == other
    assert one.routes == (route,)
    assert "secret" not in repr(route)


def test_timeouts_are_those_of_rfc_5321_unless_a_reply_must_come_sooner() -> None:
    usual, quick = Timeouts(), Timeouts(reply=5)
    assert (usual.reply, usual.data, usual.block, usual.final_dot) == (300, 120, 180, 600)
    assert (quick.data, quick.block, quick.final_dot) == (5, 5, 600)
