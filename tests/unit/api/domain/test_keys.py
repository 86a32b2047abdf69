"""API keys: what they look like, and that nothing of a secret is stored."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from services.api.domain.errors import ApiError
from services.api.domain.keys import SCOPES, StoredKey, check_scopes, hash_of, make_key, prefix_of


def test_a_key_has_a_prefix_and_a_secret() -> None:
    key = make_key(entropy=bytes(40))
    assert key == f"plk_{'a' * 12}_{'a' * 52}"
    assert prefix_of(key) == "a" * 12
    assert len(hash_of(key)) == 32


def test_all_of_the_entropy_counts() -> None:
    keys = {make_key(entropy=bytes(place) + b"\x80" + bytes(39 - place)) for place in range(40)}
    assert len(keys) == 40
    assert make_key(entropy=secrets.token_bytes(40)) != make_key(entropy=secrets.token_bytes(40))


def test_what_is_no_key() -> None:
    for text in ("", "plk_", "plk_abc_def", "Bearer", make_key(entropy=bytes(40)) + "\n", "x" * 10_000):
        assert prefix_of(text) is None


NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def key(*scopes: str, expires_at: datetime | None = None) -> StoredKey:
    return StoredKey(
        prefix="a" * 12, tenant="default", secret_hash=b"", scopes=frozenset(scopes), expires_at=expires_at
    )


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("POST", "/v1/emails", {"send", "admin"}),
        ("POST", "/v1/emails/{email_id}/retry", {"send", "admin"}),
        ("POST", "/v1/batches", {"send", "admin"}),
        ("GET", "/v1/emails", {"read", "admin"}),
        ("GET", "/v1/reports/summary", {"read", "admin"}),
        ("GET", "/v1/templates/{name}", {"read", "templates", "admin"}),
        ("PUT", "/v1/templates/{name}", {"templates", "admin"}),
        ("POST", "/v1/templates/{name}/preview", {"templates", "admin"}),
        ("POST", "/v1/templates/{name}/test", {"send", "admin"}),  # it sends mail
        ("POST", "/v1/suppressions", {"admin"}),
        ("DELETE", "/v1/suppressions", {"admin"}),
        ("POST", "/v1/destinations/{name}/flush", {"admin"}),
        ("POST", "/v1/anything/new", {"admin"}),
    ],
)
def test_what_each_scope_may_do(method: str, path: str, scopes: set[str]) -> None:
    for scope in SCOPES:
        if scope in scopes:
            key(scope).allow(method, path, now=NOW)
            continue
        with pytest.raises(ApiError, match="scope_missing"):
            key(scope).allow(method, path, now=NOW)


def test_a_key_ends_when_it_expires() -> None:
    key("admin", expires_at=NOW + timedelta(seconds=1)).allow("GET", "/v1/emails", now=NOW)
    with pytest.raises(ApiError, match="unauthorized"):
        key("admin", expires_at=NOW).allow("GET", "/v1/emails", now=NOW)


def test_what_is_no_scope() -> None:
    check_scopes(SCOPES)
    with pytest.raises(ValueError, match="sned"):
        check_scopes(["send", "sned"])
