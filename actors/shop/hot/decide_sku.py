"""The decisions of the ledger of a hot SKU; how a key is decided once, beside the shops, is said in `hot.decide`.

It is a ledger like a shop's, with shops in the place of SKUs. It makes holds, extends and releases them, and lets them
expire; for any other step, and once the SKU is closed to be extended, a hold moves into its shop.
"""

from typing import assert_never

from actors.core.answers import Recorded, Unread
from actors.core.ids import sku_of_ledger
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status, Step
from actors.core.transact import Decision
from actors.shop import commands as cm
from actors.shop.commands import Reserve
from actors.shop.decide import allowed, decide_step
from actors.shop.decide_claims import decide_acknowledge, decide_settle_grant
from actors.shop.events import Reserved
from actors.shop.hot.events import (
    HotEvent,
    KeyCeded,
    MovedOut,
    MoveNoted,
    UnitsGivenBack,
    UnitsKept,
    UnitsReceived,
    WordsVoided,
)
from actors.shop.hot.units import DisownKey, GiveBackUnits, MoveOut, NoteMoved, ReceiveUnits, VoidWords
from actors.shop.preconditions import grant_refusal
from actors.shop.state import Ledger, Reservation


def decide_hot_sku(ledger: Ledger, command: cm.HotCommand, now_ms: int) -> Decision:
    """As `decide`."""
    match command:
        case Reserve():
            return _decide_reserve(ledger, command, now_ms)
        case cm.Release() | cm.Extend():
            if moved_version(ledger, command.number):
                return Rejection(Reason.RESERVATION_MOVED, number=command.number)
            if isinstance(command, cm.Extend) and not _is_open(ledger):
                return _decide_extend_closed(ledger, command.number, now_ms)
            return decide_step(ledger, command, now_ms)
        case cm.SettleGrant():
            return _decide_settle(ledger, command)
        case cm.Acknowledge():
            return decide_acknowledge(ledger, command)
        case ReceiveUnits(store_id, handed):
            return _received(ledger, store_id, handed)
        case GiveBackUnits():
            return _decide_give_back(ledger, command)
        case MoveOut(number):
            return _decide_move_out(ledger, number, now_ms)
        case NoteMoved(number):
            return (MoveNoted(number),) if number in ledger.hot.moving else ()
        case VoidWords(store_id, page, generation):
            known = ledger.hot.valid.get(store_id, (0, 0))
            valid = max(page, known[0]), max(generation, known[1])
            return (WordsVoided(store_id, *valid),) if valid != known else ()
        case DisownKey():
            return Rejection(Reason.CLAIM_ABANDONED)  # recorded, as long as a copy of a call may be under way
        case _:
            assert_never(command)


def _decide_reserve(ledger: Ledger, command: Reserve, now_ms: int) -> Decision:
    """Hold units of the shop that the line names."""
    sku, policy = sku_of_ledger(ledger.ledger_id), ledger.policy
    if command.only_known:
        return Rejection(Reason.IDEMPOTENCY_KEY_REUSED)
    hot = policy.hot_by_sku.get(sku)
    if hot is None or not hot.is_open:
        return Rejection(Reason.HOT_CLOSED, sku, asked=0 if hot is None else hot.generation)
    ((store_id, asked),) = command.lines
    page, generation = ledger.hot.valid.get(store_id, (0, 0))
    if command.asked < max(hot.generation, generation) or 0 < command.page < page:
        return Rejection(Reason.HOT_ASK_SHOP, sku, asked=hot.generation)
    if store_id in policy.paused_stores:
        return Rejection(Reason.STORE_NOT_ACCEPTING)
    if command.ttl_ms > policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=command.ttl_ms, available=policy.ttl_ms_max)
    demand = ((sku, asked),)
    free = _available(ledger, store_id)
    available = free - ledger.kept(store_id, free)
    # What is sold out is refused before anybody asks for a grant: in a drop that is most of it.
    if command.grant is not None or (policy.chain_limit_rules and asked <= available):
        refusal = grant_refusal(ledger, command.grant, command.customer_id, command.channel, demand, None)
        if refusal is not None:
            return refusal
    if asked > available:
        if command.fetched and command.to_shop:
            return (KeyCeded(command),)
        reason = Reason.INSUFFICIENT_STOCK if command.fetched else Reason.HOT_FETCH
        back = 0 if command.fetched else ledger.hot.of(store_id).back  # of which the shop may not have heard
        keeper = store_id if free > available and not command.fetched else ""
        return Rejection(reason, sku, asked, available, back, short_lines=((sku, asked, available),), store_id=keeper)
    ttl_ms = command.ttl_ms or policy.hold_ms(command.channel, demand, store_id)
    return (Reserved(command, now_ms + ttl_ms),)


def _is_open(ledger: Ledger) -> bool:
    hot = ledger.policy.hot_by_sku.get(sku_of_ledger(ledger.ledger_id))
    return hot is not None and hot.is_open


def _decide_extend_closed(ledger: Ledger, number: int, now_ms: int) -> Rejection:
    """A closed SKU is known for a time only, in which all holds here end: one that is extended moves into its shop."""
    reservation = allowed(ledger, number, Step.EXTEND, now_ms)
    return reservation if isinstance(reservation, Rejection) else Rejection(Reason.RESERVATION_MOVED, number=number)


def _received(ledger: Ledger, store_id: str, handed: int) -> tuple[UnitsReceived, ...]:
    """What of the units that a shop has ever handed over has not been heard of."""
    units = handed - ledger.hot.of(store_id).over
    return (UnitsReceived(store_id, units),) if units > 0 else ()


def _decide_give_back(ledger: Ledger, command: GiveBackUnits) -> Decision:
    """Give back what nobody holds, and keep the rest for the shop's line if it is to be."""
    store_id = command.store_id
    events: tuple[HotEvent, ...] = _received(ledger, store_id, command.handed)
    units = _available(ledger, store_id) + max(0, command.handed - ledger.hot.of(store_id).over)
    units = min(units, command.units) if command.units else units
    if units > 0:
        events = (*events, UnitsGivenBack(store_id, units))
    if command.keep and (events or not ledger.hot.keeps(store_id)):
        events = (*events, UnitsKept(store_id))
    return events


def _available(ledger: Ledger, store_id: str) -> int:
    position = ledger.positions.get(store_id)
    return 0 if position is None else position.available


def _decide_move_out(ledger: Ledger, number: int, now_ms: int) -> Decision:
    """Let go of a hold, also again until its shop is known to have it: `standing` says what it was. From then on
    nothing may make it there once more, as the shop forgets it one day. One that is being counted for a new limit stays
    until it has its grant, or it would be counted in its shop as well.
    """
    if moved_before(ledger, number) is not None:
        return () if number in ledger.hot.moving else Rejection(Reason.RESERVATION_MOVED, number=number)
    reservation = allowed(ledger, number, Step.CONFIRM, now_ms)
    if isinstance(reservation, Rejection):
        return reservation
    if number in ledger.outbox and not reservation.grant:
        return Rejection(Reason.ORDER_UNDECIDED, number=number, status=Status.CLAIMED)
    return (MovedOut(number, reservation),)


def _decide_settle(ledger: Ledger, command: cm.SettleGrant) -> Decision:
    """As in a shop; what has moved, the shop reports."""
    answer = ledger.answers.get(command.call_key)
    about = answer.answer if isinstance(answer, Recorded) else answer
    moved = moved_before(ledger, about.number if isinstance(about, Reservation) else command.reservation)
    if moved is not None and moved.grant == command.number:
        return Rejection(Reason.RESERVATION_MOVED, number=moved.number)
    return decide_settle_grant(ledger, command)


def is_idle(ledger: Ledger) -> bool:
    """Whether nothing is held in the ledger of a SKU, nor on its way, nor still to be told."""
    return not (ledger.reservations or ledger.hot.moving or ledger.outbox)


def moved_version(ledger: Ledger, number: int) -> int:
    """The version of the event by which a reservation has moved, 0 where it has not."""
    return ledger.hot.moving.get(number, 0) or ledger.finished.moved_by(number)


def moved_before(ledger: Ledger, number: int) -> Reservation | None:
    """A reservation that has moved, as it was; None for another. Raises Unread."""
    version = moved_version(ledger, number)
    if not version:
        return None
    said = ledger.answers.read.get(version)
    if said is None:
        raise Unread((version,))
    moved: Reservation = said[1].answer
    return moved
