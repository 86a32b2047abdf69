"""The suppression list: never an address, and mail stops before the fact is told."""

import pytest

from services.api.domain.errors import ApiError
from services.api.domain.suppressions import SuppressionRequest
from shared.events import SuppressionAdded, SuppressionRemoved
from shared.tokens import recipient_ref
from shared.topics import EVENTS, SUPPRESSIONS
from tests.unit.api.stage import SECRET, Stage, origin

pytestmark = pytest.mark.asyncio
REF = recipient_ref(key=SECRET, tenant="default", address="ada@example.org")


async def test_added_by_the_hash_of_the_address() -> None:
    stage = Stage()
    view = await stage.suppressions.add(SuppressionRequest(recipient="Ada@Example.org"), origin=origin())
    assert (view.recipient_ref, view.scope) == (REF, "tenant")
    (fact,) = stage.log.facts()
    assert isinstance(fact, SuppressionAdded)
    (key, value) = stage.log.values(SUPPRESSIONS.name)[0]
    assert (key, value["causing_event_id"]) == (f"default/tenant/{REF}", str(fact.event_id))
    assert [one.topic for one in stage.log.records] == [SUPPRESSIONS.name, EVENTS.name]
    assert not any(b"example" in (one.value or b"") for one in stage.log.records)


async def test_removed_with_a_tombstone_after_the_fact() -> None:
    stage = Stage()
    await stage.suppressions.remove(REF, scope="list:news", origin=origin())
    assert [one.topic for one in stage.log.records] == [EVENTS.name, SUPPRESSIONS.name]
    assert isinstance(stage.log.facts()[0], SuppressionRemoved)
    assert stage.log.values(SUPPRESSIONS.name) == [(f"default/list:news/{REF}", None)]


async def test_the_same_address_of_another_tenant_is_another_recipient() -> None:
    suppressions = Stage().suppressions
    assert suppressions.ref("ada@example.org", tenant="other") != REF


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        (SuppressionRequest(recipient="nobody"), "invalid_address", "recipient"),
        (SuppressionRequest(recipient=REF, scope="everything"), "wrong_type", "scope"),
        (SuppressionRequest(recipient=REF, scope="list:a/b"), "wrong_type", "scope"),
        (SuppressionRequest(recipient=REF, scope="list:"), "wrong_type", "scope"),
        (SuppressionRequest(recipient=REF, reason="a\nb"), "invalid_characters", "reason"),
        (SuppressionRequest(recipient=REF, reason="r" * 201), "too_long", "reason"),
    ],
)
async def test_what_is_refused(request_: SuppressionRequest, code: str, field: str) -> None:
    stage = Stage()
    with pytest.raises(ApiError) as caught:
        await stage.suppressions.add(request_, origin=origin())
    assert (caught.value.code, caught.value.field) == (code, field)
    assert stage.log.records == []
