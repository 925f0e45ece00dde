"""What happened. Past participles; each is written to the journal and can be read for ever (see `core.message`).

An event that answers a call carries its idempotency key, and a fingerprint of the call's content unless the event is
that content, so that a repeat is known after a restart too. `number` names a reservation; a new one's number is the
version of its Reserved event.
"""

from typing import assert_never

from actors.core.message import Message, Value
from actors.core.status import ReleaseReason, Status
from actors.core.transact import PolicyAdopted, Refused
from actors.shop.commands import Claim, Lines, Movement, Reserve

Losses = tuple[tuple[int, int], ...]


class Shortfall(Value, frozen=True):
    """Units of a SKU that were promised and are not there, and who lost them, as (number, units)."""

    sku: str
    quantity: int
    losses: Losses


class Reserved(Message, frozen=True):
    """Units are held, and a place in a slot, as the command asked."""

    command: Reserve
    expires_at_ms: int


class Confirmed(Message, frozen=True):
    """A hold became an order."""

    key: str
    fingerprint: str
    number: int
    expires_at_ms: int


class ReadyMarked(Message, frozen=True):
    """Goods wait at the counter."""

    key: str
    fingerprint: str
    number: int


class Collected(Message, frozen=True):
    """Units were sold; `lines` are (sku, units) for every line of the reservation, in its sequence."""

    key: str
    fingerprint: str
    number: int
    lines: Lines
    payment_reference: str


class Released(Message, frozen=True):
    """Units were given back; `lines` as in Collected. The ledger's own releases have no key."""

    key: str
    fingerprint: str
    number: int
    lines: Lines
    reason: ReleaseReason


class Expired(Message, frozen=True):
    """A deadline passed; all that was still held went back. `lines` as in Collected."""

    number: int
    lines: Lines


class Extended(Message, frozen=True):
    """A deadline moved."""

    key: str
    fingerprint: str
    number: int
    expires_at_ms: int


class Amended(Message, frozen=True):
    """A reservation was changed in one step; all of it as it is from here on. `before` are the lines that it held until
    then.
    """

    key: str
    fingerprint: str
    number: int
    lines: Lines
    expires_at_ms: int
    slot_start_ms: int
    before: Lines


class Claimed(Message, frozen=True):
    """Units are held, as the command asked, for an order that is not yet certain."""

    command: Claim


class OutcomeApplied(Message, frozen=True):
    """A part went on as its customer's ledger decided; `lines` are the units given back, as in Collected. `number` 0:
    the order was over before its claim came, which is refused from now on.
    """

    holder: str
    revision: int
    number: int
    status: Status
    expires_at_ms: int
    reason: ReleaseReason
    lines: Lines


class Acknowledged(Message, frozen=True):
    """What happened to these parts in the shop is known to their orders, as of these versions: (number, version)."""

    parts: tuple[tuple[int, int], ...]


class StockAdjusted(Message, frozen=True):
    """Stock moved. `mark` is the greatest sequence seen of the source; `movements` are the rows that were applied."""

    key: str
    fingerprint: str
    source: str
    mark: int
    movements: tuple[Movement, ...]
    dropped_repeated: int
    dropped_late: int
    shortfalls: tuple[Shortfall, ...]


class StockCounted(Message, frozen=True):
    """The book was put right as of an instant; `corrections` are (sku, delta), also where the delta is zero."""

    key: str
    fingerprint: str
    as_of_ms: int
    corrections: Lines
    dropped_late: int
    shortfalls: tuple[Shortfall, ...]


class SafetyStockSet(Message, frozen=True):
    """Units kept back, by SKU."""

    key: str
    fingerprint: str
    safety_stocks: Lines


class ShortfallDeclared(Message, frozen=True):
    """Promises that can no longer be kept; a Released of reason SHORTFALL follows for each loss."""

    shortfall: Shortfall


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
    | Claimed
    | OutcomeApplied
    | Acknowledged
    | StockAdjusted
    | StockCounted
    | SafetyStockSet
    | ShortfallDeclared
    | PolicyAdopted
)


def touched_skus(event: Event) -> tuple[str, ...]:
    """SKUs whose position the event changed, each once. Changes of stock name all their rows, also such as a later
    count had seen.
    """
    match event:
        case Reserved() | Claimed():
            return tuple(dict.fromkeys(sku for sku, _ in event.command.lines))
        case Collected() | Released() | Expired() | OutcomeApplied():
            return tuple(dict.fromkeys(sku for sku, units in event.lines if units))
        case Amended():
            return _more_or_less(event.before, event.lines)
        case StockAdjusted():
            return tuple(dict.fromkeys(row.sku for row in event.movements))
        case StockCounted():
            return tuple(dict.fromkeys(sku for sku, _ in event.corrections))
        case SafetyStockSet():
            return tuple(dict.fromkeys(sku for sku, _ in event.safety_stocks))
        case Refused() | Confirmed() | ReadyMarked() | Extended() | Acknowledged() | ShortfallDeclared():
            return ()
        case PolicyAdopted():
            return ()
        case _:
            assert_never(event)


def _more_or_less(before: Lines, after: Lines) -> tuple[str, ...]:
    """SKUs of which the two hold different numbers of units."""
    units_by_sku: dict[str, int] = {}
    for sku, units in after:
        units_by_sku[sku] = units_by_sku.get(sku, 0) + units
    for sku, units in before:
        units_by_sku[sku] = units_by_sku.get(sku, 0) - units
    return tuple(sku for sku, units in units_by_sku.items() if units)
