"""The messages between an order and its shops, as values: claims, outcomes, and reports of a part's state."""

from actors.core.ids import format_holder
from actors.core.status import ReleaseReason, Status
from actors.orders.commands import Report
from actors.orders.state import Order, Part, Standing
from actors.shop.commands import ApplyOutcome, Claim, claim_key
from actors.shop.state import Reservation

_STATUS_OF = {
    Standing.HELD: Status.HELD,
    Standing.CONFIRMED: Status.CONFIRMED,
    Standing.EXPIRED: Status.EXPIRED,
}


def claim_of(order_id: str, order: Order, part: Part) -> Claim:
    """The claim that is sent to a part's shop."""
    holder = format_holder(order_id, part.attempt)
    return Claim(claim_key(holder), holder, order.customer_id, order.channel, part.lines, part.slot_start_ms)


def outcome_of(order_id: str, order: Order, part: Part) -> ApplyOutcome:
    """The order's outcome for a part, which its shop applies."""
    status = _STATUS_OF.get(order.standing, Status.RELEASED)
    reason = order.reason or ReleaseReason.OTHER
    if part.dropped:
        status, reason = Status.RELEASED, ReleaseReason.REPLACED
    holder = format_holder(order_id, part.attempt)
    return ApplyOutcome(holder, order.revision, status, order.expires_at_ms, reason, part.keep)


def report_of(number: int, store_id: str, attempt: int, revision: int, reservation: Reservation) -> Report:
    """The report of a part, from its shop's reservation. `revision` 0: it does not answer an outcome."""
    collected = tuple(sold for sold, _ in reservation.done) if reservation.done else (0,) * len(reservation.lines)
    return Report(
        number,
        store_id,
        attempt,
        revision,
        reservation.number,
        reservation.version,
        reservation.status,
        reservation.held(),
        collected,
    )


def report_of_absent(number: int, part: Part, revision: int) -> Report:
    """The report of a part that its shop does not have and whose claim it will refuse."""
    return Report(number, part.store_id, part.attempt, revision, 0, 0, Status.RELEASED, (), ())
