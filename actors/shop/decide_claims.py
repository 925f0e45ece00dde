"""A shop's decisions about its part of an order: it grants or refuses the claim, then applies the order's outcomes; and
about grants that its customer's ledger asks for.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace

from actors.core.answers import Recorded
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, OPEN, ReleaseReason, Status
from actors.core.transact import Decision
from actors.shop.allotments.decide import is_given
from actors.shop.allotments.quotas import beyond_stock
from actors.shop.commands import (
    Acknowledge,
    ApplyOutcome,
    Claim,
    Lines,
    SettleGrant,
    by_sku,
    claim_key,
    number_in_line,
)
from actors.shop.customer_totals import parts_of_order
from actors.shop.events import Acknowledged, Claimed, OutcomeApplied, QuotaDrawn
from actors.shop.hot.decide import unless_fetched
from actors.shop.part import order_of
from actors.shop.picking.pick_task import ready_by
from actors.shop.preconditions import NONE, over_limit, slot_refusal, standing
from actors.shop.projections import known, part_of
from actors.shop.shortfalls.decide import moves_given_up
from actors.shop.state import Claims, Ledger, Reservation

# The sequence of statuses: an outcome never moves a part back to an earlier one.
_PROGRESS: Final = {Status.CLAIMED: 0, Status.HELD: 1, Status.CONFIRMED: 2, Status.READY: 3}


def decide_claim(ledger: Ledger, command: Claim, now_ms: int) -> Decision:
    """Grant or refuse a claim at once: a claim never waits for another one. Under the key of its call nothing but other
    claims of that may have been answered here.
    """
    if command.call_key and ledger.answers.of_no_claim(command.call_key) is not None:
        return Rejection(Reason.IDEMPOTENCY_KEY_REUSED)
    if ledger.policy.paused:
        return Rejection(Reason.STORE_NOT_ACCEPTING)
    drawn = _allowed(ledger, command, now_ms, NONE)
    if not isinstance(drawn, Rejection):
        return (*drawn, Claimed(command))
    # Two orders that claim the same units of several shops may each get what the other lacks: then both are dropped,
    # and a repeated attempt may succeed.
    no = standing(ledger, now_ms, drawn, partial(_allowed, ledger, command, now_ms))
    return no or replace(drawn, status=Status.CLAIMED)


def _allowed(ledger: Ledger, command: Claim, now_ms: int, without: Claims) -> Rejection | tuple[QuotaDrawn, ...]:
    """What is drawn from quotas for the claim, or why it is refused."""
    slot_start_ms = command.slot_start_ms
    refusal = _over_limit(ledger, command, without)
    stock = beyond_stock(ledger, command.channel, by_sku(command.lines), None, without=without)
    if refusal is None and isinstance(stock, Rejection):
        refusal = unless_fetched(ledger, stock, fetched=command.fetched)
    # A place that the order already has is not checked again, as in an amendment.
    if refusal is None and slot_start_ms and (order_of(command.holder), slot_start_ms) not in ledger.parts_in_slots:
        refusal = slot_refusal(ledger, slot_start_ms, now_ms, None, without)
    return refusal or (() if isinstance(stock, Rejection) else stock)


def _over_limit(ledger: Ledger, claim: Claim, without: Claims) -> Rejection | None:
    """Check the claim against the shop's limits. An order that is changed is checked as it will be: what it holds here
    already is its own, and what it is to give back, at another time of pickup, does not count beside that.
    """
    if not ledger.policy.limit_rules:
        return None
    order, apart = order_of(claim.holder), {*without}
    if claim.whole:
        apart.update(parts_of_order(ledger, claim.customer_id, order))
    demand = by_sku(claim.whole or claim.lines)
    return over_limit(ledger, claim.customer_id, claim.channel, demand, None, order, without=apart)


def decide_apply_outcome(ledger: Ledger, command: ApplyOutcome, now_ms: int) -> Decision:
    """Apply an order's outcome. No events: it was applied before, the part is final, or a till has it, which may be
    handing out what the amended order wants back. Then it is to be said again, as to a shop that is away.
    """
    holder, revision, status = command.holder, command.revision, command.status
    reservation = part_of(ledger, holder)
    if reservation is None:
        if status in LIVE:  # an order goes on only with granted claims, so one without a part is an inconsistency
            return Rejection(Reason.RESERVATION_NOT_FOUND)
        if ledger.answers.get(claim_key(holder)) is not None:  # its claim was refused, or will be
            return Rejection(Reason.CLAIM_ABANDONED)
        return (OutcomeApplied(holder, revision, 0, status, 0, command.reason, ()),)
    assert reservation.part is not None, "holders name parts"
    if revision <= reservation.part.applied_revision or reservation.status not in LIVE:
        return ()
    if command.claim and not _was_granted(ledger, command):
        return ()
    if status not in LIVE:
        lines = reservation.held_lines()
    else:
        lines = _beyond(reservation, command.keep) if command.keep else tuple((sku, 0) for sku, _ in reservation.lines)
        if _PROGRESS[status] < _PROGRESS[reservation.status]:
            status = reservation.status
    is_amended = status in LIVE or command.reason is ReleaseReason.REPLACED
    if is_amended and is_given(reservation, now_ms) and any(units for _, units in lines):
        return ()
    number, expires_at_ms = reservation.number, command.expires_at_ms
    over = reservation if lines == reservation.held_lines() else None
    channel = command.channel if status in LIVE and command.channel != reservation.channel else ""
    begins = reservation.status is Status.CLAIMED and status in LIVE
    ready_ms = ready_by(ledger.policy, reservation.slot_start_ms, now_ms) if begins else 0
    told = expires_at_ms, command.reason, lines, over, channel, ready_ms
    applied = OutcomeApplied(holder, revision, number, status, *told)
    return (applied, *moves_given_up(ledger, number, command.reason)) if status is Status.RELEASED else (applied,)


def _was_granted(ledger: Ledger, command: ApplyOutcome) -> bool:
    """Whether the part is of the very claim that is let go of. Raises Unread."""
    answer = ledger.answers.get(claim_key(command.holder))
    return isinstance(answer, Recorded) and answer.fingerprint == command.claim


def _beyond(reservation: Reservation, keep: Lines) -> Lines:
    """Units by line that the part holds beyond what it is to keep by SKU, collected ones included."""
    left = dict(by_sku(keep))
    for (sku, _), (sold, _) in zip(reservation.lines, reservation.done or (), strict=False):
        left[sku] = max(0, left.get(sku, 0) - sold)
    kept = reservation.taken_by_line(left)
    return tuple((sku, held - stays) for (sku, held), (_, stays) in zip(reservation.held_lines(), kept, strict=True))


def decide_settle_grant(ledger: Ledger, command: SettleGrant) -> Decision:
    """No events where a reservation holds units by the grant: `standing` says which. Else the grant is void."""
    return Rejection(Reason.CLAIM_ABANDONED) if held_by(ledger, command) is None else ()


def held_by(ledger: Ledger, command: SettleGrant) -> Reservation | None:
    """The reservation that was made or amended by a grant, or is counted by it; None where the call was refused or has
    not arrived.
    """
    number = number_in_line(command.call_key) or command.reservation
    answer = ledger.answers.get(command.call_key)
    about = answer.answer if isinstance(answer, Recorded) else answer
    now = known(ledger, about.number if isinstance(about, Reservation) else number)
    return now if now is not None and now.grant == command.number else None


def decide_acknowledge(ledger: Ledger, command: Acknowledge) -> Decision:
    """Remove acknowledged parts from the outbox, except those that changed again since; enter what is uncounted."""
    reported = tuple(
        (number, version)
        for number, version in command.parts
        if number in ledger.outbox and ledger.reservations[number].version <= version
    )
    counted = tuple(
        (number, grant)
        for number, grant in command.grants
        if number in ledger.reservations and not ledger.reservations[number].grant
    )
    uncounted = tuple(
        number
        for number in command.uncounted
        if number not in ledger.outbox
        and number in ledger.reservations
        and ledger.reservations[number].is_uncounted_by(ledger.policy)
    )
    grants, now = dict(counted), map(ledger.reservations.__getitem__, dict(reported))
    over = (each.changed(grant=grants.get(each.number, each.grant)) for each in now if each.status not in OPEN)
    return (Acknowledged(reported, counted, uncounted, tuple(over)),) if reported or counted or uncounted else ()


def claimed_beside(claims: Claims, skus: Sequence[str], left: Sequence[int]) -> list[int]:
    """By SKU what would be available beside what is, were no order undecided; nothing where that is none. There are few
    undecided ones: claims that are a round of messages old, and for 15 s those of who died.
    """
    units = dict.fromkeys(skus, 0)
    for claim in claims.values():
        for sku, quantity in claim.held_lines():
            if sku in units:
                units[sku] += quantity
    claimed = [max(0, now + units[sku]) - max(0, now) for sku, now in zip(skus, left, strict=True)]
    return claimed if any(claimed) else []
