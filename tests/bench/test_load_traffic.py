"""What arrivals ask for: in the shares of their mix, of what shops have, and the same for the same seed."""

from collections import Counter
from dataclasses import replace

import pytest

from bench.load.lanes import HERD, LIMITED, LIMITED_CHANNEL, ORDER, READ, RESERVE, STOCK, Op, channel_of
from bench.load.profile import LINES_BY_HOUR
from bench.load.session import Asked, NeedsItsOwn
from bench.load.traffic import MIXED, Mix, Places, Traffic, stock_of
from bench.record import ROOT
from bench.scenarios import failover, peak
from bench.workload import SHARED_DATA_DEFAULT, named_folder

PLACES = Places(tuple(f"S{number}" for number in range(6)), 50, orders_max=400)
ARRIVALS = 2_000
ORDERS = Mix(reads=0.2, stock=0.1, baskets="orders")


def asked(mix: Mix, *, index: int = 0, batch: int = 1, seed: str = "seed") -> list[Op]:
    traffic = Traffic(mix, PLACES, run="run", seed=seed, index=index, batch=batch)
    return [op for _ in range(ARRIVALS // batch) for op in traffic.arrival()]


def test_kinds_come_in_their_shares() -> None:
    mix = replace(MIXED, orders=0.1, limited=0.5)
    kinds = Counter(op.kind for op in asked(mix))
    for kind, share in ((READ, 0.25), (STOCK, 0.05), (ORDER, 0.1), (RESERVE, 0.3), (LIMITED, 0.3)):
        assert kinds[kind] == pytest.approx(share * ARRIVALS, rel=0.2)
    assert {channel_of(op) for op in asked(mix) if op.kind == LIMITED} == {LIMITED_CHANNEL}
    herd = [op for op in asked(Mix(hot="drop", hot_share=0.9)) if op.kind == HERD]
    assert len(herd) == pytest.approx(0.9 * ARRIVALS, rel=0.05)
    assert {op.lines for op in herd} == {(("drop", 1),)}


@pytest.mark.parametrize("mix", [MIXED, ORDERS, Mix()], ids=["mixed", "orders", "plain"])
def test_a_shop_has_all_that_is_asked_of_it(mix: Mix) -> None:
    stock = stock_of(PLACES, mix)
    ops = [op for op in asked(mix) if op.kind != ORDER]
    assert all(sku in stock[op.store_id] for op in ops for sku, _ in op.lines)
    assert {op.store_id for op in ops} == set(PLACES.store_ids)
    if mix.orders:
        assert all(sum(sku in skus for skus in stock.values()) == 3 for sku in ("left", "right"))


@pytest.mark.parametrize("mix", [MIXED, ORDERS], ids=["mixed", "orders"])
def test_the_same_seed_asks_the_same_and_no_two_calls_have_a_key_or_a_customer(mix: Mix) -> None:
    assert asked(mix) == asked(mix)
    assert [op.lines for op in asked(mix)] != [op.lines for op in asked(mix, seed="another")]
    keys = [op.key for index in range(2) for op in asked(mix, index=index) if op.kind != READ]
    customers = [op.customer_id for index in range(2) for op in asked(mix, index=index) if op.kind in (RESERVE, ORDER)]
    assert len(set(keys)) == len(keys)
    assert len(set(customers)) == len(customers)


def test_rows_of_a_stock_feed_are_numbered_in_each_shop_without_gaps() -> None:
    rows = asked(Mix(stock=1.0))
    for store_id in PLACES.store_ids:
        numbers = [op.sequence for op in rows if op.store_id == store_id]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_batch_has_reservations_alone() -> None:
    traffic = Traffic(MIXED, PLACES, run="run", seed="seed", batch=8)
    batch = traffic.arrival()
    assert [op.kind for op in batch] == [RESERVE] * 8


def test_the_busiest_day_is_a_weekday_of_the_real_lines() -> None:
    folder = named_folder() or SHARED_DATA_DEFAULT
    if not (folder / peak.HOURS_FILE).is_file():
        pytest.skip(f"{folder} is not here")
    found = peak.busiest_day()
    assert len(found) == len(LINES_BY_HOUR)
    assert sum(found) > 0
    assert found != LINES_BY_HOUR


def test_without_the_real_lines_the_day_has_a_shape_of_its_own() -> None:
    assert peak.busiest_day(ROOT / "bench") == LINES_BY_HOUR


def test_nothing_is_killed_in_a_service_that_is_not_the_runs_own() -> None:
    with pytest.raises(NeedsItsOwn, match="--target"):
        failover.plan(Asked(scratch=ROOT, target="127.0.0.1:1"))
