"""Page tokens: opaque to callers, and bound to the call, the shop and the filter of the page that gave them."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from serve.wire.validation import PAGE_SIZE_MAX, Checked

PAGE_SIZE_DEFAULT: Final = 100
TOKEN_CHARS_MAX: Final = 256
_CHECK_BYTES: Final = 8


def issue(call: str, scope: Iterable[object], after: str | int) -> str:
    """The token of the page that begins after a place; `scope` is what the call was about."""
    place = str(after).encode()
    return urlsafe_b64encode(_check(call, scope, place) + place).decode().rstrip("=")


def read(checked: Checked, call: str, scope: Iterable[object], token: str) -> str:
    """The place that a token stands for, empty where there is no token."""
    if not token:
        return ""
    try:
        if len(token) > TOKEN_CHARS_MAX or not token.isascii():
            raise ValueError
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        place = raw[_CHECK_BYTES:]
        if raw[:_CHECK_BYTES] == _check(call, scope, place) and place:
            return place.decode()
    except (binascii.Error, ValueError):
        pass
    checked.fault("page_token", "is not a token that a page of this same question gave; leave it out to start anew")
    return ""


def page_size(checked: Checked, asked: int) -> int:
    """How many to a page: more than the most is the most, zero the usual number."""
    if asked < 0:
        checked.fault("page_size", f"is {asked}; send 1 to {PAGE_SIZE_MAX}, or leave it out for {PAGE_SIZE_DEFAULT}")
    return min(asked, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT


def _check(call: str, scope: Iterable[object], place: bytes) -> bytes:
    """No secret: it keeps a token from being taken for another question's."""
    return blake2b(repr((call, *scope)).encode() + b"\0" + place, digest_size=_CHECK_BYTES).digest()
