"""The commands of a shop's ledger. Each has its event in `events`, and those with a key have their call on the wire."""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import ClassVar, Final

from actors.core.ids import format_order_id, ledger_of_customer
from actors.core.message import Message, Value
from actors.core.rejection import Rejection
from actors.core.status import ReleaseReason, Status
from actors.shop.allotments.allotment import HolderKind
from actors.shop.hot.units import (
    DisownKey,
    GiveBackUnits,
    HotUnitsCommand,
    MoveOut,
    NoteMoved,
    ReceiveUnits,
    VoidWords,
)
from actors.shop.picking.pick_task import PickCommand
from actors.shop.returns.sale_return import Return
from actors.shop.shortfalls.shortfall import NoteMoveRefused, ResolveShortfall
from actors.shop.transfers.transfer import TransferCommand

Lines = tuple[tuple[str, int], ...]
_IN_LINE: Final = "\nline "


def by_sku(lines: Iterable[tuple[str, int]]) -> Lines:
    """Units by SKU, lines of the same SKU added up: two of them must not both take the last unit."""
    units: dict[str, int] = {}
    for sku, quantity in lines:
        units[sku] = units.get(sku, 0) + quantity
    return tuple(units.items())


def from_first(lines: Lines, units: Mapping[str, int]) -> Lines:
    """These units by SKU, taken from the lines from the first on, by line and up to what each has."""
    left, taken = dict(units), []
    for sku, has in lines:
        taken.append((sku, min(has, left.get(sku, 0))))
        left[sku] = left.get(sku, 0) - taken[-1][1]
    return tuple(taken)


class AdjustmentKind(IntEnum):
    """The kind of a stock movement; names and numbers are those of the wire."""

    RECEIPT = 1
    SALE = 2
    RETURN = 3
    CORRECTION = 4


class Grant(Message, frozen=True):
    """A permission of the customer's ledger to hold units under limits of the whole chain. `number` names it there;
    `policy_version` is that of the limits; the units of `replaces`, 0 for none, were not counted beside these. It is
    for more of the SKUs in `skus` alone.
    """

    number: int
    policy_version: int
    replaces: int
    skus: tuple[str, ...]


class Reserve(Message, frozen=True):
    """Hold (sku, quantity) lines, all or none, and a place in the pickup slot that starts at `slot_start_ms`, 0 for
    none. `ttl_ms` 0 takes the time from the policy. `external_reference` is the caller's own number, only shown.
    `grant` is what the customer's ledger said of limits over the whole chain, where one applies. With `wait_ms` it
    waits in line so long where stock is short.

    Of a hot SKU, `asked` is a generation of it at which the other ledger, the SKU's or the shop's, was known not to
    decide this key any more, 0 for none; see `hot.decide`; `page` is that of the shop's word, 0 where a stamp is it.
    `fetched`: the other ledger was asked for its units.
    `only_known`: the SKU's ledger is to give its first answer, and decides no key that it does not know. Of one that
    waits, `kept_at` are the units that the shop had ever handed when the SKU's ledger began to keep them for its line.
    `to_shop`: its channel has a quota in the shop, which is to decide the key by that if the SKU's ledger is short; to
    the shop it says that the SKU's ledger cedes the key to it.
    """

    key: str
    customer_id: str
    channel: str
    basket_id: str
    lines: Lines
    ttl_ms: int
    slot_start_ms: int = 0
    external_reference: str = ""
    grant: Grant | Rejection | None = None
    wait_ms: int = 0
    asked: int = 0
    fetched: bool = False
    only_known: bool = False
    page: int = 0
    kept_at: int = 0
    to_shop: bool = False

    @property
    def plain_sku(self) -> str:
        """The SKU whose ledger decides this Reserve while it is hot, empty where that is the shop's at any time: with
        several lines, a slot, a wait or a basket. No rule has a say, as it may change between two copies of a call.
        """
        apart = len(self.lines) > 1 or self.slot_start_ms or self.wait_ms or self.basket_id
        return "" if apart else self.lines[0][0]


class Confirm(Message, frozen=True):
    """The customer placed the order. `collect_within_ms` 0 takes the time from the policy."""

    key: str
    number: int
    collect_within_ms: int


class MarkReady(Message, frozen=True):
    """The goods are ready for pickup."""

    key: str
    number: int


class HandOver(Value, frozen=True):
    """Who handed goods over, to whom and when, as the caller says. `recipient` is a key of whoever came in the
    customer's place, empty where he came himself: ledgers hold no names. `at_ms` is the ledger's, 0 in a command.
    """

    device: str
    recipient: str = ""
    id_checked: bool = False
    at_ms: int = 0


class Collect(Message, frozen=True):
    """Hand units over to the customer; no lines: all that is still held. `till` is who hands over, where it says so."""

    key: str
    number: int
    payment_reference: str
    lines: Lines
    till: str = ""
    hand_over: HandOver | None = None


class Release(Message, frozen=True):
    """Return held units to stock; no lines: all that is still held."""

    key: str
    number: int
    reason: ReleaseReason
    lines: Lines


class Extend(Message, frozen=True):
    """Set the deadline to `ttl_ms` from now."""

    key: str
    number: int
    ttl_ms: int


class Amend(Message, frozen=True):
    """Change a reservation in one step, or leave it unchanged where that is refused. No lines, `ttl_ms` 0 and
    `slot_start_ms` 0 each keep what it has. `grant` as in Reserve, for all of the lines, and `fetched`.
    """

    key: str
    number: int
    lines: Lines
    ttl_ms: int
    slot_start_ms: int
    grant: Grant | Rejection | None = None
    fetched: bool = False


class Claim(Message, frozen=True):
    """Hold this shop's part of an order over several ledgers, until its customer's ledger decides the order. `holder`
    names the order and its attempt; `key` is `claim_key(holder)`. `attempt` is drawn for an order that is not placed
    yet, so that two which have drawn the same number never share a claim. `call_key` is the key of the caller, under
    which nothing else is decided here; empty where that is its order's, as in an amendment. `whole` is all that its
    order is to hold here, by SKU, where it is changed: limits count that, in place of its other parts. It has all SKUs
    where the order changes its channel; then `lines` may be empty, as it may hold all of that already. `fetched` as in
    Reserve.
    """

    key: str
    holder: str
    customer_id: str
    channel: str
    lines: Lines
    slot_start_ms: int
    attempt: str = ""
    call_key: str = ""
    whole: Lines = ()
    fetched: bool = False


class SettleGrant(Message, frozen=True):
    """Say which reservation holds units by a grant, which was given for the call with `call_key`, or is known to count
    `reservation`. Where none does, the refusal makes the grant void: that call may still be on its way. `key` is
    `void_key`.
    """

    key: str
    call_key: str
    number: int
    reservation: int = 0


class ServeGranted(Message, frozen=True):
    """What the customer's ledger said of limits over the whole chain, for one that waits as it stood at `version`, when
    units were kept for it: a grant, by which it is served, or the refusal, by which it leaves the line.
    """

    key: ClassVar[str] = ""  # identified by number and version, which each answer to it changes
    number: int
    version: int
    grant: Grant | Rejection


class ApplyOutcome(Message, frozen=True):
    """Apply what the customer's ledger decided for a part. `keep` limits its units by SKU, collected ones included,
    empty: no limit. `channel` is its order's, empty where that is as it was. Only an outcome of a greater `revision`
    than the last one applied has an effect, so outcomes may be repeated and reordered. `claim` is the fingerprint of
    the claim that is let go of, as another call's may have its number; empty for whichever the holder has.
    """

    key: ClassVar[str] = ""  # identified by holder and revision
    holder: str
    revision: int
    status: Status
    expires_at_ms: int
    reason: ReleaseReason
    keep: Lines
    channel: str = ""
    claim: str = ""


class Acknowledge(Message, frozen=True):
    """The customers' ledgers have recorded these parts as of these versions: (number, version). `grants` are (number,
    grant) of what was held before a limit of the whole chain applied to it, and is counted by a grant since;
    `uncounted` are numbers of what is to be reported, to be counted so.
    """

    key: ClassVar[str] = ""  # identified by its versions
    parts: tuple[tuple[int, int], ...]
    grants: tuple[tuple[int, int], ...] = ()
    uncounted: tuple[int, ...] = ()


def void_key(customer_id: str, grant: int) -> str:
    """The key under which it is remembered that a grant is void; see `claim_key`."""
    return f"\ngrant {format_order_id(ledger_of_customer(customer_id), grant)}"


def line_key(number: int, version: int) -> str:
    """What stands for the call's key where a grant is asked for one that waits, as of this version; see `claim_key`.
    Its call's own key may have a grant still, which that did not use.
    """
    return f"{_IN_LINE}{number}.{version}"


def number_in_line(call_key: str) -> int:
    """The number of the one that waits, 0 for the key of a call."""
    return int(call_key.removeprefix(_IN_LINE).partition(".")[0]) if call_key.startswith(_IN_LINE) else 0


def claim_key(holder: str) -> str:
    """The key of a part's claim. It begins with a line feed, which no caller's key does."""
    return f"\nclaim {holder}"


class Movement(Value, frozen=True):
    """One row of an adjustment; `delta` is in units. `sequence` 0 takes the source's next number. `age_ms` is how long
    before the decision it happened, before that of the event too; 0 means now. `allotment` is the number of that which
    a till sold the units from, 0 for none.
    """

    sku: str
    delta: int
    sequence: int
    kind: AdjustmentKind
    age_ms: int
    allotment: int = 0


class AdjustStock(Message, frozen=True):
    """Apply stock movements reported by one source."""

    key: str
    source: str
    movements: tuple[Movement, ...]


class CountStock(Message, frozen=True):
    """Set stock to units counted as of an instant; `as_of_ms` 0 means now. `allotted_counted`: units allotted to tills
    are among those counted.
    """

    key: str
    counts: Lines
    as_of_ms: int
    holds_included: bool
    allotted_counted: bool = True


class SetSafetyStock(Message, frozen=True):
    """Set the units to keep back, by SKU."""

    key: str
    safety_stocks: Lines


class AllotStock(Message, frozen=True):
    """Hand units to a till or a channel until `ttl_ms` from now. `shares` are (sku, thousandths) of what is available
    then, in place of a number. `fetched` as in Reserve.
    """

    key: str
    kind: HolderKind
    holder: str
    lines: Lines
    shares: Lines
    ttl_ms: int
    reason: str
    quota_first: bool = False
    fetched: bool = False


class ExtendAllotment(Message, frozen=True):
    """Let an allotment last until `ttl_ms` from now; it never ends sooner for that, as its till may not know."""

    key: str
    number: int
    ttl_ms: int


class ReturnAllotment(Message, frozen=True):
    """End an allotment. `settled`: its till says so, which has reported all of its sales and makes no more; else a
    till's units stay booked as unknown until they are counted.
    """

    key: str
    number: int
    settled: bool


class Give(Message, frozen=True):
    """Give a reservation to one till for `ttl_ms`: until then no other hands it out, and it may do so cut off."""

    key: str
    number: int
    till: str
    ttl_ms: int


Command = (
    Reserve
    | Confirm
    | MarkReady
    | Collect
    | Release
    | Extend
    | Amend
    | Claim
    | SettleGrant
    | ServeGranted
    | ApplyOutcome
    | Acknowledge
    | AdjustStock
    | CountStock
    | SetSafetyStock
    | AllotStock
    | ExtendAllotment
    | ReturnAllotment
    | Give
    | Return
    | ResolveShortfall
    | NoteMoveRefused
    | PickCommand
    | TransferCommand
    | HotUnitsCommand
)
# Those of the ledger of a hot SKU.
HotCommand = (
    Reserve
    | Release
    | Extend
    | SettleGrant
    | Acknowledge
    | ReceiveUnits
    | GiveBackUnits
    | MoveOut
    | NoteMoved
    | VoidWords
    | DisownKey
)
