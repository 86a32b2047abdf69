"""`postlog contract write|check`: the contract's documents in docs/, from the types. For developers, in a checkout."""

from pathlib import Path
from typing import Annotated

import typer

from cli.contract.files import FILES, differing
from cli.contract.files import write as write_files
from cli.errors import CommandError

app = typer.Typer(add_completion=False, no_args_is_help=True)
Root = Annotated[Path, typer.Option(help="The checkout.", exists=True, file_okay=False)]


@app.command()
def write(root: Root = Path()) -> None:
    """Write what differs."""
    written = write_files(root)
    typer.echo(f"written: {', '.join(written)}" if written else f"all {len(FILES)} files are as the code says")


@app.command()
def check(root: Root = Path()) -> None:
    """Say what differs. Exit code 1 when something does."""
    if stale := differing(root):
        raise CommandError(f"not as the code says: {', '.join(stale)}; write them with: postlog contract write")
    typer.echo(f"all {len(FILES)} files are as the code says")
