"""Secrets of the local stack: made once, kept in the data directory, readable by their owner only."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from services.api.domain.keys import make_key
from shared.dkim import Algorithm, generate_key

SELECTORS: Final[dict[str, Algorithm]] = {"local-rsa": "rsa-sha256", "local-ed25519": "ed25519-sha256"}


@dataclass(frozen=True, kw_only=True)
class LocalSecrets:
    """What the embedded parts, the local services and their user need to know of each other."""

    postgres_password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    token_keys: str = field(default_factory=lambda: f"1:{secrets.token_hex(32)}")
    recipient_key: str = field(default_factory=lambda: secrets.token_hex(32))
    api_key: str = field(default_factory=lambda: make_key(entropy=secrets.token_bytes(40)))


def local_secrets(file: Path) -> LocalSecrets:
    """The secrets in `file`; those that are not there yet are made."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    found = LocalSecrets(**known)
    if asdict(found) != known:
        _write(file, json.dumps(asdict(found), indent=2).encode())
    return found


def dkim_keys(directory: Path) -> list[dict[str, str]]:
    """The keys in `directory`, made when they do not exist, as the setting POSTLOG_DKIM wants them."""
    directory.mkdir(exist_ok=True)
    found = []
    for selector, algorithm in SELECTORS.items():
        file = directory / f"{selector}.pem"
        if not file.exists():
            _write(file, generate_key(algorithm)[0])
        found.append({"selector": selector, "algorithm": algorithm, "file": str(file)})
    return found


def _write(file: Path, content: bytes) -> None:
    """Write the whole file or nothing; nobody else may read it at any time."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        output.write(content)
    fresh.replace(file)
