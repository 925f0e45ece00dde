"""A checker that cannot fail proves nothing: a core with one thing wrong, and the checkers that must catch it.

Each mutant is the real core with one of its parts exchanged. Its page is one on which the real core is spotless.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from actors.ledger.commands import AdjustStock, Collect, Command, Confirm, CountStock, Reserve
from actors.ledger.decide import decide
from actors.ledger.decision import Accepted, Decision, Rejected
from actors.ledger.events import Collected, Confirmed, Event, Expired, Released, Reserved, ShortfallDeclared
from actors.ledger.evolve import evolve
from actors.ledger.expiry import due
from actors.ledger.idempotency import first_answer
from actors.ledger.invariants import check
from actors.ledger.lifecycle import Status
from actors.ledger.policy import HOUR_MS, LimitRule, Policy
from actors.ledger.state import Ledger, Remembered
from tests.ledger.model import Model
from tests.ledger.page import read
from tests.ledger.test_machine import plain
from tests.ledger.watched import Core, Watched, assembled
from tests.ledger.words import command_of, instant

LIMITED = Policy(version=1, limit_rules=(LimitRule("", "", 0, 2),))


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
            decision = decide(ledger, command._replace(lines=(line,)), now_ms)
            if isinstance(decision, Rejected):
                return decision
        fields = (command.key, command.customer_id, command.channel, command.basket_id, command.lines, command.ttl_ms)
        return Accepted((Reserved(*fields, now_ms + 2 * HOUR_MS),))
    return decide(ledger, command, now_ms)


def ignores_the_limit(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    policy, ledger.policy = ledger.policy, Policy(version=1)
    decision = decide(ledger, command, now_ms)
    ledger.policy = policy
    return decision


def keeps_the_replaced_hold(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, Accepted) and isinstance(command, Reserve):
        return Accepted(decision.events[-1:])
    return decision


def silent_in_a_shortfall(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, Accepted) and isinstance(command, AdjustStock | CountStock):
        return Accepted(decision.events[:1])
    return decision


def declares_and_does_not_release(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, Accepted) and any(isinstance(event, ShortfallDeclared) for event in decision.events):
        return Accepted(decision.events[:-1])
    return decision


def confirms_what_is_confirmed(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, Confirm) and ledger.reservations[command.number].status is Status.CONFIRMED:
        return Accepted((Confirmed(command.key, "", command.number, now_ms + HOUR_MS),))
    return decide(ledger, command, now_ms)


def reads_the_clock_late(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    return decide(ledger, command, now_ms - 1)


def counts_without_regard_to_when(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    return decide(ledger, command._replace(as_of_ms=0) if isinstance(command, CountStock) else command, now_ms)


def counts_holds_always(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    return decide(ledger, command._replace(holds_included=True) if isinstance(command, CountStock) else command, now_ms)


def sells_a_seen_unit_again(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, AdjustStock):
        command = command._replace(movements=tuple(row._replace(occurred_at_ms=0) for row in command.movements))
    return decide(ledger, command, now_ms)


def applies_a_row_again(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, AdjustStock):
        ledger.source_marks.clear()
    return decide(ledger, command, now_ms)


def collects_half(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    """Two of three units go over the counter, and the event says three."""
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, Accepted) and isinstance(command, Collect):
        event = decision.events[0]
        assert isinstance(event, Collected)
        return Accepted((event._replace(lines=tuple((sku, max(0, units - 1)) for sku, units in event.lines)),))
    return decision


def forgets_to_release(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, Released | Expired):
        for sku, units in event.lines:
            ledger.positions[sku].reserved += units


def holds_the_first_line_only(ledger: Ledger, event: Event, at_ms: int) -> None:
    evolve(ledger, event, at_ms)
    if isinstance(event, Reserved):
        for sku, units in event.lines[1:]:
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
        ledger.customers.pop(event.customer_id)
        ledger.customers["nobody"] = ledger.version


def takes_time_from_elsewhere(ledger: Ledger, event: Event, at_ms: int) -> None:
    """State that the journal does not explain: this evolve knows something that no event says."""
    evolve(ledger, event, at_ms)
    if isinstance(event, Reserved):
        held = ledger.reservations[ledger.version]
        ledger.reservations[ledger.version] = held._replace(expires_at_ms=held.expires_at_ms + len(ledger.reservations))


def skips_the_key(_: Ledger, __: Command) -> Remembered | None:
    return None


def takes_any_content_for_the_same(ledger: Ledger, command: Command) -> Remembered | None:
    return ledger.recall(command.key)


def answers_as_it_is_now(ledger: Ledger, command: Command) -> Remembered | None:
    answer = first_answer(ledger, command)
    return ledger.reservations.get(answer[0], answer) if isinstance(command, Reserve) and answer else answer


def forgets_after_an_hour(ledger: Ledger, command: Command) -> Remembered | None:
    answer = first_answer(ledger, command)
    return None if answer is not None and ledger.time_ms >= instant("1:00") else answer


def expires_a_second_early(ledger: Ledger, now_ms: int) -> Iterator[Expired]:
    for number, held in list(ledger.reservations.items()):
        if any(held.held()) and held.expires_at_ms - 1_000 <= now_ms:
            yield Expired(number, held.held_lines())


def expires_a_millisecond_late(ledger: Ledger, now_ms: int) -> Iterator[Expired]:
    return due(ledger, now_ms - 1)


def expires_held_only(ledger: Ledger, now_ms: int) -> Iterator[Expired]:
    return (event for event in due(ledger, now_ms) if ledger.reservations[event.number].status is Status.HELD)


class Mutant(NamedTuple):
    """A core with one thing wrong, a page that shows it, and who must notice."""

    core: Core
    caught_by: set[str]
    page: str
    policy: Policy | None = None


OPENING = "at | said\n 0:00 | receive A 3, B 3\n"
TIGHT = OPENING + "0:01 | reserve ann A 2\n 0:02 | reserve bob A 2"
DOUBLE = OPENING + "0:01 | reserve ann A 2, A 2"
BASKET = OPENING + "0:01 | reserve ann A 2 basket b\n 0:02 | reserve ann A 3 basket b"
LIMIT = OPENING + "0:01 | reserve ann B 2\n 0:02 | reserve ann B 1"
SHORTFALL = OPENING + "0:01 | reserve ann A 3\n 0:02 | count A 1\n 0:03 | receive A 1"
TWO_LINES = OPENING + "0:01 | reserve ann A 1, B 1\n 0:02 | reserve ann B 1"
LIFE = OPENING + "0:01 | reserve ann A 3\n 0:02 | confirm #2\n 0:03 | confirm #2\n 0:04 | collect #2"
RELEASE = OPENING + "0:01 | reserve ann A 2\n 0:02 | release #2\n 0:03 | reserve bob A 1"
RETRY = OPENING + "0:01 | k: reserve ann A 1\n 0:02 | confirm #2\n 0:03 | k: reserve ann A 1"
OTHER = OPENING + "0:01 | k: reserve ann A 1\n 0:03 | k: reserve ann A 2"
LATE_RETRY = OPENING + "0:01 | k: reserve ann A 1\n 1:30 | k: reserve ann A 1"
DEADLINE = OPENING + "0:01 | reserve ann A 3 for 1m\n 0:01:59.500 | confirm #2\n 0:03 | wait"
AT_DEADLINE = OPENING + "0:01 | reserve ann A 3 for 1m\n 0:02 | confirm #2"
CONFIRMED_DEADLINE = OPENING + "0:01 | reserve ann A 3\n 0:02 | confirm #2 within 1m\n 0:03 | reserve bob A 1"
COUNT = OPENING + "0:10 | sell A 1\n 0:20 | count A 3 as of 0:05"
COUNT_HOLDS = OPENING + "0:10 | reserve ann A 1\n 0:20 | count A 2 without holds"
SEEN = OPENING + "0:20 | count A 2\n 0:30 | sell A 1 at 0:10"
ROWS = OPENING + "0:01 | receive A 1 from x row 7\n 0:02 | receive A 1 from x row 7"

MUTANTS = {
    "off by one in stock": Mutant(assembled(decided=off_by_one_in_stock), {"invariants", "audit", "model"}, TIGHT),
    "lines unsummed": Mutant(assembled(decided=takes_lines_unsummed), {"invariants", "audit", "model"}, DOUBLE),
    "limit ignored": Mutant(assembled(decided=ignores_the_limit), {"audit", "model"}, LIMIT, LIMITED),
    "replaced hold kept": Mutant(assembled(decided=keeps_the_replaced_hold), {"invariants", "audit", "model"}, BASKET),
    "silent shortfall": Mutant(assembled(decided=silent_in_a_shortfall), {"invariants", "audit", "model"}, SHORTFALL),
    "loss not released": Mutant(
        assembled(decided=declares_and_does_not_release), {"invariants", "audit", "model"}, SHORTFALL
    ),
    "confirmed twice": Mutant(assembled(decided=confirms_what_is_confirmed), {"audit", "model"}, LIFE),
    "one unit stays behind": Mutant(assembled(decided=collects_half), {"model"}, LIFE),
    "clock read late": Mutant(
        assembled(decided=reads_the_clock_late, falling_due=expires_a_millisecond_late), {"audit", "model"}, AT_DEADLINE
    ),
    "count as of now": Mutant(assembled(decided=counts_without_regard_to_when), {"model"}, COUNT),
    "holds counted twice": Mutant(assembled(decided=counts_holds_always), {"model"}, COUNT_HOLDS),
    "seen sale subtracted again": Mutant(assembled(decided=sells_a_seen_unit_again), {"model"}, SEEN),
    "row applied again": Mutant(assembled(decided=applies_a_row_again), {"audit", "model"}, ROWS),
    "not released": Mutant(
        assembled(evolved=forgets_to_release), {"invariants", "compare", "replay", "model"}, RELEASE
    ),
    "half a reservation": Mutant(
        assembled(evolved=holds_the_first_line_only), {"invariants", "compare", "replay", "model"}, TWO_LINES
    ),
    "sold and still there": Mutant(
        assembled(evolved=leaves_sold_units_on_hand), {"invariants", "compare", "replay", "model"}, LIFE
    ),
    "sold and not booked": Mutant(assembled(evolved=sells_without_booking), {"invariants", "replay"}, LIFE),
    "customer lost": Mutant(assembled(evolved=loses_a_customer), {"invariants"}, TIGHT),
    "state out of nothing": Mutant(assembled(evolved=takes_time_from_elsewhere), {"replay"}, TIGHT),
    "key skipped": Mutant(assembled(recall=skips_the_key), {"audit", "model"}, RETRY),
    "key without content": Mutant(assembled(recall=takes_any_content_for_the_same), {"model"}, OTHER),
    "answer of today": Mutant(assembled(recall=answers_as_it_is_now), {"model"}, RETRY),
    "key forgotten early": Mutant(assembled(recall=forgets_after_an_hour), {"audit", "model"}, LATE_RETRY),
    "expired early": Mutant(assembled(falling_due=expires_a_second_early), {"audit", "model"}, DEADLINE),
    "expired late": Mutant(assembled(falling_due=expires_a_millisecond_late), {"model"}, AT_DEADLINE),
    "orders never expire": Mutant(assembled(falling_due=expires_held_only), {"model"}, CONFIRMED_DEADLINE),
}


def noticed(core: Core, page: str, policy: Policy | None) -> set[str]:
    """Who complains of a core on a page: each of the checkers by name, and the model."""
    watched, model = Watched(policy, core), Model("S1")
    if policy is not None:
        model.policy, model.events = policy, 1
    rows: dict[str, int] = {}
    noticing: set[str] = set()
    for index, line in enumerate(read(page)[1]):
        at_ms = instant(line.at)
        if line.said == "wait":
            model.expire(watched.wait(at_ms))
        else:
            key, _, text = line.said.rpartition(": ")
            command = command_of(text, key or f"line {index}", rows)
            if plain(watched.say(command, at_ms).answer) != model.say(command, at_ms):
                noticing.add("model")
        if watched.stock() != model.stock():
            noticing.add("model")
        if check(watched.ledger):
            noticing.add("invariants")
    return noticing | {complaint.partition(":")[0] for complaint in watched.complaints()}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_is_caught(name: str) -> None:
    mutant = MUTANTS[name]
    assert noticed(mutant.core, mutant.page, mutant.policy) >= mutant.caught_by


@pytest.mark.parametrize("name", MUTANTS)
def test_the_real_core_is_spotless_on_its_page(name: str) -> None:
    for core in (assembled(), Core()):
        assert noticed(core, MUTANTS[name].page, MUTANTS[name].policy) == set()


@pytest.mark.parametrize("name", ["the last record", "a record in the middle", "an answer before its record"])
def test_a_journal_that_lost_something_is_caught(name: str) -> None:
    """Not the core but what keeps it: the ledger has moved on, and its journal does not say how."""
    watched = Watched()
    for index, line in enumerate(read(LIFE)[1]):
        watched.say(command_of(line.said, f"line {index}", {}), instant(line.at))
    assert watched.complaints() == []
    match name:
        case "the last record":
            watched.records.pop()
        case "a record in the middle":
            watched.records[3:] = [record._replace(version=record.version - 1) for record in watched.records[4:]]
        case _:
            watched.core.transact(watched.ledger, command_of("reserve zoe B 1", "z", {}), watched.ledger.time_ms)
    caught = {complaint.partition(":")[0] for complaint in watched.complaints()}
    assert "replay" in caught
    assert caught & {"compare", "audit"} or name == "a record in the middle"
