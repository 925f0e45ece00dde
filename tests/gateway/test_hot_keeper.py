"""What a gateway does about hot SKUs by itself: opens them in time or by rate, and has units where they belong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.protocol.placement import CHAIN_ACTOR
from actors.shop.hot.units import HandUnits
from holdfast.v1 import (
    admin_service_pb2 as ad,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_pb2,
    stock_service_pb2 as ss,
)
from serve.coordination.hot_keeper import CALM_ROUNDS, HOT_ROUNDS
from serve.routing.batcher import DeadlinePassed
from serve.wire.fields import fill_instant
from tests.gateway.front import Front, reserve_request
from tests.gateway.hot import available, demote, first, promote, tidy
from tests.gateway.test_hot_counts_away import actor_of
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import ManualClock

UNITS = 10
RATE = 20


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper._rate = RATE
        front.gateway._keeper.close()  # it has its turns when tests say so
        for store_id in ("S1", "S2"):
            front.receive("H", UNITS, store_id)
        yield front


def is_open(front: Front) -> bool:
    listed = front.accept("ListHotSkus", ad.ListHotSkusRequest()).hot_skus
    return any(hot.sku == "H" and hot.open for hot in listed)


def second(front: Front, calls: int = 0) -> None:
    """A second with so many calls for it, and the keeper's turn."""

    async def pass_by() -> None:
        skip(1.0)

    for number in range(calls):
        front.accept("Reserve", reserve_request(f"{front.version()} {number}", "H"))
    front.run(pass_by)
    tidy(front)


def test_an_announced_sku_is_opened_at_its_time(front: Front) -> None:
    request = ad.PromoteSkuRequest(sku="H")
    fill_instant(front.clock.now_ms() + 500, request.starts_at)
    front.accept("PromoteSku", request)
    tidy(front)
    assert not is_open(front)
    assert front.accept("Reserve", first("before")).reservation.reservation_id.startswith("S1:")
    front.clock.move(500)
    tidy(front)
    assert is_open(front)
    assert front.accept("Reserve", first("after")).reservation.reservation_id.startswith("hot/H:")


def made_and_promoted(front: Front, since: int) -> list[str]:
    """Who was asked of: the actor of the SKU's ledger, and the chain to promote it."""
    steps = {(actor_of("H"), "positions"): "made", (CHAIN_ACTOR, "promote_sku"): "promoted"}
    return [steps[actor, method] for actor, method, *_ in front.actors.calls[since:] if (actor, method) in steps]


def test_the_actor_of_its_ledger_is_there_before_a_sku_is_promoted(front: Front) -> None:
    """Its first callers would wait for a process to start."""
    since = len(front.actors.calls)
    assert front.accept("PromoteSku", ad.PromoteSkuRequest(sku="H")).hot_sku.open
    assert made_and_promoted(front, since) == ["made", "promoted"]


def test_the_actor_of_its_ledger_is_there_once_a_sku_is_announced_which_does_not_wait_for_it(front: Front) -> None:
    request, since = ad.PromoteSkuRequest(sku="H"), len(front.actors.calls)
    fill_instant(front.clock.now_ms() + 500, request.starts_at)
    assert not front.accept("PromoteSku", request).hot_sku.open
    assert made_and_promoted(front, since) == ["promoted", "made"]


def test_the_actor_of_its_ledger_is_there_before_a_sku_is_promoted_by_its_rate(front: Front) -> None:
    since = len(front.actors.calls)
    for _ in range(HOT_ROUNDS + 1):
        second(front, 2 * RATE)
    assert is_open(front)
    assert made_and_promoted(front, since)[:2] == ["made", "promoted"]


def test_what_is_asked_for_often_is_promoted_and_demoted_when_it_is_calm(front: Front) -> None:
    second(front)
    for _ in range(HOT_ROUNDS):
        assert not is_open(front)
        second(front, 2 * RATE)
    assert is_open(front)
    for _ in range(2 * CALM_ROUNDS):
        assert is_open(front)
        second(front)
    second(front)
    assert not is_open(front)
    assert available(front, "S2") == UNITS


def test_one_busy_second_promotes_nothing(front: Front) -> None:
    second(front)
    for _ in range(3):
        second(front, 2 * RATE)
        second(front)
    assert not is_open(front)


def test_what_an_operator_announced_stays_however_calm_it_is(front: Front) -> None:
    promote(front)
    for _ in range(2 * CALM_ROUNDS + 2):
        second(front)
    assert is_open(front)


def test_a_shop_that_falls_short_gets_its_units_back(front: Front) -> None:
    """What a count takes away, the ledger of the SKU gives back, as far as it is free there."""
    promote(front)
    front.accept("Reserve", first("held", units=3))
    count = stock_pb2.Count(sku="H", quantity=5)
    front.accept(
        "CountStock",
        ss.CountStockRequest(
            idempotency_key="count", store_id="S1", counts=[count], holds=stock_pb2.HOLDS_COUNTED_INCLUDED
        ),
    )
    tidy(front)
    assert available(front) == 2
    assert front.accept("Reserve", first("two", units=2)).HasField("reservation")
    assert not front.accept("Reserve", first("none")).HasField("reservation")


def test_who_waits_in_line_is_served_from_the_ledger_of_the_sku(front: Front) -> None:
    """One that waits is its shop's; the units for it come back."""
    promote(front)
    held = front.accept("Reserve", first("all", units=UNITS)).reservation
    waits = reserve_request("waits", "H")
    waits.wait.FromSeconds(600)
    queued = front.accept("Reserve", waits).reservation
    assert queued.queue_position == 1
    request = rs.ReleaseReservationRequest(
        idempotency_key="r",
        reservation_id=held.reservation_id,
        reason=reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED,
    )
    front.accept("ReleaseReservation", request)
    for _ in range(2):
        tidy(front)
    now = front.accept("GetReservation", rs.GetReservationRequest(reservation_id=queued.reservation_id)).reservation
    assert now.queue_position == 0


def test_a_shop_that_was_away_is_seen_to_later(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Units of it that its SKU's ledger has not heard of when it is closed are known to nobody else."""
    assert front.accept("PromoteSku", ad.PromoteSkuRequest(sku="H")).hot_sku.open
    units = front.gateway._keeper._units
    front.run(lambda: units._totals(("S1", HandUnits("H")), front._runner.get_loop().time() + 5))  # and no more
    demote(front)
    give_back, asked = units.give_back, list[str]()

    async def away_at_first(place: tuple[str, str], *how: Any) -> bool:
        asked.append(place[0])
        if place[0] == "S1" and asked.count("S1") == 1:
            raise DeadlinePassed(sent=True)
        return await give_back(place, *how)

    monkeypatch.setattr(units, "give_back", away_at_first)
    tidy(front)
    assert available(front) == 0
    tidy(front)
    assert available(front) == UNITS
    tidy(front)
    assert sorted(asked) == ["S1", "S1", "S2"], "and nobody is asked once too often"


def test_a_closed_ledger_is_emptied_also_where_messages_were_lost(front: Front) -> None:
    promote(front)
    demote(front)
    for _ in range(3):
        front.actors.lose_answers("store-S1")
        front.actors.lose_answers("hot-0000-of-0002")
        front.actors.lose_answers("hot-0001-of-0002")
        tidy(front)
    for store_id in ("S1", "S2"):
        request = ss.GetAvailabilityRequest(store_ids=[store_id], skus=["H"])
        position = front.accept("GetAvailability", request).stores[0].positions[0]
        assert (position.available, position.allotted) == (UNITS, 0)
