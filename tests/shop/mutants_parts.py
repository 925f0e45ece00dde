"""Cores with one thing wrong in what shops hear from orders over several of them, and in amendments."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from actors.core.policy import HOUR_MS
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE
from actors.core.transact import Decision
from actors.shop.commands import Acknowledge, Amend, ApplyOutcome, Claim, Command, Confirm
from actors.shop.decide import decide
from actors.shop.events import (
    Acknowledged,
    Amended,
    Claimed,
    Collected,
    Confirmed,
    Event,
    Expired,
    OutcomeApplied,
    ReadyMarked,
    Released,
)
from actors.shop.evolve import evolve
from actors.shop.expiry import Due, due
from actors.shop.part import Part, order_of
from actors.shop.state import Ledger, Remembered
from actors.shop.transact import recall

CANNOT_BE_HAD: Final = frozenset({Reason.UNITS_LIMIT, Reason.INSUFFICIENT_STOCK, Reason.SLOT_FULL})


def outcome_applied(decision: Decision) -> OutcomeApplied | None:
    """The outcome that a part applies, if any."""
    event = decision[0] if isinstance(decision, tuple) and decision else None
    return event if isinstance(event, OutcomeApplied) and event.number else None


def applies_any_outcome(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(command, ApplyOutcome) and isinstance(decision, tuple) and not decision:
        event = outcome_applied(decide(ledger, replace(command, revision=1_000), now_ms))
        return (replace(event, revision=command.revision),) if event else decision
    return decision


def refuses_what_may_come_free(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    waits = isinstance(decision, Rejection) and decision.reason is Reason.ORDER_UNDECIDED and not decision.number
    return Rejection(Reason.INSUFFICIENT_STOCK) if waits else decision


def leads_a_part_back(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    event = outcome_applied(decision)
    return (replace(event, status=command.status),) if event and isinstance(command, ApplyOutcome) else decision


def claims_without_the_whole(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if not isinstance(command, Claim):
        return decide(ledger, command, now_ms)
    decision = decide(ledger, replace(command, whole=()), now_ms)
    claimed = isinstance(decision, tuple) and isinstance(decision[-1], Claimed)
    return (Claimed(command),) if claimed else decision


def leaves_the_channel_out(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    event = outcome_applied(decision)
    return (replace(event, channel=""),) if event else decision


def stays_in_its_channel(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, replace(event, channel="") if isinstance(event, OutcomeApplied) else event, at_ms)


def keeps_so_many_of_each_line(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    event = outcome_applied(decision)
    if event and isinstance(command, ApplyOutcome) and command.keep:
        keep, held = dict(command.keep), ledger.reservations[event.number].held_lines()
        return (replace(event, lines=tuple((sku, max(0, units - keep.get(sku, 0))) for sku, units in held)),)
    return decision


def claims_without_a_place(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, Claim):
        decision = decide(ledger, replace(command, slot_start_ms=0), now_ms)
        return (Claimed(command),) if isinstance(decision, tuple) else decision
    return decide(ledger, command, now_ms)


def counts_a_second_part_again(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    """To limits and slots it is another customer's."""
    if isinstance(command, Claim):
        decision = decide(ledger, replace(command, holder=f"{command.holder}, alone.1"), now_ms)
        return (Claimed(command),) if isinstance(decision, tuple) else decision
    return decide(ledger, command, now_ms)


def counts_no_order(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    """What orders have, no limit counts."""
    if isinstance(command, Claim):
        mine = ledger.customers.pop(command.customer_id, None)
        decision = decide(ledger, command, now_ms)
        if mine is not None:
            ledger.customers[command.customer_id] = mine
        return decision
    return decide(ledger, command, now_ms)


def notes_what_was_not_applied(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, Acknowledge):
        parts = [part for number, _ in command.parts if (part := ledger.reservations.get(number)) is not None]
        over = tuple(part for part in parts if part.status not in LIVE)
        return (Acknowledged(tuple((part.number, part.version) for part in parts), over=over),)
    return decide(ledger, command, now_ms)


def confirms_a_part(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, Confirm):
        return (Confirmed(command.key, "", command.number, now_ms + HOUR_MS),)
    return decide(ledger, command, now_ms)


def amends_whatever_is_asked(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(command, Amend) and isinstance(decision, Rejection) and decision.reason in CANNOT_BE_HAD:
        of = ledger.reservations[command.number]
        slot_start_ms = command.slot_start_ms or of.slot_start_ms
        lines = command.lines or of.lines
        return (Amended(command.key, "", command.number, lines, of.expires_at_ms, slot_start_ms, of.lines),)
    return decision


def forgets_the_old_hold(ledger: Ledger, event: Event, at_ms: int) -> None:
    """What an amended reservation had is never given back."""
    before = ledger.reservations[event.number].lines if isinstance(event, Amended) else ()
    evolve(ledger, event, at_ms)
    for sku, units in before:
        ledger.positions[sku].reserved += units


def keeps_the_old_place(ledger: Ledger, event: Event, at_ms: int) -> None:
    before_ms = ledger.reservations[event.number].slot_start_ms if isinstance(event, Amended) else 0
    evolve(ledger, event, at_ms)
    if before_ms:
        ledger.slots_taken[before_ms] = ledger.slots_taken.get(before_ms, 0) + 1


def gives_each_part_a_place(ledger: Ledger, event: Event, at_ms: int) -> None:
    claim = event.command if isinstance(event, Claimed) else None
    has_one = claim is not None and (order_of(claim.holder), claim.slot_start_ms) in ledger.parts_in_slots
    evolve(ledger, event, at_ms)
    if claim is not None and has_one:
        ledger.slots_taken[claim.slot_start_ms] += 1


def leaves_with_the_first_part(ledger: Ledger, event: Event, at_ms: int) -> None:
    """The place of an order is free again although another part of it has the slot."""
    before = ledger.reservations.get(event.number) if isinstance(event, OutcomeApplied) else None
    evolve(ledger, event, at_ms)
    over = before is not None and before.number not in ledger.reservations
    if over and before and before.part and (before.part.order, before.slot_start_ms) in ledger.parts_in_slots:
        del ledger.slots_taken[before.slot_start_ms]


def leaves_the_outbox_empty(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, ReadyMarked | Collected | Released):
        ledger.outbox.pop(event.number, None)


def stays_undecided(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, OutcomeApplied) and event.number:
        ledger.undecided[event.number] = None


def forgets_what_it_applied(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, OutcomeApplied) and event.number in ledger.reservations:
        part = ledger.reservations[event.number]
        ledger.reservations[event.number] = replace(part, part=Part(event.holder, 0))


def holds_what_its_order_gave_back(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, OutcomeApplied):
        for sku, units in event.lines:
            ledger.positions[sku].reserved += units


def claims_after_the_end(ledger: Ledger, command: Command) -> Remembered | None:
    return None if isinstance(command, Claim) else recall(ledger, command)


def expires_parts_too(ledger: Ledger, now_ms: int) -> Iterator[Due]:
    yield from due(ledger, now_ms)
    for part in [held for held in ledger.reservations.values() if held.part is not None and held.status in LIVE]:
        if 0 < part.expires_at_ms <= now_ms:
            yield Expired(part.number, part.held_lines(), part)
