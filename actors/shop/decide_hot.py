"""A shop's decisions about hot SKUs, which have ledgers of their own; those ledgers' are in `decide_hot_sku`.

While a SKU is hot, its ledger decides the plain Reserves of it (`Reserve.plain_sku`), and before and after that the
shops do. So that a key is decided once, each asks for the other's word before it decides a key that it does not know:
that the other does not know it either, and will not decide it any more without a word in turn. A word is the generation
of the SKU, the chain's revision that opened or closed its ledger last, by which the other was deciding when it gave it.

    the shop decides        a plain key that it does not know   where the SKU was never hot, or is closed, by a word of
                                                                the SKU's ledger that is as new as the closing
    the ledger of the SKU   the same                            while it is open, by a word of the shop that is as new
                                                                as the opening

Generations grow, and each ledger goes by those that it has adopted. A shop gives its word while the SKU is open or
closed there, so it decides the key later on at most by a word given after a later closing; but the ledger of the SKU,
which has decided it by then, knows it. The other way round it is the same.

A shop does not know the keys that the ledger of a SKU has decided: one that is used for something else afterwards is
decided in the shop as well, which I6 forbids callers and which no ledger sees. So that the first answer is not lost by
that, a plain Reserve under a key that a shop has used for another is answered by the ledger of the SKU if it knows it
(`Reserve.only_known`), and is refused as reused else.

A gateway may have a shop's word for a key without asking: the key ends with a stamp, which proves that it is younger
than the word (`serve.coordination.hot_stamps`), or it is a first attempt and the word was there before any call that is
still under way.
"""

from typing import assert_never

from msgspec.structs import replace

from actors.core.rejection import Reason, Rejection
from actors.core.transact import Decision
from actors.shop.commands import Reserve
from actors.shop.decide_line import free_of
from actors.shop.decide_shortfalls import losses
from actors.shop.hot import HandUnits, HotUnitsCommand, MoveIn, TakeUnitsBack
from actors.shop.hot_events import MovedIn, UnitsHanded, UnitsTakenBack
from actors.shop.promised import losers
from actors.shop.said_hot import moved_in_by
from actors.shop.shortfalls import Shortfall, ShortfallCause
from actors.shop.state import Ledger


def decided_elsewhere(ledger: Ledger, command: Reserve) -> Rejection | None:
    """Send a plain Reserve of a hot SKU to its ledger, or for its word."""
    hot = ledger.policy.hot_by_sku.get(command.plain_sku)
    if hot is None or (not hot.is_open and command.asked >= hot.generation):
        return None
    return Rejection(Reason.HOT_SKU, hot.sku, asked=hot.generation)


def unless_fetched(ledger: Ledger, refusal: Rejection, *, fetched: bool) -> Rejection:
    """The refusal for want of stock; UNITS_ELSEWHERE while ledgers of hot SKUs may have what is short."""
    if fetched or not any(ledger.hot.left(sku) for sku, _, _ in refusal.short_lines):
        return refusal
    return replace(refusal, reason=Reason.UNITS_ELSEWHERE)


def decide_hot_units(ledger: Ledger, command: HotUnitsCommand, now_ms: int) -> Decision:
    """Hand units to the ledger of a SKU, or have them back, alone or with a reservation. `standing` says the totals."""
    match command:
        case HandUnits(sku, units_max, given_back):
            taken = _taken_back(ledger, sku, given_back)
            hot = ledger.policy.hot_by_sku.get(sku)
            if hot is None or not hot.is_open or ledger.policy.paused or sku in ledger.lines:
                return taken
            free = free_of(ledger, sku) + sum(event.units for event in taken)
            units = min(free, units_max) if units_max else free
            return (*taken, UnitsHanded(sku, units)) if units > 0 else taken
        case TakeUnitsBack(sku, given_back):
            return _taken_back(ledger, sku, given_back)
        case MoveIn():
            return _decide_move_in(ledger, command, now_ms)
        case _:
            assert_never(command)


def _taken_back(ledger: Ledger, sku: str, given_back: int) -> tuple[UnitsTakenBack, ...]:
    """What of the units that were ever given back has not been heard of."""
    units = min(given_back - ledger.hot.of(sku).back, ledger.hot.left(sku))
    return (UnitsTakenBack(sku, units),) if units > 0 else ()


def _decide_move_in(ledger: Ledger, command: MoveIn, now_ms: int) -> Decision:
    """Accept it, whatever the rules are now. What is not there any more, as a count or a till has said, is lost by the
    rule of shortfalls, among all that the shop has then.
    """
    if command.only_known:
        return Rejection(Reason.RESERVATION_MOVED)  # not recorded: one that is on its way may yet come
    if ledger.hot.left(command.sku) < command.held:  # one of the two was restored alone: nobody's units are taken
        return Rejection(Reason.ORDER_UNDECIDED, command.sku)
    sku, position = command.sku, ledger.positions[command.sku]
    there = max(0, position.on_hand - position.allotted + ledger.hot.left(sku))
    missing = position.reserved + command.held - there
    if missing <= 0:
        return (MovedIn(command),)
    moved = moved_in_by(command, ledger.version + 1)
    shortfall = Shortfall(sku, missing, tuple(losers(ledger, sku, missing, moved)), ShortfallCause.CORRECTION)
    return (MovedIn(command), *losses(ledger, (shortfall,), now_ms, moved))
