"""Signs the mail that we composed ourselves (RFC 6376, 8301, 8463): relaxed/relaxed, over-signed, without `l=`.

Not a signer for any mail: it relies on a header that ends at the first empty line, on CRLF, and on fields folded by us.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from services.sender.adapters.canonical import body_hash, narrowed, relaxed
from shared.dkim import RSA_BITS, DkimDomain, DkimKey

OVERSIGNED: Final = ("from", "to", "cc", "subject", "date", "reply-to")  # no second one may be put in
SIGNED: Final = (
    "from",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
)
WIDTH: Final = 76
_PADDING: Final = padding.PKCS1v15()
_DIGEST: Final = Prehashed(hashes.SHA256())

Fields = dict[str, list[bytes]]


class KeyUnusable(ValueError):
    """A key file that cannot sign; the message names the selector, never the key."""


@dataclass(frozen=True)
class _Rsa:
    """A private key, parsed once."""

    selector: bytes
    key: rsa.RSAPrivateKey
    algorithm: bytes = b"rsa-sha256"

    def signature(self, digest: bytes) -> bytes:
        return self.key.sign(digest, _PADDING, _DIGEST)


@dataclass(frozen=True)
class _Ed25519:
    selector: bytes
    key: ed25519.Ed25519PrivateKey
    algorithm: bytes = b"ed25519-sha256"

    def signature(self, digest: bytes) -> bytes:
        return self.key.sign(digest)


_Key = _Rsa | _Ed25519


class Signer:
    """Signs for the domains given, with all keys of each.

    `signed_headers` are signed when present, those of `OVERSIGNED` whatever it says.
    """

    def __init__(self, domains: Sequence[DkimDomain], *, signed_headers: Sequence[str] = SIGNED) -> None:
        self._keys = {domain.domain.lower(): [_load(key) for key in domain.keys] for domain in domains}
        self._signed = tuple(dict.fromkeys(name.strip().lower() for name in (*signed_headers, *OVERSIGNED)))

    def sign(self, message: bytes, *, domain: str, at: datetime, body: Sequence[bytes] | None = None) -> bytes:
        """`message` with a signature field for each key of `domain` before it; as it is when there are none.

        `body` is the relaxed form of its body, if that is known already.
        """
        keys = self._keys.get(domain.lower())
        if not keys:
            return message
        head, _, plain = message.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = self._names(fields)
        canonical = b"".join(_picked(names, fields))
        hashed = base64.b64encode(body_hash([relaxed(plain)] if body is None else body))
        start = b"d=%s; t=%d;" % (domain.lower().encode(), int(at.timestamp()))
        said = b"\r\n %s\r\n%s\r\n bh=%s;\r\n b=" % (start, _header_list(names), hashed)
        return b"".join(_field(key, said=said, canonical=canonical) for key in keys) + message

    def _names(self, fields: Fields) -> tuple[str, ...]:
        """What is signed: each field present, and one more of those that must not come twice."""
        present = (name for name in self._signed if name in fields for _ in fields[name])
        return (*present, *OVERSIGNED)


def _load(key: DkimKey) -> _Key:
    private = _private_key(key)
    selector = key.selector.encode()
    match private, key.algorithm:
        case rsa.RSAPrivateKey(), "rsa-sha256":
            if private.key_size < RSA_BITS:
                raise KeyUnusable(f"DKIM key {key.selector}: RSA keys have {RSA_BITS} bits or more (RFC 8301)")
            return _Rsa(selector, private)
        case ed25519.Ed25519PrivateKey(), "ed25519-sha256":
            return _Ed25519(selector, private)
    raise KeyUnusable(f"DKIM key {key.selector}: the file does not hold a key for {key.algorithm}")


def _private_key(key: DkimKey) -> object:
    try:
        return serialization.load_pem_private_key(key.file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyUnusable(f"DKIM key {key.selector}: {key.file}: {type(error).__name__}") from None


def _fields(head: bytes) -> Fields:
    """The values of each field, canonical, from the last to the first (the order in which they are signed)."""
    found: Fields = {}
    for line in reversed(narrowed(head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")).split(b"\r\n")):
        name, _, value = line.partition(b":")
        found.setdefault(name.rstrip().lower().decode("ascii"), []).append(value.strip())
    return found


def _picked(names: Sequence[str], fields: Fields) -> Iterator[bytes]:
    """Each name in `h=` takes the last field of that name not yet taken; when none is left it signs its absence."""
    taken: dict[str, int] = {}
    for name in names:
        values, place = fields.get(name, ()), taken.get(name, 0)
        if place < len(values):
            taken[name] = place + 1
            yield b"%s:%s\r\n" % (name.encode(), values[place])


@lru_cache(maxsize=100)
def _header_list(names: tuple[str, ...]) -> bytes:
    """The tag `h=`, folded; most mail has the same fields."""
    lines, line = [], b" h="
    for word in (*(f"{name}:" for name in names[:-1]), f"{names[-1]};"):
        if len(line) + len(word) > WIDTH:
            lines.append(line)
            line = b" "
        line += word.encode()
    return b"\r\n".join([*lines, line])


def _field(key: _Key, *, said: bytes, canonical: bytes) -> bytes:
    """One DKIM-Signature field with its CRLF. What is hashed of it is its value without the signature."""
    value = b"v=1; a=%s; c=relaxed/relaxed; s=%s;%s" % (key.algorithm, key.selector, said)
    unsigned = b"dkim-signature:" + value.replace(b"\r\n", b"")  # each line starts with the one space that is kept
    signature = base64.b64encode(key.signature(hashlib.sha256(canonical + unsigned).digest()))
    pieces = [signature[at : at + WIDTH - 1] for at in range(0, len(signature), WIDTH - 1)]
    return b"DKIM-Signature: " + b"\r\n ".join([value, *pieces]) + b"\r\n"
