"""Certificates against TLSA records (RFC 6698, 7671, 7672)."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from services.sender.domain.route import Route
from services.sender.domain.tls import TlsaRecord

DANE_TA: Final = 2
DANE_EE: Final = 3
_MATCHING: Final[dict[int, Callable[[bytes], bytes]]] = {
    0: bytes,
    1: lambda data: hashlib.sha256(data).digest(),
    2: lambda data: hashlib.sha512(data).digest(),
}


def prove(route: Route, certificates: Sequence[bytes]) -> bool:
    """Whether the route has TLSA records and they prove the server's certificates; raises ValueError if they do not."""
    if route.tlsa and not matches(route.tlsa, certificates, route.host):
        raise ValueError("no TLSA record proves the server's certificate (DANE)")
    return bool(route.tlsa)


def matches(records: Sequence[TlsaRecord], chain: Sequence[bytes], host: str) -> bool:
    """Whether one of the usable records proves that the chain (DER, the server's own first) is the host's.

    DANE-EE: the server's certificate is the one meant, whatever its names and dates (RFC 7672 section 3.1.1). DANE-TA:
    it comes, in date and for this host, from an authority that is meant and that was presented (section 3.1.2).
    """
    try:
        presented = [x509.load_der_x509_certificate(certificate) for certificate in chain]
    except ValueError:
        return False
    usable = [record for record in records if record.usable]
    return bool(presented) and (
        any(_is_meant(presented[0], record) for record in usable if record.usage == DANE_EE)
        or any(
            _comes_from(authority, presented, host)
            for record in usable
            if record.usage == DANE_TA
            for authority in presented
            if _is_meant(authority, record)
        )
    )


def _is_meant(certificate: x509.Certificate, record: TlsaRecord) -> bool:
    if record.selector == 0:
        selected = certificate.public_bytes(Encoding.DER)
    else:
        selected = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _MATCHING[record.matching](selected) == record.data


def _comes_from(authority: x509.Certificate, chain: Sequence[x509.Certificate], host: str) -> bool:
    verifier = PolicyBuilder().store(Store([authority])).build_server_verifier(x509.DNSName(host))
    try:
        verifier.verify(chain[0], list(chain[1:]))
    except VerificationError:
        return False
    return True
