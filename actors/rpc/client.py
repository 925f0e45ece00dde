"""The gateway's side of a connection to an actor. A broken connection means *unknown*: ask again under the same key."""

import asyncio
import hmac
import math
import secrets
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from actors.protocol.messages import ActorGone, CallLost, LedgerElsewhere, LedgerStopped, MoveRefused
from actors.rpc import frames
from actors.rpc.methods import Method
from actors.telemetry.traces import CARRIED

HEARTBEAT_S: Final = 0.25
SILENT_S: Final = 1.0  # then the connection is given up, and the watchdog of the actor's node looks at the process
LATE_S: Final = 0.1  # a timer that is this late was held up by this process itself, which has not read either

_encode: Final[Callable[[Any], bytes]] = msgspec.msgpack.Encoder().encode


class ActorSilent(ActorGone):
    """The actor's process was reached, and says nothing: it is stopped, stuck, or busy with something large."""


class ActorFailed(Exception):
    """The method raised an error that it does not declare: a fault in the code of the actor."""


class Connection(asyncio.Protocol):
    """A connection to one process of an actor. `methods` are those of the actor's class; `on_silence` is called once
    where the process does not answer heartbeats. `encode` is how arguments are written.
    """

    _transport: asyncio.Transport  # from `connection_made` on

    def __init__(
        self,
        actor: str,
        address: frames.Address,
        methods: dict[str, Method],
        on_silence: Callable[[], None],
        encode: Callable[[Any], bytes] = _encode,
    ) -> None:
        self._encode = encode
        self._actor, self._address, self._methods, self._on_silence = actor, address, methods, on_silence
        self._loop = asyncio.get_running_loop()
        self._frames = frames.FrameBuffer(frames.FRAME_BYTES_MAX)
        self._nonce = secrets.token_bytes(frames.NONCE_BYTES)
        self._their_nonce = b""
        self._admitted: asyncio.Future[None] = self._loop.create_future()
        self._calls: dict[int, tuple[asyncio.Future[Any], Method]] = {}
        self._number = 0
        self._version = 0  # of the frames, once that is agreed
        self._heard_at = math.inf
        self._beat: asyncio.TimerHandle | None = None
        self.is_open = False

    @classmethod
    async def open(
        cls,
        actor: str,
        address: frames.Address,
        methods: dict[str, Method],
        on_silence: Callable[[], None],
        encode: Callable[[Any], bytes] = _encode,
    ) -> "Connection":
        """Connect and be admitted. Raises ActorSilent where the process is there and says nothing, else ActorGone."""
        loop = asyncio.get_running_loop()
        connection = cls(actor, address, methods, on_silence, encode)
        try:
            async with asyncio.timeout(SILENT_S):
                await loop.create_connection(lambda: connection, address.host, address.port)
                await connection._admitted
        except TimeoutError:
            connection.abort()
            raise ActorSilent(f"{actor} at {address.host}:{address.port} does not answer") from None
        except OSError as error:
            raise ActorGone(f"{actor} at {address.host}:{address.port}: {error}") from error
        except BaseException:
            connection.abort()
            raise
        return connection

    def call(self, method: str, arguments: tuple[Any, ...]) -> "asyncio.Future[Any]":
        """Call a method. The future raises ActorGone, LedgerStopped or ActorFailed. Raises what `encode` does."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if not self.is_open:
            future.set_exception(ActorGone(f"the connection to {self._actor} is closed"))
            return future
        self._number += 1
        self._calls[self._number] = (future, self._methods[method])
        sent_ms = int(self._loop.time() * 1_000)
        request = self._number, sent_ms, method, msgspec.Raw(self._encode(arguments))
        if (traces := CARRIED.get()) and self._version >= frames.TRACED_FROM:
            self._send(frames.TracedRequest(*request, traces))
        else:
            self._send(frames.Request(*request))
        return future

    def abort(self) -> None:
        """Drop the connection; what is under way raises ActorGone."""
        if self._heard_at is not math.inf:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._heard_at = self._loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._beat is not None:
            self._beat.cancel()
        gone = ActorGone(f"the connection to {self._actor} was lost{f': {exc}' if exc else ''}; the outcome is unknown")
        if not self._admitted.done():
            self._admitted.set_exception(gone)
        for future, _ in self._calls.values():
            if not future.done():
                future.set_exception(CallLost(str(gone)))
        self._calls.clear()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            for body in self._frames.feed(data):
                self._received(frames.decode(body))
        except frames.MalformedFrame as error:
            if not self._admitted.done():
                self._admitted.set_exception(ActorGone(f"{self._actor}: {error}"))
            self.abort()

    def _received(self, frame: frames.Frame) -> None:
        if isinstance(frame, frames.Reply):
            self._replied(frame)
        elif isinstance(frame, frames.Failed):
            future, _ = self._calls.pop(frame.number)
            if not future.done():
                future.set_exception(_raised(frame))
        elif isinstance(frame, frames.Challenge):
            self._challenged(frame)
        elif isinstance(frame, frames.Welcome):
            self._welcomed(frame)
        elif isinstance(frame, frames.NotAdmitted):
            self._admitted.set_exception(ActorGone(f"{self._actor} refuses this gateway: {frame.why}"))
        elif not isinstance(frame, frames.Heartbeat):
            raise frames.MalformedFrame(f"a {type(frame).__name__} is not for a caller")

    def _replied(self, reply: frames.Reply) -> None:
        future, method = self._calls.pop(reply.number)
        if future.done():
            return
        try:
            future.set_result(method.read_result(reply.result))
        except ValueError as error:
            future.set_exception(ActorFailed(f"{self._actor} answered what is not understood here: {error}"))

    def _challenged(self, challenge: frames.Challenge) -> None:
        common = set(frames.VERSIONS) & set(challenge.versions)
        if not common:
            ours, theirs = frames.VERSIONS, challenge.versions
            raise frames.MalformedFrame(f"it speaks versions {theirs} of the frames, this gateway {ours}")
        self._their_nonce = challenge.nonce
        proof = frames.proof_of(self._address.secret, b"caller", challenge.nonce, self._nonce)
        self._version = max(common)
        self._send(frames.Hello(self._version, self._actor, self._nonce, proof))

    def _welcomed(self, welcome: frames.Welcome) -> None:
        expected = frames.proof_of(self._address.secret, b"actor", self._nonce, self._their_nonce)
        if not hmac.compare_digest(welcome.proof, expected):
            raise frames.MalformedFrame("it does not know the secret")
        self.is_open = True
        if not self._admitted.done():
            self._admitted.set_result(None)
        self._listen(self._loop.time() + HEARTBEAT_S)

    def _listen(self, at: float) -> None:
        self._beat = self._loop.call_at(at, self._heartbeat, at)

    def _heartbeat(self, due: float) -> None:
        """Send a heartbeat, or give the connection up where none was answered for too long."""
        now = self._loop.time()
        if now - due > LATE_S:
            self._heard_at = max(self._heard_at, now - SILENT_S + HEARTBEAT_S)
        if now - self._heard_at > SILENT_S:
            self._on_silence()
            self.abort()
            return
        self._send(frames.Heartbeat(0))
        self._listen(now + HEARTBEAT_S)

    def _send(self, frame: frames.Frame) -> None:
        self._transport.write(frames.encode(frame))


def _raised(failed: frames.Failed) -> Exception:
    if failed.kind == "elsewhere":
        actor, _, ledger_id = failed.why.partition("\n")
        return LedgerElsewhere(ledger_id, actor)
    kinds: dict[str, type[Exception]] = {"stopped": LedgerStopped, "gone": ActorGone, "refused": MoveRefused}
    return kinds.get(failed.kind, ActorFailed)(failed.why)
