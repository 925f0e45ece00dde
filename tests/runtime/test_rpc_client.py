"""What the gateway's side does where an actor's process ends, falls silent, or is not what it should be."""

import asyncio
import concurrent.futures
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import psutil
import pytest

from actors import ray_actors, watchdog
from actors.protocol.messages import ActorGone
from actors.ray_actors import RayActors
from actors.rpc import client
from actors.rpc.backoff import Away
from actors.rpc.client import ActorSilent, Connection
from actors.rpc.frames import (
    Address,
    Challenge,
    FrameBuffer,
    Heartbeat,
    Hello,
    Request,
    Welcome,
    decode,
    encode,
    proof_of,
)
from actors.rpc.methods import methods_of
from actors.watchdog import Watchdog
from tests.runtime.rpc_served import ACTOR, Actor, connected, run, serving
from tests.waiting import until, until_async

SECRET = b"secret"


class Scripted(asyncio.Protocol):
    """An actor's side that does as it is told; `heard` are the frames that came after the handshake."""

    def __init__(self, secret: bytes = SECRET, versions: tuple[int, ...] = (1,), *, greets: bool = True) -> None:
        self.secret, self.versions, self.greets = secret, versions, greets
        self.heard: list[Any] = []
        self.answers_heartbeats = True
        self.heartbeats = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.frames = FrameBuffer(1_000_000)
        if self.greets:
            transport.write(encode(Challenge(b"theirs", self.versions)))

    def data_received(self, data: bytes) -> None:
        for body in self.frames.feed(data):
            frame = decode(body)
            if isinstance(frame, Hello):
                self.transport.write(encode(Welcome(proof_of(self.secret, b"actor", frame.nonce, b"theirs"))))
            elif isinstance(frame, Heartbeat):
                self.heartbeats += 1
                if self.answers_heartbeats:
                    self.transport.write(encode(frame))
            else:
                self.heard.append(frame)


@asynccontextmanager
async def listening(script: Scripted) -> AsyncIterator[Address]:
    """Where it listens."""
    server = await asyncio.get_running_loop().create_server(lambda: script, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with server:
        yield Address(host, port, SECRET, 0, 0.0, "node")


async def opened(address: Address, silences: list[str] | None = None) -> Connection:
    """A connection; `silences` grows where it is given up."""
    noted = [] if silences is None else silences
    return await Connection.open(ACTOR, address, methods_of(Actor), lambda: noted.append("silent"))


def test_a_broken_connection_ends_its_calls_at_once_and_is_not_used_again() -> None:
    async def main() -> None:
        script = Scripted()
        async with listening(script) as address:
            connection = await opened(address)
            calls = [connection.call("double", (number,)) for number in range(3)]
            await until_async(_async(lambda: len(script.heard) == 3), within_s=20, what="the calls")
            script.transport.abort()
            for call in calls:
                with pytest.raises(ActorGone, match="the outcome is unknown"):
                    await call
            assert not connection.is_open
            with pytest.raises(ActorGone, match="is closed"):
                await connection.call("double", (1,))

    run(main)


def _async(condition: Any) -> Any:
    async def ask() -> bool:
        return bool(condition())

    return ask


def test_an_answer_reaches_its_own_caller_also_where_another_gave_up() -> None:
    async def main() -> None:
        with serving() as server:
            connection = await connected(server)
            calls = [connection.call("double", (number,)) for number in range(100)]
            for call in calls[::2]:
                call.cancel()
            assert await asyncio.gather(*calls[1::2]) == [2 * number for number in range(1, 100, 2)]
            connection.abort()

    run(main)


def test_one_who_does_not_know_the_secret_is_no_actor() -> None:
    async def main() -> None:
        async with listening(Scripted(secret=b"another")) as address:
            with pytest.raises(ActorGone, match="does not know the secret"):
                await opened(address)

    run(main)


def test_versions_without_one_in_common_are_told() -> None:
    async def main() -> None:
        async with listening(Scripted(versions=(7, 8))) as address:
            with pytest.raises(ActorGone, match=r"it speaks versions \(7, 8\) of the frames, this gateway \(1, 2\)"):
                await opened(address)

    run(main)


def test_a_closed_port_is_an_actor_that_is_gone() -> None:
    async def main() -> None:
        async with listening(Scripted()) as address:
            pass
        with pytest.raises(ActorGone):
            await opened(address)

    run(main)


def test_one_that_is_away_is_left_alone_for_a_while() -> None:
    now, tries = 0.0, []

    class Unreachable(RayActors):
        async def _open(self, actor: str) -> Connection:
            tries.append(now)
            raise ActorGone(f"{actor} is away")

    async def main() -> None:
        nonlocal now
        actors = Unreachable("", "")
        actors._away = Away(lambda: now)
        for at_s in (0.0, 8.0, 8.9, 9.3):  # for an eighth of the time that it has been away, and by name a little more
            now = at_s
            with pytest.raises(ActorGone, match="is away"):
                await actors.call(ACTOR, "double", 1)
        assert tries == [0.0, 8.0, 9.3]

    run(main)


class Handle:
    """What Ray gives for an actor, as far as it is asked for an address; each question is answered by hand."""

    def __init__(self) -> None:
        self.asked: list[concurrent.futures.Future[Any]] = []

    @property
    def address(self) -> "Handle":
        return self

    def remote(self) -> "Handle":
        return self

    def future(self) -> "concurrent.futures.Future[Any]":
        self.asked.append(concurrent.futures.Future())
        return self.asked[-1]


def test_one_that_is_left_alone_is_tried_at_once_when_it_answers_after_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_actors, "START_S", 0.01)
    now, handle = 0.0, Handle()

    async def main() -> None:
        nonlocal now
        actors = RayActors("", "")
        actors._away, actors._handles[ACTOR] = Away(lambda: now), handle

        async def refused() -> None:
            with pytest.raises(ActorGone, match="has not started yet"):
                await actors.call(ACTOR, "ledgers")

        await refused()
        now = 8.0
        await refused()
        handle.asked[0].set_exception(RuntimeError("its node was lost"))
        await asyncio.sleep(0)
        now = 8.1
        await refused()
        assert len(handle.asked) == 2, "it is left alone, as no answer came"
        async with listening(Scripted()) as address:
            handle.asked[1].set_result(address)
            await until_async(_async(lambda: not actors._away.why_not(ACTOR)), within_s=5, what="the answer")
            connection = await actors._connect(ACTOR)
            assert connection.is_open
            await actors.close()

    run(main)


def test_one_who_accepts_and_says_nothing_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENT_S", 0.1)

    async def main() -> None:
        async with listening(Scripted(greets=False)) as address:
            with pytest.raises(ActorSilent):
                await opened(address)

    run(main)


def test_one_that_stops_answering_heartbeats_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENT_S", 0.3)
    monkeypatch.setattr(client, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(client, "LATE_S", 100)

    async def main() -> None:
        script, silences = Scripted(), list[str]()
        async with listening(script) as address:
            connection = await opened(address, silences)
            await until_async(_async(lambda: script.heartbeats > 12), within_s=20, what="heartbeats")
            assert connection.is_open, "its heartbeats are answered"
            script.answers_heartbeats = False
            call = connection.call("double", (1,))
            with pytest.raises(ActorGone):
                await call
            assert silences == ["silent"]

    run(main)


def test_a_gateway_that_was_held_up_itself_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENT_S", 0.3)
    monkeypatch.setattr(client, "HEARTBEAT_S", 0.05)

    async def main() -> None:
        silences: list[str] = []
        with serving() as server:
            connection = await connected(server, on_silence=lambda: silences.append("silent"))
            polls = count()
            until(lambda: next(polls) > 30, within_s=20, what="a while")  # this process does nothing meanwhile
            assert await connection.call("double", (1,)) == 2
            assert connection.is_open
            assert not silences
            connection.abort()

    run(main)


def test_calls_carry_the_time_of_this_process() -> None:
    async def main() -> None:
        script = Scripted()
        async with listening(script) as address:
            connection = await opened(address)
            before = int(asyncio.get_running_loop().time() * 1_000)
            connection.call("step", (b"1",)).cancel()
            await until_async(_async(lambda: script.heard), within_s=20, what="the call")
            (request,) = script.heard
            assert isinstance(request, Request)
            assert request.sent_ms >= before
            connection.abort()

    run(main)


# The watchdog looks at processes: one that only listens, one that works and does not answer, one that answers.

LISTENS = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
"""
WAITS = LISTENS + "time.sleep(60)\n"
WORKS = LISTENS + "while True: pass\n"
ANSWERS = LISTENS + "\nwhile True:\n    peer, _ = listener.accept()\n    peer.sendall(b'x')\n"


@pytest.mark.parametrize(
    ("code", "stopped", "is_ended"),
    [
        pytest.param(WAITS, False, True, id="stuck"),
        pytest.param(ANSWERS, True, True, id="stopped"),
        pytest.param(WORKS, False, False, id="at work"),
        pytest.param(ANSWERS, False, False, id="well"),
    ],
)
def test_the_watchdog_ends_what_neither_answers_nor_works(code: str, stopped: bool, is_ended: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            address = Address("127.0.0.1", port, b"", process.pid, psutil.Process(process.pid).create_time(), "node")
            another = address._replace(started=address.started - 60)
            if stopped:
                os.kill(process.pid, signal.SIGSTOP)
            assert not Watchdog().end_if_stuck(ACTOR, another), "the id is that of another process"
            assert process.poll() is None
            assert Watchdog().end_if_stuck(ACTOR, address) == is_ended
            if is_ended:
                assert process.wait(20) == -signal.SIGKILL
                assert not Watchdog().end_if_stuck(ACTOR, address), "there is nobody any more"
        finally:
            process.kill()


@pytest.mark.parametrize(("code", "is_ended"), [(WORKS, False), (WAITS, True)])
def test_the_watchdog_spares_what_waits_for_a_cpu(monkeypatch: pytest.MonkeyPatch, code: str, is_ended: bool) -> None:
    """On a machine that has too much to do a process that works may get none of it within a look."""
    monkeypatch.setattr(watchdog, "_cpu_s", lambda _: 0.0)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            address = Address("127.0.0.1", port, b"", process.pid, psutil.Process(process.pid).create_time(), "node")
            assert Watchdog(look_s=0.1).end_if_stuck(ACTOR, address) == is_ended
        finally:
            process.kill()
