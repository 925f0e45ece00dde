"""A shop's decisions about units handed to a till or a channel, and about reservations given to a till."""

from actors.core.answers import fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.transact import Decision
from actors.shop.allotments.allotment import LIVE_MAX, AllotmentStatus, HolderKind
from actors.shop.commands import AllotStock, ExtendAllotment, Give, Lines, ReturnAllotment, by_sku
from actors.shop.events import AllotmentExtended, AllotmentReturned, Allotted, Given
from actors.shop.hot.decide import unless_fetched
from actors.shop.lines.decide import free_of
from actors.shop.preconditions import short_of_stock
from actors.shop.state import Ledger, Reservation

THOUSAND = 1_000


def decide_allot_stock(ledger: Ledger, command: AllotStock, now_ms: int) -> Decision:
    """Hand units out that are available: never promised ones, nor those that others have."""
    if command.ttl_ms > ledger.policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=command.ttl_ms, available=ledger.policy.ttl_ms_max)
    if ledger.allotments.live_count >= LIVE_MAX:
        return Rejection(Reason.ALLOTMENTS_LIMIT, asked=LIVE_MAX + 1, available=LIVE_MAX)
    if elsewhere := _unless_whole(ledger, command):
        return elsewhere
    lines = by_sku((*command.lines, *_shared(ledger, command.shares)))
    refusal = short_of_stock(ledger, lines, None)
    if refusal is not None:
        return unless_fetched(ledger, refusal, fetched=command.fetched)
    kind, holder, until_ms = command.kind, command.holder, now_ms + command.ttl_ms
    return (
        Allotted(command.key, fingerprint(command), kind, holder, lines, until_ms, command.reason, command.quota_first),
    )


def _unless_whole(ledger: Ledger, command: AllotStock) -> Rejection | None:
    """A share is of all that is free, so what the ledgers of hot SKUs have comes back before."""
    short = tuple(
        (sku, max(0, free_of(ledger, sku)) + ledger.hot.left(sku), max(0, free_of(ledger, sku)))
        for sku, _ in command.shares
        if ledger.hot.left(sku)
    )
    return Rejection(Reason.UNITS_ELSEWHERE, *short[0], short_lines=short) if short and not command.fetched else None


def _shared(ledger: Ledger, shares: Lines) -> Lines:
    """Thousandths of what is available, rounded down, as units: at least one, which is refused where none is."""
    units = []
    for sku, share in shares:
        position = ledger.positions.get(sku)
        free = 0 if position is None else position.available - ledger.kept(sku, position.available)
        units.append((sku, max(1, free * share // THOUSAND)))
    return tuple(units)


def decide_extend_allotment(ledger: Ledger, command: ExtendAllotment, now_ms: int) -> Decision:
    """Move the end of an open allotment."""
    allotment = ledger.allotments.rows.get(command.number)
    if allotment is None:
        return Rejection(Reason.ALLOTMENT_NOT_FOUND, number=command.number)
    if allotment.status is not AllotmentStatus.OPEN or allotment.expires_at_ms <= now_ms:
        return Rejection(Reason.ALLOTMENT_ENDED, number=command.number)
    if command.ttl_ms > ledger.policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=command.ttl_ms, available=ledger.policy.ttl_ms_max)
    expires_at_ms = max(allotment.expires_at_ms, now_ms + command.ttl_ms)
    return (AllotmentExtended(command.key, fingerprint(command), command.number, expires_at_ms),)


def decide_return_allotment(ledger: Ledger, command: ReturnAllotment) -> Decision:
    """End an allotment. A till that comes back after its end, and before it was counted, still settles it."""
    allotment = ledger.allotments.rows.get(command.number)
    if allotment is None:
        return Rejection(Reason.ALLOTMENT_NOT_FOUND, number=command.number)
    may_end = allotment.status is AllotmentStatus.OPEN
    if not may_end and not (allotment.status is AllotmentStatus.UNKNOWN and command.settled):
        return Rejection(Reason.ALLOTMENT_ENDED, number=command.number)
    comes_back = allotment.kind is HolderKind.CHANNEL or command.settled
    lines = allotment.left_lines() if comes_back else ()
    return (AllotmentReturned(command.key, fingerprint(command), command.number, lines),)


def decide_give(command: Give, reservation: Reservation, now_ms: int) -> Decision:
    """Give a reservation to one till, not beyond its own deadline. The till that has it may ask again, and has it no
    shorter than it was told before: it may be cut off, and not hear the second answer.
    """
    if given_to_other(reservation, command.till, now_ms):
        return Rejection(Reason.GIVEN_TO_TILL, number=command.number, status=reservation.status)
    until_ms = min(now_ms + command.ttl_ms, reservation.expires_at_ms)
    if is_given(reservation, now_ms):
        until_ms = max(until_ms, reservation.till_until_ms)
    return (Given(command.key, fingerprint(command), command.number, command.till, until_ms),)


def given_to_other(reservation: Reservation, till: str, now_ms: int) -> bool:
    """True where another till has the reservation, and may be handing it out."""
    return reservation.till != till and is_given(reservation, now_ms)


def is_given(reservation: Reservation, now_ms: int) -> bool:
    """True where a till has the reservation. It may have handed it out as it was, so units are taken of it by that till
    alone, or all at once by who releases it: then it is over, and nobody hands out the rest of it again.
    """
    return bool(reservation.till) and now_ms < reservation.till_until_ms
