"""What can be asked of a shop's ledger. Imperatives; each has its event in `events` and its call on the wire."""

from enum import IntEnum

from actors.core.message import Message, Value
from actors.core.status import ReleaseReason, Status

Lines = tuple[tuple[str, int], ...]


class AdjustmentKind(IntEnum):
    """What moved; names and numbers are those of the wire."""

    RECEIPT = 1
    SALE = 2
    RETURN = 3
    CORRECTION = 4


class Reserve(Message, frozen=True):
    """Hold (sku, quantity) lines, all or nothing, and a place in the pickup slot that starts then, 0 for none.
    `ttl_ms` 0 asks for the time of the rule. `external_reference` is the caller's own number, only shown.
    """

    key: str
    customer_id: str
    channel: str
    basket_id: str
    lines: Lines
    ttl_ms: int
    slot_start_ms: int = 0
    external_reference: str = ""


class Confirm(Message, frozen=True):
    """The order is placed. `collect_within_ms` 0 asks for the time of the policy."""

    key: str
    number: int
    collect_within_ms: int


class MarkReady(Message, frozen=True):
    """The goods wait at the counter."""

    key: str
    number: int


class Collect(Message, frozen=True):
    """Hand units over; no lines means all that is still held."""

    key: str
    number: int
    payment_reference: str
    lines: Lines


class Release(Message, frozen=True):
    """Give units back; no lines means all that is still held."""

    key: str
    number: int
    reason: ReleaseReason
    lines: Lines


class Extend(Message, frozen=True):
    """Move the deadline to `ttl_ms` from now."""

    key: str
    number: int
    ttl_ms: int


class Amend(Message, frozen=True):
    """Change a reservation in one step; it stays as it is where that cannot be had. No lines: the same, `ttl_ms` 0: the
    deadline that it has, `slot_start_ms` 0: the slot that it has.
    """

    key: str
    number: int
    lines: Lines
    ttl_ms: int
    slot_start_ms: int


class Claim(Message, frozen=True):
    """Hold this shop's part of an order over several ledgers, until its customer's ledger says what becomes of it.
    `holder` names the order and its attempt; `key` is `claim_key(holder)`.
    """

    key: str
    holder: str
    customer_id: str
    channel: str
    lines: Lines
    slot_start_ms: int


class ApplyOutcome(Message, frozen=True):
    """What the customer's ledger decided for a part: how it stands from now on. `keep` is what it may hold at most by
    SKU, what was collected included, empty for all; of two words the one with the greater `revision` counts, so each
    may be said again or late.
    """

    holder: str
    revision: int
    status: Status
    expires_at_ms: int
    reason: ReleaseReason
    keep: Lines

    @property
    def key(self) -> str:
        """None: it is known by its revision."""
        return ""


class Acknowledge(Message, frozen=True):
    """The customers' ledgers have noted these parts as of these versions: (number, version)."""

    parts: tuple[tuple[int, int], ...]

    @property
    def key(self) -> str:
        """None: it is known by its versions."""
        return ""


def claim_key(holder: str) -> str:
    """The key of a part's claim; no caller's key begins with a line's end."""
    return f"\nclaim {holder}"


class Movement(Value, frozen=True):
    """One row of an adjustment. `occurred_at_ms` 0 means now, in the event too."""

    sku: str
    delta: int
    sequence: int
    kind: AdjustmentKind
    occurred_at_ms: int


class AdjustStock(Message, frozen=True):
    """Movements that one source reports."""

    key: str
    source: str
    movements: tuple[Movement, ...]


class CountStock(Message, frozen=True):
    """Units counted as of an instant; `as_of_ms` 0 means now."""

    key: str
    counts: Lines
    as_of_ms: int
    holds_included: bool


class SetSafetyStock(Message, frozen=True):
    """Units to keep back, by SKU."""

    key: str
    safety_stocks: Lines


Command = (
    Reserve
    | Confirm
    | MarkReady
    | Collect
    | Release
    | Extend
    | Amend
    | Claim
    | ApplyOutcome
    | Acknowledge
    | AdjustStock
    | CountStock
    | SetSafetyStock
)
