"""Signed tokens: tracking links and the envelope sender (VERP). They carry all that is needed and reveal no address.

Layout: one byte key id, the payload (msgpack), and a 16-byte keyed BLAKE2b over kind, key id and payload; base64url.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from typing import Final, Literal
from uuid import UUID

import msgspec

TokenKind = Literal["open", "click", "unsubscribe"]
_MAC_BYTES: Final = 16
_VERP_MAC_BYTES: Final = 10


class EmailToken(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What a tracking token says. `url` and `position` are of a click, `list` of an unsubscribe."""

    email_id: bytes
    tenant: str
    stream: str
    recipient_ref: str
    recipient_domain: str
    batch_id: bytes | None = None
    list: str | None = None
    position: int = 0
    url: str = ""

    @property
    def email(self) -> UUID:
        """The email's id."""
        return UUID(bytes=self.email_id)

    @property
    def batch(self) -> UUID | None:
        """The batch's id, if it has one."""
        return UUID(bytes=self.batch_id) if self.batch_id else None


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(EmailToken)
_NO_CLICK: Final = _encode(0) + _encode("")
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = tuple(first + second for first in _BASE32 for second in _BASE32)
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


class Keys:
    """Signing keys by id (0…255): the first signs, all verify, so that keys rotate without downtime."""

    def __init__(self, keys: dict[int, bytes]) -> None:
        if not keys or any(len(secret) < 16 or not 0 <= number < 256 for number, secret in keys.items()):
            raise ValueError("token keys: at least one, ids 0 to 255, secrets of 16 bytes or more")
        self._keys = keys
        self._hashes: dict[tuple[str, int], hashlib.blake2b] = {}
        self._current = next(iter(keys))

    @classmethod
    def parse(cls, text: str) -> "Keys":
        """Read `id:hex,id:hex`, the signing key first."""
        pairs = [part.partition(":") for part in text.split(",")]
        return cls({int(number): bytes.fromhex(secret) for number, _, secret in pairs})

    def sign(self, kind: TokenKind, token: EmailToken) -> str:
        """The token as it stands in a URL."""
        payload = bytes([self._current]) + _encode(token)
        return _base64(payload + self._mac(kind, payload, _MAC_BYTES))

    def clicks(self, token: EmailToken) -> Callable[[str, int], str]:
        """Signs an email's click tokens, each with its url and position: what they have in common is hashed once."""
        start = bytes([self._current]) + _encode(msgspec.structs.replace(token, position=0, url=""))
        common = start.removesuffix(_NO_CLICK)
        begun = self._hash("click", self._current)
        begun.update(common)

        def sign(url: str, position: int) -> str:
            rest = _encode((position, url))[1:]  # without the head of the array
            mac = begun.copy()
            mac.update(rest)
            return _base64(common + rest + mac.digest())

        return sign

    def verify(self, kind: TokenKind, text: str) -> EmailToken | None:
        """The token, or None when it is forged, damaged or of another kind; in constant time once decoded."""
        payload, mac = _split(text, _MAC_BYTES)
        if not self._genuine(kind, payload, mac):
            return None
        try:
            return _decoder.decode(payload[1:])
        except msgspec.DecodeError:
            return None

    def verp(self, email_id: UUID) -> str:
        """The token of an envelope sender: base32, since a local part may lose its case; 44 octets."""
        payload = bytes([self._current]) + email_id.bytes
        return _base32(payload + self._mac("verp", payload, _VERP_MAC_BYTES))

    def verify_verp(self, text: str) -> UUID | None:
        """The email that a returned envelope sender names, or None when it is forged or damaged."""
        try:
            raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
        except ValueError:
            return None
        if _base32(raw) != text.lower():
            return None  # other last bits, the same bytes: damaged
        payload, mac = raw[:-_VERP_MAC_BYTES], raw[-_VERP_MAC_BYTES:]
        return UUID(bytes=payload[1:]) if len(payload) == 17 and self._genuine("verp", payload, mac) else None

    def _genuine(self, kind: str, payload: bytes, mac: bytes) -> bool:
        if not payload or payload[0] not in self._keys:
            return False
        return hmac.compare_digest(mac, self._mac(kind, payload, len(mac)))

    def _mac(self, kind: str, payload: bytes, size: int) -> bytes:
        mac = self._hash(kind, payload[0])
        mac.update(payload)
        return mac.digest()[:size]

    def _hash(self, kind: str, number: int) -> hashlib.blake2b:
        """A hash that has taken in nothing but the key."""
        if (kind, number) not in self._hashes:
            key, person = self._keys[number][:64], kind.encode()
            self._hashes[kind, number] = hashlib.blake2b(key=key, digest_size=_MAC_BYTES, person=person)
        return self._hashes[kind, number].copy()


def recipient_ref(*, key: bytes, tenant: str, address: str) -> str:
    """The keyed hash by which events and suppressions name a recipient; `address` is normalised first."""
    local, _, domain = address.rpartition("@")
    normalised = f"{tenant}\x1f{local.casefold()}@{domain.casefold()}"
    return hmac.new(key, normalised.encode(), hashlib.sha256).hexdigest()[:32]


def _split(text: str, mac_bytes: int) -> tuple[bytes, bytes]:
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_")
    except ValueError:
        return b"", b""
    if len(raw) <= mac_bytes or _base64(raw) != text:
        return b"", b""
    return raw[:-mac_bytes], raw[-mac_bytes:]


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_URL_SAFE).decode("ascii")


def _base32(raw: bytes) -> str:
    """Lower case, without padding: as `base64.b32encode`, in half the time."""
    pairs = -(-len(raw) * 8 // 10)
    bits = int.from_bytes(raw, "big") << (pairs * 10 - len(raw) * 8)
    text = "".join([_PAIRS[bits >> shift & 1023] for shift in range(pairs * 10 - 10, -1, -10)])
    return text[: -(-len(raw) * 8 // 5)]
