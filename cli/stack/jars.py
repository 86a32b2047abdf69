"""Kafka's jars: resolved once from Maven Central, each held to a committed sha256, kept in the user's cache."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli.errors import CommandError
from cli.stack.process import run

KAFKA_VERSION: Final = "4.4.0"
# The second one writes Kafka's log; "!" keeps its own dependency management from lowering Kafka's versions.
COORDINATES: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.apache.logging.log4j:log4j-slf4j-impl:2.25.5!"
LOCK_FILE: Final = Path(__file__).with_name(f"kafka-{KAFKA_VERSION}.sha256")


def cache_directory() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/postlog`, or `~/.cache/postlog`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "postlog"


def locked_hashes(lock_file: Path = LOCK_FILE) -> dict[str, str]:
    """File name to sha256, from lines as `sha256sum` writes them."""
    lines = lock_file.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


async def kafka_jars(*, say: Callable[[str], None]) -> list[Path]:
    """The class path; what is missing is downloaded first. CommandError when a file is not the one that was locked."""
    hashes, directory = locked_hashes(), cache_directory() / f"kafka-{KAFKA_VERSION}"
    if any(not (directory / name).exists() for name in hashes):
        say(f"kafka      downloading version {KAFKA_VERSION} (45 MB) to {directory}")
        await run((sys.executable, "-m", "cli.stack.jars", str(directory)), doing=f"downloading Kafka {KAFKA_VERSION}")
    await asyncio.to_thread(verify_all, directory, hashes)
    return [directory / name for name in hashes]


def verify_all(directory: Path, hashes: dict[str, str]) -> None:
    """Raise CommandError at the first file in the directory that has another sha256."""
    for name, digest in hashes.items():
        verify(directory / name, digest)


def verify(jar: Path, digest: str) -> None:
    """Raise CommandError when the file's sha256 is not `digest`."""
    with jar.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        raise CommandError(
            f"{jar} is not the file that Postlog was built with: sha256 {found}, expected {digest}; "
            "delete it to have it downloaded again"
        )


def download(directory: Path, *, hashes: dict[str, str], resolve: Callable[[Path], list[Path]]) -> None:
    """Put all files of `hashes` into `directory`; only one process at a time does, and only verified ones get there."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all((directory / name).exists() for name in hashes):
            return
        workspace = directory / ".download"
        shutil.rmtree(workspace, ignore_errors=True)  # of a download that was cut off
        found = {jar.name: jar for jar in resolve(workspace)}
        if missing := sorted(hashes.keys() - found.keys()):
            raise CommandError(f"the locked {', '.join(missing)} did not come with {COORDINATES}")
        for name, digest in hashes.items():
            verify(found[name], digest)
            found[name].replace(directory / name)
        shutil.rmtree(workspace)


def resolve_by_jgo(workspace: Path) -> list[Path]:
    """The jars of Kafka and all it needs, resolved and downloaded to `workspace`."""
    try:
        from jgo.env import EnvironmentBuilder
        from jgo.maven import MavenContext
    except ImportError:
        raise CommandError("embedded Kafka needs the extra: pip install 'postlog[local]'") from None
    context = MavenContext(repo_cache=workspace / "repository")
    return list(EnvironmentBuilder(context=context, cache_dir=workspace).from_endpoint(COORDINATES).all_jars)


def main() -> None:
    """A program of its own (`python -m cli.stack.jars DIRECTORY`), so that a download can be cut off."""
    try:
        download(Path(sys.argv[1]), hashes=locked_hashes(), resolve=resolve_by_jgo)
    except Exception as error:  # noqa: BLE001 - jgo raises whatever its HTTP client and its XML parser raise
        sys.exit(f"{error}; to use a Kafka that runs elsewhere set KAFKA_BOOTSTRAP_SERVERS")


if __name__ == "__main__":
    main()
