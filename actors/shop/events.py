"""What happened. Past participles; each is written to the journal and can be read for ever (see `journal.codec`).

An event that answers a call carries its idempotency key, and a fingerprint of the call's content unless the event is
that content, so that a repeat is known after a restart too. `number` names a reservation; a new one's number is the
version of its Reserved event.
"""

from typing import NamedTuple

from actors.core.rejection import Rejection
from actors.core.status import ReleaseReason, Status
from actors.shop.commands import Lines, Movement

Losses = tuple[tuple[int, int], ...]


class Shortfall(NamedTuple):
    """Units of a SKU that were promised and are not there, and who lost them, as (number, units)."""

    sku: str
    quantity: int
    losses: Losses


class Reserved(NamedTuple):
    """Units are held, and a place in a slot. `ttl_ms` is what was asked, 0 for the rule's."""

    key: str
    customer_id: str
    channel: str
    basket_id: str
    lines: Lines
    ttl_ms: int
    expires_at_ms: int
    slot_start_ms: int = 0


class Refused(NamedTuple):
    """The business said no. `command` is the call's name, for readers of the feed."""

    key: str
    fingerprint: str
    command: str
    rejection: Rejection


class Confirmed(NamedTuple):
    """A hold became an order."""

    key: str
    fingerprint: str
    number: int
    expires_at_ms: int


class ReadyMarked(NamedTuple):
    """Goods wait at the counter."""

    key: str
    fingerprint: str
    number: int


class Collected(NamedTuple):
    """Units were sold; `lines` are (sku, units) for every line of the reservation, in its sequence."""

    key: str
    fingerprint: str
    number: int
    lines: Lines
    payment_reference: str


class Released(NamedTuple):
    """Units were given back; `lines` as in Collected. The ledger's own releases have no key."""

    key: str
    fingerprint: str
    number: int
    lines: Lines
    reason: ReleaseReason


class Expired(NamedTuple):
    """A deadline passed; all that was still held went back. `lines` as in Collected."""

    number: int
    lines: Lines


class Extended(NamedTuple):
    """A deadline moved."""

    key: str
    fingerprint: str
    number: int
    expires_at_ms: int


class Amended(NamedTuple):
    """A reservation was changed in one step; all of it as it is from here on. `before` are the lines that it held until
    then: empty in what was written before it was noted.
    """

    key: str
    fingerprint: str
    number: int
    lines: Lines
    expires_at_ms: int
    slot_start_ms: int
    before: Lines = ()


class Claimed(NamedTuple):
    """Units are held for an order that is not yet certain."""

    key: str
    holder: str
    customer_id: str
    channel: str
    lines: Lines
    slot_start_ms: int


class OutcomeApplied(NamedTuple):
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


class Acknowledged(NamedTuple):
    """What happened to these parts in the shop is known to their orders, as of these versions: (number, version)."""

    parts: tuple[tuple[int, int], ...]


class StockAdjusted(NamedTuple):
    """Stock moved. `mark` is the greatest sequence seen of the source; `movements` are the rows that were applied."""

    key: str
    fingerprint: str
    source: str
    mark: int
    movements: tuple[Movement, ...]
    dropped_repeated: int
    dropped_late: int
    shortfalls: tuple[Shortfall, ...]


class StockCounted(NamedTuple):
    """The book was put right as of an instant; `corrections` are (sku, delta), also where the delta is zero."""

    key: str
    fingerprint: str
    as_of_ms: int
    corrections: Lines
    dropped_late: int
    shortfalls: tuple[Shortfall, ...]


class SafetyStockSet(NamedTuple):
    """Units kept back, by SKU."""

    key: str
    fingerprint: str
    safety_stocks: Lines


class ShortfallDeclared(NamedTuple):
    """Promises that can no longer be kept; a Released of reason SHORTFALL follows for each loss."""

    shortfall: Shortfall


class PolicyAdopted(NamedTuple):
    """The ledger decides by these rules from here on. `document` is `policy.to_document`."""

    version: int
    document: dict[str, object]


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
