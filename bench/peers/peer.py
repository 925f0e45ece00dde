"""The peers of a run by name, each of two programs: a service of `bench.peers` and its database."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from bench.peers import postgres_server, redis_server
from bench.peers.database import Database
from bench.service import MARK, Program, Service
from serve.config.environment import free_ports

Up = Callable[[Path, Mapping[str, str]], AbstractContextManager[Database]]


class Kind(NamedTuple):
    """A peer as it is called in rows, what it is, why it cannot be run here (empty where it can), its service's module
    with its last argument, its database, and what that calls itself.
    """

    name: str
    what: str
    absent: Callable[[], str]
    module: str
    shape: tuple[str, ...]
    database: Up
    version: Callable[[], str]


def _redis_kind(name: str, server: Callable[[], str]) -> Kind:
    def database(folder: Path, environment: Mapping[str, str]) -> AbstractContextManager[Database]:
        return redis_server.redis_up(folder, server(), environment)

    what = f"grpc.aio, redis-py and a Lua script in {name.title()}"
    absent, version = partial(redis_server.absent, server), partial(_version, server)
    return Kind(name, what, absent, "hand_written", (), database, version)


def _version(server: Callable[[], str]) -> str:
    return redis_server.version(server())


def _postgres_kind(name: str, shape: str, how: str) -> Kind:
    what = f"grpc.aio, asyncpg and functions in PostgreSQL: {how}"
    absent, version = postgres_server.absent, postgres_server.version
    return Kind(name, what, absent, "postgres", (shape,), postgres_server.postgres_up, version)


KINDS: Final = (
    _redis_kind("redis", redis_server.redis_binary),
    _redis_kind("valkey", redis_server.valkey_binary),
    _postgres_kind("postgres update", "conditional_update", "one conditional UPDATE a line"),
    _postgres_kind("postgres for update", "for_update", "SELECT ... FOR UPDATE"),
    _postgres_kind("postgres skip locked", "skip_locked", "SKIP LOCKED over a row for each unit"),
)


def by_hand() -> Kind:
    """The one over Valkey, or over Redis where there is no Valkey."""
    redis, valkey = KINDS[:2]
    return redis if valkey.absent() and not redis.absent() else valkey


class Peer:
    """One that runs. Its programs are killed, and started again with the same data at the same addresses."""

    def __init__(self, service: Program, database: Database) -> None:
        self._service = service
        self._database = database
        self.mark = service.mark

    @property
    def service(self) -> Service:
        return self._service.service

    @property
    def database_port(self) -> int:
        """On loopback."""
        return self._database.port

    def kill_service(self) -> None:
        """Kill -9, and start it again, as a supervisor does; returns once it serves."""
        os.kill(self._service.pid, signal.SIGKILL)
        self._service.start()

    def kill_database(self) -> None:
        """Kill -9 of all its processes, and start it again."""
        self._database.kill()
        self._database.start()


@contextmanager
def running_peer(kind: Kind, folder: Path) -> Iterator[Peer]:
    """Both programs with their data in `folder`, ended at the end."""
    mark, data_dir = uuid4().hex, folder / kind.name.replace(" ", "-")
    with ExitStack() as stack:
        database = stack.enter_context(kind.database(data_dir / "database", {MARK: mark}))
        (port,) = free_ports(1)
        command = [f"bench.peers.{kind.module}", str(data_dir), str(port), str(database.port), *kind.shape]
        program = Program(command, data_dir, {}, mark)
        stack.callback(program.stop)
        stack.callback(database.kill)  # first, as its data is nothing any more: an orderly end takes seconds
        program.start()
        yield Peer(program, database)
