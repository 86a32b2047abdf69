"""Secrets of the local stack: made once, kept in the data directory, readable by their owner only."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


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
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        json.dump(asdict(made), output, indent=2)
    return made
