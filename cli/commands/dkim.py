"""`postlog dkim generate`: a signing key, and the DNS record that publishes it."""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.errors import CommandError
from shared.dkim import DOMAIN, SELECTOR, generate_key

LONGEST_STRING: Final = 255  # of a TXT record's character-strings, RFC 1035 section 3.3
_ALGORITHM = typer.Option(help="rsa-sha256, which everybody verifies, or ed25519-sha256, a second key beside it.")

app = typer.Typer(add_completion=False, no_args_is_help=True)


class KeyKind(StrEnum):
    """The algorithms of RFC 8301 and 8463."""

    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"


@app.callback()
def dkim() -> None:
    """Keys that sign mail (RFC 6376)."""


@app.command()
def generate(
    domain: Annotated[str, typer.Argument(help="The domain in From, such as example.com.")],
    *,
    selector: Annotated[str, typer.Option(help="Names the key in DNS; a new key gets a new one.")] = "s1",
    algorithm: Annotated[KeyKind, _ALGORITHM] = KeyKind.RSA,
    out: Annotated[Path, typer.Option(help="Folder for the key file.", file_okay=False)] = Path(),
) -> None:
    """Write a new private key (readable by you alone) and print the DNS record and the setting that go with it.

    An existing key file is never overwritten. Exit codes: 0 done; 1 the file could not be written; 2 bad usage.
    """
    if not re.fullmatch(DOMAIN, domain) or not re.fullmatch(SELECTOR, selector):
        raise CommandError("domain and selector are letters, digits, hyphens and dots", exit_code=2)
    pem, value = generate_key(algorithm.value)
    file = _write(out / f"{domain}.{selector}.pem", pem)
    strings = " ".join(f'"{value[at : at + LONGEST_STRING]}"' for at in range(0, len(value), LONGEST_STRING))
    typer.echo(f"private key   {file}")
    typer.echo(f"DNS name      {selector}._domainkey.{domain}.")
    typer.echo("DNS type      TXT")
    typer.echo(f"DNS value     {strings}")
    typer.echo(f"setting       {_setting(domain, selector, algorithm=algorithm, file=file)}")


def _write(file: Path, pem: bytes) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(pem)
    return file.resolve()


def _setting(domain: str, selector: str, *, algorithm: KeyKind, file: Path) -> str:
    key = f'{{"selector": "{selector}", "algorithm": "{algorithm}", "file": "{file}"}}'
    return f'POSTLOG_DKIM=[{{"domain": "{domain}", "keys": [{key}]}}]'
