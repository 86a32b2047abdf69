"""Signed tokens: tracking links and the envelope sender (VERP). They carry all that is needed and reveal no address.

Layout: one byte key id, the payload (msgpack), and a 16-byte keyed BLAKE2b over kind, key id and payload; base64url.
"""

import base64
import hashlib
import hmac
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


class Keys:
    """Signing keys by id (0…255): the first signs, all verify, so that keys rotate without downtime."""

    def __init__(self, keys: dict[int, bytes]) -> None:
        if not keys or any(len(secret) < 16 or not 0 <= number < 256 for number, secret in keys.items()):
            raise ValueError("token keys: at least one, ids 0 to 255, secrets of 16 bytes or more")
        self._keys = keys
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
        secret = self._keys[payload[0]]
        return hashlib.blake2b(payload, key=secret[:64], digest_size=_MAC_BYTES, person=kind.encode()).digest()[:size]


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
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).rstrip(b"=").decode().lower()
