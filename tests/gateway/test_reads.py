"""Reads: as of a version, in pages that show each thing once, each shop at one version."""

import asyncio
from typing import Any

import grpc
import pytest

from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    order_service_pb2 as os_,
    reservation_service_pb2 as rs,
    stock_service_pb2 as ss,
)
from serve.services.verification import VERIFICATIONS_MAX
from tests.gateway.front import Front
from tests.runtime.loop_time import skip, turns

CODE = grpc.StatusCode


def test_a_read_may_ask_for_a_version(front: Front) -> None:
    version = front.reserve("k1").reservation.version
    for min_version in (0, 1, version):
        request = rs.GetReservationRequest(reservation_id="S1:3", min_version=min_version)
        assert front.accept("GetReservation", request).version == version
        availability = ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A"], min_versions={"S1": min_version})
        assert front.accept("GetAvailability", availability).stores[0].version == version
    found = front.ask("GetReservation", rs.GetReservationRequest(reservation_id="S1:3", min_version=version + 1))
    assert found.code is CODE.FAILED_PRECONDITION
    assert f"at version {version}, {version + 1} was asked for" in found.message
    ahead = ss.GetAvailabilityRequest(store_ids=["S2", "S1"], skus=["A"], min_versions={"S1": version + 1})
    found = front.ask("GetAvailability", ahead)
    assert found.code is CODE.FAILED_PRECONDITION
    assert not found.reply.stores  # not half an answer


def test_what_is_not_there_is_not_found(front: Front) -> None:
    found = front.ask("GetReservation", rs.GetReservationRequest(reservation_id="S1:99"))
    assert found.code is CODE.NOT_FOUND
    assert "S1:99" in found.message


def test_an_order_that_is_not_there_is_not_found(front: Front) -> None:
    step: dict[str, Any] = {"order_id": "0007/1907"}
    found = front.ask("GetOrder", os_.GetOrderRequest(order_id="0007/1907"))
    assert found.code is CODE.NOT_FOUND
    assert "there is no order 0007/1907" in found.message
    for method, request in [
        ("MarkOrderReady", os_.MarkOrderReadyRequest(idempotency_key="k1", **step)),
        ("CollectOrder", os_.CollectOrderRequest(idempotency_key="k2", payment_reference="p1", **step)),
        ("AmendOrder", os_.AmendOrderRequest(idempotency_key="k3", stores=[{"store_id": "S1"}], **step)),
        ("ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="k4", **step)),
        ("ReleaseOrder", os_.ReleaseOrderRequest(idempotency_key="k5", reason="RELEASE_REASON_OTHER", **step)),
        ("ExtendOrder", os_.ExtendOrderRequest(idempotency_key="k6", ttl={"seconds": 60}, **step)),
    ]:
        rejection = front.accept(method, request).rejection
        assert (rejection.reason, rejection.order_id) == (error_pb2.REASON_RESERVATION_NOT_FOUND, "0007/1907"), method


def test_a_read_of_an_order_takes_no_ledger_over(front: Front) -> None:
    for slot in range(8):
        found = front.ask("GetOrder", os_.GetOrderRequest(order_id=f"000{slot}/7"))
        assert found.code is CODE.NOT_FOUND
    assert not any(disk.heads for name, disk in front.actors.disks.items() if name.startswith("customers"))


@pytest.mark.parametrize("page_size", [0, 1, 2, 3, 50, 1_000, 2**31 - 1])
def test_pages_show_every_reservation_once(front: Front, page_size: int) -> None:
    for number in range(7):
        front.reserve(f"k{number}")
        front.reserve(f"refused {number}", units=5_000)
    seen: list[str] = []
    token = ""
    while True:
        request = rs.ListReservationsRequest(store_id="S1", page_size=page_size, page_token=token)
        page = front.accept("ListReservations", request)
        assert len(page.reservations) <= (page_size or 100)
        seen += [row.reservation_id for row in page.reservations]
        token = page.next_page_token
        if not token:
            break
    assert seen == [f"S1:{3 + 2 * number}" for number in range(7)]
    assert page.version == front.version()


def test_a_list_by_status(front: Front) -> None:
    for key in ("k1", "k2"):
        front.reserve(key)
    front.accept("ConfirmReservation", rs.ConfirmReservationRequest(idempotency_key="c1", reservation_id="S1:3"))
    ids = {
        status: [row.reservation_id for row in front.accept("ListReservations", request).reservations]
        for status in ("HELD", "CONFIRMED", "READY")
        for request in [rs.ListReservationsRequest(store_id="S1", statuses=[f"RESERVATION_STATUS_{status}"])]
    }
    assert ids == {"HELD": ["S1:4"], "CONFIRMED": ["S1:3"], "READY": []}


def test_availability_is_one_version_for_each_shop_in_the_requests_sequence(front: Front) -> None:
    front.receive("A", 5, "S2")
    front.reserve("k1", units=7)
    request = ss.GetAvailabilityRequest(store_ids=["S2", "S1", "S2"], skus=["A", "nothing"])
    stores = front.accept("GetAvailability", request).stores
    assert [store.store_id for store in stores] == ["S2", "S1", "S2"]
    assert stores[0] == stores[2]
    position = stores[1].positions[0]
    assert (position.on_hand, position.reserved, position.available, position.stocked) == (1_000, 7, 993, True)
    unknown = stores[1].positions[1]
    assert (unknown.sku, unknown.on_hand, unknown.available, unknown.stocked) == ("nothing", 0, 0, False)
    assert stores[1].version == 3
    assert stores[1].HasField("as_of")


def test_available_is_never_shown_below_zero(front: Front) -> None:
    safety = ss.SetSafetyStockRequest(
        idempotency_key="s", store_id="S1", safety_stocks=[{"sku": "A", "quantity": 5_000}]
    )
    front.accept("SetSafetyStock", safety)
    (store,) = front.accept("GetAvailability", ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A"])).stores
    assert (store.positions[0].available, store.positions[0].safety_stock) == (0, 5_000)


@pytest.mark.parametrize("page_size", [0, 1, 2, 100])
def test_stores_in_pages(front: Front, page_size: int) -> None:
    names = [f"T{number}" for number in range(5)]
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": name, "name": name} for name in names]))
    seen: list[str] = []
    token = ""
    while True:
        page = front.accept("ListStores", ad.ListStoresRequest(page_size=page_size, page_token=token))
        seen += [store.store_id for store in page.stores]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["S1", "S2", "S3", *names]


def test_putting_stores_again_changes_nothing(front: Front) -> None:
    request = ad.PutStoresRequest(stores=[{"store_id": "T1", "latitude": 1.5, "longitude": -2.5, "paused": True}])
    first = front.accept("PutStores", request).chain_version
    assert front.accept("PutStores", request).chain_version == first
    stores = front.accept("ListStores", ad.ListStoresRequest()).stores
    assert stores[-1] == request.stores[0]


def test_a_shop_has_both_degrees_or_no_place(front: Front) -> None:
    said = front.ask("PutStores", ad.PutStoresRequest(stores=[{"store_id": "T1", "latitude": 1.5}]))
    assert said.fields == ["stores[0].longitude"]
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "T1"}]))
    (store,) = [each for each in front.accept("ListStores", ad.ListStoresRequest()).stores if each.store_id == "T1"]
    assert not (store.HasField("latitude"))
    assert not (store.HasField("longitude"))


def test_a_paused_shop_refuses(front: Front) -> None:
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S1", "paused": True}]))
    assert "takes no reservations" in front.reserve("k1").rejection.message


def test_the_policy_is_set_by_whoever_read_it(front: Front) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.ttl_default.FromSeconds(60)
    policy.limit_rules.add(units_max=2)
    changed = front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy)).policy
    assert changed.version == policy.version + 1
    assert front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy)).policy == changed  # its answer may be lost
    policy.ttl_default.FromSeconds(61)
    found = front.ask("SetPolicy", ad.SetPolicyRequest(policy=policy))
    assert found.code is CODE.FAILED_PRECONDITION
    assert "GetPolicy" in found.message
    held = front.reserve("k1").reservation
    assert held.expires_at.seconds - held.created_at.seconds == 60
    assert front.reserve("k2", units=3).rejection.available == 2
    assert front.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1")).policy_version == changed.version


def test_the_ledger_says_where_it_stands(front: Front) -> None:
    front.reserve("k1")
    front.reserve("k1")
    status = front.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1"))
    assert (status.store_id, status.version, status.epoch, status.actor) == ("S1", 3, 1, "store-S1")
    assert (status.open_reservations, status.positions, status.repeats_answered) == (1, 1, 1)


def test_verification_agrees_with_a_sound_ledger_and_not_with_another(front: Front) -> None:
    front.reserve("k1", units=3)
    sound = front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id="S1"))
    assert (sound.holds, list(sound.discrepancies), sound.version, sound.events) == (True, [], 3, 3)
    assert (sound.accepted, sound.units_reserved, sound.units_sold, sound.units_oversold) == (1, 3, 0, 0)
    assert len(sound.state_hash) == 64

    ledger = front.actors.store_actor("store-S1").host._hosted["S1"].ledger
    ledger.positions["A"].reserved -= 1  # a unit that the live ledger forgot
    broken = front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id="S1"))
    assert not broken.holds
    assert {row.invariant for row in broken.discrepancies} >= {"I13"}
    assert any(row.subject.startswith("A") for row in broken.discrepancies)


def test_verifications_wait_for_each_other_as_long_as_their_time_lasts(front: Front) -> None:
    request = ad.VerifyLedgerRequest(store_id="S1")

    async def main() -> None:
        opened = front.actors.hold("store-S1")
        loop = asyncio.get_running_loop()
        patient = [loop.create_task(front.asked("VerifyLedger", request)) for _ in range(VERIFICATIONS_MAX + 1)]
        await turns()
        assert [method for _, method, _ in front.actors.calls].count("base") == VERIFICATIONS_MAX, (
            "what each asks first"
        )
        impatient = loop.create_task(front.asked("VerifyLedger", request, timeout_ms="1000"))
        await turns()
        skip(1.1)
        assert (await impatient).code is CODE.DEADLINE_EXCEEDED
        opened.set()
        assert all(found.reply.holds for found in await asyncio.gather(*patient))

    front.run(main)
