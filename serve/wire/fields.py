"""Fields that messages of several nouns have: instants, intervals, lines, and pages with their tokens.

Page tokens are opaque to callers, and bound to the call, the shop and the filter of the page that gave them.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Struct

from actors.core.status import ReleaseReason
from actors.shop.commands import HandOver, Lines
from serve.wire.rules import Checked

C = TypeVar("C", bound=Struct)

PAGE_SIZE_MAX: Final = 1_000
PAGE_SIZE_DEFAULT: Final = 100
_CHECK_BYTES: Final = 8
_OF_GATEWAYS: Final = ("grant", "asked", "fetched", "only_known", "adds")  # which no caller gives


def instant_ms(instant: Timestamp | Duration) -> int:
    """Milliseconds of an instant since 1970, or of an interval; 0 where it is not set."""
    return int(instant.seconds) * 1_000 + int(instant.nanos) // 1_000_000


def fill_instant(ms: int, reply: Any) -> None:
    """A Timestamp or Duration; four times as fast as its FromMilliseconds."""
    reply.seconds = ms // 1_000
    nanos = ms % 1_000 * 1_000_000
    if nanos:
        reply.nanos = nanos


def instant_text(ms: int) -> str:
    """An instant for people, UTC, to the second."""
    return f"{datetime.fromtimestamp(ms // 1_000, UTC):%Y-%m-%d %H:%M:%SZ}"


def lines_of(rows: Any) -> Lines:
    """(sku, quantity) lines."""
    if len(rows) == 1:  # as most have: 0.2 us less than by a list of them
        row = rows[0]
        return ((row.sku, row.quantity),)
    return tuple([(row.sku, row.quantity) for row in rows[:]])  # one call for all rows, not one for each


def value_of(kind: type[C], request: Any, /, **given: Any) -> C:
    """A command, or a part of one, from a valid request. What is not `given` has the request's field of the same name;
    only the key is named otherwise there, and times, which end with `_ms` here.
    """
    for name in kind.__struct_fields__:
        if name in given or name in _OF_GATEWAYS:
            continue
        if name == "key":
            given[name] = request.idempotency_key
        elif name in ("lines", "unsellable"):
            given[name] = lines_of(getattr(request, name))
        elif name == "reason":
            given[name] = ReleaseReason(request.reason)
        elif name.endswith("_ms"):
            given[name] = instant_ms(getattr(request, name.removesuffix("_ms")))
        elif name == "hand_over":
            given[name] = hand_over_of(request)
        else:
            given[name] = getattr(request, name)
    return kind(**given)


def hand_over_of(request: Any) -> HandOver | None:
    """Who hands goods over, None where the request does not say."""
    if not request.HasField("hand_over"):
        return None
    said = request.hand_over
    return HandOver(said.device, said.recipient_id, said.id_checked)


def fill_hand_over(hand_over: HandOver | None, reply: Any) -> None:
    """The same of what was handed over, into a message that has it."""
    if hand_over is not None:
        told = reply.hand_over
        told.device, told.recipient_id, told.id_checked = hand_over.device, hand_over.recipient, hand_over.id_checked
        fill_instant(hand_over.at_ms, told.at)


def fill_value(value: Struct, reply: Any, left_out: Collection[str] = ()) -> None:
    """The reverse: every field of a value, but for those left out and times that are not set."""
    for name in value.__struct_fields__:
        content = getattr(value, name)
        if name in left_out:
            continue
        if name == "lines":
            fill_lines(content, reply.lines)
        elif not name.endswith("_ms"):
            setattr(reply, name, content)
        elif content:
            fill_instant(content, getattr(reply, name.removesuffix("_ms")))


def fill_lines(lines: Lines, reply: Any) -> None:
    """Lines, but for those of which nothing is left."""
    for sku, quantity in lines:
        if quantity:
            reply.add(sku=sku, quantity=quantity)


def page_size(asked: int) -> int:
    """How many to a page: more than the most is the most, zero the usual number."""
    return min(asked, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT


def issue_token(call: str, scope: Iterable[object], after: str | int) -> str:
    """The token of the page that begins after a place; `scope` is what the call was about."""
    place = str(after).encode()
    return urlsafe_b64encode(_check(call, scope, place) + place).decode().rstrip("=")


def read_token(request: Any, call: str, scope: Iterable[object]) -> str:
    """The place that the page token of a request stands for, empty where it has none. Raises InvalidRequest for all
    that is wrong with the request, a token of another question among it.
    """
    checked, token, place = Checked(request), request.page_token, ""
    if token and "page_token" not in checked:
        with suppress(binascii.Error, ValueError):
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            if raw[:_CHECK_BYTES] == _check(call, scope, raw[_CHECK_BYTES:]):
                place = raw[_CHECK_BYTES:].decode()
        if not place:
            fault = "is not a token that a page of this same question gave; leave it out to start anew"
            checked.fault("page_token", fault)
    checked.raise_if_faulty()
    return place


def _check(call: str, scope: Iterable[object], place: bytes) -> bytes:
    """No secret: it keeps a token from being taken for another question's."""
    return blake2b(repr((call, *scope)).encode() + b"\0" + place, digest_size=_CHECK_BYTES).digest()
