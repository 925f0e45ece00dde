"""Where the shops are: distances as a textbook and a map have them."""

import csv
import math
import random
from typing import Final

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bench.workload import SHARED_DATA_DEFAULT, SHOPS_FILE
from serve.sourcing.places import Place
from serve.sourcing.plan import Part, Plan, plan
from serve.sourcing.ranking import Demand, Known, Limits, Query, SourcingPolicy, rank
from serve.sourcing.store_index import EARTH_RADIUS_METRES, Distances, StoreIndex
from tests.gateway.shops import shop


def test_an_index_does_not_change() -> None:
    index = StoreIndex.of(1, [shop("S1", 0, 0)])
    for array in (index.points, index.paused, index.serving_any):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def textbook_metres(one: Place, other: Place) -> float:
    (north, east), (other_north, other_east) = (tuple(math.radians(each) for each in place) for place in (one, other))
    haversine = (
        math.sin((other_north - north) / 2) ** 2
        + math.cos(north) * math.cos(other_north) * math.sin((other_east - east) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_METRES * math.asin(math.sqrt(min(1.0, haversine)))


PLACES: Final = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))


@given(PLACES, st.lists(PLACES, min_size=1, max_size=5))
def test_distances_are_those_of_the_textbook(place: Place, others: list[Place]) -> None:
    index = StoreIndex.of(1, [shop(f"S{number}", *each) for number, each in enumerate(others)])
    expected = [textbook_metres(place, each) for each in others]
    # On the far side of the earth the arc hardly changes with the sine: there both are good to a few metres.
    near = [3 if metres > 19_900_000 else 0.6 for metres in expected]
    assert all(abs(a - b) <= c for a, b, c in zip(index.metres_from(place).tolist(), expected, near, strict=True))


@given(PLACES, st.lists(PLACES, min_size=1, max_size=5))
def test_the_distance_to_one_shop_is_that_among_all(place: Place, others: list[Place]) -> None:
    index = StoreIndex.of(
        1, [shop("S", None, None), *(shop(f"S{number}", *each) for number, each in enumerate(others))]
    )
    alone, among_all = Distances(index, place), index.metres_from(place).tolist()
    assert [alone.to(row) for row in range(len(index))] == among_all


def test_the_dateline_and_the_far_side_are_no_exception() -> None:
    index = StoreIndex.of(1, [shop("S1", 0.0, -179.999), shop("S2", 0.0, 0.001), shop("S3", -33.0, -1.0)])
    assert index.metres_from(Place(0.0, 179.999))[0] == 222
    assert index.metres_from(Place(0.0, -179.999))[1] == pytest.approx(20_015_114, abs=2)
    assert index.metres_from(Place(33.0, 179.0))[2] == pytest.approx(20_015_114, abs=2)


def test_rounding_gives_no_arc_beyond_the_far_side() -> None:
    """Of two thousand places some have a haversine a little above 1 to the place opposite, which has no arc sine."""
    draw = random.Random(7)
    for _ in range(2_000):
        north, east = round(draw.uniform(-80, 80), 2), round(draw.uniform(0, 180), 2)
        index = StoreIndex.of(1, [shop("S1", -north, east - 180)])
        assert index.metres_from(Place(north, east))[0] == pytest.approx(20_015_114, abs=2)


SHOPS_CSV: Final = SHARED_DATA_DEFAULT / SHOPS_FILE


@pytest.mark.skipif(not SHOPS_CSV.is_file(), reason=f"{SHOPS_CSV} is absent: the real places are not shipped")
def test_real_shops_are_ranked_as_a_map_has_them() -> None:
    with SHOPS_CSV.open(encoding="utf-8", newline="") as file:
        rows = list({row["storenum"]: row for row in csv.DictReader(file)}.values())
    city = {row["storenum"]: row["STRCITY"] for row in rows}
    shops = [shop(row["storenum"], float(row["LAT"]), float(row["LON"])) for row in rows]
    index = StoreIndex.of(1, shops)
    bentonville = Place(36.3729, -94.2088)
    known = Known(np.ones((len(index), 1), np.int64))
    ask = Query(bentonville, Demand.of([("A", 1)]), "web")
    ranking = rank(index, known, ask, SourcingPolicy.ONE_STORE, at_most=1_000)
    metres = sorted(
        (round(textbook_metres(bentonville, Place(s.latitude or 0.0, s.longitude or 0.0))), s.store_id) for s in shops
    )
    assert city[ranking.candidates[0].store_id] == "Bentonville"
    assert ranking.candidates[0].kilometres < 10
    assert [(each.metres, each.store_id) for each in ranking.candidates] == metres[:1_000]
    found = plan(index, known, Query(bentonville, Demand.of([("A", 3)]), "web", Limits(3, 50.0)), SourcingPolicy.SPLIT)
    assert isinstance(found, Plan)
    assert [part.store_id for part in found.parts] == [store_id for _, store_id in metres[:3]]
    assert found.parts[0] == Part(metres[0][1], metres[0][0], (("A", 1),))
