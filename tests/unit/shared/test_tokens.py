"""Signed tokens: genuine ones say what was signed, all others say nothing."""

import base64
import hashlib
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.tokens import EmailToken, Keys, TokenKind, _base32, recipient_ref

KEYS = Keys({1: b"k" * 32})
EMAIL = UUID("019ab0c2-0d36-7c4e-9f21-6b8a3d5e7f10")
BATCH = UUID("019ab0c1-f8a0-7b13-8e52-0c4d9a7b6e21")
TOKEN = EmailToken(
    EMAIL.bytes, "acme", "broadcast", "5f2b7c1e", "example.org", BATCH.bytes, url="https://acme.example/"
)
KINDS: tuple[TokenKind, ...] = get_args(TokenKind)
TEXT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_says_what_was_signed(kind: TokenKind) -> None:
    found = KEYS.verify(kind, KEYS.sign(kind, TOKEN))
    assert found == TOKEN and found.email == EMAIL and found.batch == BATCH


@given(url=st.text(max_size=300), position=st.integers(0, 100_000))
def test_click_tokens_of_one_email_are_what_they_are_one_by_one(url: str, position: int) -> None:
    sign = KEYS.clicks(TOKEN)
    assert sign(url, position) == KEYS.sign("click", replace(TOKEN, url=url, position=position))


@given(st.binary(max_size=50))
def test_base32_is_that_of_the_standard_library(raw: bytes) -> None:
    assert _base32(raw) == base64.b32encode(raw).rstrip(b"=").decode().lower()


def test_a_token_without_a_batch() -> None:
    assert EmailToken(EMAIL.bytes, "acme", "transactional", "5f2b", "example.org").batch is None


def test_a_token_is_of_one_kind() -> None:
    for made in KINDS:
        assert [kind for kind in KINDS if KEYS.verify(kind, KEYS.sign(made, TOKEN))] == [made]


@given(st.data())
def test_a_damaged_token_says_nothing(data: st.DataObject) -> None:
    whole = KEYS.sign("click", TOKEN)
    place = data.draw(st.integers(0, len(whole) - 1))
    char = data.draw(st.sampled_from(TEXT).filter(lambda char: char != whole[place]))
    assert KEYS.verify("click", whole[:place] + char + whole[place + 1 :]) is None


@given(st.one_of(st.text(max_size=200), st.text(TEXT, max_size=200)))
def test_any_other_text_says_nothing(text: str) -> None:
    assert KEYS.verify("open", text) is None
    assert KEYS.verify_verp(text) is None


@pytest.mark.parametrize("change", ["{}=", "{}\n", " {}", "{}AAAA", "{}é"])
def test_a_decorated_token_says_nothing(change: str) -> None:
    assert KEYS.verify("open", change.format(KEYS.sign("open", TOKEN))) is None
    assert KEYS.verify_verp(change.format(KEYS.verp(EMAIL))) is None


def test_what_was_signed_by_another_key_says_nothing() -> None:
    other = Keys({1: b"o" * 32})
    assert KEYS.verify("open", other.sign("open", TOKEN)) is None
    assert KEYS.verify_verp(other.verp(EMAIL)) is None
    assert KEYS.verify("open", Keys({2: b"k" * 32}).sign("open", TOKEN)) is None


def test_a_genuine_token_of_another_layout_says_nothing() -> None:
    payload = b"\x01\xc1 made by a later release"
    mac = hashlib.blake2b(payload, key=b"k" * 32, digest_size=16, person=b"open").digest()
    assert KEYS.verify("open", base64.urlsafe_b64encode(payload + mac).rstrip(b"=").decode()) is None


def test_keys_rotate_without_downtime() -> None:
    old, both = Keys.parse(f"1:{'aa' * 32}"), Keys.parse(f"2:{'bb' * 32},1:{'aa' * 32}")
    new = Keys.parse(f"2:{'bb' * 32}")
    assert both.verify("open", old.sign("open", TOKEN)) and new.verify("open", both.sign("open", TOKEN))
    assert both.verify_verp(old.verp(EMAIL)) == new.verify_verp(both.verp(EMAIL)) == EMAIL
    assert new.verify("open", old.sign("open", TOKEN)) is None


@pytest.mark.parametrize("text", ["", "1", "1:xy", "x:aabb", "1:aabb", f"256:{'aa' * 16}", f"-1:{'aa' * 16}"])
def test_keys_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"key|hex|int"):
        Keys.parse(text)


def test_the_token_of_an_envelope_sender_survives_the_loss_of_its_case() -> None:
    text = KEYS.verp(EMAIL)
    assert len(text) <= 64 and text.isalnum() and text == text.lower()
    assert KEYS.verify_verp(text) == KEYS.verify_verp(text.upper()) == EMAIL


@given(st.data())
def test_a_damaged_envelope_sender_says_nothing(data: st.DataObject) -> None:
    whole = KEYS.verp(EMAIL)
    place = data.draw(st.integers(0, len(whole) - 1))
    char = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567").filter(lambda char: char != whole[place]))
    assert KEYS.verify_verp(whole[:place] + char + whole[place + 1 :]) is None


def test_a_recipient_is_the_same_however_the_address_is_written() -> None:
    key = b"r" * 32
    found = recipient_ref(key=key, tenant="acme", address="Zoe@Example.org")
    assert found == recipient_ref(key=key, tenant="acme", address="zoe@EXAMPLE.ORG")
    assert len(found) == 32 and "zoe" not in found
    others = [("b", "zoe@example.org", key), ("acme", "zoe@example.net", key), ("acme", "zoe@example.org", b"s" * 32)]
    assert found not in [recipient_ref(key=k, tenant=tenant, address=address) for tenant, address, k in others]
