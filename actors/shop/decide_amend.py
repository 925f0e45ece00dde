"""A shop's decision about another content of a reservation, for its customer or for what is not on the shelf."""

from actors.core.answers import fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.core.transact import Decision
from actors.shop.allotments.decide import is_given
from actors.shop.allotments.quotas import beyond_stock
from actors.shop.commands import Amend, Grant, by_sku
from actors.shop.events import Amended
from actors.shop.hot.decide import unless_fetched
from actors.shop.lines.decide import latest_end_ms, pickup_deadline_ms
from actors.shop.preconditions import grant_refusal, over_limit, slot_refusal
from actors.shop.state import Claims, Ledger, Reservation


def decide_amend(ledger: Ledger, command: Amend, reservation: Reservation, now_ms: int, without: Claims) -> Decision:
    """Accept the whole change or refuse it. Only units and a slot beyond what the reservation has are checked: a change
    to fewer units or more time is never refused because stock or policy changed meanwhile.
    """
    if reservation.done is not None:  # partly collected or released: the rest can only be collected or released
        return Rejection(Reason.TRANSITION_NOT_ALLOWED, number=command.number, status=reservation.status)
    return amended(ledger, command, reservation, now_ms, without)


def amended(ledger: Ledger, command: Amend, reservation: Reservation, now_ms: int, without: Claims) -> Decision:
    """The same of what a reservation still holds, of which nothing was collected."""
    policy = ledger.policy
    lines = command.lines or reservation.lines
    before = reservation.held_lines()
    has, wanted = dict(by_sku(before)), dict(by_sku(lines))
    more = tuple((sku, asked) for sku, asked in wanted.items() if asked > has.get(sku, 0))
    if is_given(reservation, now_ms) and any(wanted.get(sku, 0) < units for sku, units in has.items()):
        return Rejection(Reason.GIVEN_TO_TILL, number=command.number, status=reservation.status)
    if more and policy.paused:
        return Rejection(Reason.STORE_NOT_ACCEPTING)
    most_ms = latest_end_ms(ledger, reservation, now_ms) - now_ms
    if command.ttl_ms > most_ms:
        return Rejection(Reason.TTL_TOO_LONG, "", command.ttl_ms, most_ms)
    customer_id, channel, grant = reservation.customer_id, reservation.channel, command.grant
    refusal = over_limit(ledger, customer_id, channel, more, reservation, without=without) if more else None
    if more and refusal is None:
        refusal = grant_refusal(ledger, grant, customer_id, channel, more, reservation)
        if refusal is None and grant is None and reservation.grant:  # its ledger counts all of its units
            refusal = Rejection(Reason.GRANT_REQUIRED)
    stock = beyond_stock(ledger, channel, more, None, reservation, without)
    if refusal is None and isinstance(stock, Rejection):
        refusal = unless_fetched(ledger, stock, fetched=command.fetched)
    slot_start_ms = command.slot_start_ms or reservation.slot_start_ms
    if slot_start_ms != reservation.slot_start_ms:
        refusal = refusal or slot_refusal(ledger, slot_start_ms, now_ms, reservation, without)
    if refusal is not None:
        return refusal
    expires_at_ms = now_ms + command.ttl_ms if command.ttl_ms else reservation.expires_at_ms
    if reservation.status is not Status.HELD:
        expires_at_ms = pickup_deadline_ms(ledger, slot_start_ms, expires_at_ms)
    content = fingerprint(command)
    number, by_grant = command.number, grant.number if more and isinstance(grant, Grant) else 0
    changed = Amended(command.key, content, number, lines, expires_at_ms, slot_start_ms, before, by_grant)
    return (changed,) if isinstance(stock, Rejection) else (*stock, changed)
