"""Devices that are let in to the service's pages, and the tokens by which they are."""

from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe

from holdfast.client.wire_types import reader

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Device:
    """A tablet, or another device of a shop, whose pages it sees; as a picker it goes by its name."""

    device_id: int
    store_id: str
    name: str
    added_at_ms: int


def make_token() -> str:
    """A new token, 43 characters that a URL takes as they are. Nobody but the device is to keep it."""
    return token_urlsafe(_TOKEN_BYTES)


def digest_of(token: str) -> bytes:
    """What the service knows of a token: its SHA-256, 32 bytes."""
    return sha256(token.encode()).digest()


device_from = reader(Device)
