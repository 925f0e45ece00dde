"""A server in this process, for an actor whose methods a test writes."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from actors.journal.port import JournalDamaged, JournalFailed
from actors.rpc.client import Connection
from actors.rpc.frames import Address
from actors.rpc.methods import methods_of, rpc
from actors.rpc.server import Server

ACTOR = "store-S1"
WAIT_S = 20.0


class Actor:
    """Answers a step with its bytes, and notes the batches that were decided at once."""

    def __init__(self) -> None:
        self.turns: list[list[bytes]] = []
        self.times: list[int] = []
        self.deciding = Event()
        self.may_decide = Event()
        self.may_decide.set()
        self.happened = Event()

    def step_all(self, batches: list[tuple[bytes, int]], alone: bool = False) -> list[bytes | Exception]:
        self.deciding.set()
        assert self.may_decide.wait(WAIT_S)
        self.turns.append([batch for batch, _ in batches])
        self.times += [now_ms for _, now_ms in batches]
        return [ValueError("no batch") if batch == b"bad" else batch for batch, _ in batches]

    @rpc
    def step(self, batch: bytes, alone: bool = False) -> bytes:
        """Only its annotations are used."""
        raise AssertionError(batch, alone)

    @rpc
    def double(self, number: int, more: int = 0) -> int:
        """An answer, computed elsewhere."""
        return 2 * number + more

    @rpc
    def moved(self, number: int) -> int:
        """Waits until something has happened."""
        assert self.happened.wait(WAIT_S)
        return number

    @rpc
    def large(self, size: int) -> bytes:
        """Many bytes."""
        return bytes(size)

    @rpc
    def fail(self, how: str) -> None:
        """Errors of each kind."""
        raise {
            "damaged": JournalDamaged("S1", "seq 7", "the bytes are others"),
            "failed": JournalFailed("the disk is full"),
            "fault": ZeroDivisionError("by nothing"),
        }[how]

    def hidden(self) -> None:
        """Not for callers."""


@contextmanager
def serving(build: Callable[[], Any] = Actor, host: str = "127.0.0.1") -> Iterator[Server]:
    """A server; its thread and its port are gone at the end."""
    failures: list[Exception] = []
    server = Server(ACTOR, host, build, failures.append)
    try:
        yield server
    finally:
        server.close()
    assert not server._thread.is_alive()


def address_of(server: Server, secret: bytes | None = None) -> Address:
    """As Ray would hand it out."""
    return Address(server.host, server.port, secret or server.secret, 0, 0.0, "node")


async def connected(
    server: Server, secret: bytes | None = None, actor: str = ACTOR, on_silence: Callable[[], None] = lambda: None
) -> Connection:
    """A connection to the server."""
    return await Connection.open(actor, address_of(server, secret), methods_of(Actor), on_silence)


def run(main: Callable[[], Any]) -> None:
    """Run a test's coroutine, which must end."""

    async def bounded() -> None:
        async with asyncio.timeout(WAIT_S):
            await main()
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # what was aborted is closed by then

    asyncio.run(bounded())
