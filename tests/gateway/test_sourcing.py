"""Ranking and planning as a customer sees them: pages of shops and plans, each limit, each rule that excludes."""

from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from serve.sourcing.plan import NoPlan, Plan, plan
from serve.sourcing.ranking import (
    UNLIMITED,
    Candidate,
    Demand,
    Exclusion,
    Known,
    Limits,
    Query,
    SourcingPolicy,
    rank,
)
from serve.sourcing.store_index import NEVER_MS, StoreIndex
from tests.gateway.shops import HOME, as_text, shop, world

ONE_STORE, SPLIT, PARTIAL = SourcingPolicy

PAGES: Final = {
    "the nearest with everything, not the nearest": (
        "A 2, B 1",
        """
        S1 1 2 0
        S2 5 9 9
        S3 3 2 1
        """,
        {ONE_STORE: "S3 A 2 B 1; 3 km", SPLIT: "S3 A 2 B 1; 3 km", PARTIAL: "S3 A 2 B 1; 3 km"},
    ),
    "of equally near ones the smaller id": (
        "A 1",
        """
        S3 7 1
        S2 7 1
        S1 8 1
        """,
        {ONE_STORE: "S2 A 1; 7 km"},
    ),
    "two shops, the shortest way": (
        "A 1, B 1, C 1",
        """
        S1 1 1 0 0
        S2 2 0 1 0
        S3 9 0 0 1
        S4 6 1 0 1
        S5 5 0 1 1
        """,
        {
            ONE_STORE: "no plan; some S1 S2 S5",
            SPLIT: "S1 A 1, S5 B 1 C 1; 6 km",
            PARTIAL: "S1 A 1, S5 B 1 C 1; 6 km",
        },
    ),
    "fewer shops go before a shorter way": (
        "A 1, B 1, C 1",
        """
        S1 1 1 0 0
        S2 2 0 1 0
        S3 3 0 0 1
        S4 90 0 1 1
        """,
        {SPLIT: "S1 A 1, S4 B 1 C 1; 91 km"},
    ),
    "a SKU is divided only where none of the chosen has all of it": (
        "A 5, B 1, C 1",
        """
        S1 1 3 1 0
        S2 2 5 0 1
        """,
        {SPLIT: "S1 B 1, S2 A 5 C 1; 3 km"},
    ),
    "and then the nearest gives what it has first": (
        "A 7",
        """
        S1 1 3
        S2 2 2
        S3 3 4
        """,
        {ONE_STORE: "no plan; short A 4 of 7; some S1 S2 S3", SPLIT: "S1 A 3, S3 A 4; 4 km"},
    ),
    "what cannot be had is short": (
        "A 4, B 2, C 1",
        """
        S1 1 2 1 0
        S2 2 1 0 0
        S3 3 0 1 0
        """,
        {
            SPLIT: "no plan; short A 3 of 4, C 0 of 1; some S1 S2 S3",
            PARTIAL: "S1 A 2 B 1, S2 A 1, S3 B 1; short A 3 of 4, C 0 of 1; 6 km",
        },
    ),
    "a part from one shop is a part from the nearest that has all that can be had": (
        "A 9",
        """
        S1 1 -2
        S2 2 0
        S3 3 5
        """,
        {ONE_STORE: "no plan; short A 5 of 9; some S3", PARTIAL: "S3 A 5; short A 5 of 9; 3 km"},
    ),
    "nothing at all is refused by every policy": (
        "A 1",
        "S1 1 0",
        dict.fromkeys(SourcingPolicy, "no plan; short A 0 of 1"),
    ),
    "without shops too": ("A 1", "", dict.fromkeys(SourcingPolicy, "no plan; short A 0 of 1")),
    "lines of one SKU are summed": (
        "A 1, B 1, A 1",
        """
        S1 1 1 1
        S2 2 2 1
        """,
        {ONE_STORE: "S2 A 2 B 1; 2 km"},
    ),
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: tuple[str, str, dict[SourcingPolicy, str]]) -> None:
    demand, shops, expected = page
    here = world(demand, shops)
    if not shops:
        here = here._replace(known=Known(np.zeros((0, len(here.demand.skus)), np.int64)))
    assert {policy: as_text(here.plan(policy)) for policy in expected} == expected


SCATTERED: Final = """
    S1 10 1 0 0
    S2 20 0 1 0
    S3 30 0 0 1
    S4 40 1 1 1
    """


@pytest.mark.parametrize(
    ("policy", "stores_max", "kilometres_max", "expected"),
    [
        (SPLIT, 3, 30.0, "S1 A 1, S2 B 1, S3 C 1; 60 km"),
        (SPLIT, 2, 30.0, "no plan; whole S4; some S1 S2 S3"),
        (SPLIT, 3, 29.9, "no plan; short C 0 of 1; whole S4; some S1 S2 S3"),
        (SPLIT, 3, 40.0, "S4 A 1 B 1 C 1; 40 km"),
        (ONE_STORE, 3, 30.0, "no plan; whole S4; some S1 S2 S3"),
        (PARTIAL, 3, 29.9, "S1 A 1, S2 B 1; short C 0 of 1; 30 km"),
        (PARTIAL, 2, 30.0, "S1 A 1, S2 B 1; short C 0 of 1; 30 km"),
        (PARTIAL, 3, 9.9, "no plan; short A 0 of 1, B 0 of 1, C 0 of 1; whole S4; some S1 S2 S3"),
    ],
)
def test_limits_hold_and_a_refusal_says_who_is_beyond_them(
    policy: SourcingPolicy, stores_max: int, kilometres_max: float, expected: str
) -> None:
    found = world("A 1, B 1, C 1", SCATTERED).plan(policy, stores_max, kilometres_max)
    assert as_text(found) == expected


def test_a_refusal_explains_whom_it_offers() -> None:
    found = world("A 1, B 1, C 1", SCATTERED).plan(ONE_STORE, 3, 30.0)
    assert isinstance(found, NoPlan)
    assert [shop for shop in found.near if shop[2]] == [("S4", 40_000, True)]
    assert next(metres for _, metres, whole in found.near if not whole) == 10_000


def test_no_more_shops_than_that_are_offered() -> None:
    found = world("A 2", "\n".join(f"S{number} {number} 1" for number in range(1, 8))).plan(SPLIT, 1)
    assert as_text(found) == "no plan; short A 1 of 2; some S1 S2 S3"


# Each shop breaks its rule and all later ones; the last but one lacks a part, the last nothing.
RULES: Final = [*Exclusion, None]
NOON_MS: Final = 43_200_000


def every_rule() -> tuple[StoreIndex, Known, Query]:
    def breaks(rule: Exclusion) -> list[bool]:
        return [number <= RULES.index(rule) for number in range(len(RULES))]

    far, unplaced = breaks(Exclusion.TOO_FAR), breaks(Exclusion.NO_PLACE)
    shops = [
        shop(
            f"S{number}",
            None if unplaced[number] else 0.0,
            None if unplaced[number] else 1.0 if far[number] else 0.001,
            paused=breaks(Exclusion.PAUSED)[number],
            channels=("app",) if breaks(Exclusion.CHANNEL_NOT_SERVED)[number] else (),
        )
        for number in range(len(RULES))
    ]
    none, some = breaks(Exclusion.NO_STOCK), breaks(Exclusion.NOT_ENOUGH_STOCK)
    known = Known(
        np.array([[0, 0] if none[n] else [1, 0] if some[n] else [1, 1] for n in range(len(RULES))], np.int64),
        np.array([not closed for closed in breaks(Exclusion.CLOSED)]),
        np.array([0 if full else 3 for full in breaks(Exclusion.NO_CAPACITY)], np.int64),
        np.array([NOON_MS + late for late in breaks(Exclusion.NOT_READY_IN_TIME)], np.int64),
    )
    return (
        StoreIndex.of(1, shops),
        known,
        Query(HOME, Demand.of([("A", 1), ("B", 1)]), "web", Limits(3, 10.0), NOON_MS),
    )


def test_every_rule_excludes_and_the_first_is_told() -> None:
    store_index, known, ask = every_rule()
    ranking = rank(store_index, known, ask, ONE_STORE, at_most=100, explain=True)
    assert {each.store_id: each.excluded for each in ranking.candidates} == {
        f"S{number}": rule for number, rule in enumerate(RULES)
    }
    assert ranking.excluded == dict.fromkeys(Exclusion, 1)
    assert (ranking.suited, ranking.left_off) == (1, 0)
    assert ranking.candidates[0] == Candidate("S9", 111, (("A", 1), ("B", 1)), 3, None, NOON_MS)
    found = plan(store_index, known, ask, ONE_STORE)
    assert isinstance(found, Plan)
    assert [part.store_id for part in found.parts] == ["S9"]


def test_a_shop_without_a_place_is_out_of_every_search_and_has_no_distance() -> None:
    index = StoreIndex.of(1, [shop("S1", None, None), shop("S2", 0.0, 0.0)])
    known, ask = Known(np.array([[5], [5]], np.int64)), Query(HOME, Demand.of([("A", 1)]), "web")
    for policy in SourcingPolicy:
        ranking = rank(index, known, ask, policy, at_most=100, explain=True)
        assert [(each.store_id, each.excluded, each.kilometres) for each in ranking.candidates] == [
            ("S2", None, 0.0),
            ("S1", Exclusion.NO_PLACE, 0.0),
        ]
    refused = plan(index, known, Query(HOME, Demand.of([("A", 9)]), "web"), ONE_STORE)
    assert isinstance(refused, NoPlan)
    assert [store_id for store_id, _, _ in refused.near] == ["S2"]


def test_having_something_is_enough_where_a_basket_may_be_divided() -> None:
    store_index, known, ask = every_rule()
    ranking = rank(store_index, known, ask, SPLIT)
    assert [each.store_id for each in ranking.candidates] == ["S8", "S9"]
    assert Exclusion.NOT_ENOUGH_STOCK not in ranking.excluded


def test_a_shortfall_is_told_as_nothing_available() -> None:
    here = world("A 1, B 1", "S1 1 -3 1")
    (only,) = rank(here.store_index, here.known, here.ask(), SPLIT).candidates
    assert only.available == (("A", 0), ("B", 1))


@pytest.mark.parametrize("policy", SourcingPolicy)
def test_an_explanation_covers_every_shop_candidates_first(policy: SourcingPolicy) -> None:
    store_index, known, ask = every_rule()
    ranking = rank(store_index, known, ask, policy, at_most=100, explain=True)
    assert sorted(each.store_id for each in ranking.candidates) == list(store_index.store_ids)
    assert [each.excluded is None for each in ranking.candidates] == [True] * ranking.suited + [False] * (
        len(store_index) - ranking.suited
    )
    few = rank(store_index, known, ask, policy, at_most=3, explain=True)
    assert few.candidates == ranking.candidates[:3]
    assert few.excluded == ranking.excluded


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("at_most", [0, 1, 2, 5, 100])
@pytest.mark.parametrize("policy", SourcingPolicy)
def test_no_shop_goes_unmentioned(policy: SourcingPolicy, at_most: int, explain: bool) -> None:
    store_index, known, ask = every_rule()
    ranking = rank(store_index, known, ask, policy, at_most=at_most, explain=explain)
    named = sum(each.excluded is None for each in ranking.candidates)
    assert named + ranking.left_off == ranking.suited
    assert ranking.suited + sum(ranking.excluded.values()) == len(store_index)


@pytest.mark.parametrize("explain", [False, True])
def test_a_shop_that_nobody_asked_is_not_said_to_have_nothing(explain: bool) -> None:
    here = world("A 1", "S1 1 1\nS2 2 0\nS3 3 0\nS4 9 0")
    known = Known(here.known.available, asked=np.array([True, True, False, False]))
    for policy in SourcingPolicy:
        ranking = rank(here.store_index, known, here.ask(3, 5.0), policy, explain=explain)
        assert (ranking.suited, ranking.left_off) == (1, 1)
        assert ranking.excluded == {Exclusion.TOO_FAR: 1, Exclusion.NO_STOCK: 1}
        assert [each.store_id for each in ranking.candidates] == (["S1", "S2", "S4"] if explain else ["S1"])


def test_the_sequence_is_distance_then_id_however_few_are_told() -> None:
    here = world("A 1", "\n".join(f"S{number:02d} {number // 4 + 1} 1" for number in range(40)))
    ask = here.ask()
    whole = [each.store_id for each in rank(here.store_index, here.known, ask, ONE_STORE, at_most=100).candidates]
    assert whole == [f"S{number:02d}" for number in range(40)]
    for at_most in (0, 1, 2, 39, 40):
        some = rank(here.store_index, here.known, ask, ONE_STORE, at_most=at_most)
        assert [each.store_id for each in some.candidates] == whole[:at_most]
        assert some.left_off == 40 - at_most


def test_a_channel_that_no_shop_names_is_served_by_those_that_name_none() -> None:
    store_index = StoreIndex.of(1, [shop("S1", 0, 0, channels=("web",)), shop("S2", 0, 0), shop("S3", 0, 0)])
    assert store_index.serves("web").tolist() == [True, True, True]
    assert store_index.serves("kiosk").tolist() == [False, True, True]


def test_a_shop_that_stays_closed_is_closed_whenever_it_is_asked_for() -> None:
    here = world("A 1", "S1 1 1\nS2 2 1\nS3 3 1")
    known = Known(here.known.available, ready_ms=np.array([NEVER_MS, NOON_MS, NOON_MS + 1]))
    for ready_by_ms, late in ((NOON_MS, Exclusion.NOT_READY_IN_TIME), (NOON_MS + 1, None), (0, None)):
        ask = replace(here.ask(), ready_by_ms=ready_by_ms)
        ranking = rank(here.store_index, known, ask, ONE_STORE, explain=True)
        assert {each.store_id: (each.ready_ms, each.excluded) for each in ranking.candidates} == {
            "S1": (None, Exclusion.CLOSED),
            "S2": (NOON_MS, None),
            "S3": (NOON_MS + 1, late),
        }


def test_a_refusal_offers_no_shop_that_is_not_ready_in_time() -> None:
    here = world("A 2", "S1 1 2\nS2 2 1\nS3 30 2\nS4 40 2")
    known = Known(here.known.available, ready_ms=np.array([NEVER_MS, NOON_MS + 1, NOON_MS + 1, NOON_MS]))
    found = plan(here.store_index, known, replace(here.ask(3, 10.0), ready_by_ms=NOON_MS), ONE_STORE)
    assert as_text(found) == "no plan; short A 0 of 2; whole S4"


@pytest.mark.parametrize(
    ("shops", "ready_ms", "too_soon"),
    [
        ("S1 1 2\nS2 2 1", (NOON_MS + 1, NOON_MS), True),
        ("S1 1 2\nS2 2 1", (NEVER_MS, NOON_MS + 1), False),
        ("S1 30 2\nS2 2 1", (NOON_MS + 1, NOON_MS + 1), False),
        ("S1 1 1\nS2 2 1", (NOON_MS + 1, NOON_MS + 1), False),
        ("S1 1 1\nS2 2 1", (NOON_MS, NOON_MS), False),
    ],
    ids=["later", "stays closed", "too far as well", "too little as well", "too little alone"],
)
def test_a_refusal_says_whether_more_time_would_do(shops: str, ready_ms: tuple[int, int], too_soon: bool) -> None:
    here = world("A 2", shops)
    known = Known(here.known.available, ready_ms=np.array(ready_ms))
    found = plan(here.store_index, known, replace(here.ask(3, 10.0), ready_by_ms=NOON_MS), ONE_STORE)
    assert isinstance(found, NoPlan)
    assert found.too_soon is too_soon


def test_a_shop_whose_pickups_nobody_counts_is_not_full() -> None:
    here = world("A 1", "S1 1 1\nS2 2 1\nS3 3 1")
    known = Known(here.known.available, capacity_left=np.array([0, UNLIMITED, 5]))
    ranking = rank(here.store_index, known, here.ask(), ONE_STORE, explain=True)
    assert [(each.store_id, each.capacity_left, each.excluded) for each in ranking.candidates] == [
        ("S2", None, None),
        ("S3", 5, None),
        ("S1", 0, Exclusion.NO_CAPACITY),
    ]
