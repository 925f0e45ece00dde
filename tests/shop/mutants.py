"""Cores with one thing wrong, each by the real part and one deviation from it."""

from collections.abc import Iterator

from msgspec.structs import replace

from actors.core.policy import HOUR_MS, Policy
from actors.core.rejection import Rejection
from actors.core.status import Status
from actors.core.transact import Decision
from actors.shop.commands import AdjustStock, Collect, Command, Confirm, CountStock, Reserve, from_first
from actors.shop.decide import decide
from actors.shop.events import Collected, Confirmed, Event, Expired, Released, Reserved
from actors.shop.evolve import evolve
from actors.shop.expiry import Due, due
from actors.shop.projections import known
from actors.shop.returns.events import Returned
from actors.shop.returns.sale_return import Return
from actors.shop.shortfalls.events import ShortfallDeclared
from actors.shop.state import Ledger, Remembered, Reservation
from actors.shop.transact import recall
from tests.shop.scenario_text import instant


def off_by_one_in_stock(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if not isinstance(command, Reserve):
        return decide(ledger, command, now_ms)
    for position in ledger.positions.values():
        position.on_hand += 1
    decision = decide(ledger, command, now_ms)
    for position in ledger.positions.values():
        position.on_hand -= 1
    return decision


def takes_lines_unsummed(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, Reserve):
        for line in command.lines:
            decision = decide(ledger, replace(command, lines=(line,)), now_ms)
            if isinstance(decision, Rejection):
                return decision
        return (Reserved(command, now_ms + 2 * HOUR_MS),)
    return decide(ledger, command, now_ms)


def ignores_the_limit(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    policy, ledger.policy = ledger.policy, Policy(version=1)
    decision = decide(ledger, command, now_ms)
    ledger.policy = policy
    return decision


def keeps_the_replaced_hold(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, tuple) and isinstance(command, Reserve):
        return decision[-1:]
    return decision


def silent_in_a_shortfall(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, tuple) and isinstance(command, AdjustStock | CountStock):
        return decision[:1]
    return decision


def declares_and_does_not_release(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, tuple) and any(isinstance(event, ShortfallDeclared) for event in decision):
        return decision[:-1]
    return decision


def confirms_what_is_confirmed(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, Confirm) and ledger.reservations[command.number].status is Status.CONFIRMED:
        return (Confirmed(command.key, "", command.number, now_ms + HOUR_MS),)
    return decide(ledger, command, now_ms)


def reads_the_clock_late(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    return decide(ledger, command, now_ms if isinstance(command, Reserve) else now_ms - 1)


def counts_without_regard_to_when(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    return decide(ledger, replace(command, as_of_ms=0) if isinstance(command, CountStock) else command, now_ms)


def counts_holds_always(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    return decide(ledger, replace(command, holds_included=True) if isinstance(command, CountStock) else command, now_ms)


def sells_a_seen_unit_again(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, AdjustStock):
        command = replace(command, movements=tuple(replace(row, age_ms=0) for row in command.movements))
    return decide(ledger, command, now_ms)


def applies_a_row_again(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, AdjustStock):
        ledger.source_marks.clear()
    return decide(ledger, command, now_ms)


def collects_half(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    """One unit of each line is left behind at the counter."""
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, tuple) and isinstance(command, Collect):
        event = decision[0]
        assert isinstance(event, Collected)
        return (replace(event, lines=tuple((sku, max(0, units - 1)) for sku, units in event.lines)),)
    return decision


def takes_back_twice(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    """What has come back may come back."""
    decision = decide(ledger, command, now_ms)
    if isinstance(command, Return) and isinstance(decision, Rejection) and not decision.sku:
        before = known(ledger, command.number)
        assert before is not None
        return (Returned(command.key, "", command.number, before.lines, from_first(before.lines, {}), "", "", before),)
    return decision


def takes_back_without_booking(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, Returned):
        for sku, units in event.lines:
            ledger.positions[sku].on_hand -= units


def forgets_to_release(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, Released | Expired):
        for sku, units in event.lines:
            ledger.positions[sku].reserved += units


def holds_the_first_line_only(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, Reserved):
        for sku, units in event.command.lines[1:]:
            ledger.positions[sku].reserved -= units


def leaves_sold_units_on_hand(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, Collected):
        for sku, units in event.lines:
            ledger.positions[sku].on_hand += units


def sells_without_booking(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, Collected):
        for sku, units in event.lines:
            ledger.positions[sku].sold -= units


def loses_a_customer(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, Reserved):
        ledger.customers.pop(event.command.customer_id)
        ledger.customers["nobody"] = ledger.version


def keeps_who_held_it(ledger: Ledger, event: Event, at_ms: int) -> Remembered | None:
    answer = evolve(ledger, event, at_ms)
    if isinstance(event, Released):
        ledger.positions[event.lines[0][0]].held_by = [event.number]
    return answer


def takes_time_from_elsewhere(ledger: Ledger, event: Event, at_ms: int) -> None:
    """State that the journal does not explain: this evolve knows something that no event says."""
    evolve(ledger, event, at_ms)
    if isinstance(event, Reserved):
        held = ledger.reservations[ledger.version]
        ledger.reservations[ledger.version] = replace(held, expires_at_ms=held.expires_at_ms + len(ledger.reservations))


def skips_the_key(_: Ledger, __: Command) -> Remembered | None:
    return None


def takes_any_content_for_the_same(ledger: Ledger, command: Command) -> Remembered | None:
    return ledger.answers.get(command.key)


def answers_as_it_is_now(ledger: Ledger, command: Command) -> Remembered | None:
    answer = recall(ledger, command)
    return ledger.reservations[answer.number] if isinstance(answer, Reservation) else answer


def forgets_after_an_hour(ledger: Ledger, command: Command) -> Remembered | None:
    answer = recall(ledger, command)
    return None if answer is not None and ledger.time_ms >= instant("1:00") else answer


def expires_a_second_early(ledger: Ledger, now_ms: int) -> Iterator[Due]:
    for number, held in list(ledger.reservations.items()):
        if any(held.held()) and held.expires_at_ms - 1_000 <= now_ms:
            yield Expired(number, held.held_lines(), held)


def expires_a_millisecond_late(ledger: Ledger, now_ms: int) -> Iterator[Due]:
    return due(ledger, now_ms - 1)


def expires_held_only(ledger: Ledger, now_ms: int) -> Iterator[Due]:
    return (event for event in due(ledger, now_ms) if ledger.reservations[event.number].status is Status.HELD)
