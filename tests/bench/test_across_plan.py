"""The second act: drawn from the seed, in the shares that are set, and such that orders must be split."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
import typer

from bench.demo.__main__ import ORDERS_MIN, main
from bench.demo.calls import Kind, Repeat, draw_repeat, other_content
from bench.demo.plan import (
    HOT_SKU,
    LIMITED_CHANNEL,
    LIMITS,
    ORDER_FATES,
    ORDER_LIMIT,
    ORDER_REPEATS,
    ORDERS,
    POLICIES,
    SKUS_OF_GROUP,
    SLOT_SKU,
    UNIT_LIMIT,
    Across,
    across_plan,
    amendment_of,
    shops_with_slots,
    write_chain_file,
)
from bench.workload import Shop, seeded_workload
from holdfast.client import SourcingPolicy
from serve.config.chain_file import read_chain_file
from tests.bench.order_history import PLACED

SEED = 7


@pytest.fixture(scope="module")
def shops() -> tuple[Shop, ...]:
    return seeded_workload(SEED, 2_000).shops


@pytest.fixture(scope="module")
def plan(shops: tuple[Shop, ...]) -> Across:
    return across_plan(shops, SEED)


def test_the_same_seed_asks_the_same(shops: tuple[Shop, ...], plan: Across) -> None:
    assert across_plan(shops, SEED) == plan
    assert across_plan(shops, SEED + 1) != plan


def test_the_shares_are_those_that_are_set(plan: Across) -> None:
    assert sum(ORDER_FATES.values()) == sum(POLICIES.values()) == 100
    policies = Counter(journey.placing.asked["policy"] for journey in plan.journeys)
    for policy, share in POLICIES.items():
        assert policies[policy] / ORDERS == pytest.approx(share / 100, abs=0.05)
    assert {journey.steps for journey in plan.journeys} == set(ORDER_FATES)
    assert 0.15 < sum(1 for journey in plan.journeys if journey.wants_slot >= 0) / ORDERS < 0.35


def test_no_shop_alone_has_what_is_to_be_split(plan: Across) -> None:
    stocked: dict[str, set[str]] = {}
    for opening in plan.openings:
        stocked.setdefault(opening.store_id, set()).add(opening.sku)
    to_split = [journey.placing for journey in plan.journeys if journey.placing.asked["policy"] is SourcingPolicy.SPLIT]
    assert to_split
    for call in to_split:
        assert not any({sku for sku, _ in call.asked["lines"]} <= skus for skus in stocked.values())


def test_no_position_is_opened_twice_and_no_two_calls_share_a_key(plan: Across) -> None:
    assert max(Counter((opening.store_id, opening.sku) for opening in plan.openings).values()) == 1
    calls = [journey.placing for journey in plan.journeys]
    calls += [call for seeker in plan.seekers for call in (*seeker.first, *seeker.second)]
    assert max(Counter(call.key for call in calls).values()) == 1


def test_customers_live_near_shops(shops: tuple[Shop, ...], plan: Across) -> None:
    for journey in plan.journeys:
        place = journey.placing.asked["place"]
        apart = [abs(shop.latitude - place.latitude) + abs(shop.longitude - place.longitude) for shop in shops]
        assert min(apart) < 1.5


def test_seekers_ask_for_more_than_their_limit_in_several_shops(plan: Across) -> None:
    for seeker in plan.seekers:
        if seeker.customer_id.startswith("unit-"):
            units = sum(quantity for call in seeker.first for sku, quantity in call.asked["lines"] if sku == HOT_SKU)
            assert units > UNIT_LIMIT.units_max
            assert len({call.store_id for call in seeker.first}) > 1
        else:
            assert {call.asked["channel"] for call in seeker.first} == {LIMITED_CHANNEL}
            assert len(seeker.first) > ORDER_LIMIT.open_reservations_max


def test_named_shops_are_asked_only_where_a_limit_makes_it_an_order(plan: Across) -> None:
    for seeker in plan.seekers:
        for call in seeker.first:
            limited = {limit.sku for limit in LIMITS if limit.channel in ("", call.asked["channel"])}
            assert call.kind is Kind.RESERVE_NEAR or limited & {sku for sku, _ in call.asked["lines"]}


def test_amendments_change_one_shop_and_never_ask_for_nothing_new() -> None:
    seen = set()
    for seed in range(200):
        [change] = amendment_of(PLACED, Random(seed))
        [part] = [part for part in PLACED.parts if part.store_id == change.store_id]
        assert change.lines != tuple((line.sku, line.quantity) for line in part.lines)
        seen.add(change)
    assert len(seen) == 5, "each shop left out, one or three apples, two pears"


def test_repeats_are_drawn_and_other_content_is_other(plan: Across) -> None:
    draw = Random(SEED)
    assert {draw_repeat(Kind.RESERVE_NEAR, draw, ORDER_REPEATS) for _ in range(2_000)} == set(Repeat)
    assert Repeat.OTHER_CONTENT not in {draw_repeat(Kind.COLLECT_ORDER, draw, ORDER_REPEATS) for _ in range(2_000)}
    for journey in plan.journeys[:50]:
        other = other_content(journey.placing)
        assert other != journey.placing
        assert other.key == journey.placing.key


def test_the_chain_file_holds_and_has_slots_with_few_places(
    shops: tuple[Shop, ...], plan: Across, tmp_path: Path
) -> None:
    with_slots = shops_with_slots(shops, SEED)
    assert plan.slot_shop_id in with_slots
    assert any(opening.sku == SLOT_SKU and opening.store_id == plan.slot_shop_id for opening in plan.openings)
    path = tmp_path / "chain.yaml"
    write_chain_file(path, shops, with_slots)
    chain_file = read_chain_file(path)
    policy = chain_file.to_policy()
    assert policy is not None
    assert policy.chain_limit_rules == (), "the first act knows no limit over the chain"
    slotted = [store for store in chain_file.to_stores(2026) if store.calendar.slot_minutes]
    assert {store.store_id for store in slotted} == with_slots
    assert {slot.capacity for store in slotted for slot in store.calendar.slots_between(0, 86_400_000)} == {3}


@pytest.mark.parametrize("seed", [SEED, 2017])
def test_the_fewest_baskets_that_the_demo_takes_are_for_shops_of_every_group(seed: int) -> None:
    shops = seeded_workload(seed, ORDERS_MIN).shops
    openings = {opening.sku for opening in across_plan(shops, seed).openings}
    assert openings >= {sku for group in SKUS_OF_GROUP for sku in group}, "or no basket had to be split"


def test_fewer_are_refused_by_name() -> None:
    with pytest.raises(
        typer.BadParameter, match=f"too few shops to split orders over; take {ORDERS_MIN} or more"
    ) as no:
        main(orders=ORDERS_MIN - 1)
    assert no.value.param_hint == "--orders"
