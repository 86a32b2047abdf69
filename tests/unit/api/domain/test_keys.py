"""API keys: what they look like, and that nothing of a secret is stored."""

import secrets

from services.api.domain.keys import hash_of, make_key, prefix_of


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
