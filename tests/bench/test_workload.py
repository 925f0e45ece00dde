"""The workload: the real one is read as it is, the made-up one has its skew, and a seed always gives the same."""

from collections import Counter
from collections.abc import Sequence
from math import log
from pathlib import Path
from statistics import linear_regression
from typing import NamedTuple

import pytest

from bench.workload import (
    BASKETS_BY_LINES,
    BUSIEST_STORE,
    QUANTITY_MAX,
    QUANTITY_MIN,
    SEEDED_SOURCE,
    SHARED_DATA_DEFAULT,
    Order,
    SharedDataMissing,
    Workload,
    is_present,
    load_workload,
    opening_stock,
    real_workload,
    seeded_workload,
)

SEED = 7

# The skew of the data set's whole year: SOURCES.md beside the data.
TOP_PRODUCT = 0.012
TOP_10 = 0.042
TOP_1_PERCENT = 0.196
TOP_10_PERCENT = 0.495
ZIPF_EXPONENT = 0.64

needs_data = pytest.mark.skipif(
    not is_present(SHARED_DATA_DEFAULT), reason=f"{SHARED_DATA_DEFAULT} is absent: the real orders are not shipped"
)


class Skew(NamedTuple):
    """How unevenly lines fall on products and shops. Shares are of all lines, between 0 and 1."""

    lines: int
    products: int
    stores: int
    top_product: float
    top_10: float
    top_1_percent: float
    top_10_percent: float
    zipf_exponent: float
    busiest_store: float


def skew_of(orders: Sequence[Order]) -> Skew:
    """Measure orders of at least 2,000 products; the exponent is fitted over ranks 10 to 2,000, by least squares."""
    by_product = Counter(sku for order in orders for sku, _ in order.lines)
    by_store: Counter[str] = Counter()
    for order in orders:
        by_store[order.store_id] += len(order.lines)
    counts = sorted(by_product.values(), reverse=True)
    lines, products = sum(counts), len(counts)
    ranks = range(10, min(2_000, products) + 1)
    fit = linear_regression([log(rank) for rank in ranks], [log(counts[rank - 1]) for rank in ranks])
    return Skew(
        lines,
        products,
        len(by_store),
        counts[0] / lines,
        sum(counts[:10]) / lines,
        sum(counts[: products // 100]) / lines,
        sum(counts[: products // 10]) / lines,
        -fit.slope,
        max(by_store.values()) / lines,
    )


@pytest.fixture(scope="module")
def made_up() -> Workload:
    return seeded_workload(SEED, None)


def _sizes(workload: Workload) -> tuple[int, ...]:
    counts = Counter(len(order.lines) for order in workload.orders)
    return tuple(counts[size] for size in range(1, max(counts) + 1))


def _is_well_formed(workload: Workload) -> None:
    shops = {shop.store_id for shop in workload.shops}
    baskets = {order.basket_id for order in workload.orders}
    assert len(baskets) == len(workload.orders)
    for order in workload.orders:
        assert order.store_id in shops
        assert len({sku for sku, _ in order.lines}) == len(order.lines) > 0
        assert all(QUANTITY_MIN <= quantity <= QUANTITY_MAX for _, quantity in order.lines)


@pytest.mark.parametrize("seed", [1, SEED, 2017])
def test_the_made_up_orders_have_the_measured_skew(seed: int) -> None:
    skew = skew_of(seeded_workload(seed, None).orders)
    assert skew.lines == 42_952
    assert skew.top_product == pytest.approx(TOP_PRODUCT, abs=0.0005)
    assert skew.top_10 == pytest.approx(TOP_10, abs=0.001)
    assert skew.top_1_percent == pytest.approx(TOP_1_PERCENT, abs=0.002)
    assert skew.top_10_percent == pytest.approx(TOP_10_PERCENT, abs=0.002)
    assert skew.zipf_exponent == pytest.approx(ZIPF_EXPONENT, abs=0.02)
    # Drawn, not dealt: five standard deviations of 27,000 baskets.
    assert skew.busiest_store == pytest.approx(BUSIEST_STORE, abs=0.005)


def test_the_made_up_baskets_have_the_sizes_of_the_real_ones(made_up: Workload) -> None:
    assert _sizes(made_up) == BASKETS_BY_LINES
    _is_well_formed(made_up)
    assert made_up.source == SEEDED_SOURCE


def test_the_same_seed_gives_the_same_workload(made_up: Workload) -> None:
    assert seeded_workload(SEED, None) == made_up
    assert seeded_workload(SEED + 1, None) != made_up
    assert opening_stock(made_up.orders, SEED) == opening_stock(made_up.orders, SEED)


def test_fewer_orders_are_the_first_of_all_orders(made_up: Workload) -> None:
    few = seeded_workload(SEED, 100)
    assert few.orders == made_up.orders[:100]
    assert {shop.store_id for shop in few.shops} == {order.store_id for order in few.orders}


def test_a_realistic_part_of_the_positions_runs_short(made_up: Workload) -> None:
    demand: Counter[tuple[str, str]] = Counter()
    for order in made_up.orders:
        for sku, quantity in order.lines:
            demand[order.store_id, sku] += quantity
    on_hand = {(each.store_id, each.sku): each.received - each.sold for each in opening_stock(made_up.orders, SEED)}
    short = sum(1 for place, units in demand.items() if on_hand.get(place, 0) < units)
    assert 0.02 < short / len(demand) < 0.10
    assert min(on_hand.values()) == 0, "some shelves are empty, and known"
    assert len(on_hand) < len(demand), "some positions were never stocked"


def test_a_named_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SharedDataMissing, match="name the folder that has it"):
        load_workload(SEED, shared_data=tmp_path)


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_SHARED_DATA", str(tmp_path))
    with pytest.raises(SharedDataMissing):
        load_workload(SEED)


@needs_data
def test_the_real_orders_are_read_as_they_are() -> None:
    workload = real_workload(SHARED_DATA_DEFAULT, SEED, None)
    skew = skew_of(workload.orders)
    assert (len(workload.orders), skew.lines, skew.products, skew.stores) == (26_955, 42_952, 15_223, 231)
    assert _sizes(workload) == BASKETS_BY_LINES, "the made-up baskets take their sizes from these"
    _is_well_formed(workload)
    assert workload.source != SEEDED_SOURCE


@needs_data
def test_the_real_orders_skew_is_near_that_of_the_whole_year() -> None:
    """The figures of SOURCES.md are of the year's sample, the file has seven months of it: fewer products and shops."""
    skew = skew_of(real_workload(SHARED_DATA_DEFAULT, SEED, None).orders)
    assert skew.top_product == pytest.approx(TOP_PRODUCT, abs=0.001)
    assert skew.top_10 == pytest.approx(TOP_10, abs=0.002)
    assert skew.top_1_percent == pytest.approx(TOP_1_PERCENT, abs=0.02)
    assert skew.top_10_percent == pytest.approx(TOP_10_PERCENT, abs=0.04)
    assert skew.zipf_exponent == pytest.approx(ZIPF_EXPONENT, abs=0.02)
    assert skew.busiest_store == pytest.approx(BUSIEST_STORE, abs=0.001)


@needs_data
def test_each_store_stands_at_a_place_of_its_own_and_the_output_says_that_it_is_made_up() -> None:
    workload = real_workload(SHARED_DATA_DEFAULT, SEED, None)
    places = {(shop.latitude, shop.longitude) for shop in workload.shops}
    assert len(places) > 0.99 * len(workload.shops)
    assert all(-90 <= shop.latitude <= 90 and -180 <= shop.longitude < 0 for shop in workload.shops)
    assert any("made up" in note for note in workload.notes)
