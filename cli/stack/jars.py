"""Kafka's jars: resolved once from Maven Central, each held to a committed sha256, kept in the user's cache."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cli.errors import CommandError

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


def kafka_jars(*, cache: Path | None = None, say: Callable[[str], None] = print) -> list[Path]:
    """The class path. Downloads what is missing; raises CommandError when a file is not the one that was locked."""
    hashes = locked_hashes()
    directory = (cache or cache_directory()) / f"kafka-{KAFKA_VERSION}"
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        if any(not (directory / name).exists() for name in hashes):
            say(f"downloading Kafka {KAFKA_VERSION} (44 MB) to {directory}")
            _download(hashes, into=directory)
        for name, digest in hashes.items():
            verify(directory / name, digest)
    return [directory / name for name in hashes]


def verify(jar: Path, digest: str) -> None:
    """Raise CommandError when the file's sha256 is not `digest`."""
    with jar.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        raise CommandError(
            f"{jar} is not the file that Postlog was built with: sha256 {found}, expected {digest}; "
            "delete it to have it downloaded again"
        )


def _download(hashes: dict[str, str], *, into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=into) as workspace:
        found = {jar.name: jar for jar in _resolve(Path(workspace))}
        if missing := sorted(hashes.keys() - found.keys()):
            raise CommandError(f"Maven Central resolved Kafka {KAFKA_VERSION} without {', '.join(missing)}")
        for name, digest in hashes.items():
            verify(found[name], digest)
            shutil.move(found[name], into / name)


def _resolve(workspace: Path) -> list[Path]:
    try:
        from jgo.env import EnvironmentBuilder
        from jgo.maven import MavenContext
    except ImportError:
        raise CommandError("embedded Kafka needs the extra: pip install 'postlog[local]'") from None
    builder = EnvironmentBuilder(
        context=MavenContext(repo_cache=workspace / "repository"), cache_dir=workspace / "environments"
    )
    try:
        return list(builder.from_endpoint(COORDINATES).all_jars)
    except Exception as error:  # jgo raises whatever its HTTP client and its XML parser raise
        raise CommandError(
            f"Kafka {KAFKA_VERSION} could not be downloaded from Maven Central ({error!r}); "
            "give a running one in KAFKA_BOOTSTRAP_SERVERS, or try again"
        ) from error


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Two processes that start at once download once."""
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
