"""Checks of a demand against stock, the shop's limits and slot capacity. Each returns a Rejection, or None. What is in
`without`, claims of undecided orders, counts as given back.
"""

from collections.abc import Callable, Collection
from typing import Any, Final

from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, Status
from actors.shop.commands import Grant, Lines, by_sku, void_key
from actors.shop.customer_totals import counted_beside
from actors.shop.state import Claims, Ledger, Reservation

NONE: Final[Claims] = {}
_HELD: Final = Status.HELD
_MAY_COME_FREE: Final = frozenset(
    {Reason.UNITS_LIMIT, Reason.OPEN_RESERVATIONS_LIMIT, Reason.INSUFFICIENT_STOCK, Reason.SLOT_FULL}
)


def standing(ledger: Ledger, now_ms: int, refusal: Rejection, again: Callable[[Claims], Any]) -> Rejection | None:
    """The refusal that stands whatever becomes of the orders that are undecided, None where there is none: then what is
    missing may come free in a moment. `again` decides without their claims.
    """
    claims = ledger.claims_under_way(now_ms) if refusal.reason in _MAY_COME_FREE else NONE
    if not claims:
        return refusal
    said = again(claims)
    if not isinstance(said, Rejection):
        return None
    return refusal if said.reason is refusal.reason else said


def has_to_be_taken_up(ledger: Ledger, held: Reservation) -> bool:
    """Whether a hold came from a line, and is to be taken up within the rule's time for lines."""
    in_line = held.in_line
    return in_line is not None and in_line.chances > 0 and held.status is _HELD and ledger.policy.line_take_up_ms > 0


def given_back_by(ledger: Ledger, replaced: Reservation | None) -> dict[str, int]:
    """Units by SKU that a hold gives back to whoever replaces it: none that are in transit. What came from a line goes
    to who waits there: it would have more time to be taken up else, and more again the next time.
    """
    if replaced is None or replaced.awaits is not None:
        return {}
    units = dict(by_sku(replaced.held_lines()))
    if not ledger.lines or not has_to_be_taken_up(ledger, replaced):
        return units
    return {sku: count for sku, count in units.items() if sku not in ledger.lines}


def short_of_stock(
    ledger: Ledger,
    demand: Lines,
    replaced: Reservation | None,
    amended: Reservation | None = None,
    without: Claims = NONE,
) -> Rejection | None:
    """Refuse a demand beyond what is available, with all short lines. What `replaced` gives back counts as available,
    and what `amended` has.
    """
    given_back = given_back_by(ledger, replaced) if amended is None else dict(by_sku(amended.held_lines()))
    for claim in without.values():
        for sku, units in claim.held_lines():
            given_back[sku] = given_back.get(sku, 0) + units
    short: list[tuple[str, int, int]] = []
    unknown = ""
    for sku, asked in demand:
        position = ledger.positions.get(sku)
        if position is None:
            unknown = unknown or sku
            short.append((sku, asked, 0))
            continue
        # Position.available written out: the property call costs as much as the sum.
        available = position.on_hand - position.reserved - position.allotted - position.safety_stock - position.apart
        if ledger.lines:
            available -= ledger.kept(sku, available)
        if given_back:
            available += given_back.get(sku, 0)
        if asked > available:
            short.append((sku, asked, max(0, available)))
    if not short:
        return None
    sku, asked, available = next(row for row in short if row[0] == unknown) if unknown else short[0]
    reason = Reason.SKU_NOT_STOCKED if unknown else Reason.INSUFFICIENT_STOCK
    return Rejection(reason, sku, asked, available, short_lines=tuple(short))


def not_here_yet(reservation: Reservation) -> Rejection | None:
    """Refuse what needs the units of a reservation while they are in transit, with when they are expected."""
    if reservation.awaits is None:
        return None
    number, status = reservation.number, reservation.status
    return Rejection(Reason.AWAITS_TRANSFER, "", 0, reservation.awaits.expected_at_ms, number, status)


def grant_refusal(
    ledger: Ledger,
    grant: Grant | Rejection | None,
    customer_id: str,
    channel: str,
    demand: Lines,
    replaced: Reservation | None,
) -> Rejection | None:
    """Refuse what a limit of the whole chain applies to, unless the customer's ledger has granted it: under these
    limits or later ones, and with no units left out but those of `replaced`.
    """
    policy = ledger.policy
    if grant is None:
        return Rejection(Reason.GRANT_REQUIRED) if policy.is_limited(channel, demand) else None
    if isinstance(grant, Rejection):
        return grant
    others = 0 if replaced is None else replaced.grant
    if (
        grant.policy_version < policy.version
        or grant.replaces not in (0, others)
        or any(sku not in grant.skus for sku, _ in demand)
        or (ledger.answers.refused.count and ledger.answers.was_refused(void_key(customer_id, grant.number)))
    ):
        return Rejection(Reason.GRANT_REQUIRED)
    return None


def over_limit(
    ledger: Ledger,
    customer_id: str,
    channel: str,
    demand: Lines,
    replaced: Reservation | None,
    order: str = "",
    *,
    without: Collection[int] = NONE,
) -> Rejection | None:
    """Refuse a demand beyond the shop's limits, by the first one exceeded; `replaced` does not count, nor those in
    `without`. With `order`, the demand is for that order: all of its parts count as one open reservation, and each of
    them with its units. An order that is changing its channel counts under both, until all of its parts have heard.
    """
    limits_for = ledger.policy.limits_for
    if not any(limits_for(channel, sku) for sku in ("", *(sku for sku, _ in demand))):
        return None
    apart = without if replaced is None else {*without, replaced.number}
    counted = counted_beside(ledger, customer_id, apart, order)
    for sku in ("", *(sku for sku, _ in demand)):
        for rule in limits_for(channel, sku):
            if rule.open_reservations_max:
                count = counted.opened(rule)
                if count >= rule.open_reservations_max:
                    return Rejection(Reason.OPEN_RESERVATIONS_LIMIT, sku, count + 1, rule.open_reservations_max)
    for sku, asked in demand:
        for rule in (*limits_for(channel, sku), *limits_for(channel, "")):
            if rule.units_max:
                units = counted.units(sku, rule)
                if units + asked > rule.units_max:
                    return Rejection(Reason.UNITS_LIMIT, sku, asked, max(0, rule.units_max - units))
    return None


def is_to_come(ledger: Ledger, slot_start_ms: int, now_ms: int) -> bool:
    """Whether a slot has not begun, and can be booked now if it has a place left; true where none is wanted."""
    calendar = ledger.policy.calendar
    slot = calendar.slot_at(slot_start_ms) if slot_start_ms > now_ms else None
    return not slot_start_ms or (slot is not None and calendar.bookable(slot, now_ms))


def slot_refusal(
    ledger: Ledger, slot_start_ms: int, now_ms: int, replaced: Reservation | None, without: Claims = NONE
) -> Rejection | None:
    """Refuse a slot that does not exist, cannot be booked or is full. `replaced` gives its place back, if any."""
    calendar = ledger.policy.calendar
    slot = calendar.slot_at(slot_start_ms)
    if slot is None or not calendar.bookable(slot, now_ms):
        return Rejection(Reason.SLOT_NOT_OFFERED, asked=slot_start_ms)
    taken = ledger.slots_taken.get(slot_start_ms, 0)
    if replaced is not None and replaced.slot_start_ms == slot_start_ms and replaced.status in LIVE:
        taken -= 1
    if without:
        taken -= ledger.places_of(without, slot_start_ms)
    if taken >= slot.capacity:
        return Rejection(Reason.SLOT_FULL, asked=slot_start_ms, available=slot.capacity)
    return None
