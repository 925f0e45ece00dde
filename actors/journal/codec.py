"""Events and snapshot rows as bytes: JSON arrays, each event with its name and version.

Readers outlive writers: a version that was ever written is read for ever, by an entry in `_DECODERS`, and
`tests/journal/golden` keeps an example of each. JSON because a person can read it in an emergency; arrays, and orjson,
because a million events are then 200 MB and 2 s rather than twice that.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from zlib import crc32

import orjson

from actors.core.rejection import Rejection
from actors.core.status import ReleaseReason, Status
from actors.shop import events as ev
from actors.shop.commands import AdjustmentKind, Movement
from actors.shop.snapshot import Row, rejection_fields, rejection_from

CHUNK_ROWS: Final = 2_000  # snapshot rows to a chunk: some 3 ms of encoding between two batches


def _lines(raw: list[Any]) -> tuple[tuple[str, int], ...]:
    return tuple([(sku, quantity) for sku, quantity in raw])


def _shortfalls(raw: list[Any]) -> tuple[ev.Shortfall, ...]:
    return tuple(ev.Shortfall(sku, quantity, _losses(losses)) for sku, quantity, losses in raw)


def _losses(raw: list[Any]) -> ev.Losses:
    return tuple((number, units) for number, units in raw)


def _reserved(f: list[Any]) -> ev.Reserved:
    f[4] = _lines(f[4])
    return ev.Reserved(*f)


def _refused(f: list[Any]) -> ev.Refused:
    return ev.Refused(f[0], f[1], f[2], rejection_from(f[3]))


def _claimed(f: list[Any]) -> ev.Claimed:
    return ev.Claimed(f[0], f[1], f[2], f[3], _lines(f[4]), f[5])


def _outcome_applied(f: list[Any]) -> ev.OutcomeApplied:
    return ev.OutcomeApplied(f[0], f[1], f[2], Status(f[3]), f[4], ReleaseReason(f[5]), _lines(f[6]))


def _released(f: list[Any]) -> ev.Released:
    return ev.Released(f[0], f[1], f[2], _lines(f[3]), ReleaseReason(f[4]))


def _stock_adjusted(f: list[Any]) -> ev.StockAdjusted:
    rows = tuple(Movement(sku, delta, seq, AdjustmentKind(kind), at) for sku, delta, seq, kind, at in f[4])
    return ev.StockAdjusted(f[0], f[1], f[2], f[3], rows, f[5], f[6], _shortfalls(f[7]))


def _stock_counted(f: list[Any]) -> ev.StockCounted:
    return ev.StockCounted(f[0], f[1], f[2], _lines(f[3]), f[4], _shortfalls(f[5]))


# Name and version of each event as it is written now.
TAGS: Final[dict[type, str]] = {
    ev.Reserved: "reserved/2",
    ev.Refused: "refused/2",
    ev.Confirmed: "confirmed/1",
    ev.ReadyMarked: "ready_marked/1",
    ev.Collected: "collected/1",
    ev.Released: "released/1",
    ev.Expired: "expired/1",
    ev.Extended: "extended/1",
    ev.Amended: "amended/2",
    ev.Claimed: "claimed/1",
    ev.OutcomeApplied: "heeded/1",
    ev.Acknowledged: "acknowledged/1",
    ev.StockAdjusted: "stock_adjusted/1",
    ev.StockCounted: "stock_counted/1",
    ev.SafetyStockSet: "safety_stock_set/1",
    ev.ShortfallDeclared: "shortfall_declared/1",
    ev.PolicyAdopted: "policy_adopted/1",
}

# Every name and version that was ever written.
_DECODERS: Final[dict[str, Callable[[list[Any]], ev.Event]]] = {
    "reserved/1": _reserved,  # without a pickup slot
    "reserved/2": _reserved,
    "refused/1": _refused,  # without near stores
    "refused/2": _refused,
    "confirmed/1": ev.Confirmed._make,
    "ready_marked/1": ev.ReadyMarked._make,
    "collected/1": lambda f: ev.Collected(f[0], f[1], f[2], _lines(f[3]), f[4]),
    "released/1": _released,
    "expired/1": lambda f: ev.Expired(f[0], _lines(f[1])),
    "extended/1": ev.Extended._make,
    "amended/1": lambda f: ev.Amended(f[0], f[1], f[2], _lines(f[3]), f[4], f[5]),  # without what it held before
    "amended/2": lambda f: ev.Amended(f[0], f[1], f[2], _lines(f[3]), f[4], f[5], _lines(f[6])),
    "claimed/1": _claimed,
    "heeded/1": _outcome_applied,
    "acknowledged/1": lambda f: ev.Acknowledged(_losses(f[0])),
    "stock_adjusted/1": _stock_adjusted,
    "stock_counted/1": _stock_counted,
    "safety_stock_set/1": lambda f: ev.SafetyStockSet(f[0], f[1], _lines(f[2])),
    "shortfall_declared/1": lambda f: ev.ShortfallDeclared(ev.Shortfall(f[0][0], f[0][1], _losses(f[0][2]))),
    "policy_adopted/1": ev.PolicyAdopted._make,
}


def encode_events(events: Sequence[ev.Event]) -> bytes:
    """A batch's events of one ledger."""
    tags = TAGS
    return orjson.dumps([(tags[type(event)], *event) for event in events], default=fields_of)


def fields_of(value: Any) -> tuple[Any, ...]:
    """A named tuple within an event, as it is written."""
    return rejection_fields(value) if type(value) is Rejection else tuple(value)


def decode_events(payload: bytes) -> list[ev.Event]:
    """The events of a payload. Raises ValueError where it is not one, or was written by a later version."""
    events = []
    try:
        for raw in orjson.loads(payload):
            tag = raw.pop(0)
            decoder = _DECODERS.get(tag)
            if decoder is None:
                raise ValueError(f"an event of kind {tag!r}, which this version does not know; a newer one wrote it")
            events.append(decoder(raw))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"event {len(events) + 1} of the payload is not one: {error}") from error
    return events


def encode_rows(rows: Iterable[Row]) -> Iterable[bytes]:
    """Snapshot rows in chunks."""
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS:
            yield orjson.dumps(chunk, default=tuple)
            chunk = []
    if chunk:
        yield orjson.dumps(chunk, default=tuple)


def decode_rows(chunks: Iterable[bytes]) -> Iterable[Row]:
    """The inverse of `encode_rows`."""
    for chunk in chunks:
        yield from orjson.loads(chunk)


def chained(previous: int, ledger_id: str, epoch: int, seq: int, count: int, at_ms: int, payload: bytes) -> int:
    """A record's checksum. It takes in the one before, so a record cannot go missing, move or be exchanged."""
    head = f"{ledger_id} {epoch} {seq} {count} {at_ms} {previous}".encode()
    return crc32(payload, crc32(head))


def chunk_checksum(ledger_id: str, seq: int, place: int, chunk: bytes) -> int:
    """A snapshot piece's checksum. It takes in whose it is and where it stands, as that is not in its bytes."""
    return crc32(chunk, crc32(f"{ledger_id} {seq} {place}".encode()))
