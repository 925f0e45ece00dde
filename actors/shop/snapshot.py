"""A shop's ledger as rows of a snapshot and back. Equal states give the same rows in the same sequence, in any process.

`Capture` copies nothing: its rows are read from the ledger's own tables. Once it is frozen they may be read later,
without a lock, while the ledger goes on.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from sys import intern
from typing import Any, Final

from msgspec.structs import astuple, replace

from actors.core.ascending import Ascending
from actors.core.linear_hash import in_sequence
from actors.core.message import Message, digest_of, to_json
from actors.core.overlay import OVERLAID_AT_ONCE, Overlay, lift
from actors.core.packed import PackedRow, packed_rows, rows_by_version
from actors.core.policy import Policy
from actors.core.status import LIVE, OPEN, Status
from actors.shop.allotments.allotment import AllotmentsRow, restored
from actors.shop.customers import add_newest
from actors.shop.expiry import enter
from actors.shop.finished import FinishedRow, finished_rows
from actors.shop.hot.units import HotRow, restored as restored_hot
from actors.shop.lines.evolve import enter_line
from actors.shop.picking.evolve import enter_task
from actors.shop.picking.missed import Missed
from actors.shop.picking.pick_task import PickTask, as_now
from actors.shop.position import Position, Trail
from actors.shop.promised import promise
from actors.shop.shortfalls.shortfall import ShortfallTask
from actors.shop.state import AnyReservation, Ledger, Reservation
from actors.shop.transfers.evolve_in_transit import enter_awaiting
from actors.shop.transfers.transfer import Transfer, set_aside

FORMAT: Final = 1

Moves = tuple[int, tuple[int, ...]] | None  # a trail: its horizon, then times and deltas in turn


class Head(Message, frozen=True, tag="ledger"):
    """The first row. `source_marks` are the greatest sequence of each source."""

    format: int
    store_id: str
    version: int
    time_ms: int
    policy: Policy
    source_marks: dict[str, int]


class PositionRow(Message, frozen=True, tag="position"):
    """One SKU's position; fields as in `state.Position`, in its sequence, without `held_by`."""

    sku: str
    on_hand: int
    reserved: int
    allotted: int
    safety_stock: int
    received: int
    sold: int
    adjusted: int
    since_ms: int
    counted_at_ms: int
    on_hand_trail: Moves
    reserved_trail: Moves
    moved: int = 0
    missed: Missed = ()
    back_moved_ms: int = -1  # as it was written before it was told


class OutboxRow(Message, frozen=True, tag="outbox"):
    """Numbers of changed parts that their orders have not acknowledged."""

    numbers: tuple[int, ...]


Row = (
    Head
    | PositionRow
    | AnyReservation
    | FinishedRow
    | OutboxRow
    | PackedRow
    | AllotmentsRow
    | Transfer
    | ShortfallTask
    | PickTask
    | HotRow
)


class Capture:
    """A ledger's state as of one version, until the ledger's next event or thaw. Once all rows have been read, `broken`
    describes a contradiction among them, if any: such a snapshot must not be finished, or a recovery would load a wrong
    state.
    """

    __slots__ = (
        "_allotments",
        "_finished",
        "_head",
        "_hot",
        "_ledger",
        "_made",
        "_refusals",
        "broken",
        "outbox",
        "picks",
        "policy",
        "positions",
        "reservations",
        "tasks",
        "transfers",
        "version",
    )

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.version, self.policy = ledger.version, ledger.policy
        self.broken = ""
        marks = dict(ledger.source_marks)
        self._head = Head(FORMAT, ledger.ledger_id, ledger.version, ledger.time_ms, ledger.policy, marks)
        self.positions = ledger.positions
        self.reservations = ledger.reservations
        self._made = ledger.answers.made.captured()
        self._refusals = ledger.answers.refused.captured()
        self._finished = ledger.finished.captured()
        self.outbox = ledger.outbox.copied()
        self._allotments = ledger.allotments.row()
        self._hot = ledger.hot.row()
        self.transfers = sorted(ledger.transfers.live.items())
        self.tasks = sorted(ledger.tasks.rows.items())
        self.picks = dict(ledger.picks.rows)  # 1 ms for 100,000

    def freeze(self) -> None:
        """Keep what this reads as it is, whatever the ledger does from now on."""
        ledger = self._ledger
        ledger.positions = Overlay(ledger.positions, Position.copied)
        ledger.reservations = Overlay(ledger.reservations)
        ledger.answers.made.freeze()
        ledger.answers.refused.freeze()
        ledger.finished.table.freeze()

    def thaw(self, count_max: int = OVERLAID_AT_ONCE) -> bool:
        """End that, a piece at a time; returns whether it is done. Nothing is read any more."""
        ledger = self._ledger
        ledger.answers.made.thaw()
        ledger.answers.refused.thaw()
        ledger.finished.table.thaw()
        return lift([(ledger, "positions"), (ledger, "reservations")], count_max)

    def rows(self, *, by_version: bool = True) -> Iterator[Row]:
        """Yield head, positions by SKU, reservations by number, then where those are that are over, answers and
        refusals: by version, or as it lies in memory, which takes a tenth, and has some of what is out of date.
        """
        yield self._head
        for sku, position in sorted(self.positions.items(), key=lambda row: row[0]):
            yield _position_row(sku, position)
        live: set[int] = set()  # those older than what is remembered by time, also those that are over
        undecided: set[int] = set()
        first = self._made[2]
        promised = set_aside(transfer for _, transfer in self.transfers)
        live.update(number for number, _ in (*self.transfers, *self.tasks) if number < first)
        for reservation in map(self.reservations.__getitem__, in_sequence(self.reservations)):
            if reservation.status in LIVE and (reservation.in_line is None or reservation.awaits is None):
                for sku, units in reservation.lines if reservation.done is None else reservation.held_lines():
                    promised[sku] = promised.get(sku, 0) + units
            if reservation.status is Status.CLAIMED:
                undecided.add(reservation.number)
            if reservation.number < first:
                live.add(reservation.number)
            yield reservation
        for sku, position in self.positions.items():
            if promised.get(sku, 0) != position.reserved:
                self.broken = f"I1: {sku} has {position.reserved} reserved, and {promised.get(sku, 0)} are held"
        live.update(number for number in self.picks if number < first)
        for row in finished_rows(self._finished, self.version, by_version=by_version):
            if by_version:
                live.update(number for number in row.numbers() if number < first)
            yield row
        if self.outbox:
            yield OutboxRow(tuple(self.outbox))
        if self._allotments is not None:
            yield self._allotments
            live.update(each.number for each in self._allotments.allotments if each.number < first)
        if self._hot is not None:
            yield self._hot
        yield from (transfer for _, transfer in self.transfers)
        yield from (task for _, task in self.tasks)
        yield from map(self.picks.__getitem__, sorted(self.picks))
        if by_version:
            yield from rows_by_version(self._made, self.version, refused=False, live=live)
            yield from rows_by_version(self._refusals, self.version, refused=True, live=undecided)
        else:
            yield from packed_rows(self._made, self.version, refused=False)
            yield from packed_rows(self._refusals, self.version, refused=True)

    def state_hash(self, encode: Callable[[Any], bytes] = to_json) -> str:
        """The hash of the rows: the same for equal states in any process."""
        return digest_of(self.rows(), encode)


def _position_row(sku: str, position: Position) -> PositionRow:
    trails = _moves(position.on_hand_trail), _moves(position.reserved_trail)
    return PositionRow(sku, *position.numbers(), *trails, position.moved, position.missed, position.back_moved_ms)


def _moves(trail: Trail | None) -> Moves:
    return None if trail is None else (trail.horizon_ms, tuple(trail.moves))


def restore(rows: Iterable[Row]) -> Ledger:
    """Return the ledger that was captured. Raises ValueError for rows that are not of this version's format."""
    iterator = iter(rows)
    head = next(iterator)
    if not isinstance(head, Head) or head.format != FORMAT:
        raise ValueError(f"this version reads format {FORMAT} of a shop, and the snapshot begins with {head}")
    ledger = Ledger(head.store_id)
    ledger.version, ledger.time_ms, ledger.policy = head.version, head.time_ms, head.policy
    ledger.source_marks = head.source_marks
    for row in iterator:
        match row:
            case PackedRow():
                ledger.answers.restore(row)
            case Reservation():
                _restore_reservation(ledger, _shared(row, ledger))
            case PositionRow():
                ledger.positions[intern(row.sku)] = _position(row)
            case FinishedRow():
                ledger.finished.restore(row)
            case OutboxRow():
                ledger.outbox = Ascending(row.numbers)
            case AllotmentsRow():
                ledger.allotments = restored(row)
            case HotRow():
                ledger.hot = restored_hot(row)
            case Transfer():
                ledger.transfers.put(row)
            case ShortfallTask():
                ledger.tasks.put(row)
            case PickTask():
                enter_task(ledger, as_now(replace(row, lines=ledger.interned(row.lines)), ledger.policy))
            case Head():
                raise ValueError("a second head among the rows of a snapshot")
    ledger.answers.placed(ledger.version)
    ledger.finished.table.placed(ledger.version)
    for position in ledger.positions.values():
        if position.back_moved_ms < 0:  # goods may have been put back until just now
            position.back_moved_ms = ledger.time_ms if ledger.picks.back else 0
    return ledger


def _position(row: PositionRow) -> Position:
    position = Position(*astuple(row)[1:10])
    position.on_hand_trail, position.reserved_trail = _trail(row.on_hand_trail), _trail(row.reserved_trail)
    position.moved, position.missed, position.back_moved_ms = row.moved, row.missed, row.back_moved_ms
    return position


def _trail(moves: Moves) -> Trail | None:
    return None if moves is None else Trail(moves[0], array("q", moves[1]))


def _shared(reservation: Reservation, ledger: Ledger) -> Reservation:
    """The reservation with its parts interned as they are in a ledger: saves 150 bytes a hold."""
    if reservation.expires_at_ms != ledger.shared_instant_ms:
        ledger.shared_instant_ms = reservation.expires_at_ms
    number = reservation.number
    return reservation.changed(
        channel=intern(reservation.channel),
        lines=ledger.interned(reservation.lines),
        expires_at_ms=ledger.shared_instant_ms,
        version=number if reservation.version == number else reservation.version,
    )


def _restore_reservation(ledger: Ledger, reservation: Reservation) -> None:
    """Enter a reservation with its indexes. Rows come by number, so the basket's latest reservation is indexed."""
    number = reservation.number
    ledger.reservations[number] = reservation
    if reservation.part is not None:
        ledger.holders[reservation.part.holder] = number
        if reservation.status is Status.CLAIMED:
            ledger.undecided[number] = None
    if reservation.status in OPEN and reservation.basket_id:
        ledger.baskets[reservation.customer_id, reservation.basket_id] = number
    if reservation.status is Status.QUEUED:
        enter_line(ledger, reservation)
        enter(ledger, reservation)
    if reservation.status not in LIVE:
        return
    if reservation.slot_start_ms:
        ledger.take_place(reservation.slot_start_ms, reservation.part)
    ledger.open_reservations += 1
    if reservation.awaits is None:
        promise(ledger, reservation)
    enter_awaiting(ledger, reservation)
    enter(ledger, reservation)
    others = ledger.customers.setdefault(reservation.customer_id, number)
    if others is not number:
        add_newest(ledger, reservation, others)
