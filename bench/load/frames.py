"""gRPC unary calls as plain HTTP/2 frames: the lean load generator.

Two cores carry the service and its load. A call through grpc.aio costs the generator more CPU than the service's
gateway; a call through these frames costs a fraction of it (the `generator` column of `python -m bench grpc`), so what
is measured is the service. It speaks just what a measurement on one machine needs: request headers without compression
state, flow control of the connection, pings, and the end of a stream; a lost connection fails its calls.
"""

import asyncio
import struct
from collections import deque
from typing import Final, cast

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
FRAME_BYTES_MAX: Final = 16_384
WINDOW_BYTES: Final = 1 << 30  # what the service may send before it hears from us: more than a run's answers
WINDOW_START: Final = 65_535
_TABLE_SIZE, _PUSH, _INITIAL_WINDOW = 1, 2, 4
_STATUS: Final = b"grpc-status"
_STATUS_OK: Final = _STATUS + b"\x010"
UNAVAILABLE: Final = 14


class CallFailed(Exception):
    """A call without an answer: its `status` is not OK, or its connection is gone, which is UNAVAILABLE."""

    def __init__(self, why: str, status: int = UNAVAILABLE) -> None:
        super().__init__(why)
        self.status = status


class FrameConnection(asyncio.Protocol):
    """One connection to one method. `call` sends a message and gives back the answer's. From `is_leaving` on the
    service ends it: what is open is answered, and new calls go elsewhere.
    """

    _transport: asyncio.Transport  # from `connection_made` on

    def __init__(self, authority: str, path: str, deadline_s: int = 0) -> None:
        self._block = _header_block(authority, path, deadline_s)
        self.is_leaving = False
        self._loop = asyncio.get_running_loop()
        self._next_stream = 1
        self._open: dict[int, tuple[asyncio.Future[bytes], bytearray]] = {}
        self._buffer = bytearray()
        self._window = WINDOW_START
        self.settled = asyncio.Event()
        self._to_send: deque[tuple[int, bytes]] = deque()  # what is left of messages, as the service's window allows
        self._unsent: list[bytes] = []  # written together at the end of the loop's turn: one system call for all

    @classmethod
    async def open(cls, target: str, path: str, deadline_s: int = 0) -> "FrameConnection":
        """Connect to `host:port`; 0 sets calls no deadline."""
        host, _, port = target.rpartition(":")
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(target, path, deadline_s), host, int(port))
        await connection.settled.wait()  # the service takes more on a stream from then on
        return connection

    def call(self, message: bytes) -> "asyncio.Future[bytes]":
        """Ask; the future raises CallFailed."""
        body = b"\0" + len(message).to_bytes(4, "big") + message
        future: asyncio.Future[bytes] = self._loop.create_future()
        if self._transport.is_closing():
            future.set_exception(CallFailed("the connection is closed"))
            return future
        stream = self._next_stream
        self._next_stream += 2
        self._open[stream] = (future, bytearray())
        self._write(_frame(HEADERS, END_HEADERS, stream, self._block))
        self._to_send.append((stream, body))
        self._send()
        return future

    def close(self) -> None:
        self._transport.close()

    @property
    def open_calls(self) -> int:
        """Calls that wait for their answers."""
        return len(self._open)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        settings = struct.pack("!HIHIHI", _TABLE_SIZE, 0, _PUSH, 0, _INITIAL_WINDOW, WINDOW_BYTES)
        widen = struct.pack("!I", WINDOW_BYTES)
        self._transport.write(PREFACE + _frame(SETTINGS, 0, 0, settings) + _frame(WINDOW_UPDATE, 0, 0, widen))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_leaving = True
        self.settled.set()  # whoever waits for it must not wait for ever: its calls fail
        for future, _ in self._open.values():
            if not future.done():
                future.set_exception(CallFailed(f"the connection was lost: {exc}"))
        self._open.clear()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at, size = 0, len(buffer)
        while size - at >= 9:
            length = int.from_bytes(buffer[at : at + 3], "big")
            end = at + 9 + length
            if end > size:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            stream = int.from_bytes(buffer[at + 5 : at + 9], "big")
            if kind in (DATA, HEADERS):
                self._on_answer(kind, flags, stream, buffer[at + 9 : end])
            else:
                self._on_control(kind, flags, stream, bytes(buffer[at + 9 : end]))
            at = end
        del buffer[:at]

    def _on_answer(self, kind: int, flags: int, stream: int, payload: bytearray) -> None:
        call = self._open.get(stream)
        if call is None:
            return
        future, message = call
        if kind == DATA:
            message += payload
        if flags & END_STREAM:
            del self._open[stream]
            if future.done():
                return  # its caller has gone
            if kind == HEADERS and _STATUS_OK not in payload:
                future.set_exception(CallFailed(f"headers {bytes(payload)!r}", _status(bytes(payload))))
            else:
                future.set_result(bytes(message[5:]))

    def _on_control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            self.settled.set()
            self._write(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._write(_frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.is_leaving = True
        elif kind == RST_STREAM and stream in self._open:
            self._open.pop(stream)[0].set_exception(CallFailed(f"reset with {payload.hex()}"))
        self._send()

    def _send(self) -> None:
        """As much of what waits as the window of the connection has room for, first come first."""
        while self._to_send and self._window:
            stream, body = self._to_send.popleft()
            piece = body[: min(FRAME_BYTES_MAX, self._window)]
            rest = body[len(piece) :]
            self._window -= len(piece)
            self._write(_frame(DATA, 0 if rest else END_STREAM, stream, piece))
            if rest:
                self._to_send.appendleft((stream, rest))

    def _write(self, frames: bytes) -> None:
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(frames)

    def _flush(self) -> None:
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _status(headers: bytes) -> int:
    """The call's status in trailers that are not compressed: a length of one byte, then digits."""
    at = headers.find(_STATUS) + len(_STATUS)
    digits = headers[at + 1 : at + 1 + headers[at]] if len(_STATUS) <= at < len(headers) else b""
    return int(digits) if digits.isdigit() else UNAVAILABLE


def _header_block(authority: str, path: str, deadline_s: int) -> bytes:
    """The request's headers, each by itself: nothing that the other side would have to remember (RFC 7541, 6.2.2)."""

    def text(value: str) -> bytes:
        return bytes((len(value),)) + value.encode()  # one byte of length: all of these are shorter than 127

    return b"".join(
        (
            b"\x83\x86",  # :method POST, :scheme http
            b"\x04" + text(path),
            b"\x01" + text(authority),
            b"\x0f\x10" + text("application/grpc"),  # content-type
            b"\x00" + text("te") + text("trailers"),
            b"\x00" + text("grpc-timeout") + text(f"{deadline_s}S") if deadline_s else b"",
        )
    )
