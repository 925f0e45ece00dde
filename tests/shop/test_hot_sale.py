"""A sale of a hot SKU over two shops, with promotions and demotions in its middle: exactly what there is, is sold."""

from typing import Final

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from actors.core.rejection import Reason, Rejection
from actors.core.transact import Decision
from actors.shop.commands import Confirm
from actors.shop.hot.decide_sku import decide_hot_sku
from actors.shop.state import Ledger
from tests.shop.hot_world import HOT, SHOPS, SKU, World
from tests.shop.watched import Core, assembled

UNITS: Final = 12  # in each shop

ledgers = st.sampled_from((*SHOPS, HOT))
shops = st.sampled_from(SHOPS)
flags = st.booleans()
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("turn"), st.lists(ledgers, max_size=3)),
        st.tuples(st.just("adopt"), ledgers),
        st.tuples(st.just("reserve"), shops, st.integers(1, 3), flags, st.sampled_from([0, 0, 3, 12, 48])),
        st.tuples(st.just("repeat"), st.integers(0, 9), flags),
        st.tuples(st.just("hand"), shops, st.integers(0, 4), flags),
        st.tuples(st.just("give_back"), shops, st.integers(0, 4), flags),
        st.tuples(st.just("confirm"), st.integers(0, 9), st.integers(0, 3)),
        st.tuples(st.just("release"), ledgers, st.integers(0, 9)),
        st.tuples(st.just("late"), st.integers(0, 20)),
    ),
    max_size=40,
)


def sale(said: list[tuple[object, ...]], of_hot: Core | None = None) -> World:
    """What happens, then all that is left is sold, moves into the shops, and is collected."""
    world = World(of_hot=of_hot)
    for store_id in SHOPS:
        world.stock(store_id, SKU, UNITS)
    for what, *how in said:
        match what, how:
            case "turn", [list(which)]:
                world.turn()
                for ledger_id in which:
                    world.adopt(ledger_id)
            case "adopt", [str(ledger_id)]:
                world.adopt(ledger_id)
            case "reserve", [str(store_id), int(units), bool(at_hot), int(lost)]:
                world.reserve(store_id, units, first_at_hot=at_hot, losses=lost)
            case "repeat", [int(pick), bool(at_hot)] if world.calls:
                world.repeat(pick, first_at_hot=at_hot)
            case "hand", [str(store_id), int(units), bool(arrives)]:
                world.hand(store_id, units, arrives=arrives)
            case "give_back", [str(store_id), int(units), bool(arrives)]:
                world.give_back(store_id, units, arrives=arrives)
            case "confirm", [int(pick), int(lost_at)]:
                world.confirm(pick, lost_at)
            case "release", [str(ledger_id), int(pick)]:
                world.step(ledger_id, pick, "release")
            case "late", [int(pick)]:
                world.deliver(pick)
    for store_id in SHOPS:
        world.sell_out(store_id)
    world.finish_moves()
    for held in world.holds(HOT):
        world.move(held.number)
    return world


@pytest.mark.timeout(300)
@settings(max_examples=150)
@given(happenings)
def test_exactly_what_there_is_is_sold(said: list[tuple[object, ...]]) -> None:
    world = sale(said)
    for store_id in SHOPS:
        for held in world.holds(store_id):
            world.say(store_id, Confirm(world.key(), held.number, 0))
        for _ in world.holds(store_id):
            world.step(store_id, 0, "collect")
        position = world.ledgers[store_id].ledger.positions[SKU]
        assert (position.sold, position.on_hand, position.reserved, position.allotted) == (UNITS, 0, 0, 0)
    world.check()


def refuses_without_fetching(ledger: Ledger, command: object, now_ms: int) -> Decision:
    decision = decide_hot_sku(ledger, command, now_ms)  # type: ignore[arg-type]
    if isinstance(decision, Rejection) and decision.reason is Reason.HOT_FETCH:
        return replace(decision, reason=Reason.INSUFFICIENT_STOCK)
    return decision


def test_a_refusal_without_fetching_is_seen() -> None:
    with pytest.raises(AssertionError, match="units are in the shop"):
        sale([("turn", [*SHOPS, HOT])], assembled(decided=refuses_without_fetching))
