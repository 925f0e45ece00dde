"""A shop's decisions about units in transit to it: to promise them, and what becomes of these promises when the
transfer has come.

A promise awaits one transfer, which has at least so many units of the SKU that are promised to nobody. It is given
where stock is short, by the policy alone, and past nobody who waits in line. When the transfer comes, whatever of it,
its units are reserved in the same decision; what is missing then is lost by the rule of shortfalls, among all that the
shop has.
"""

from typing import Final

from msgspec.structs import replace

from actors.core.rejection import Reason, Rejection
from actors.core.status import WITH_UNITS, Step
from actors.core.transact import Decision
from actors.shop.commands import Reserve
from actors.shop.decide_stock import made_up_for
from actors.shop.picking.pick_task import ready_by
from actors.shop.preconditions import NONE, not_here_yet, slot_refusal
from actors.shop.projections import come
from actors.shop.shortfalls.decide import losses
from actors.shop.shortfalls.shortfall import ShortfallCause
from actors.shop.state import Claims, Ledger, Reservation
from actors.shop.transfers.events import Promised, TransferReceived
from actors.shop.transfers.unpromised import awaits_of, first_with, unpromised

_SHORT: Final = frozenset(
    {Reason.INSUFFICIENT_STOCK, Reason.SKU_NOT_STOCKED}
)  # also what comes here for the first time


def promise_in_transit(
    ledger: Ledger, command: Reserve, short: Rejection, now_ms: int, without: Claims = NONE
) -> tuple[Promised] | Rejection:
    """Promise what is in transit to a Reserve that stock is short for; where it cannot be promised, why it is refused.
    It is a reservation of one SKU, without a basket; its slot, if it has one, begins when the transfer is expected, or
    later. Where no transfer has as many units, the refusal tells how many the best of them has.
    """
    policy = ledger.policy
    is_plain = len(command.lines) == 1 and not command.basket_id
    if not policy.promise_in_transit or short.reason not in _SHORT or not is_plain:
        return short
    ((sku, units),) = command.lines
    line, slot_start_ms = ledger.lines.get(sku), command.slot_start_ms
    if sku in policy.hot_by_sku or (line is not None and line.stands and not policy.line_may_pass):
        return short
    coming = unpromised(ledger, sku)
    found, most = first_with(coming, units, slot_start_ms), max((each.units for each in coming), default=0)
    if found is None:
        is_beyond = most > short.available and not slot_start_ms and short.reason is Reason.INSUFFICIENT_STOCK
        return replace(short, available=most, short_lines=((sku, units, most),)) if is_beyond else short
    refusal = slot_refusal(ledger, slot_start_ms, now_ms, None, without) if slot_start_ms else None
    until_ms = now_ms + (command.ttl_ms or policy.hold_ms(command.channel, command.lines, ledger.ledger_id))
    awaits = awaits_of(ledger, found)
    return refusal or (Promised(command, until_ms, awaits.number, awaits.transfer_id, awaits.expected_at_ms),)


def awaited_refusal(reservation: Reservation, step: Step, *, is_whole: bool = True) -> Rejection | None:
    """Refuse a step for which the units have to be there, and a release of some of them."""
    return None if step not in WITH_UNITS and is_whole else not_here_yet(reservation)


def with_arrivals(ledger: Ledger, decision: Decision, now_ms: int) -> Decision:
    """A receipt with what becomes of those who await its transfer: their units are reserved by it. Where fewer came
    than they were promised, and the shop has no others, somebody loses them.
    """
    received = decision[-1] if isinstance(decision, tuple) and decision else None
    if not isinstance(decision, tuple) or not isinstance(received, TransferReceived):
        return decision
    awaiting = [ledger.reservations[number] for number in sorted(ledger.in_transit.awaiting.get(received.number, ()))]
    if not awaiting:
        return decision
    awaited = tuple((each.number, *each.lines[0]) for each in awaiting)
    version = ledger.version + len(decision)
    came, arrived = dict(received.lines), {each.number: come(each, version) for each in awaiting}
    needs: dict[str, tuple[int, int]] = {}
    for _, sku, units in awaited:
        position = ledger.positions[sku]
        reserved, there = needs.get(sku, (position.reserved, position.on_hand + came.get(sku, 0)))
        needs[sku] = reserved + units, there
    events, shortfalls = made_up_for(ledger, needs, arrived.values(), ShortfallCause.TRANSFER)
    received = replace(received, awaited=awaited, ready_ms=ready_by(ledger.policy, 0, now_ms))
    return (*decision[:-1], received, *events, *losses(ledger, shortfalls, now_ms, arrived))
