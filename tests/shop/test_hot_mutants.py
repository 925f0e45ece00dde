"""Ledgers with one thing wrong about hot SKUs, and that the world of shops catches each."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.answers import Recorded
from actors.core.rejection import Reason, Rejection
from actors.core.transact import KEY_REUSED, Decision
from actors.shop import decide_stock
from actors.shop.commands import Reserve
from actors.shop.decide import decide
from actors.shop.evolve import evolve
from actors.shop.hot.decide_sku import decide_hot_sku
from actors.shop.hot.events import MovedOut, UnitsGivenBack, UnitsHanded, UnitsReceived, UnitsTakenBack
from actors.shop.hot.units import GiveBackUnits, HandUnits, MoveIn, ReceiveUnits, TakeUnitsBack
from actors.shop.state import Ledger, Reservation
from actors.shop.transact import recall
from tests.mutating import run_mutant
from tests.shop.hot_world import HOT, SKU, World
from tests.shop.test_hot_machine import HotMachine
from tests.shop.watched import Core, assembled


def decides_alone(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    decision = decide_hot_sku(ledger, command, now_ms)
    if isinstance(decision, Rejection) and decision.reason is Reason.HOT_ASK_SHOP:
        return decide_hot_sku(ledger, replace(command, asked=decision.asked), now_ms)
    return decision


def decides_once_closed(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    hot = ledger.policy.hot_by_sku.get(SKU)
    if isinstance(command, Reserve) and hot is not None and not hot.is_open:
        command = replace(command, asked=hot.generation)
    return decide(ledger, command, now_ms)


def decides_while_open(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    return (
        decide_without_rules(ledger, command, now_ms)
        if isinstance(command, Reserve)
        else decide(ledger, command, now_ms)
    )


def decide_without_rules(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    policy = ledger.policy
    ledger.policy = replace(policy, hot=())
    try:
        return decide(ledger, command, now_ms)
    finally:
        ledger.policy = policy


def gives_back_what_is_held(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    if isinstance(command, GiveBackUnits) and (position := ledger.positions.get(command.store_id)):
        return (UnitsGivenBack(command.store_id, position.on_hand),) if position.on_hand else ()
    return decide_hot_sku(ledger, command, now_ms)


def adds_what_it_receives(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    if isinstance(command, ReceiveUnits) and command.handed:
        return (UnitsReceived(command.store_id, command.handed),)
    return decide_hot_sku(ledger, command, now_ms)


def adds_what_comes_back(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    if isinstance(command, TakeUnitsBack) and command.given_back:
        return (UnitsTakenBack(command.sku, command.given_back),)
    return decide(ledger, command, now_ms)


def hands_what_it_has_promised(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    if isinstance(command, HandUnits):
        position = ledger.positions[command.sku]
        units = position.on_hand - position.allotted
        return (UnitsHanded(command.sku, units),) if units > 0 else ()
    return decide(ledger, command, now_ms)


def loses_what_moves(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    """Whatever is older in the shop stays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decide_stock, "losers", lambda *of: [(of[3][0].number, of[2])])
        return decide(ledger, command, now_ms)


def keeps_what_is_gone(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    return decision[:1] if isinstance(command, MoveIn) and not isinstance(decision, Rejection) else decision


def moves_again(ledger: Ledger, command: Any) -> Any:
    return None if isinstance(command, MoveIn) else recall(ledger, command)


def asks_nobody(ledger: Ledger, command: Any) -> Any:
    """Of a key that it knows it says itself that it is reused."""
    answer = recall(ledger, command)
    sent_on = answer.answer if isinstance(answer, Recorded) else None
    is_sent_on = isinstance(sent_on, Rejection) and sent_on.reason is Reason.HOT_SKU
    return KEY_REUSED if is_sent_on else answer


def as_it_is(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    return decide_hot_sku(ledger, command, now_ms)


def keeps_what_has_moved(ledger: Ledger, event: Any, at_ms: int) -> object:
    answer = evolve(ledger, event, at_ms)
    if isinstance(event, MovedOut):
        ((store_id, units),) = event.before.held_lines()
        ledger.positions[store_id].move_on_hand(at_ms, units)
        ledger.positions[store_id].moved += units
    return answer


IN_SHOPS: Final[dict[str, Core]] = {
    "an open one is decided in the shop": assembled(decided=decides_while_open),
    "what comes back is added again": assembled(decided=adds_what_comes_back),
    "what is promised is handed over": assembled(decided=hands_what_it_has_promised),
    "a reservation moves in twice": assembled(recall=moves_again),
    "what moves in is held without units": assembled(decided=keeps_what_is_gone),
}
OF_SKUS: Final[dict[str, Core]] = {
    "a key is decided without the shop's word": assembled(decided=decides_alone),
    "what is held is given back": assembled(decided=gives_back_what_is_held),
    "what is received is added again": assembled(decided=adds_what_it_receives),
    "units stay when their reservation moves": assembled(evolved=keeps_what_has_moved),
}
SEEDS: Final[dict[str, int]] = {
    "an open one is decided in the shop": 3,
    "what comes back is added again": 1,
    "a reservation moves in twice": 1,
    "a key is decided without the shop's word": 4,
    "what is held is given back": 5,
    "what is received is added again": 1,
}


def machine_of(of_shops: Core | None, of_hot: Core | None) -> type[HotMachine]:
    return type("Broken", (HotMachine,), {"of_shops": of_shops, "of_hot": of_hot})


def test_a_closed_sku_that_is_decided_without_a_word_is_caught() -> None:
    """As chance finds it in one run of three."""

    def sold(of_shops: Core | None) -> None:
        world = World(of_shops)
        world.stock("S1", SKU, 6)
        for _ in range(2):
            world.turn()
            for ledger_id in world.ledgers:
                world.adopt(ledger_id)
            if world.is_open_in(HOT):
                world.hand("S1")
                world.reserve("S1", 1, first_at_hot=True)
        world.repeat(0, first_at_hot=False)

    sold(None)
    with pytest.raises(AssertionError):
        sold(assembled(decided=decides_once_closed))


def test_a_first_answer_that_is_lost_as_its_key_is_used_again_is_caught() -> None:
    """It can be used again where the ledger of the SKU was away when its shop asked."""

    def used_again(of_shops: Core | None) -> None:
        world = World(of_shops)
        for sku in (SKU, "B"):
            world.stock("S1", sku, 3)
        world.turn()
        for ledger_id in world.ledgers:
            world.adopt(ledger_id)
        world.hand("S1")
        world.reserve("S1", 1, first_at_hot=False)
        _, command, _ = world.calls[-1]
        world.ledgers["S1"].ledger.hot.keys.settle(command.key, (SKU,), is_known=False)
        assert isinstance(world.say("S1", replace(command, lines=(("B", 1),))), Reservation)
        world.repeat(0, first_at_hot=False)

    used_again(None)
    with pytest.raises(AssertionError, match="was answered"):
        used_again(assembled(recall=asks_nobody))


def test_an_old_hold_that_loses_as_it_moves_in_is_caught() -> None:
    def moved(of_shops: Core | None) -> list[str]:
        world = World(of_shops)
        world.stock("S1", SKU, 3)
        world.turn()
        for ledger_id in world.ledgers:
            world.adopt(ledger_id)
        world.hand("S1")
        held = world.reserve("S1", 1, first_at_hot=True)
        world.clock_ms += 1
        world.basket_of_one("S1")
        world.stock("S1", SKU, -2)
        world.move(held.number)
        return [each.invariant for each in world.ledgers["S1"].audited().violations]

    assert moved(None) == []
    assert moved(assembled(decided=loses_what_moves)) == ["I19"]


@pytest.mark.parametrize("name", [*IN_SHOPS, *OF_SKUS])
def test_the_mutant_is_caught(name: str) -> None:
    with pytest.raises((AssertionError, ExceptionGroup, LookupError)):  # it may meet what it has itself removed
        run_mutant(machine_of(IN_SHOPS.get(name), OF_SKUS.get(name)), SEEDS.get(name, 0))


def test_the_parts_put_together_again_are_spotless() -> None:
    run_mutant(machine_of(assembled(), assembled(decided=as_it_is)), examples=20)
