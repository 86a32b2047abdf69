"""Records of the state topics: unreadable ones are told apart from readable ones."""

import pytest

from shared.records import suppression_key
from tests import golden


@pytest.mark.parametrize("path", golden.paths("records"), ids=lambda path: path.parent.name)
@pytest.mark.parametrize("value", [b"", b"null", b"{}", b"\xff", b'{"type":"nonsense"}'])
def test_garbage_raises_value_error(path: object, value: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        golden.RECORDS[path.parent.name](value)  # type: ignore[attr-defined]


def test_a_suppression_is_keyed_by_tenant_scope_and_recipient() -> None:
    assert suppression_key(tenant="acme", scope="list:news", recipient_ref="5f2b") == "acme/list:news/5f2b"
