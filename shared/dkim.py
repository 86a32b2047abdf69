"""DKIM keys (RFC 6376, 8301, 8463): what the settings say of them, and how they are made."""

import base64
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from pydantic import BaseModel, Field, field_validator

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]
RSA_BITS: Final = 2048
SELECTOR: Final = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
DOMAIN: Final = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$"


class DkimKey(BaseModel):
    """One key of a domain. To rotate: a new selector; the old DNS record stays while mail is under way."""

    selector: str = Field(pattern=SELECTOR, description="name in DNS")
    algorithm: Algorithm = Field("rsa-sha256", description="rsa-sha256 or ed25519-sha256")
    file: Path = Field(description="PEM file of the private key")

    @field_validator("file")
    @classmethod
    def _exists(cls, value: Path) -> Path:
        if not value.is_file():
            raise ValueError(f"no file {value}: make one with: postlog dkim generate")
        return value


class DkimDomain(BaseModel):
    """A domain that mail is sent from, with the keys that sign it; without keys its mail goes unsigned."""

    domain: str = Field(pattern=DOMAIN, description="the domain in From, in A-labels")
    keys: list[DkimKey] = Field(default_factory=list, description="each signs: RSA first, an Ed25519 twin after it")


def generate_key(algorithm: Algorithm) -> tuple[bytes, str]:
    """A new private key (PEM, PKCS #8) and the value of its DNS record."""
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if algorithm == "rsa-sha256":
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    else:
        key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, dns_value(key)


def dns_value(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    """The value of the TXT record that publishes the key's public half."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; h=sha256; p={base64.b64encode(der).decode()}"
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; h=sha256; p={base64.b64encode(raw).decode()}"
