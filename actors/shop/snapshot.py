"""A ledger as rows of plain lists and back. The same state gives the same rows, in the same sequence, on any process.

`capture` is quick and does not stop decisions for longer than a batch: reservations and answers are immutable, so
shallow copies suffice. Turning the copies into rows may then take its time elsewhere.
"""

import json
from array import array
from collections.abc import Iterable, Iterator
from hashlib import sha256
from sys import intern
from typing import Any, Final

from actors.core.policy import from_document, to_document
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, ReleaseReason, Status
from actors.shop.events import Shortfall
from actors.shop.expiry import rebuild
from actors.shop.slot_usage import take_place
from actors.shop.state import (
    INTERNED_LINES_MAX,
    Ledger,
    Part,
    Position,
    Recorded,
    Remembered,
    Reservation,
    StockOutcome,
    Trail,
)

FORMAT: Final = 2
FORMATS_READ: Final = (1, 2)  # 1: before parts of orders and pickup slots

Row = list[Any]

_FIELDS_OF_FORMAT_1: Final = 13
_STATUSES: Final = {int(status): status for status in Status}  # a look-up is five times as fast as the enum's call


class Capture:
    """A ledger's state as of one version. `broken` says, once the rows have been read, where they contradict one
    another: what is wrong must not become the state that a recovery believes.
    """

    __slots__ = ("_answers", "_ended", "_head", "_outbox", "_positions", "_reservations", "broken", "version")

    def __init__(self, ledger: Ledger) -> None:
        self.version = ledger.version
        self.broken = ""
        self._head: Row = [
            "ledger",
            FORMAT,
            ledger.store_id,
            ledger.version,
            ledger.time_ms,
            to_document(ledger.policy),
            sorted(ledger.source_marks.items()),
        ]
        self._positions = [_position_row(sku, position) for sku, position in ledger.positions.items()]
        # Lists, not copies of the dictionaries: a fifth of the memory while the snapshot is written.
        self._reservations = list(ledger.reservations.values())
        self._answers = [(day, list(kept), list(kept.values())) for day, kept in sorted(ledger.generations.items())]
        self._ended = list(ledger.ended)
        self._outbox = list(ledger.outbox)

    def rows(self) -> Iterator[Row]:
        """Head, positions by SKU, reservations by number, ended ones by time, answers by day and time."""
        yield self._head
        for row in sorted(self._positions, key=lambda row: str(row[1])):
            yield [*row[:11], *([trail[0], *trail[1]] if trail else None for trail in row[11:])]
        changed: dict[int, Reservation] = {}
        promised: dict[str, int] = {}
        for reservation in self._reservations:
            if reservation.status in LIVE:
                for sku, units in reservation.lines if reservation.done is None else reservation.held_lines():
                    promised[sku] = promised.get(sku, 0) + units
            if reservation.version != reservation.number:
                changed[reservation.number] = reservation
            yield ["reservation", *_plain(reservation)]
        for _, sku, _, reserved, *_ in self._positions:
            if promised.get(sku, 0) != reserved:
                self.broken = f"I1: {sku} has {reserved} reserved, and {promised.get(sku, 0)} are held"
        for at_ms, number in self._ended:
            yield ["ended", at_ms, number]
        if self._outbox:
            yield ["owed", self._outbox]
        # An answer that is still the reservation as it stands is written as its number. First answers come by number,
        # as the reservations do, so one walk finds them all; later ones can only be among those that changed.
        walk = iter(self._reservations)
        current = next(walk, None)
        for day, keys, answers in self._answers:
            for key, answer in zip(keys, answers, strict=True):
                if isinstance(answer, Reservation):
                    while current is not None and current.number < answer.number:
                        current = next(walk, None)
                    fields = ["=", answer.number] if current is answer else ["reserved", *_plain(answer)]
                else:
                    fields = _told_fields(answer, changed)
                yield ["answer", day, key, *fields]

    def state_hash(self) -> str:
        """The same for the same state on any process: SHA-256 over the rows as JSON."""
        digest = sha256()
        for row in self.rows():
            digest.update(json.dumps(row).encode())
        return digest.hexdigest()


def _told_fields(answer: Recorded, changed: dict[int, Reservation]) -> Row:
    value = answer.answer
    if isinstance(value, Reservation):
        if changed.get(value.number) is value:
            return ["told=", answer.fingerprint, answer.version, value.number]
        return ["told", answer.fingerprint, answer.version, *_plain(value)]
    if isinstance(value, Rejection):
        return ["rejection", answer.fingerprint, answer.version, *rejection_fields(value)]
    return ["stock", answer.fingerprint, answer.version, *value]


def _plain(reservation: Reservation) -> Row:
    """Its fields with numbers for enums: an encoder takes ten times as long over an enum."""
    row: Row = list(reservation)
    row[1] = int(reservation.status)
    if reservation.release_reason is not None:
        row[12] = int(reservation.release_reason)
    return row


def _position_row(sku: str, position: Position) -> Row:
    # Trails are copied as they are, which is one memcpy, and become lists when the row is read.
    trails = [
        (trail.horizon_ms, trail.moves[:]) if trail is not None else None
        for trail in (position.on_hand_trail, position.reserved_trail)
    ]
    return [
        "position",
        sku,
        position.on_hand,
        position.reserved,
        position.allotted,
        position.safety_stock,
        position.received,
        position.sold,
        position.adjusted,
        position.since_ms,
        position.counted_at_ms,
        *trails,
    ]


def restore(rows: Iterable[Row]) -> Ledger:
    """The ledger that was captured. Raises ValueError where the rows are of a format that this version cannot read."""
    iterator = iter(rows)
    head = next(iterator)
    if head[0] != "ledger" or head[1] not in FORMATS_READ:
        raise ValueError(f"a snapshot of format {head[:2]}, this version reads the formats {FORMATS_READ} of a shop's")
    ledger = Ledger(head[2])
    ledger.version, ledger.time_ms = head[3], head[4]
    ledger.policy = from_document(head[5])
    ledger.source_marks = dict(head[6])
    reservations, generations = ledger.reservations, ledger.generations
    for row in iterator:
        kind = row[0]
        if kind == "answer":
            answer = reservations[row[4]] if row[3] == "=" else _answer(row[3:], ledger)
            try:
                generations[row[1]][row[2]] = answer
            except KeyError:
                generations[row[1]] = {row[2]: answer}
        elif kind == "reservation":
            del row[0]
            _restore_reservation(ledger, _reservation(row, ledger))
        elif kind == "position":
            ledger.positions[row[1]] = _position(row)
        elif kind == "ended":
            ledger.ended.append((row[1], row[2]))
        elif kind == "owed":
            ledger.outbox = dict.fromkeys(row[1])
        else:
            raise ValueError(f"a snapshot row of kind {kind!r}")
    ledger.remembered = sum(map(len, generations.values()))
    rebuild(ledger)
    return ledger


def _position(row: Row) -> Position:
    position = Position(row[9])
    (_, _, position.on_hand, position.reserved, position.allotted, position.safety_stock) = row[:6]
    position.received, position.sold, position.adjusted = row[6:9]
    position.counted_at_ms = row[10]
    position.on_hand_trail, position.reserved_trail = (
        Trail(trail[0], array("q", trail[1:])) if trail is not None else None for trail in row[11:13]
    )
    return position


def _reservation(fields: Row, ledger: Ledger) -> Reservation:
    lines = tuple(map(tuple, fields[5]))
    if len(ledger.interned_lines) < INTERNED_LINES_MAX:
        lines = ledger.interned_lines.setdefault(lines, lines)
    fields[1] = _STATUSES[fields[1]]
    fields[3] = intern(fields[3])
    if fields[9] == ledger.shared_instant_ms:
        fields[9] = ledger.shared_instant_ms
    else:
        ledger.shared_instant_ms = fields[9]
    fields[5] = lines
    if fields[6] is not None:
        fields[6] = tuple(map(tuple, fields[6]))
    if fields[10] == fields[0]:
        fields[10] = fields[0]  # one object for number and version, as it was before
    if fields[12] is not None:
        fields[12] = ReleaseReason(fields[12])
    if len(fields) == _FIELDS_OF_FORMAT_1:
        fields += (None, 0)
    elif fields[13] is not None:
        fields[13] = Part(*fields[13])
    return tuple.__new__(Reservation, fields)


def _restore_reservation(ledger: Ledger, reservation: Reservation) -> None:
    """Put a reservation back with its indexes. Rows come by number, so the later basket stands."""
    number = reservation.number
    ledger.reservations[number] = reservation
    if reservation.part is not None:
        ledger.holders[reservation.part.holder] = number
        if reservation.status is Status.CLAIMED:
            ledger.undecided[number] = None
    if reservation.status not in LIVE:
        return
    if reservation.slot_start_ms:
        take_place(ledger, reservation.slot_start_ms, reservation.part)
    ledger.open_reservations += 1
    others = ledger.customers.setdefault(reservation.customer_id, number)
    if others is not number:
        ledger.add_to_customer(reservation.customer_id, others, number)
    if reservation.basket_id:
        ledger.baskets[reservation.customer_id, reservation.basket_id] = number


def _answer(fields: Row, ledger: Ledger) -> Remembered:
    kind, *rest = fields
    match kind:
        case "=":
            return ledger.reservations[rest[0]]
        case "reserved":
            return _reservation(rest, ledger)
        case "told=":
            return Recorded(rest[0], rest[1], ledger.reservations[rest[2]])
        case "told":
            return Recorded(rest[0], rest[1], _reservation(rest[2:], ledger))
        case "rejection":
            return Recorded(rest[0], rest[1], rejection_from(rest[2:]))
        case "stock":
            applied, repeated, late, shortfalls = rest[2:]
            losses = tuple(Shortfall(sku, units, tuple((n, u) for n, u in lost)) for sku, units, lost in shortfalls)
            return Recorded(rest[0], rest[1], StockOutcome(applied, repeated, late, losses))
        case _:
            raise ValueError(f"a snapshot answer of kind {kind!r}")


def rejection_from(fields: Row) -> Rejection:
    """A rejection from its plain fields; older ones are shorter, see `rejection_fields`."""
    reason, sku, asked, available, number, status, short_lines, *later = fields
    return Rejection(
        Reason(reason),
        sku,
        asked,
        available,
        number,
        Status(status) if status is not None else None,
        tuple((short_sku, short_asked, short_available) for short_sku, short_asked, short_available in short_lines),
        tuple((store_id, metres, whole) for store_id, metres, whole in later[0]) if later else (),
        *later[1:],
    )


def rejection_fields(rejection: Rejection) -> tuple[Any, ...]:
    """A rejection as it is written. What is not said of its last fields is left out: most are a shop's own, and what
    was written before there were these fields stays, byte by byte, what would be written.
    """
    if rejection.too_soon:
        return tuple(rejection)
    return rejection[:-1] if rejection.store_id else rejection[:-2]
