"""Waiting in line, as callers meet it: answers, reads, the feed, refusals, and what may not be sent beside `wait`."""

from pathlib import Path
from typing import Any

import grpc
import pytest

from actors.protocol.formats import FIRST, NEWEST, Writing
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    order_service_pb2 as os_,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_pb2,
    stock_service_pb2 as ss,
    store_pb2,
)
from tests.gateway.front import UNITS, Front
from tests.gateway.streams import Stream, events_of
from tests.gateway.test_hours import around_the_clock
from tests.runtime.runtime_fixture import ManualClock

HOUR = {"seconds": 3_600}
QUEUED = reservation_pb2.RESERVATION_STATUS_QUEUED
HELD = reservation_pb2.RESERVATION_STATUS_HELD


def asked(key: str, customer: str, quantity: int, **fields: Any) -> rs.ReserveRequest:
    of = {"store_id": "S1", "customer_id": customer, "channel": "web"} | fields
    return rs.ReserveRequest(idempotency_key=key, lines=[{"sku": "A", "quantity": quantity}], **of)


@pytest.fixture
def line(front: Front) -> Front:
    """Everything is held by ann, and bob and cy wait."""
    for key, customer, quantity in (("k1", "ann", UNITS), ("k2", "bob", 2), ("k3", "cy", 1)):
        front.accept("Reserve", asked(key, customer, quantity, wait=HOUR))
    return front


def release(front: Front, key: str, number: int, units: int = 0) -> reservation_pb2.Reservation:
    lines = [{"sku": "A", "quantity": units}] if units else []
    of: dict[str, Any] = {"reservation_id": f"S1:{number}", "reason": "RELEASE_REASON_CUSTOMER_CANCELLED"}
    request = rs.ReleaseReservationRequest(idempotency_key=key, lines=lines, **of)
    released: reservation_pb2.Reservation = front.accept("ReleaseReservation", request).reservation
    return released


def read(front: Front, number: int) -> reservation_pb2.Reservation:
    request = rs.GetReservationRequest(reservation_id=f"S1:{number}")
    found: reservation_pb2.Reservation = front.accept("GetReservation", request).reservation
    return found


def position(front: Front) -> tuple[int, int]:
    found = front.accept("GetAvailability", ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A"]))
    (row,) = found.stores[0].positions
    return row.available, row.kept


def test_a_place_is_an_answer_and_its_repeat_is_the_same(front: Front) -> None:
    front.accept("Reserve", asked("k1", "ann", UNITS))
    first = front.accept("Reserve", asked("k2", "bob", 2, wait=HOUR))
    assert (first.reservation.status, first.reservation.queue_position) == (QUEUED, 1)
    assert first.reservation.expires_at.seconds - first.reservation.created_at.seconds == 3_600
    assert not first.reservation.HasField("expected_at"), "nothing has come free yet"
    batch = rs.ReserveBatchRequest(requests=[asked("k3", "cy", 1, wait=HOUR), asked("k2", "bob", 2, wait=HOUR)])
    second, again = front.accept("ReserveBatch", batch).outcomes
    assert second.reservation.queue_position == 2
    assert again == first


def test_units_are_kept_and_the_next_one_has_them(line: Front, clock: ManualClock) -> None:
    release(line, "r1", 3, 1)
    assert position(line) == (0, 1)
    refused = line.accept("Reserve", asked("k4", "dan", 1)).rejection
    assert (refused.reason, refused.available) == (error_pb2.REASON_INSUFFICIENT_STOCK, 0)
    assert (read(line, 4).queue_position, read(line, 5).queue_position) == (1, 2)
    clock.move(60_000)
    release(line, "r2", 3, 1)
    assert (read(line, 4).status, read(line, 4).queue_position) == (HELD, 0)
    assert (read(line, 5).status, read(line, 5).queue_position) == (QUEUED, 1)
    assert read(line, 5).HasField("expected_at")
    assert position(line) == (0, 0)


def test_who_waits_is_listed_and_may_leave(line: Front) -> None:
    waiting = rs.ListReservationsRequest(store_id="S1", statuses=[QUEUED])
    listed = line.accept("ListReservations", waiting).reservations
    assert [(each.customer_id, each.queue_position) for each in listed] == [("bob", 1), ("cy", 2)]
    left = release(line, "r1", 4)
    assert left.status == reservation_pb2.RESERVATION_STATUS_RELEASED
    assert left.lines[0].released == 0
    assert read(line, 4) == left
    confirm = rs.ConfirmReservationRequest(idempotency_key="c1", reservation_id="S1:5")
    refused = line.accept("ConfirmReservation", confirm).rejection
    assert (refused.reason, refused.status) == (error_pb2.REASON_TRANSITION_NOT_ALLOWED, QUEUED)


def test_the_feed_says_what_happens_in_line(line: Front, clock: ManualClock) -> None:
    release(line, "r1", 3)
    release(line, "r2", 5)
    line.accept("Reserve", asked("k4", "dan", UNITS, wait=HOUR))
    release(line, "r3", 10)
    clock.move(7_200_000)
    assert read(line, 4).status == HELD
    events = line.run(lambda: events_of(line, 10, S1=3))
    kinds = [event.WhichOneof("change") for event in events]
    assert kinds[:6] == ["queued", "queued", "released", "served", "served", "released"]
    assert kinds[6:] == ["queued", "left", "passed_over", "served"]
    assert (events[7].left.status, events[7].left.reason) == (reservation_pb2.RESERVATION_STATUS_RELEASED, 1)
    assert events[8].passed_over.lines[0].quantity == 2
    assert events[0].queued.reservation.queue_position == 1
    assert (events[3].served.reservation_id, events[3].served.lines[0].quantity) == ("S1:4", 2)


@pytest.mark.parametrize(
    ("customer", "quantity", "fields", "reason"),
    [
        ("bob", 1, {"wait": HOUR}, error_pb2.REASON_IN_LINE_ALREADY),
        ("dan", 1, {"wait": {"seconds": 90_000}}, error_pb2.REASON_TTL_TOO_LONG),
    ],
)
def test_a_refusal_says_what_mends_it(
    line: Front, customer: str, quantity: int, fields: dict[str, Any], reason: int
) -> None:
    rejection = line.accept("Reserve", asked("k9", customer, quantity, **fields)).rejection
    assert rejection.reason == reason
    assert ("S1:4" in rejection.message) == (customer == "bob")


def test_one_with_a_slot_waits_and_is_told_that_the_slot_is_full(front: Front) -> None:
    store = store_pb2.Store(
        store_id="S1", latitude=0.0, longitude=0.0, hours=around_the_clock(pickups_per_staff_hour=1)
    )
    front.accept("PutStores", ad.PutStoresRequest(stores=[store]))
    slot = front.accept("ListSlots", os_.ListSlotsRequest(store_id="S1")).slots[1].start
    held = front.accept("Reserve", asked("k1", "ann", UNITS - 1)).reservation
    waiting = front.accept("Reserve", asked("k2", "bob", 2, wait=HOUR, slot_start=slot)).reservation
    assert (waiting.status, waiting.slot_start) == (QUEUED, slot)
    late = front.accept("Reserve", asked("k3", "cy", 2, wait={"seconds": 86_000}, slot_start=slot)).reservation
    assert late.expires_at == slot, "nobody waits beyond the start of his slot"
    bob, cy = (int(each.reservation_id.partition(":")[2]) for each in (waiting, late))
    release(front, "k4", int(held.reservation_id.partition(":")[2]))
    assert read(front, bob).status == HELD
    left = read(front, cy)
    assert (left.status, left.release_reason) == (
        reservation_pb2.RESERVATION_STATUS_RELEASED,
        reservation_pb2.RELEASE_REASON_SLOT_FULL,
    )


def test_a_basket_waits_and_reserving_again_gives_its_place_up(line: Front) -> None:
    waiting = line.accept("Reserve", asked("k4", "dan", 1, wait=HOUR, basket_id="b")).reservation
    assert (waiting.status, waiting.basket_id, waiting.queue_position) == (QUEUED, "b", 3)
    again = line.accept("Reserve", asked("k5", "dan", 2, wait=HOUR, basket_id="b")).reservation
    assert (again.status, again.queue_position) == (QUEUED, 3)
    left = read(line, int(waiting.reservation_id.partition(":")[2]))
    assert left.release_reason == reservation_pb2.RELEASE_REASON_REPLACED
    line.accept("Reserve", asked("k6", "eve", UNITS, wait=HOUR, basket_id="b"))
    rejection = line.accept("Reserve", asked("k7", "dan", 1, basket_id="b")).rejection
    assert rejection.reason == error_pb2.REASON_INSUFFICIENT_STOCK, "and it keeps its place"
    assert read(line, int(again.reservation_id.partition(":")[2])).queue_position == 3


@pytest.mark.parametrize(
    "beside",
    [
        {"lines": [{"sku": "A", "quantity": 1}] * 2},
        {"store_id": "", "sourcing": {"place": {"latitude": 0.0, "longitude": 0.0}}},
    ],
)
def test_what_cannot_wait_is_named(front: Front, beside: dict[str, Any]) -> None:
    lines = beside.pop("lines", [{"sku": "A", "quantity": 1}])
    of = {"store_id": "S1", "customer_id": "ann", "channel": "web", "wait": HOUR} | beside
    found = front.ask("Reserve", rs.ReserveRequest(idempotency_key="k1", lines=lines, **of))
    assert (found.code, found.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["wait"])


def test_rules_for_lines_are_by_shop(front: Front) -> None:
    """Who needs fewer units passes in one shop and not in the other, and is served for so long as each says."""
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.line_take_up.FromSeconds(600)
    policy.line_rules.add(store_id="S1", may_pass=True).take_up.FromSeconds(60)
    set_to = front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy)).policy
    assert (set_to.line_take_up, list(set_to.line_rules)) == (policy.line_take_up, list(policy.line_rules))
    front.receive("A", UNITS, "S2")
    for store_id in ("S1", "S2"):
        for number, (customer, quantity) in enumerate((("ann", UNITS), ("bob", 3), ("cy", 2))):
            request = asked(f"{store_id} {number}", customer, quantity, store_id=store_id, wait=HOUR)
            assert front.accept("Reserve", request).HasField("reservation")
        row = stock_pb2.Adjustment(sku="A", delta=2, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT)
        more = ss.AdjustStockRequest(idempotency_key=store_id, store_id=store_id, source="w", adjustments=[row])
        front.accept("AdjustStock", more)
    waited = {}
    for store_id in ("S1", "S2"):
        found = front.accept("ListReservations", rs.ListReservationsRequest(store_id=store_id)).reservations
        waited[store_id] = {each.customer_id: each for each in found}
    assert [waited[each]["cy"].status for each in ("S1", "S2")] == [HELD, QUEUED]
    assert [waited[each]["bob"].status for each in ("S1", "S2")] == [QUEUED, QUEUED]
    left_ms = waited["S1"]["cy"].expires_at.ToMilliseconds() - front.clock.now_ms()
    assert 0 < left_ms <= 60_000


def test_a_shop_has_one_rule_for_lines(front: Front) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.line_take_up.FromSeconds(29 * 86_400)
    for seconds in (60, 29 * 86_400):
        policy.line_rules.add(store_id="S1").take_up.FromSeconds(seconds)
    refused = front.ask("SetPolicy", ad.SetPolicyRequest(policy=policy))
    named = {"policy.line_take_up", "policy.line_rules[1].take_up", "policy.line_rules[1].store_id"}
    assert set(refused.fields) == named


@pytest.mark.parametrize("number", [FIRST, NEWEST])
def test_who_watches_what_is_available_hears_of_rules_for_lines(
    tmp_path: Path, clock: ManualClock, number: int
) -> None:
    """From the format on in which the event says so."""
    with Front(tmp_path, clock, writing=Writing(number)) as front:
        front.receive("A", 3)
        front.accept("Reserve", asked("k", "ann", 5, wait=HOUR))
        policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy

        async def main() -> list[list[tuple[str, int, int]]]:
            stream = Stream(front, "WatchAvailability", ss.WatchAvailabilityRequest(cursors=[{"store_id": "S1"}]))
            told = [await stream.take()]
            policy.line_may_pass = True
            await front.asked("SetPolicy", ad.SetPolicyRequest(policy=policy))
            told.append(await stream.take())
            await stream.close()
            return [[(each.sku, each.available, each.kept) for each in message.positions] for message in told]

        assert front.run(main) == [[("A", 0, 3)], [("A", 3, 0)] if number == NEWEST else []]
