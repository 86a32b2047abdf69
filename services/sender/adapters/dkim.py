"""Signs the mail that we composed ourselves (RFC 6376, 8301, 8463): relaxed/relaxed, over-signed, without `l=`.

Not a signer for any mail: it relies on CRLF, and on fields folded by us.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from services.sender.adapters.canonical import body_hash, narrowed
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
        self._keys = _loaded(domains)
        self._signed = tuple(dict.fromkeys(name.strip().lower() for name in (*signed_headers, *OVERSIGNED)))

    def renew(self, domains: Sequence[DkimDomain]) -> None:
        """Sign with these keys from now on, whatever thread is signing; raises `KeyUnusable`, and all stays as it was.

        No mail goes unsigned by it: a domain that was signed for must have a key again.
        """
        keys = _loaded(domains)
        for domain, had in self._keys.items():
            if had and not keys.get(domain):
                raise KeyUnusable(f"DKIM: {domain} would be without a key: name one for it, or restart the sender")
        self._keys = keys

    def selectors(self) -> list[str]:
        """The names in DNS of the keys that sign."""
        return [f"{key.selector.decode()}._domainkey.{domain}" for domain, keys in self._keys.items() for key in keys]

    def signature(self, head: bytes, body: Sequence[bytes], *, domain: str, at: datetime) -> bytes:
        """A signature field for each key of `domain`, to stand before the message; nothing when there are none.

        `head` is the header without its last CRLF, `body` the relaxed lines of the body.
        """
        keys = self._keys.get(domain.lower())
        if not keys:
            return b""
        names, values = _fields(head)
        signed = _signed(names, self._signed)
        canonical = b"".join([b"%s:%s\r\n" % (name, values[place]) for name, place in signed.picked])
        start = b"d=%s; t=%d;" % (domain.lower().encode(), int(at.timestamp()))
        said = b"\r\n %s\r\n%s\r\n bh=%s;\r\n b=" % (start, signed.tag, base64.b64encode(body_hash(body)))
        return b"".join([_field(key, said=said, canonical=canonical) for key in keys])


class _Signed(NamedTuple):
    """Which fields of a head are signed: the tag `h=`, and each field's name with its place in the head."""

    tag: bytes
    picked: Sequence[tuple[bytes, int]]


def _loaded(domains: Sequence[DkimDomain]) -> dict[str, list[_Key]]:
    return {domain.domain.lower(): [_load(key) for key in domain.keys] for domain in domains}


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


def _fields(head: bytes) -> tuple[tuple[bytes, ...], list[bytes]]:
    """The names of the fields, and their values, unfolded and relaxed."""
    lines = narrowed(head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")).split(b"\r\n")
    pairs = [line.partition(b":") for line in lines]
    return tuple([name for name, _, _ in pairs]), [value.strip() for _, _, value in pairs]


@lru_cache(maxsize=1000)
def _signed(names: tuple[bytes, ...], wanted: tuple[str, ...]) -> _Signed:
    """What is signed of a head with these fields, the same for many mails.

    That is each field wanted that is there, and once more those that must not come twice: a name in `h=` takes the last
    field of that name not yet taken (RFC 6376 section 5.4.2), and when none is left it signs that there is none.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name.rstrip().lower().decode("ascii"), []).append(place)
    listed = [*(name for name in wanted for _ in places.get(name, ())), *OVERSIGNED]
    picked = [(name.encode(), places[name].pop()) for name in listed if places.get(name)]
    return _Signed(_folded_list(listed), picked)


def _folded_list(names: Sequence[str]) -> bytes:
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
