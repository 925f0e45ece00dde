"""Nobody passes by who waits for a hot SKU in a shop, also where units of that shop come free with the SKU's ledger;
and ledgers that let somebody pass are caught.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.core.transact import Decision
from actors.shop import decide as deciding
from actors.shop.decide import decide
from actors.shop.hot.decide_sku import decide_hot_sku
from actors.shop.hot.units import GiveBackUnits, HandUnits
from actors.shop.state import Ledger, Reservation
from tests.shop.hot_line_world import WAIT_MS, LineWorld
from tests.shop.hot_world import HOT, SHOPS, SKU
from tests.shop.watched import Core, assembled


def opened(of_shops: Core | None = None, of_hot: Core | None = None) -> LineWorld:
    """One unit in each shop, and all of them are with the ledger of the SKU."""
    world = LineWorld(of_shops, of_hot)
    for store_id in SHOPS:
        world.stock(store_id, SKU, 1)
    world.turn()
    for ledger_id in world.ledgers:
        world.adopt(ledger_id)
    for store_id in SHOPS:
        world.hand(store_id)
    return world


def queued(world: LineWorld, units: int = 1) -> tuple[Reservation, Reservation]:
    """Who has the only unit, and who waits for some."""
    held, waits = world.reserve("S1", 1, first_at_hot=True), world.wait("S1", units)
    assert isinstance(held, Reservation)
    assert (waits.status, waits.in_line.queue_position) == (Status.QUEUED, 1)
    return held, waits


def is_refused(answer: Any) -> bool:
    return isinstance(answer, Rejection) and answer.reason is Reason.INSUFFICIENT_STOCK


def comes_free(world: LineWorld) -> None:
    """Where it was held."""
    queued(world)
    world.step(HOT, 0, "release")
    world.reserve("S1", 1, first_at_hot=True)


def is_handed_late(world: LineWorld) -> None:
    """What the shop handed before the line began is still on its way."""
    world.stock("S1", SKU, 1)
    world.hand("S1", arrives=False)
    late = len(world.messages) - 1
    queued(world, 2)
    world.say(*world.messages[late])
    world.step(HOT, 0, "release")
    world.reserve("S1", 1, first_at_hot=True)


def is_handed_in_between(world: LineWorld) -> None:
    """The shop hands a unit between the word of the ledger of the SKU and the call that would wait by it."""
    world.reserve("S1", 1, first_at_hot=True)
    there = world.ledgers[HOT].ledger.hot.of("S1").over
    waits = world.wait("S1", 1, losses=3)
    assert waits is None
    world.stock("S1", SKU, 1)
    world.hand("S1")
    command = replace(world.calls[-1][1], key=world.key(), wait_ms=WAIT_MS, fetched=True, kept_at=there)
    answer = world.say("S1", replace(command, lines=((SKU, 3),)))
    world.reserve("S1", 1, first_at_hot=True)
    assert isinstance(answer, Reservation) or answer.reason is Reason.UNITS_ELSEWHERE


WAYS: Final = (comes_free, is_handed_late, is_handed_in_between)


@pytest.mark.parametrize("way", WAYS)
def test_nobody_passes_by(way: Callable[[LineWorld], None]) -> None:
    world = opened()
    way(world)
    world.check()
    world.settle()


def test_what_comes_free_there_is_the_heads_and_what_is_left_over_goes_on_being_sold() -> None:
    world = opened()
    _, waits = queued(world)
    world.step(HOT, 0, "release")
    assert is_refused(world.reserve("S1", 1, first_at_hot=True))
    served = world.ledgers["S1"].known(waits.number)
    assert served.status is Status.HELD, "the call that was refused has brought it home"
    world.stock("S1", SKU, 2)
    assert isinstance(world.reserve("S1", 1, first_at_hot=True), Reservation), "nobody waits any more"
    assert isinstance(world.reserve("S1", 1, first_at_hot=True), Reservation)
    assert is_refused(world.reserve("S1", 1, first_at_hot=True))
    assert isinstance(world.reserve("S2", 1, first_at_hot=True), Reservation), "another shop has no line"
    world.settle()


def test_a_line_that_nobody_stands_in_any_more_keeps_nothing() -> None:
    """Though the shop has nothing else to hand."""
    world = opened()
    _, waits = queued(world)
    world.clock_ms += WAIT_MS
    world.step(HOT, 0, "release")
    assert isinstance(world.reserve("S1", 1, first_at_hot=True), Reservation)
    assert world.ledgers["S1"].known(waits.number).status is not Status.QUEUED
    world.settle()


def test_it_is_kept_over_a_restart() -> None:
    world = opened()
    queued(world)
    for ledger_id in world.ledgers:
        world.ledgers[ledger_id].restart()
    world.step(HOT, 0, "release")
    assert is_refused(world.reserve("S1", 1, first_at_hot=True))
    world.settle()


def test_where_the_rule_lets_a_line_be_passed_it_is() -> None:
    world = opened()
    world.rules = replace(world.rules, version=2, line_may_pass=True)
    for ledger_id in world.ledgers:
        world.adopt(ledger_id)
    queued(world)
    world.step(HOT, 0, "release")
    with pytest.raises(AssertionError, match="passes"):
        world.reserve("S1", 1, first_at_hot=True)
    assert world.ledgers[HOT].audited().violations == ()


def test_what_the_head_has_too_few_of_is_sold_there_where_the_rule_lets_a_line_be_passed() -> None:
    """Nothing of it is kept, and whoever asks is not told that it is sold out."""
    world = opened()
    world.rules = replace(world.rules, version=2, line_may_pass=True)
    for ledger_id in world.ledgers:
        world.adopt(ledger_id)
    queued(world, 3)
    world.stock("S1", SKU, 2)
    with pytest.raises(AssertionError, match="passes"):  # which it may
        world.reserve("S1", 1, first_at_hot=True)
    assert world.ledgers["S1"].audited().violations == world.ledgers[HOT].audited().violations == ()


def test_what_comes_back_is_kept_and_not_handed_on() -> None:
    """Though the shop hears of it with the question for what it has free."""
    world = opened()
    queued(world)
    world.step(HOT, 0, "release")
    world.say(HOT, GiveBackUnits("S1", 0, 1, keep=True))
    told = world.say("S1", HandUnits(SKU, 0, given_back=1))
    assert (told.over, told.back) == (1, 1)
    world.clock_ms += 1
    assert world.ledgers["S1"].ledger.positions[SKU].available <= 0, "the head has it"


def sells_what_is_kept(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    ledger.hot.kept.clear()
    return decide_hot_sku(ledger, command, now_ms)


def queues_without_a_word(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding, "is_kept_there", lambda *_: True)
        return decide(ledger, command, now_ms)


MUTANTS: Final[tuple[tuple[Callable[..., Decision], bool, Callable[[LineWorld], None]], ...]] = (
    (sells_what_is_kept, True, comes_free),
    (sells_what_is_kept, True, is_handed_late),
    (queues_without_a_word, False, is_handed_in_between),
)


@pytest.mark.parametrize(("decided", "of_hot", "way"), MUTANTS)
def test_the_mutant_is_caught(
    decided: Callable[..., Decision], way: Callable[[LineWorld], None], *, of_hot: bool
) -> None:
    core = assembled(decided=decided)
    world = opened(None if of_hot else core, core if of_hot else None)
    with pytest.raises(AssertionError, match="passes"):
        way(world)
    violations = world.ledgers[HOT].audited().violations
    assert [each.invariant for each in violations] == (["I18"] if of_hot else [])
