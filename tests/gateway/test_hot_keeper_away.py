"""A keeper of hot SKUs while one actor hangs: it goes on with all that does not need that one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from actors.protocol.placement import CHAIN_ACTOR
from holdfast.v1 import admin_service_pb2 as ad, reservation_pb2
from serve.wire.fields import fill_instant
from tests.gateway.away import Away
from tests.gateway.front import Front
from tests.gateway.hot import again, available, demote, first, got, promote, release
from tests.gateway.test_hot_counts_away import SKU, actor_of
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import ManualClock

HELD: Final = reservation_pb2.RESERVATION_STATUS_HELD
QUEUED: Final = reservation_pb2.RESERVATION_STATUS_QUEUED
TURNS_MAX: Final = 12
OTHER: Final = next(sku for sku in ("D", "E", "F", "G") if actor_of(sku) != actor_of(SKU))  # which comes first


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Units of two SKUs in S1 and S2, and a shop that has neither."""
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper.close()  # it has its turns when tests say so
        for store_id in ("S1", "S2"):
            for sku in (SKU, OTHER):
                front.receive(sku, 2, store_id)
        front.receive("A", 5, "S3")
        yield front


def turns(front: Front, away: Away, done: Callable[[], bool]) -> None:
    """Of the keeper, a second after another, until what it is to do is done."""

    async def turn() -> None:
        skip(1.0)
        await front.gateway._keeper.turn()

    for _ in range(TURNS_MAX):
        away.wait(turn)
        if done():
            return
    pytest.fail("the keeper does not do it")


def waiting(front: Front) -> str:
    """Somebody in line in S2, for whom a unit has just become free in the ledger of the SKU."""
    held = [front.accept("Reserve", again(first(key, "S2"))).reservation for key in ("a", "b")]
    assert all(each.reservation_id.startswith("hot/") for each in held)
    asked = again(first("ann", "S2"))
    asked.wait.FromSeconds(3_600)
    queued = front.accept("Reserve", asked).reservation
    assert queued.status == QUEUED
    release(front, held[0].reservation_id)
    return str(queued.reservation_id)


@pytest.mark.parametrize("actor", ["store-S1", actor_of(OTHER)])
def test_who_waits_is_served_while_another_actor_is_away(front: Front, actor: str) -> None:
    promote(front, OTHER)
    promote(front)
    ann = waiting(front)
    away = Away(front, actor)
    turns(front, away, lambda: got(front, ann).status == HELD)


def test_a_shop_that_is_away_at_the_promotion_delays_no_other(front: Front) -> None:
    away = Away(front, "store-S3")
    front.accept("PromoteSku", ad.PromoteSkuRequest(sku=SKU))
    away.wait(front.gateway._keeper.turn)
    ann = waiting(front)
    turns(front, away, lambda: got(front, ann).status == HELD)
    asked_before = len(front.actors.calls)
    away.back()
    turns(front, away, lambda: "store-S3" in {actor for actor, *_ in front.actors.calls[asked_before:]})


def test_a_sku_is_promoted_though_the_actor_of_its_ledger_is_away(front: Front) -> None:
    away = Away(front, actor_of(SKU))
    away.ask("PromoteSku", ad.PromoteSkuRequest(sku=SKU))
    assert [each.open for each in front.accept("ListHotSkus", ad.ListHotSkusRequest()).hot_skus] == [True]
    away.back()
    assert front.accept("Reserve", again(first("k"))).reservation.reservation_id.startswith("hot/")


@pytest.mark.parametrize("away_at", ["store-S1", "store-S3"])
def test_units_of_a_closed_sku_come_home_beside_a_shop_that_is_away(front: Front, away_at: str) -> None:
    promote(front)
    demote(front)
    away = Away(front, away_at)
    turns(front, away, lambda: available(front, "S2") == 2)
    assert front.accept("Reserve", first("k", "S2", units=2)).reservation.reservation_id.startswith("S2:")
    away.back()
    turns(front, away, lambda: available(front, "S1") == 2)


def announced(front: Front) -> None:
    request = ad.PromoteSkuRequest(sku=OTHER)
    fill_instant(front.clock.now_ms() + 500, request.starts_at)
    front.accept("PromoteSku", request)
    front.clock.move(600)


def test_who_waits_is_served_while_the_chain_is_away_that_is_to_open_another_sku(front: Front) -> None:
    promote(front)
    ann = waiting(front)
    announced(front)
    away = Away(front, CHAIN_ACTOR)
    turns(front, away, lambda: got(front, ann).status == HELD)


@pytest.mark.parametrize("actor", ["store-S3", actor_of(SKU)])
def test_an_announced_sku_is_opened_while_an_actor_is_away(front: Front, actor: str) -> None:
    promote(front)
    away = Away(front, actor)
    announced(front)

    def are_open() -> bool:
        listed = front.accept("ListHotSkus", ad.ListHotSkusRequest()).hot_skus
        return {hot.sku for hot in listed if hot.open} == {SKU, OTHER}

    turns(front, away, are_open)
