"""A shop that hangs, or is stopped, beside others: who asks for several has what the others say, and is told of it."""

from typing import Any

import grpc
import pytest

from actors.core.ids import ledger_of_hot
from actors.protocol.placement import Placement
from holdfast.v1 import admin_service_pb2 as ad, stock_service_pb2 as ss
from tests.gateway.away import Away
from tests.gateway.front import Answer, Front
from tests.gateway.hot import promote
from tests.gateway.test_hours import NOBODY, around_the_clock, book, put, slots
from tests.gateway.test_stopped_claims import stopped

CODE = grpc.StatusCode


def asked(*store_ids: str, **named: Any) -> ss.GetAvailabilityRequest:
    return ss.GetAvailabilityRequest(store_ids=store_ids, skus=["A"], **named)


def available(found: Answer) -> dict[str, int | str]:
    """By shop what it has, or the reason why nothing is said of it: then there are no numbers."""
    assert found.code is CODE.OK, found
    told: dict[str, int | str] = {}
    for store in found.reply.stores:
        if store.HasField("error"):
            assert (len(store.positions), store.version, store.HasField("as_of"), store.HasField("age")) == (0,) * 4
            assert store.error.metadata.get("store_id", store.store_id) == store.store_id
            told[store.store_id] = store.error.reason
        else:
            assert store.HasField("as_of")
            told[store.store_id] = store.positions[0].available
    return told


@pytest.fixture
def stocked(front: Front) -> Front:
    front.receive("A", 5, "S2")
    front.receive("A", 7, "S3")
    return front


@pytest.mark.parametrize("timeout_ms", ["", "300"])
def test_a_shop_that_hangs_is_told_with_its_error_and_the_others_with_their_units(
    stocked: Front, timeout_ms: str
) -> None:
    found = Away(stocked, "store-S2").ask("GetAvailability", asked("S1", "S2", "S3", "S2"), timeout_ms=timeout_ms)
    assert available(found) == {"S1": 1_000, "S2": "SHOP_AWAY", "S3": 7}
    stores = found.reply.stores
    assert [store.store_id for store in stores] == ["S1", "S2", "S3", "S2"], "in the request's sequence"
    assert (stores[1].error.code, stores[1].error.HasField("retry_after")) == (CODE.UNAVAILABLE.value[0], True)
    assert "shop S2 did not answer" in stores[1].error.message
    assert stores[3] == stores[1]


def test_a_shop_that_is_stopped_is_told_with_its_error_also_beside_others_of_its_actor(stocked: Front) -> None:
    with stopped(stocked, "S2"):
        found = stocked.ask("GetAvailability", asked("S1", "S2", "S3"))
        said = stocked.actors.store_actor("store-S2").availability(["S2", "S9"], ["A"])
    assert available(found) == {"S1": 1_000, "S2": "LEDGER_STOPPED", "S3": 7}
    assert found.reply.stores[1].error.code == CODE.DATA_LOSS.value[0]
    assert isinstance(said[0], str)
    assert said[1] == (0, stocked.clock.now_ms(), [None]), "a shop of the same actor"


def test_where_no_shop_can_be_read_the_call_ends_as_one_for_a_single_shop_does(stocked: Front) -> None:
    with stopped(stocked, "S3"):
        found = stocked.ask("GetAvailability", asked("S3"))
    assert (found.code, found.reason) == (CODE.DATA_LOSS, "LEDGER_STOPPED")
    away = Away(stocked, "store-S1", "store-S2")
    for store_ids in (["S1"], ["S1", "S2"]):
        found = away.ask("GetAvailability", asked(*store_ids))
        assert (found.code, len(found.reply.stores)) == (CODE.UNAVAILABLE, 0)


def test_shops_that_are_all_late_are_waited_for_as_long_as_there_is_time(stocked: Front) -> None:
    found = Away(stocked, "store-S1").ask("GetAvailability", asked("S1"), back_after_s=3.0)
    assert available(found) == {"S1": 1_000}
    found = Away(stocked, "store-S1", "store-S2").ask("GetAvailability", asked("S1", "S2"), back_after_s=3.0)
    assert {1_000, 5} & set(available(found).values())


def test_a_version_that_is_not_reached_is_refused_also_beside_a_shop_that_hangs(stocked: Front) -> None:
    request = asked("S2", "S1", min_versions={"S1": 99, "S2": 99})
    found = Away(stocked, "store-S2").ask("GetAvailability", request)
    assert (found.code, found.metadata["store_id"]) == (CODE.FAILED_PRECONDITION, "S1")
    assert not found.reply.stores


def test_a_shop_whose_hot_units_cannot_be_read_has_no_numbers(front: Front) -> None:
    """Those that it has itself would be too few."""
    promote(front, "A")
    assert available(front.ask("GetAvailability", asked("S1", "S2"))) == {"S1": 1_000, "S2": 0}
    hot = Away(front, Placement(0).actor_of(ledger_of_hot("A")))
    assert available(hot.ask("GetAvailability", asked("S1", "S2"))) == {"S1": "SHOP_AWAY", "S2": 0}
    assert hot.ask("GetAvailability", asked("S1")).code is CODE.UNAVAILABLE


def test_new_hours_are_put_beside_a_shop_that_hangs_and_that_is_named(stocked: Front) -> None:
    for store_id in ("S1", "S2"):
        put(stocked, around_the_clock(), store_id)
        book(stocked, f"k {store_id}", slots(stocked, store_id)[3].start, store_id)
    shut = around_the_clock() | {"weekly": NOBODY}
    request = ad.PutStoresRequest(stores=[{"store_id": store_id, "hours": shut} for store_id in ("S1", "S2")])
    away = Away(stocked, "store-S2")
    found = away.ask("PutStores", request)
    assert found.code is CODE.OK, found
    assert (list(found.reply.pending), found.reply.pending_count) == (["S2"], 1)
    assert ([row.store_id for row in found.reply.affected], found.reply.affected_slots) == (["S1"], 1)
    away.back()
    again = stocked.accept("PutStores", request)
    assert (list(again.pending), again.pending_count, again.chain_version) == ([], 0, found.reply.chain_version)
    assert [row.store_id for row in again.affected] == ["S1", "S2"]


def test_new_hours_are_put_beside_a_shop_that_is_stopped_and_that_is_named(stocked: Front) -> None:
    with stopped(stocked, "S2"):
        reply = stocked.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S1"}, {"store_id": "S2"}]))
    assert (list(reply.pending), reply.pending_count) == (["S2"], 1)
