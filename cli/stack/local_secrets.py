"""Secrets of the local stack: made once, kept in the data directory, readable by their owner only."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from shared.dkim import Algorithm, generate_key

SELECTORS: Final[dict[str, Algorithm]] = {"local-rsa": "rsa-sha256", "local-ed25519": "ed25519-sha256"}


@dataclass(frozen=True, kw_only=True)
class LocalSecrets:
    """What the embedded parts and the local services need to know of each other."""

    postgres_password: str
    token_keys: str
    recipient_key: str


def local_secrets(file: Path) -> LocalSecrets:
    """The secrets in `file`, made when it does not exist."""
    if file.exists():
        return LocalSecrets(**json.loads(file.read_text(encoding="utf-8")))
    made = LocalSecrets(
        postgres_password=secrets.token_urlsafe(24),
        token_keys=f"1:{secrets.token_hex(32)}",
        recipient_key=secrets.token_hex(32),
    )
    _write(file, json.dumps(asdict(made), indent=2).encode())
    return made


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
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        output.write(content)
