"""The events of a shop's ledger, and which SKUs each changes. They are journaled for ever (see `core.message`).

An event that answers a call carries its idempotency key, and a fingerprint of the call's content unless the event holds
that content, so that repeats are recognised after a restart too; one that answers a step the answer, the reservation
from then on. `number` names a reservation; a new one's number is the version of its Reserved event.

A reservation that is over is read back from the event that ended it, which has it as it is then, or as it was `before`.
"""

from typing import assert_never

from actors.core.message import Message
from actors.core.rejection import Reason
from actors.core.status import ReleaseReason, Status
from actors.core.transact import PolicyAdopted, Refused
from actors.shop.allotments.allotment import Allotment, Drawn, HolderKind
from actors.shop.commands import Claim, HandOver, Lines, Movement, Reserve, by_sku
from actors.shop.hot.events import HotEvent, touched_by_hot
from actors.shop.lines.events import GrantAwaited, PassedOver
from actors.shop.picking.events import PickEvent, touched_by_pick
from actors.shop.returns.events import Returned, touched_by_return
from actors.shop.shortfalls.events import MoveBegun, ShortfallEvent, ShortfallResolved, touched_by_shortfall
from actors.shop.shortfalls.shortfall import Shortfall, ShortfallCause
from actors.shop.state import AnyReservation
from actors.shop.transfers.events import TransferReceived, TransferSent, TransitEvent, touched_by_transfer
from actors.shop.transfers.in_transit import Awaits


class Reserved(Message, frozen=True):
    """The units, and a place in a slot where one was requested, are held."""

    command: Reserve
    expires_at_ms: int


class Confirmed(Message, frozen=True):
    """A hold was confirmed. Its pick task has to be ready at `ready_ms`, by the calendar; 0 where its slot says so, or
    the shop does not pick. Likewise of others.
    """

    key: str
    fingerprint: str
    number: int
    expires_at_ms: int
    answer: AnyReservation | None = None
    ready_ms: int = 0


class ReadyMarked(Message, frozen=True):
    """The goods are ready for pickup."""

    key: str
    fingerprint: str
    number: int
    answer: AnyReservation | None = None


class Collected(Message, frozen=True):
    """Units were sold; `lines` are (sku, units) for every line of the reservation, in its sequence."""

    key: str
    fingerprint: str
    number: int
    lines: Lines
    payment_reference: str
    answer: AnyReservation | None = None
    hand_over: HandOver | None = None


class Released(Message, frozen=True):
    """Units returned to stock; `lines` as in Collected. The ledger's own releases have an empty key, and `before` where
    they release all. Those of a shortfall have its cause, and why who loses does not wait first in line, where the rule
    has him do so.
    """

    key: str
    fingerprint: str
    number: int
    lines: Lines
    reason: ReleaseReason
    answer: AnyReservation | None = None
    before: AnyReservation | None = None
    cause: ShortfallCause | None = None
    no_place: Reason | None = None


class Expired(Message, frozen=True):
    """A deadline passed and all units still held returned to stock. `lines` as in Collected."""

    number: int
    lines: Lines
    before: AnyReservation | None = None


class Extended(Message, frozen=True):
    """A deadline was changed."""

    key: str
    fingerprint: str
    number: int
    expires_at_ms: int
    answer: AnyReservation | None = None


class Amended(Message, frozen=True):
    """A reservation was changed in one step; the fields are as they are from then on, `before` are the lines that it
    had. `grant` is the number of the grant that the change was made by, 0 for none.
    """

    key: str
    fingerprint: str
    number: int
    lines: Lines
    expires_at_ms: int
    slot_start_ms: int
    before: Lines
    grant: int = 0
    answer: AnyReservation | None = None


class Queued(Message, frozen=True):
    """Stock is short, and it waits in line until `expires_at_ms`. Its place, and when it may be served, 0 where that is
    not known, are as of now. With `lost_as` it waits first, for what its customer lost in a shortfall, in this status;
    then it has no key.
    """

    command: Reserve
    expires_at_ms: int
    queue_position: int
    expected_at_ms: int
    lost_as: Status | None = None


class Served(Message, frozen=True):
    """Units came free for one that waited: held, or confirmed again where it was so, by this `grant`, 0 for none."""

    number: int
    lines: Lines
    expires_at_ms: int
    status: Status = Status.HELD
    grant: int = 0
    ready_ms: int = 0
    awaits: Awaits | None = None  # they are in transit, and promised by that transfer


class Left(Message, frozen=True):
    """One that waited has left the line, as `before`: RELEASED, or EXPIRED as its wait was over. The ledger's own have
    an empty key.
    """

    key: str
    fingerprint: str
    number: int
    status: Status
    reason: ReleaseReason
    before: AnyReservation
    answer: AnyReservation | None = None


class Claimed(Message, frozen=True):
    """The units of a part are held, for an order that is not yet decided."""

    command: Claim


class OutcomeApplied(Message, frozen=True):
    """An order's outcome was applied to its part; `lines` are the units released, as in Collected. `number` 0: the
    order ended before its claim arrived; a later claim is refused. `before` where all units are released. `channel` is
    the part's from then on, empty where it did not change.
    """

    holder: str
    revision: int
    number: int
    status: Status
    expires_at_ms: int
    reason: ReleaseReason
    lines: Lines
    before: AnyReservation | None = None
    channel: str = ""
    ready_ms: int = 0


class Acknowledged(Message, frozen=True):
    """The customers' ledgers have recorded these as of these versions, (number, version); see the command. `over` are
    those of them that are over, and nothing has to be heard of any more.
    """

    parts: tuple[tuple[int, int], ...]
    grants: tuple[tuple[int, int], ...] = ()
    uncounted: tuple[int, ...] = ()
    over: tuple[AnyReservation, ...] = ()


class StockAdjusted(Message, frozen=True):
    """Stock moved. `mark` is the source's greatest sequence so far; `movements` are the rows that were applied."""

    key: str
    fingerprint: str
    source: str
    mark: int
    movements: tuple[Movement, ...]
    dropped_repeated: int
    dropped_late: int  # always zero: rows after a gap are refused
    shortfalls: tuple[Shortfall, ...]
    settled_late: int = 0  # rows of tills whose units were counted before: these changed nothing on hand


class StockCounted(Message, frozen=True):
    """Stock was set to a count as of an instant; `corrections` are (sku, delta), zero deltas included. Where allotted
    units were counted, it settles those of allotments that had ended by then. `explained`: units by SKU that were
    written off since then as not found, and are those that are missing here; the corrections leave them out.
    """

    key: str
    fingerprint: str
    as_of_ms: int
    corrections: Lines
    dropped_late: int
    shortfalls: tuple[Shortfall, ...]
    allotted_counted: bool = True
    explained: Lines = ()


class SafetyStockSet(Message, frozen=True):
    """The units to keep back were set, by SKU."""

    key: str
    fingerprint: str
    safety_stocks: Lines


class Allotted(Message, frozen=True):
    """Units were handed to a holder. Its number is the version of this event."""

    key: str
    fingerprint: str
    kind: HolderKind
    holder: str
    lines: Lines
    expires_at_ms: int
    reason: str
    quota_first: bool


class AllotmentExtended(Message, frozen=True):
    """An allotment lasts longer."""

    key: str
    fingerprint: str
    number: int
    expires_at_ms: int
    answer: Allotment | None = None


class AllotmentReturned(Message, frozen=True):
    """An allotment was ended; `lines` are the units that came back. A till's that were left and did not are unknown."""

    key: str
    fingerprint: str
    number: int
    lines: Lines
    answer: Allotment | None = None


class AllotmentExpired(Message, frozen=True):
    """The time of an allotment is over; `lines` as in AllotmentReturned."""

    number: int
    lines: Lines


class AllotmentShrunk(Message, frozen=True):
    """A channel's quota lost units that are not there, before any promise does."""

    number: int
    lines: Lines


class QuotaDrawn(Message, frozen=True):
    """Units of a channel's quotas became available to the reservation that the next event makes or amends."""

    number: int
    drawn: Drawn


class Given(Message, frozen=True):
    """A reservation was given to one till, which alone hands it out until then."""

    key: str
    fingerprint: str
    number: int
    till: str
    until_ms: int
    answer: AnyReservation | None = None


# What answers a step.
Answering = (
    Confirmed
    | ReadyMarked
    | Collected
    | Released
    | Extended
    | Amended
    | AllotmentExtended
    | AllotmentReturned
    | Given
    | TransferSent
    | TransferReceived
    | Left
    | MoveBegun
    | ShortfallResolved
    | PickEvent
)

OfAllotments = Allotted | AllotmentExtended | AllotmentReturned | AllotmentExpired | AllotmentShrunk | QuotaDrawn

Event = (
    Reserved
    | Refused
    | Confirmed
    | ReadyMarked
    | Collected
    | Released
    | Expired
    | Extended
    | Amended
    | Queued
    | Served
    | PassedOver
    | GrantAwaited
    | Left
    | Claimed
    | OutcomeApplied
    | Acknowledged
    | StockAdjusted
    | StockCounted
    | SafetyStockSet
    | ShortfallEvent
    | PolicyAdopted
    | OfAllotments
    | Given
    | Returned
    | TransitEvent
    | HotEvent
    | PickEvent
)


def touched_skus(event: Event) -> tuple[str, ...]:
    """SKUs whose position the event changed, or what is kept of it for a line, each once. Changes of stock list the
    SKUs of all their rows, also of those that a later count already contains.
    """
    if isinstance(event, HotEvent):
        return touched_by_hot(event)
    if isinstance(event, TransitEvent):
        return touched_by_transfer(event)
    if isinstance(event, PickEvent):
        return touched_by_pick(event)
    if isinstance(event, ShortfallEvent):
        return touched_by_shortfall(event)
    match event:
        case Returned():
            return touched_by_return(event)
        case Reserved() | Claimed() | Queued():
            return tuple(dict.fromkeys(sku for sku, _ in event.command.lines))
        case Released() | Expired() if (over := event.before or getattr(event, "answer", None)) and over.awaits:
            return ()  # none of it was here
        case Collected() | Released() | Expired() | OutcomeApplied():
            return tuple(dict.fromkeys(sku for sku, units in event.lines if units))
        case Served() | PassedOver():
            return tuple(sku for sku, _ in event.lines)
        case Left():
            return tuple(sku for sku, _ in event.before.lines)
        case Amended():
            return _changed_skus(event.before, event.lines)
        case StockAdjusted():
            return tuple(dict.fromkeys(row.sku for row in event.movements))
        case StockCounted(corrections=rows) | SafetyStockSet(safety_stocks=rows):
            return tuple(dict.fromkeys(sku for sku, _ in rows))
        case PolicyAdopted():
            return event.lines
        case GrantAwaited():
            return (event.sku,)
        case Refused() | Confirmed() | ReadyMarked() | Extended() | Acknowledged() | AllotmentExtended() | Given():
            return ()
        case Allotted() | AllotmentReturned() | AllotmentExpired() | AllotmentShrunk():
            return tuple(sku for sku, _ in event.lines)
        case QuotaDrawn():
            return tuple(dict.fromkeys(sku for _, sku, _ in event.drawn))
        case _:
            assert_never(event)


def _changed_skus(before: Lines, after: Lines) -> tuple[str, ...]:
    """SKUs whose units differ between the two."""
    had, has = dict(by_sku(before)), dict(by_sku(after))
    return tuple(sku for sku in has | had if has.get(sku, 0) != had.get(sku, 0))
