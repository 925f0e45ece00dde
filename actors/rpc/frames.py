"""The frames on a connection between gateway and actor: a length, then one message as MessagePack.

A connection begins with three frames. The actor's side sends a challenge; the caller answers with a proof that it knows
the secret, and with the version that it speaks; the actor's side proves the same, or refuses and closes. From then on
requests and answers go, in any sequence, and heartbeats.
"""

import hashlib
import hmac
import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from actors.core.message import Message
from actors.protocol.formats import FRAMES
from actors.telemetry.traces import Trace

# This version and the one before, so that a service can be upgraded by rolling.
VERSIONS: Final = tuple(sorted(FRAMES))[-2:]
TRACED_FROM: Final = 2  # the version that has TracedRequest
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024  # a call of 16 MiB, or what it is answered
HANDSHAKE_BYTES_MAX: Final = 1_024  # a frame of somebody who has not been admitted
NONCE_BYTES: Final = 16
_LENGTH: Final = struct.Struct("!I")


class Address(NamedTuple):
    """Where an actor's process listens, as Ray hands it out. `pid` and `started` identify the process on its node."""

    host: str
    port: int
    secret: bytes
    pid: int
    started: float  # seconds since 1970; a process id may be taken again
    node_id: str


class Challenge(Message, frozen=True):
    """The first frame, from the actor's side."""

    nonce: bytes
    versions: tuple[int, ...]


class Hello(Message, frozen=True):
    """The caller's answer: the actor that it wants, and its proof."""

    version: int
    actor: str
    nonce: bytes
    proof: bytes


class Welcome(Message, frozen=True):
    """The caller is admitted, by one who knows the secret too."""

    proof: bytes


class NotAdmitted(Message, frozen=True, tag="refused"):  # as the version before writes it
    """The caller is not admitted; the connection is closed."""

    why: str


class Request(Message, frozen=True):
    """A call of a method. `sent_ms` is of the caller's own clock, whose zero is unknown to the actor's side."""

    number: int
    sent_ms: int
    method: str
    arguments: msgspec.Raw


class TracedRequest(Request, frozen=True):
    """A request of which some entries carry the ids of their callers' requests."""

    traces: tuple[Trace, ...]


class Reply(Message, frozen=True):
    """What the method returned."""

    number: int
    result: msgspec.Raw


class Failed(Message, frozen=True):
    """The method raised. `stopped`: the ledger's journal is damaged; `gone`: its process ends; `elsewhere`: another
    actor has the ledger, `why` is its name and the ledger's id in lines; `refused`: a step of a move.
    """

    number: int
    kind: str
    why: str


class Heartbeat(Message, frozen=True):
    """Sent by the caller, and sent back."""

    number: int


class MalformedFrame(ValueError):
    """What came is no frame of ours, or too large; the connection is closed."""


Frame = Challenge | Hello | Welcome | NotAdmitted | Request | TracedRequest | Reply | Failed | Heartbeat

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Frame)


def encode(message: Frame) -> bytes:
    """The frame of a message."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Any:
    """The message in a frame's body. Raises MalformedFrame."""
    try:
        return _decoder.decode(body)
    except (ValueError, RecursionError) as error:  # the latter of arguments that are nested without end
        raise MalformedFrame(str(error)) from error


def proof_of(secret: bytes, role: bytes, theirs: bytes, ours: bytes) -> bytes:
    """Shows that `role` knows the secret, for these nonces alone."""
    return hmac.digest(secret, role + theirs + ours, hashlib.sha256)


class FrameBuffer:
    """Cuts what was received into the bodies of frames. `frame_bytes_max` may be raised once the peer is known."""

    def __init__(self, frame_bytes_max: int) -> None:
        self.frame_bytes_max = frame_bytes_max
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies of the frames that are whole by now. Raises MalformedFrame for one that is too large."""
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(buffer, at)
                if length > self.frame_bytes_max:
                    raise MalformedFrame(f"a frame of {length} bytes; at most {self.frame_bytes_max} are taken")
                end = at + _LENGTH.size + length
                if len(buffer) < end:
                    return
                body = bytes(memoryview(buffer)[at + _LENGTH.size : end])
                at = end
                yield body
        finally:
            del buffer[:at]
