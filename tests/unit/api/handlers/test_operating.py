"""What operators ask: the last word in `email.controls`, the fact about it, and who may."""

from typing import Any
from uuid import uuid4

import pytest

from services.api.domain.destinations import LimitsRequest, check_destination
from services.api.domain.errors import ApiError
from services.api.handlers.operating import Operating
from shared.events import DestinationLimited
from shared.records import Control
from shared.topics import CONTROLS
from tests.fakes.api import FakeLog
from tests.fakes.controls import Said
from tests.unit.api.stage import NOW, origin

pytestmark = pytest.mark.asyncio


class Stage:
    """The handler on fakes."""

    def __init__(self) -> None:
        self.log, self.said = FakeLog(), Said()
        self.operating = Operating(log=self.log, controls=self.said, operators="default")

    def values(self) -> dict[str, dict[str, Any] | None]:
        return dict(self.log.values(CONTROLS.name))

    def facts(self) -> list[DestinationLimited]:
        return [fact for fact in self.log.facts() if isinstance(fact, DestinationLimited)]


async def test_a_hold_and_its_release_are_last_words_and_facts() -> None:
    stage = Stage()
    held = await stage.operating.hold("destination", "a.example", held=True, reason="why", origin=origin())
    assert (held.asked, held.for_all) == ("hold", True)
    value = stage.values()["default/destination/a.example"]
    assert value is not None and (value["paused"], value["reason"], value["by"]) == (True, "why", "api:abc")
    await stage.operating.hold("destination", "a.example", held=False, reason=None, origin=origin())
    assert "paused" not in (stage.values()["default/destination/a.example"] or {})
    lifted = stage.values()["default/flush/a.example"]
    assert lifted is not None and "at" in lifted and "deferred" not in lifted
    assert [(fact.rule, fact.new) for fact in stage.facts()] == [
        ("operator", {"held": 1.0}),
        ("operator", {"held": 0.0}),
    ]


async def test_a_flush_says_when() -> None:
    stage = Stage()
    await stage.operating.flush("a.example", reason=None, origin=origin("acme"))
    value = stage.values()["acme/flush/a.example"]
    assert value is not None and value["deferred"] is True
    assert [fact.new for fact in stage.facts()] == [{"flushed": NOW.timestamp()}]


async def test_limits_replace_those_before_and_none_remove_them() -> None:
    stage = Stage()
    stage.said.say(Control(tenant="default", kind="limits", name="a.example", rate=9.0))
    await stage.operating.limit("a.example", LimitsRequest(connections=2), origin=origin())
    value = stage.values()["default/limits/a.example"]
    assert value is not None and value["connections"] == 2 and "rate" not in value
    assert [(fact.old, fact.new) for fact in stage.facts()] == [({"rate": 9.0}, {"connections": 2.0})]
    await stage.operating.limit("a.example", LimitsRequest(), origin=origin())
    assert stage.values()["default/limits/a.example"] is None


async def test_what_is_for_operators_is_refused_to_others() -> None:
    stage = Stage()
    for asked in (
        stage.operating.limit("a.example", LimitsRequest(rate=1.0), origin=origin("acme")),
        stage.operating.hold("tenant", "globex", held=True, reason=None, origin=origin("acme")),
        stage.operating.weigh("acme", 5, origin=origin("acme")),
    ):
        with pytest.raises(ApiError, match="operators_only"):
            await asked
    assert stage.log.records == []


async def test_others_hold_what_is_theirs() -> None:
    stage, batch = Stage(), uuid4()
    await stage.operating.hold("tenant", "acme", held=True, reason=None, origin=origin("acme"))
    await stage.operating.hold("stream", "broadcast", held=True, reason=None, origin=origin("acme"))
    await stage.operating.weigh(batch, 5, origin=origin("acme"))
    assert stage.values().keys() == {"acme/tenant/acme", "acme/stream/broadcast", f"acme/weight/{batch}"}


async def test_a_destination_is_a_name_in_lower_case() -> None:
    assert check_destination("Mail.Example.org.") == "mail.example.org"
    assert check_destination("10.0.0.1:2525") == "10.0.0.1:2525"
    for wrong in ("", "a/b", "a b", "x" * 300, "ä.example"):
        with pytest.raises(ApiError, match="invalid_parameter"):
            check_destination(wrong)
