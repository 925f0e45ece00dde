"""An order's parts and their shops: the messages between them as values, and whether both agree.

For a comparison they are read one after the other. Changes in transit are no fault: a part that changed since the first
read, is in its shop's outbox, or has an outcome in its order's outbox. So the caller must read in the sequence that
each function states.
"""

from typing import Final, NamedTuple

from msgspec.structs import replace

from actors.core.answers import fingerprint
from actors.core.ids import format_holder, format_order_id, is_hot, parse_holder
from actors.core.status import LIVE, ReleaseReason, Status
from actors.orders.amendment import beyond_collected
from actors.orders.commands import Applied, Open, Plan, Report, call_key_of
from actors.orders.grants import Grant, has_units, is_of_no_call
from actors.orders.state import CERTAIN, OVER, Order, Part, Standing
from actors.shop.commands import ApplyOutcome, Claim, by_sku, claim_key
from actors.shop.state import Reservation

BARRED_REVISION: Final = 1 << 62
_STATUS_OF = {
    Standing.HELD: Status.HELD,
    Standing.CONFIRMED: Status.CONFIRMED,
    Standing.EXPIRED: Status.EXPIRED,
}


def claim_of(order_id: str, order: Order, part: Part) -> Claim:
    """The claim that is sent to a part's shop."""
    holder = format_holder(order_id, part.attempt)
    asked = Claim(
        claim_key(holder),
        holder,
        order.customer_id,
        order.channel,
        part.lines,
        part.slot_start_ms,
        call_key=call_key_of(order.key),
    )
    if order.renewal is None:
        return asked
    here = (target for target in beyond_collected(order, order.targets) if target.store_id == part.store_id)
    kept = [line for target in here for line in target.lines]
    if order.renewal.channel not in ("", order.channel):
        return replace(asked, channel=order.renewal.channel, whole=by_sku((*part.lines, *kept)))
    more = {sku for sku, _ in part.lines}  # of other SKUs it has what it had, whatever limits are new
    return replace(asked, whole=by_sku((*part.lines, *(line for line in kept if line[0] in more))))


def outcome_of(order_id: str, order: Order, part: Part) -> ApplyOutcome:
    """The order's outcome for a part, which its shop applies."""
    status = _STATUS_OF.get(order.standing, Status.RELEASED)
    reason = order.reason or ReleaseReason.OTHER
    if part.dropped:
        status, reason = Status.RELEASED, ReleaseReason.REPLACED
    holder = format_holder(order_id, part.attempt)
    return ApplyOutcome(holder, order.revision, status, order.expires_at_ms, reason, part.keep, order.channel)


def first_claim_of(ledger_id: str, asked: Open, number: int, attempt: str, plan: Plan) -> Claim:
    """The claim for a shop of an order that is not placed yet, by the number that it will have."""
    holder = format_holder(format_order_id(ledger_id, number), 1)
    customer_id, channel, lines = asked.customer_id, asked.channel, plan.lines
    return Claim(claim_key(holder), holder, customer_id, channel, lines, plan.slot_start_ms, attempt, asked.key)


def is_forgotten(order: Order, part: Part, applied_revision: int) -> bool:
    """True where a shop that has applied no more than this revision asks for an outcome that it did apply once: it was
    restored from a copy. What was final there is final again with the order.
    """
    if applied_revision >= part.applied_revision or part in (*order.undelivered_parts(), *order.open_parts()):
        return False  # it has its turn
    return part.dropped or order.standing in OVER or part.status in LIVE


def never_placed(ledger_id: str, number: int, attempt: int = 1) -> ApplyOutcome:
    """What shops with claims for an order that will not be placed apply."""
    holder = format_holder(format_order_id(ledger_id, number), attempt)
    return ApplyOutcome(holder, 1, Status.RELEASED, 0, ReleaseReason.OTHER, ())


def let_go_of(claim: Claim) -> ApplyOutcome:
    """The same of one claim: its call ends without an order, and another one's that has drawn its number may not."""
    return ApplyOutcome(claim.holder, 1, Status.RELEASED, 0, ReleaseReason.OTHER, (), claim=fingerprint(claim))


def outcome_of_barred(holder: str) -> ApplyOutcome:
    """The outcome for a part that no order knows, and that an operator has barred: nothing newer will ever be said."""
    return ApplyOutcome(holder, BARRED_REVISION, Status.RELEASED, 0, ReleaseReason.OTHER, ())


def report_of(number: int, store_id: str, attempt: int, revision: int, reservation: Reservation) -> Report:
    """The report of a part, from its shop's reservation. `revision` 0: it does not answer an outcome."""
    return Report(
        number,
        store_id,
        attempt,
        revision,
        reservation.number,
        reservation.version,
        reservation.status,
        reservation.held(),
        _collected(reservation),
    )


def _collected(reservation: Reservation) -> tuple[int, ...]:
    return tuple([sold for sold, _ in reservation.done]) if reservation.done else (0,) * len(reservation.lines)


def is_applied(revision: int, reservation: Reservation) -> bool:
    """Whether a shop's answer to an outcome is that it was applied: it waits where a till has the part."""
    part = reservation.part
    return part is None or reservation.status not in LIVE or part.applied_revision >= revision


def heard_of(order: Order, part: Part, reservation: Reservation) -> Applied | Report:
    """What a shop's answer to an outcome says: most often nothing but that it was applied."""
    status, of = reservation.status, (order.number, part.store_id, part.attempt, order.revision)
    if status in LIVE and reservation.held() == part.held and _collected(reservation) == part.collected:
        return Applied(*of, reservation.version, status)
    return report_of(*of, reservation)


def report_of_absent(number: int, part: Part, revision: int) -> Report:
    """The report of a part that its shop does not have and whose claim it will refuse."""
    return Report(number, part.store_id, part.attempt, revision, 0, 0, Status.RELEASED, (), ())


class Verdict(NamedTuple):
    """Expected and found state, both empty where there is no fault. `on_the_way`: a change is in transit."""

    expected: str = ""
    found: str = ""
    on_the_way: bool = False


AGREED: Final = Verdict()
ON_THE_WAY: Final = Verdict(on_the_way=True)


def part_is_known(store_id: str, reservation: Reservation, order: Order | None, *, outbox: bool) -> Verdict:
    """Compare a shop's part with its order, which the caller read after it."""
    assert reservation.part is not None, "only parts of orders are compared"
    _, attempt = parse_holder(reservation.part.holder)
    live = reservation.status in LIVE
    parts = () if order is None else order.parts
    part = next((each for each in parts if (each.store_id, each.attempt) == (store_id, attempt)), None)
    if order is None and reservation.status is Status.CLAIMED:
        return ON_THE_WAY  # it is placed after all claims are granted, and the shop asks for one that is old
    if order is None or part is None:
        missing = "no order" if order is None else "the order has no such part"
        return Verdict(f"an order that knows it: it is {reservation.status.name}", missing) if live else AGREED
    if part.version > reservation.version:
        return ON_THE_WAY
    if part.lines != reservation.lines:
        return Verdict(f"lines {part.lines}", f"lines {reservation.lines}")
    if live and is_promised(part) and part not in order.undelivered_parts() and reservation.channel != order.channel:
        return Verdict(f"channel {order.channel}", f"channel {reservation.channel}")
    if part.version == reservation.version:
        return _same_version(part, reservation)
    if outbox or part in order.undelivered_parts() or (order.open_attempt == attempt and not part.dropped):
        return ON_THE_WAY
    if not live and part.status not in LIVE:
        return AGREED  # the shop reported the part absent, and it holds nothing
    return Verdict(f"its order hears of version {reservation.version}", f"it heard {part.version}, its outbox is empty")


def _same_version(part: Part, reservation: Reservation) -> Verdict:
    assert reservation.part is not None, "only parts of orders are compared"
    said = report_of(0, part.store_id, part.attempt, 0, reservation)
    if (part.status, part.held, part.collected) != (said.status, said.held, said.collected):
        return Verdict(
            f"{said.status.name}, held {said.held}, collected {said.collected}, as the shop says",
            f"{part.status.name}, held {part.held}, collected {part.collected}, as its order heard",
        )
    if said.status in LIVE and part.applied_revision > reservation.part.applied_revision:
        return Verdict(f"revision {part.applied_revision} applied", f"revision {reservation.part.applied_revision}")
    return AGREED


def grant_is_known(store_id: str, reservation: Reservation, grant: Grant | None, *, outbox: bool) -> Verdict:
    """Compare what a shop holds by a grant with what the customer's ledger counts, which the caller read after it."""
    held = {sku: units for sku, units in by_sku(reservation.held_lines()) if units}
    if outbox and not reservation.grant:  # it will be counted
        return ON_THE_WAY
    if grant is None:
        return Verdict(f"a grant that counts {held}", "none") if held else AGREED
    if not grant.reservation or grant.version > reservation.version:
        return ON_THE_WAY
    if (grant.held_at, grant.reservation) != (store_id, reservation.number):
        if outbox and is_hot(grant.held_at):  # it has moved from there, which is still to be reported
            return ON_THE_WAY
        return Verdict("a grant for this reservation", f"one for {grant.reservation} in {grant.held_at}")
    counted = {sku: units for sku, units in grant.held if units}
    if counted == held:
        return AGREED
    return ON_THE_WAY if outbox else Verdict(f"{held} counted, as the shop says", f"{counted}, its outbox is empty")


def grant_is_held(grant: Grant, reservation: Reservation | None) -> Verdict:
    """Compare what counts by a grant with its shop's reservation, which the caller read after it."""
    if not grant.reservation:
        return ON_THE_WAY  # it counts until its shop has said what it holds
    if reservation is None:
        return Verdict(f"reservation {grant.reservation} in its shop", "none") if has_units(grant.held) else AGREED
    if reservation.version < grant.version:
        return Verdict(f"version {grant.version} in its shop, or later", f"version {reservation.version}")
    if not has_units(grant.held):
        return AGREED
    if reservation.grant == grant.number and by_sku(reservation.held_lines()) == grant.held:
        return AGREED
    if reservation.version > grant.version:
        return ON_THE_WAY
    if is_of_no_call(grant) and not reservation.grant and by_sku(reservation.held_lines()) == grant.held:
        return ON_THE_WAY  # the hold was counted, and its shop has not heard the number
    return Verdict(f"{grant.held} by grant {grant.number}", f"{reservation.held_lines()} by grant {reservation.grant}")


def is_promised(part: Part) -> bool:
    """True for a part that is committed and live for its order; its shop must have it."""
    return bool(part.reservation) and part.status in LIVE


def part_is_held(order: Order, part: Part, reservation: Reservation | None) -> Verdict:
    """Compare a promised part with its shop's reservation, which the caller read after it."""
    if reservation is None:
        if part in order.undelivered_parts() and (part.dropped or order.standing not in CERTAIN):
            return ON_THE_WAY  # it is to be released, and the shop has forgotten it
        return Verdict(f"reservation {part.reservation} in its shop", "none")
    if reservation.number != part.reservation:
        return Verdict(f"reservation {part.reservation} in its shop", f"reservation {reservation.number}")
    if reservation.version < part.version:
        return Verdict(f"version {part.version} in its shop, or later", f"version {reservation.version}")
    return ON_THE_WAY if reservation.version > part.version else AGREED
