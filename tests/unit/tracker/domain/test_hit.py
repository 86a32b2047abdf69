"""What is kept of a request: user agents cleaned, addresses by policy."""

import pytest

from services.tracker.domain.hit import IpPolicy, kept_address, kept_user_agent


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (None, None),
        (b"", None),
        (b" \t ", None),
        (b"Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"),
        (b"a\x00b\x1b[31mc\r\nd\x7f", "ab[31mcd"),
        ("Größe 日本".encode(), "Größe 日本"),
        ("a\u200bb\u202ec\ue000".encode(), "abc"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 600, "x" * 512),
        (b"\x01" * 600 + b"y", "y"),
    ],
)
def test_a_user_agent_is_printable_and_at_most_512_characters(raw: bytes | None, kept: str | None) -> None:
    assert kept_user_agent(raw) == kept


@pytest.mark.parametrize(
    ("peer", "policy", "kept"),
    [
        ("192.0.2.77", "truncated", "192.0.2.0"),
        ("192.0.2.77", "full", "192.0.2.77"),
        ("192.0.2.77", "none", None),
        ("2001:db8:1:2:3:4:5:6", "truncated", "2001:db8:1::"),
        ("2001:db8:1:2::6", "full", "2001:db8:1:2::6"),
        ("2001:db8::6", "none", None),
        ("::ffff:192.0.2.77", "truncated", "192.0.2.0"),
        ("::ffff:192.0.2.77", "full", "192.0.2.77"),
        ("fe80::1%eth0", "truncated", "fe80::"),
        (None, "full", None),
        ("unknown", "full", None),
        ("192.0.2.77, 198.51.100.1", "full", None),
        ("<script>", "truncated", None),
    ],
)
def test_an_address_is_kept_as_far_as_the_policy_allows(peer: str | None, policy: IpPolicy, kept: str | None) -> None:
    assert kept_address(peer, policy=policy) == kept
