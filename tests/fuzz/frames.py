"""Draws what a connection to an actor may send, and asks an actor's server whether it minds."""

import asyncio
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Any, Final, NamedTuple

import msgspec
from hypothesis import strategies as st

from actors.journal.open import open_journal, sqlite_setting
from actors.journal.port import JournalError
from actors.protocol.messages import pack_batch
from actors.rpc import frames
from actors.rpc.frames import Challenge, Heartbeat, Hello, Request, Welcome, encode, proof_of
from actors.rpc.methods import methods_of
from actors.rpc.server import Server
from actors.runtime.clock import SystemClock
from actors.store_actor import StoreActor

ACTOR: Final = "store-S1"
ENDS_S: Final = 20.0  # a connection whose caller has gone must end long before
NESTED: Final = 5_000
NUMBERS: Final = (0, 1, 2, 3, 99, -1, 2**31, 2**63 - 1, -(2**63))
LENGTHS: Final = (0, 1, 4, frames.HANDSHAKE_BYTES_MAX, frames.HANDSHAKE_BYTES_MAX + 1, frames.FRAME_BYTES_MAX)
TOO_LONG: Final = (frames.FRAME_BYTES_MAX + 1, 2**31, 2**32 - 1)
METHODS: Final = (*methods_of(StoreActor), "step", "step", "close", "__init__", "", "x" * 10_000)
_LENGTH: Final = Struct("!I")


class Wire(NamedTuple):
    """What is sent over one connection, by a stranger or by one who is admitted."""

    admitted: bool
    payload: bytes


def _frame(body: bytes) -> bytes:
    return _LENGTH.pack(len(body)) + body


def _packed(value: Any) -> bytes:
    return msgspec.msgpack.encode(value)


# Values of MessagePack, good or not, nested too deep, or not whole.
_values: Final = st.one_of(
    st.binary(max_size=24),
    st.sampled_from(
        (
            *map(
                _packed, ([], [None], [b""], [b"\xff" * 40], [pack_batch(0, [])], ["S1"], ["S1", 1], ["S1", 2**63], {})
            ),
            *(
                b"\x91" * NESTED + b"\xc0",
                b"\x81\xa1k" * NESTED + b"\xc0",
                b"\xdd\xff\xff\xff\xff",
                b"\xc6\xff\xff\xff\xff",
            ),
            _packed([_packed([2**53, [["S1", 0, ["get"]]]])]),
            _packed([b"\x92\x00" + b"\x91" * NESTED]),
        )
    ),
)
_numbers: Final = st.sampled_from(NUMBERS)
_requests: Final = st.tuples(_numbers, _numbers, st.sampled_from(METHODS), _values).map(
    lambda drawn: encode(Request(*drawn[:3], msgspec.Raw(drawn[3])))
)
_others: Final = st.sampled_from(
    (
        *(encode(Heartbeat(number)) for number in NUMBERS),
        *(encode(Hello(version, ACTOR, b"mine", b"proof")) for version in NUMBERS),
        *(
            encode(each)
            for each in (Challenge(b"n", ()), Welcome(b""), frames.NotAdmitted("no"), frames.Failed(1, "", ""))
        ),
        *(_LENGTH.pack(length) for length in (*LENGTHS, *TOO_LONG)),
        *(b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        *(_frame(_packed([tag])) for tag in ("request", "traced_request", "hello", "nothing", 7, None)),
        *(_frame(b"\x91" * size + b"\xc0") for size in (1_000, NESTED)),
        encode(frames.TracedRequest(1, 0, "step", msgspec.Raw(b"\x90"), ())),
    )
)


def _harmed(frame: bytes, harm: int, where: int) -> bytes:
    """Cut off, or with a bit flipped."""
    place = where % len(frame)
    if harm:
        return frame[:place]
    return frame[:place] + bytes([frame[place] ^ 1 << where % 8]) + frame[place + 1 :]


_whole: Final = st.one_of(_requests, _others, st.binary(max_size=40), _values.map(_frame))
_parts: Final = st.one_of(
    _whole,
    _whole.filter(bool).flatmap(
        lambda frame: st.builds(_harmed, st.just(frame), st.integers(0, 1), st.integers(0, 999))
    ),
)
wires: Final = st.builds(Wire, st.booleans(), st.lists(_parts, min_size=1, max_size=6).map(b"".join))


class Line:
    """An actor of a shop with its server, in this process; `failures` are what ended it, which nothing may."""

    def __init__(self, folder: Path) -> None:
        self.failures: list[Exception] = []

        def build() -> StoreActor:
            journal = open_journal(sqlite_setting(folder), ACTOR)
            return StoreActor(ACTOR, journal, SystemClock(journal.kept_clock()), self._ended)

        self._server = Server(ACTOR, "127.0.0.1", build, self.failures.append)
        self._server.ready.wait()
        self.actor: StoreActor = self._server.actor

    def _ended(self, failure: JournalError) -> None:
        self.failures.append(failure)

    def close(self) -> None:
        """End it."""
        self._server.close()
        self.actor.close()

    @property
    def place(self) -> tuple[str, int]:
        """Where it listens."""
        return self._server.host, self._server.port

    async def admitted(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of one who knows the secret."""
        reader, writer = await asyncio.open_connection(*self.place)
        challenge = frames.decode(await _body(reader))
        proof = proof_of(self._server.secret, b"caller", challenge.nonce, b"mine")
        writer.write(encode(Hello(frames.VERSIONS[-1], ACTOR, b"mine", proof)))
        assert isinstance(frames.decode(await _body(reader)), Welcome)
        return reader, writer

    async def sent(self, wire: Wire) -> bool:
        """Send it and go; whether the server lets the connection go as well."""
        reader, writer = await (self.admitted() if wire.admitted else asyncio.open_connection(*self.place))
        return await said(reader, writer, wire.payload)

    async def answers(self) -> bool:
        """Whether one who is admitted is heard, and whether the actor decides."""
        reader, writer = await self.admitted()
        writer.write(encode(Heartbeat(7)) + encode(Request(8, 0, "step", msgspec.Raw(_packed([pack_batch(0, [])])))))
        found = [frames.decode(await _body(reader)) for _ in range(2)]
        writer.close()
        return found[0] == Heartbeat(7) and isinstance(found[1], frames.Reply) and not self.failures


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, payload: bytes) -> bool:
    """Say this and nothing more; whether the other side ends the connection."""
    try:
        with suppress(ConnectionError):  # it was ended before all was said
            writer.write(payload)
            writer.write_eof()
            async with asyncio.timeout(ENDS_S):
                while await reader.read(65_536):
                    pass
    except TimeoutError:
        return False
    finally:
        writer.close()
    return True


async def is_line(port: int) -> bool:
    """Whether an actor's server listens at this port: it speaks first, and challenges."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(1.0):
            return isinstance(frames.decode(await _body(reader)), Challenge)
    except (TimeoutError, ValueError, EOFError, ConnectionError):
        return False
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader) -> bytes:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return await reader.readexactly(length)
