"""The actor's side of the connections: one thread reads frames, decides steps, writes them down and answers.

What arrived by the time that a step ends is the next one: commands of all connections share a durable write, and none
waits for another thread. Queries, which may read for long, have threads of their own.
"""

import asyncio
import hmac
import logging
import secrets
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Event, Thread
from time import monotonic_ns
from typing import Any, Final, Protocol, cast

import msgspec

from actors.journal.port import JournalDamaged, JournalError
from actors.protocol.messages import LedgerAway, LedgerElsewhere, MoveRefused
from actors.rpc import frames
from actors.rpc.backoff import start_pause_s
from actors.rpc.frames import VERSIONS
from actors.rpc.methods import methods_of
from actors.telemetry.traces import Trace, carrying

CONNECTIONS_MAX: Final = 512
HANDSHAKE_S: Final = 2.0  # until a caller must have been admitted
RESULT_BYTES_MAX: Final = frames.FRAME_BYTES_MAX - 64  # with what a frame has beside it
REQUESTS_MAX: Final = 64  # of one connection under way; it is not read further until some are answered
QUERY_THREADS: Final = 8
WAITING: Final = "moved"  # the query that waits until something has happened: it has threads of its own,
WAITING_THREADS: Final = 64  # one for each gateway
WRITE_BUFFER_BYTES: Final = 8 * 1024 * 1024
SLOW_READER_S: Final = 10.0  # a caller whose answers pile up for so long is let go
CLOCK_WINDOW_MS: Final = 60_000

log = logging.getLogger("holdfast.rpc")

_encode: Final[Callable[[Any], bytes]] = msgspec.msgpack.Encoder().encode


class Served(Protocol):
    """What the server needs of an actor beside the methods that it marks as `rpc`."""

    def step_all(self, batches: list[tuple[bytes, int]], alone: bool = False) -> list[bytes | Exception]:
        """See `LedgerActor.step_all`."""


class CallerClock:
    """A caller's clock as it is known here: the least delay seen in the last minute or two counts as none.

    So a request that waited is seen to have waited, be it in a socket or in a process that was stopped.
    """

    def __init__(self) -> None:
        self._before: int | None = None
        self._offset: int | None = None
        self._since_ms = 0

    def heard(self, sent_ms: int, here_ms: int) -> None:
        """Learn from a request, `here_ms` by this process's clock."""
        if self._offset is None or here_ms - self._since_ms > CLOCK_WINDOW_MS:
            self._before, self._offset, self._since_ms = self._offset, here_ms - sent_ms, here_ms
        self._offset = min(self._offset, here_ms - sent_ms)

    def now_ms(self, here_ms: int) -> int:
        """What the caller's clock says by now, or a little less."""
        offset = self._offset or 0
        return here_ms - (offset if self._before is None else min(offset, self._before))


class Server:
    """Serves one actor. It listens as soon as it is made; `build` then runs in its thread, since recovery takes time.

    Where `build` fails, it is tried again after a pause, and callers are refused meanwhile. `on_failure` is called
    where the loop fails, in that thread. `encode` is how results are written.
    """

    def __init__(
        self,
        name: str,
        host: str,
        build: Callable[[], Any],
        on_failure: Callable[[Exception], None],
        encode: Callable[[Any], bytes] = _encode,
    ) -> None:
        self.name, self.encode = name, encode
        self.secret = secrets.token_bytes(32)
        self.ready = Event()  # set once the actor serves, or the server has ended
        self.tried = Event()  # set once `build` has returned or failed
        self.actor: Any = None
        self.failure = ""  # why it does not serve yet
        self._socket = socket.create_server((host, 0), backlog=CONNECTIONS_MAX)
        self.host, self.port = self._socket.getsockname()[:2]
        self._build, self._on_failure = build, on_failure
        self._listening = Event()
        self._peers: set[_Peer] = set()
        self._steps: list[tuple[_Peer, frames.Request]] = []
        self._queries = ThreadPoolExecutor(QUERY_THREADS, thread_name_prefix="query")
        self._waiting = ThreadPoolExecutor(WAITING_THREADS, thread_name_prefix="waiting")
        self._thread = Thread(target=self._run, name="rpc", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, drop the connections, and end the thread. The actor itself is not closed."""
        self._listening.wait()
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        self._queries.shutdown()
        self._waiting.shutdown(wait=False)
        self._socket.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001  # whatever it is, the actor cannot serve
            self._on_failure(error)
        finally:
            for event in (self._listening, self.tried, self.ready):
                event.set()

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        listener = await self._loop.create_server(partial(_Peer, self), sock=self._socket, backlog=CONNECTIONS_MAX)
        self._listening.set()
        failed = 0
        while not self._closing.is_set() and not self._started():
            failed += 1
            pause_s = start_pause_s(self.name, failed)
            log.critical("%s cannot serve, and is tried again in %.1f s: %s", self.name, pause_s, self.failure)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause_s)
        await self._closing.wait()
        listener.close()
        for peer in list(self._peers):
            peer.abort()
        await asyncio.sleep(0)  # they are closed in the loop's next turn

    def _started(self) -> bool:
        """Whether the actor serves now. Nobody is heard until that is known."""
        try:
            self.actor = self._build()
        except Exception as error:  # noqa: BLE001  # whatever it is, it may be over the next time
            self.failure = repr(error)
            return False
        finally:
            self.tried.set()
        self._methods = methods_of(type(self.actor))  # type: ignore[arg-type]  # classes have a hash
        self.failure = ""
        self.ready.set()
        return True

    # What connections ask for, all in the server's thread.

    def admit(self, peer: "_Peer") -> bool:
        """Whether there is room for a connection."""
        if len(self._peers) >= CONNECTIONS_MAX:
            return False
        self._peers.add(peer)
        return True

    def forget(self, peer: "_Peer") -> None:
        self._peers.discard(peer)

    def serve(self, peer: "_Peer", request: frames.Request) -> None:
        """Answer a request, now or later."""
        if request.method == "step":
            if not self._steps:
                self._loop.call_soon(self._step_all)
            self._steps.append((peer, request))
            return
        method = self._methods.get(request.method)
        if method is None:
            peer.answer(request, LookupError(f"{self.name} has no method {request.method}"))
            return
        try:
            arguments = method.read_arguments(request.arguments)
        except ValueError as error:
            peer.answer(request, ValueError(f"the arguments of {request.method}: {error}"))
            return
        threads = self._waiting if request.method == WAITING else self._queries
        future: Future[bytes] = threads.submit(
            _result, self.encode, getattr(self.actor, request.method), arguments, _traces_of(request)
        )
        future.add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(peer.answer, request, done.exception() or done.result())
        )

    def _step_all(self) -> None:
        """Decide all commands that have arrived, with one durable write, and answer them; then those that come alone,
        which may end this process.
        """
        steps, self._steps = self._steps, []
        read = self._methods["step"].read_arguments
        together: list[_Step] = []
        alone: list[_Step] = []
        for peer, request in steps:
            try:
                batch, is_alone = read(request.arguments)
            except ValueError as error:
                peer.answer(request, error)
                continue
            (alone if is_alone else together).append((peer, request, batch))
        if together:
            self._step(together)
        for each in alone:
            self._step([each], alone=True)

    def _step(self, steps: "list[_Step]", *, alone: bool = False) -> None:
        here_ms = _here_ms()
        answers: list[Any]
        try:
            batches = [(batch, peer.clock.now_ms(here_ms)) for peer, _, batch in steps]
            with carrying(tuple(trace for _, request, _ in steps for trace in _traces_of(request))):
                answers = [
                    each if isinstance(each, Exception) else _encode(each)
                    for each in cast("Served", self.actor).step_all(batches, alone)
                ]
        except Exception as error:  # noqa: BLE001  # each caller is told
            answers = [error] * len(steps)
        for (peer, request, _), answer in zip(steps, answers, strict=True):
            peer.answer(request, answer)


class _Peer(asyncio.Protocol):
    """A connection of a caller."""

    _transport: asyncio.Transport  # from `connection_made` on

    def __init__(self, server: Server) -> None:
        self._server = server
        self._frames = frames.FrameBuffer(frames.HANDSHAKE_BYTES_MAX)
        self._nonce = secrets.token_bytes(frames.NONCE_BYTES)
        self._admitted = False
        self._under_way = 0
        self._stalled: asyncio.TimerHandle | None = None  # set while its answers pile up
        self.clock = CallerClock()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        if not self._server.admit(self):
            self.abort()
            return
        self._handshake = asyncio.get_running_loop().call_later(HANDSHAKE_S, self.abort)
        self._send(frames.Challenge(self._nonce, VERSIONS))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.feed(data):
                self._received(frames.decode(body))
        except frames.MalformedFrame as error:
            log.warning("%s drops a connection: %s", self._server.name, error)
            self.abort()

    def pause_writing(self) -> None:
        self._stalled = asyncio.get_running_loop().call_later(SLOW_READER_S, self.abort)
        self._read_or_pause()

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        self._read_or_pause()

    def abort(self) -> None:
        self._transport.abort()

    def answer(self, request: frames.Request, answer: bytes | BaseException) -> None:
        """Send the encoded result of a request, or why there is none."""
        self._under_way -= 1
        if isinstance(answer, bytes) and len(answer) > RESULT_BYTES_MAX:
            answer = ValueError(f"the answer of {len(answer)} bytes is larger than a frame may be")
        if isinstance(answer, bytes):
            self._send(frames.Reply(request.number, msgspec.Raw(answer)))
        elif isinstance(answer, JournalDamaged):
            self._send(frames.Failed(request.number, "stopped", str(answer)))
        elif isinstance(answer, JournalError):
            self._send(frames.Failed(request.number, "gone", f"{self._server.name} ends: {answer}"))
        elif isinstance(answer, LedgerElsewhere):
            self._send(frames.Failed(request.number, "elsewhere", f"{answer.actor}\n{answer.ledger_id}"))
        elif isinstance(answer, MoveRefused):
            self._send(frames.Failed(request.number, "refused", str(answer)))
        elif isinstance(answer, LedgerAway):
            self._send(frames.Failed(request.number, "gone", str(answer)))
        else:
            log.error("%s of %s failed", request.method, self._server.name, exc_info=answer)
            self._send(frames.Failed(request.number, "error", f"{request.method} of {self._server.name}: {answer!r}"))
        self._read_or_pause()

    def _received(self, frame: frames.Frame) -> None:
        if not self._admitted:
            self._handshaken(frame)
        elif isinstance(frame, frames.Request):
            self._under_way += 1
            self.clock.heard(frame.sent_ms, _here_ms())
            self._server.serve(self, frame)
            self._read_or_pause()
        elif isinstance(frame, frames.Heartbeat):
            self._send(frame)
        else:
            raise frames.MalformedFrame(f"a {type(frame).__name__} is not for the actor's side")

    def _handshaken(self, frame: frames.Frame) -> None:
        if not isinstance(frame, frames.Hello):
            raise frames.MalformedFrame(f"a {type(frame).__name__} of one who has not been admitted")
        self._handshake.cancel()
        secret, name = self._server.secret, self._server.name
        if not hmac.compare_digest(frame.proof, frames.proof_of(secret, b"caller", self._nonce, frame.nonce)):
            self._refuse("the secret is another one; ask Ray for the address again")
        elif frame.actor != name:
            self._refuse(f"this is {name}, and not {frame.actor}")
        elif self._server.actor is None:
            self._refuse(f"it cannot serve: {self._server.failure}")
        elif frame.version not in VERSIONS:
            self._refuse(f"version {frame.version} of the frames is not spoken here, only {_listed(VERSIONS)}")
        else:
            self._admitted = True
            self._frames.frame_bytes_max = frames.FRAME_BYTES_MAX
            self._send(frames.Welcome(frames.proof_of(secret, b"actor", frame.nonce, self._nonce)))

    def _refuse(self, why: str) -> None:
        log.warning("%s refuses a connection: %s", self._server.name, why)
        self._send(frames.NotAdmitted(why))
        self._transport.close()

    def _read_or_pause(self) -> None:
        if self._stalled is not None or self._under_way >= REQUESTS_MAX:
            self._transport.pause_reading()
        elif not self._transport.is_reading():
            self._transport.resume_reading()

    def _send(self, frame: frames.Frame) -> None:
        if not self._transport.is_closing():
            self._transport.write(frames.encode(frame))


_Step = tuple[_Peer, frames.Request, bytes]


def _result(
    encode: Callable[[Any], bytes], method: Callable[..., Any], arguments: tuple[Any, ...], traces: tuple[Trace, ...]
) -> bytes:
    if not traces:
        return encode(method(*arguments))
    with carrying(traces):
        log.info("%s is asked", method.__name__, extra={"method": method.__name__})
        return encode(method(*arguments))


def _traces_of(request: frames.Request) -> tuple[Trace, ...]:
    return request.traces if isinstance(request, frames.TracedRequest) else ()


def _listed(versions: tuple[int, ...]) -> str:
    return " and ".join(map(str, versions))


def _here_ms() -> int:
    return monotonic_ns() // 1_000_000
