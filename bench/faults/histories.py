"""From what was recorded to histories of single positions and reservations, and their verdicts.

Nobody calls for an expiry, so it is an operation of its own: of every reservation that shops list as expired in the
end, between its deadline and a second later, or after its shop was back.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bench.demo.calls import Kind
from bench.demo.feed import LATE_MS_MAX, Outage, due_ms
from bench.faults import callers
from bench.faults.drawing import violation_svg
from bench.faults.linearizability import Model, Operation, Outcome, StateT, Verdict, check
from bench.faults.recorder import Entry, Read, Recorder
from bench.faults.stock import (
    POOL,
    POSITION,
    RESERVATION,
    Expire,
    GiveBack,
    HandOver,
    Look,
    Make,
    Receive,
    See,
    Short,
    Step,
    StepRefused,
    Take,
    Taken,
    Units,
)
from holdfast.client import Reason, Rejection, Reservation, Status, StockChange, StoreAvailability

MS: Final = 1_000_000
CLOCKS_APART_MS: Final = 50  # that a ledger's clock and the callers' may be
DRAWN_MAX: Final = 8

STEP_TO: Final = {
    Kind.CONFIRM: Status.CONFIRMED,
    Kind.MARK_READY: Status.READY,
    Kind.COLLECT: Status.COLLECTED,
    Kind.RELEASE: Status.RELEASED,
}

Histories: TypeAlias = defaultdict[str, list[Operation]]


@dataclass(slots=True)
class Examined:
    """Verdicts over objects of one kind: how many, of how many operations, and what was found, with drawings."""

    of: str
    objects: int = 0
    operations: int = 0
    pairs_looked_at: int = 0
    violated: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    drawings: list[str] = field(default_factory=list)

    def add(self, name: str, verdict: Verdict[object]) -> None:
        self.objects += 1
        self.operations += verdict.operations
        self.pairs_looked_at += verdict.examined
        if verdict.outcome is Outcome.UNDECIDED:
            self.undecided.append(f"{name}: undecided after {verdict.examined:,} pairs")
        elif verdict.refused is not None:
            refused = verdict.refused
            said = "nothing" if refused.said is None else refused.said
            states = " or ".join(str(state) for state in verdict.states)
            self.violated.append(
                f"{name}: {refused.caller} asked {refused.asked} and was told {said}; before: {states}"
            )
            if len(self.drawings) < DRAWN_MAX:
                self.drawings.append(violation_svg(name, verdict, per_ms=MS))


@dataclass(slots=True)
class WallOffset:
    """What the wall clock has ahead of the monotonic one, in ns: the least and the most of it that was seen.

    A machine that was suspended, or whose clock was set, has a wall clock that jumped. Ledgers do not follow a jump at
    once (`actors.runtime.clock`), so their time has stood anywhere between the two.
    """

    least_ns: int
    most_ns: int

    @classmethod
    def now(cls) -> "WallOffset":
        offset_ns = time.time_ns() - time.monotonic_ns()
        return cls(offset_ns, offset_ns)

    def see(self, offset_ns: int) -> None:
        self.least_ns, self.most_ns = min(self.least_ns, offset_ns), max(self.most_ns, offset_ns)

    @property
    def moved_ms(self) -> int:
        return -((self.least_ns - self.most_ns) // MS)

    def around(self, outage: Outage) -> Outage:
        """The same in the time of ledgers, which may not have followed the wall clock."""
        return Outage(outage.from_ms - self.moved_ms, outage.until_ms + self.moved_ms)


@dataclass(frozen=True, slots=True)
class Clocks:
    """`outages` by shop, in ms of ledgers' time."""

    wall: WallOffset
    outages: Mapping[str, Sequence[Outage]]

    def expiry(self, store_id: str, deadline_ms: int) -> tuple[int, int]:
        """Between which instants, of the monotonic clock, what is due then must go."""
        latest_ms = due_ms(self.outages, store_id, deadline_ms) + LATE_MS_MAX + CLOCKS_APART_MS
        return (deadline_ms - CLOCKS_APART_MS) * MS - self.wall.most_ns, latest_ms * MS - self.wall.least_ns


def positions(recorder: Recorder, listed: Mapping[str, Reservation], clocks: Clocks) -> Histories:
    """What happened to each SKU in each shop, by `shop/sku`; the SKUs of orders and of drops apart."""
    histories: Histories = defaultdict(list)
    for entry in recorder.entries.values():
        if not entry.never:
            for sku, asked, said in _of_position(entry):
                if sku in (*callers.SKUS, callers.BURST):
                    histories[f"{entry.call.store_id}/{sku}"].append(_operation(entry, asked, said))
    for each in listed.values():
        if each.status is Status.EXPIRED and not each.order_id:
            called, returned = clocks.expiry(each.store_id, each.expires_at_ms)
            for line in each.lines:
                expiry = Operation(
                    f"deadline of {each.reservation_id}", called, returned, GiveBack(line.released or line.quantity)
                )
                histories[f"{each.store_id}/{line.sku}"].append(expiry)
    for read in recorder.reads:
        if isinstance(read.what, tuple) and isinstance(read.said, tuple):
            store: StoreAvailability = read.said[0]
            there = store.positions[0]
            units = Units(there.on_hand, there.reserved)
            histories["/".join(read.what)].append(_of_read(read, Look(), units))
    return histories


def pool(recorder: Recorder, clocks: Clocks) -> list[Operation]:
    """What happened to the SKU of drops, over its shops and its own ledger; none of it goes further than a hold."""
    history = []
    for entry in recorder.entries.values():
        if entry.call.store_id not in callers.DROP_SHOPS or entry.never:
            continue
        history += [_operation(entry, asked, said) for _, asked, said in _of_position(entry)]
        if isinstance(entry.outcome, Reservation):
            called, returned = clocks.expiry(entry.call.store_id, entry.outcome.expires_at_ms)
            units = sum(line.quantity for line in entry.outcome.lines)
            history.append(Operation(f"deadline of {entry.outcome.reservation_id}", called, returned, GiveBack(units)))
    return history


def reservations(recorder: Recorder, listed: Mapping[str, Reservation], clocks: Clocks) -> Histories:
    """The life of each reservation of one shop, by its id."""
    histories: Histories = defaultdict(list)
    for entry in recorder.entries.values():
        outcome, kind = entry.outcome, entry.call.kind
        reservation_id = entry.call.asked.get("reservation_id", "")
        if kind is Kind.RESERVE and isinstance(outcome, Reservation):
            if entry.call.store_id in callers.SHOPS:
                histories[outcome.reservation_id].append(_operation(entry, Make(), None))
        elif reservation_id and outcome is None:
            histories[reservation_id].append(_operation(entry, _step_of(kind), None))
        elif reservation_id:
            said = _refused(outcome) if isinstance(outcome, Rejection) else getattr(outcome, "status", None)
            asked = _step_of(kind)
            if isinstance(asked, See):  # an extension leaves the status as it is
                said = said.status if isinstance(said, StepRefused) else said
            histories[reservation_id].append(_operation(entry, asked, said))
    for each in listed.values():
        if each.status is Status.EXPIRED and each.reservation_id in histories:
            called, returned = clocks.expiry(each.store_id, each.expires_at_ms)
            histories[each.reservation_id].append(Operation("its deadline", called, returned, Expire()))
    for read in recorder.reads:
        if isinstance(read.said, Reservation) and read.said.reservation_id in histories:
            histories[read.said.reservation_id].append(_of_read(read, See(), read.said.status))
    return histories


def examine(what: str, histories: Mapping[str, Sequence[Operation]], model: Model[StateT]) -> Examined:
    """The verdict over each of the histories."""
    examined = Examined(what)
    for name, history in histories.items():
        verdict = check(history, model)
        examined.add(name, verdict)
    return examined


def examine_all(recorder: Recorder, listed: Mapping[str, Reservation], clocks: Clocks) -> list[Examined]:
    """Positions, the drop, reservations."""
    return [
        examine("position", positions(recorder, listed, clocks), POSITION),
        examine("drop", {callers.DROP: pool(recorder, clocks)}, POOL),
        examine("reservation", reservations(recorder, listed, clocks), RESERVATION),
    ]


def _of_position(entry: Entry) -> Iterator[tuple[str, object, object]]:
    """What a call does to positions: SKU, what was asked, what was said. What another rule refused does nothing."""
    outcome, asked = entry.outcome, entry.call.asked
    match entry.call.kind:
        case Kind.ADJUST_STOCK:
            for row in asked["adjustments"]:
                if outcome is None or isinstance(outcome, StockChange):
                    yield row.sku, Receive(row.delta), None
        case Kind.RESERVE:
            for sku, units in asked["lines"]:
                if isinstance(outcome, Reservation):
                    yield sku, Take(units), Taken()
                elif isinstance(outcome, Rejection):
                    if outcome.reason is Reason.INSUFFICIENT_STOCK:
                        yield sku, Take(units), Short(outcome.available)
                else:
                    yield sku, Take(units), None
        case Kind.COLLECT | Kind.RELEASE if isinstance(outcome, Reservation):
            for line in outcome.lines:
                yield (
                    (line.sku, HandOver(line.collected), None)
                    if entry.call.kind is Kind.COLLECT
                    else (line.sku, GiveBack(line.released), None)
                )
        case _:
            return


def _step_of(kind: Kind) -> Step | See:
    return Step(STEP_TO[kind]) if kind in STEP_TO else See()


def _refused(rejection: Rejection) -> StepRefused:
    expired = rejection.reason is Reason.RESERVATION_EXPIRED
    return StepRefused(Status.EXPIRED if expired else rejection.status)


def _operation(entry: Entry, asked: object, said: object) -> Operation:
    return Operation(entry.caller, entry.called_ns, entry.returned_ns, asked, said)


def _of_read(read: Read, asked: object, said: object) -> Operation:
    return Operation(read.caller, read.called_ns, read.returned_ns, asked, said)
