"""Orders through a whole gateway: baskets that are reserved again, amendments, and deadlines that keep to hours."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from actors.core.ids import ledger_of_customer
from actors.core.status import Status
from actors.customer_actor import CustomerActor
from actors.runtime.actor_runtime import PAGE_SCAN_MAX
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    order_pb2,
    order_service_pb2 as os_,
    pick_pb2,
    pick_service_pb2 as ps,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_service_pb2 as ss,
    store_pb2,
)
from tests.gateway.front import Front
from tests.runtime.runtime_fixture import ManualClock

NINE_TO_SIX: Final = [{"intervals": [{"open_minute": 540, "close_minute": 1_080}]}]
BERLIN: Final[dict[str, Any]] = {"zone": "Europe/Berlin", "weekly": NINE_TO_SIX * 6 + [{}]}
LATE: Final[dict[str, Any]] = {
    "zone": "UTC",
    "weekly": [{"intervals": [{"open_minute": 720, "close_minute": 1_320}]}] * 7,
}
SPLIT: Final = order_pb2.Sourcing(place={}, policy=order_pb2.SOURCING_POLICY_SPLIT)
SATURDAY: Final = "2026-11-21T10:00+01:00"


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """On a Saturday, with S1 in Berlin, S2 open late and S3 always; five of A in each."""
    with Front(tmp_path, ManualClock(ms(SATURDAY))) as front:
        hours = {"S1": BERLIN, "S2": LATE, "S3": None}
        stores = [
            store_pb2.Store(store_id=store_id, latitude=0.0, longitude=place, hours=own)
            for place, (store_id, own) in enumerate(hours.items())
        ]
        front.accept("PutStores", ad.PutStoresRequest(stores=stores))
        for store_id in hours:
            front.receive("A", 5, store_id)
        yield front


def ms(instant: str) -> int:
    """Milliseconds of an instant with its offset."""
    return int(datetime.fromisoformat(instant).timestamp() * 1_000)


def limit(front: Front, units: int) -> None:
    """So many of A for a customer over the chain."""
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="A", units_max=units)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))


def reserve(front: Front, key: str, units: int, **fields: Any) -> rs.ReserveResponse:
    """Of A, in shops near the first one, unless `store_id` names one."""
    if "store_id" not in fields:
        fields.setdefault("sourcing", SPLIT)
    fields.setdefault("customer_id", "ann")
    request = rs.ReserveRequest(idempotency_key=key, channel="web", lines=[{"sku": "A", "quantity": units}], **fields)
    return front.accept("Reserve", request)  # type: ignore[no-any-return]


def held(order: order_pb2.Order) -> list[tuple[str, int]]:
    """What its shops hold of A, in sequence."""
    return sorted(
        (part.store_id, line.quantity - line.released)
        for part in order.parts
        for line in part.lines
        if line.quantity > line.released
    )


def reserved(front: Front) -> dict[str, int]:
    """Of A, by shop."""
    asked = ss.GetAvailabilityRequest(store_ids=["S1", "S2", "S3"], skus=["A"])
    stores = front.accept("GetAvailability", asked).stores
    return {store.store_id: store.positions[0].reserved for store in stores}


def test_a_basket_that_is_reserved_again_keeps_what_nobody_else_may_have(front: Front) -> None:
    """All fifteen units there are: a second order beside the first could not even be placed."""
    first = reserve(front, "k1", 15, basket_id="b").order
    assert held(first) == [("S1", 5), ("S2", 5), ("S3", 5)]
    again = reserve(front, "k2", 15, basket_id="b").order
    assert (again.order_id, held(again)) == (first.order_id, held(first))
    less = reserve(front, "k3", 4, basket_id="b").order
    assert less.order_id == first.order_id
    assert held(front.accept("GetOrder", os_.GetOrderRequest(order_id=first.order_id)).order) == [("S1", 4)]
    assert reserved(front) == {"S1": 4, "S2": 0, "S3": 0}
    assert reserve(front, "k1", 15, basket_id="b").order == first, "a repeat is answered as at first"
    more = reserve(front, "k4", 99, basket_id="b").rejection
    assert more.reason == error_pb2.REASON_NO_STORE_IN_REACH
    assert [(row.asked, row.available) for row in more.short_lines] == [(99, 15)], "its own four count as free for it"


def test_a_basket_that_is_reserved_again_keeps_its_place_in_a_full_slot(front: Front) -> None:
    one_place = {"slot_minutes": 60, "staff": [{"duties": [{"to_minute": 1_440, "staff": 1}]}] * 7}
    hours = {**BERLIN, **one_place, "pickups_per_staff_hour": 1}
    front.accept(
        "PutStores",
        ad.PutStoresRequest(stores=[store_pb2.Store(store_id="S1", latitude=0.0, longitude=0.0, hours=hours)]),
    )
    at_two = {"seconds": ms("2026-11-21T14:00+01:00") // 1_000}
    first = reserve(front, "k1", 2, basket_id="b", slot_start=at_two).order
    assert held(first) == [("S1", 2)]
    taken = reserve(front, "k2", 1, slot_start=at_two).rejection
    assert taken.reason == error_pb2.REASON_NO_STORE_IN_REACH, "the slot is full for everyone else"
    again = reserve(front, "k3", 1, basket_id="b", slot_start=at_two).order
    assert again.order_id == first.order_id
    assert held(front.accept("GetOrder", os_.GetOrderRequest(order_id=first.order_id)).order) == [("S1", 1)]
    more = reserve(front, "k4", 3, basket_id="b", slot_start=at_two).rejection
    assert [(row.asked, row.available) for row in more.short_lines] == [(3, 1)], "more would take another place"


def test_under_a_limit_of_the_chain_a_shopper_is_not_locked_out_by_his_own_basket(front: Front) -> None:
    limit(front, 3)
    first = reserve(front, "k1", 3, store_id="S1", basket_id="b").reservation
    again = reserve(front, "k2", 3, store_id="S1", basket_id="b").reservation
    assert again.reservation_id not in ("", first.reservation_id)
    assert reserved(front) == {"S1": 3, "S2": 0, "S3": 0}
    for store_id, basket_id in (("S1", "another"), ("S2", "b")):
        refused = reserve(front, f"{store_id} {basket_id}", 1, store_id=store_id, basket_id=basket_id).rejection
        assert refused.reason == error_pb2.REASON_UNITS_LIMIT
    step: dict[str, Any] = {"reservation_id": again.reservation_id}
    front.accept("ConfirmReservation", rs.ConfirmReservationRequest(idempotency_key="c1", **step))
    confirmed = reserve(front, "k5", 1, store_id="S1", basket_id="b").rejection
    assert confirmed.reason == error_pb2.REASON_BASKET_CONFIRMED


def test_a_confirmed_orders_parts_are_confirmed_at_once_and_in_every_repeat(front: Front) -> None:
    order = reserve(front, "k1", 7).order
    assert {Status(part.status) for part in order.parts} == {Status.HELD}
    request = os_.ConfirmOrderRequest(idempotency_key="c1", order_id=order.order_id)
    first = front.accept("ConfirmOrder", request)
    assert [Status(part.status) for part in first.order.parts] == [Status.CONFIRMED] * 2
    assert front.accept("ConfirmOrder", request) == first, "a repeat is answered as at first"


def test_two_that_amend_at_once_do_not_add_up(front: Front) -> None:
    order = reserve(front, "k1", 1, sourcing=order_pb2.Sourcing(place={})).order

    def amend(key: str, units: int) -> Any:
        wanted = [{"store_id": "S2", "lines": [{"sku": "A", "quantity": units}]}]
        return front.asked(
            "AmendOrder", os_.AmendOrderRequest(idempotency_key=key, order_id=order.order_id, stores=wanted)
        )

    async def both() -> Any:
        return await asyncio.gather(amend("a1", 3), amend("a2", 2))

    assert all(said.reply.HasField("order") for said in front.run(both)), "one waits for the other"
    now = held(front.accept("GetOrder", os_.GetOrderRequest(order_id=order.order_id)).order)
    assert now in ([("S1", 1), ("S2", 3)], [("S1", 1), ("S2", 2)])


def test_a_deadline_keeps_to_the_hours_of_all_its_shops(front: Front) -> None:
    order = reserve(front, "k1", 10).order
    assert [part.store_id for part in order.parts] == ["S1", "S2"]
    step: dict[str, Any] = {"order_id": order.order_id}
    # Sunday is closed in Berlin: on Monday both are open from noon, UTC, until six in Berlin.
    confirm = os_.ConfirmOrderRequest(idempotency_key="c1", collect_within={"seconds": 86_400}, **step)
    confirmed = front.accept("ConfirmOrder", confirm).order
    assert confirmed.expires_at.ToMilliseconds() == ms("2026-11-23T18:00+01:00")
    assert front.accept("ConfirmOrder", confirm).order == confirmed
    # Monday at eleven, Berlin's time, the one is open and the other not.
    extend = os_.ExtendOrderRequest(idempotency_key="e1", ttl={"seconds": 49 * 3_600}, **step)
    assert front.accept("ExtendOrder", extend).order.expires_at.ToMilliseconds() == ms("2026-11-23T18:00+01:00")
    inside = os_.ExtendOrderRequest(idempotency_key="e2", ttl={"seconds": 52 * 3_600}, **step)
    assert front.accept("ExtendOrder", inside).order.expires_at.ToMilliseconds() == ms("2026-11-23T14:00+01:00")
    # Without the shop that closes early, its hours count no more.
    away = os_.AmendOrderRequest(
        idempotency_key="a1",
        ttl={"seconds": 55 * 3_600},
        stores=[{"store_id": "S1"}, {"store_id": "S3", "lines": [{"sku": "A", "quantity": 1}]}],
        **step,
    )
    amended = front.accept("AmendOrder", away).order
    assert amended.expires_at.ToMilliseconds() == ms("2026-11-23T17:00+01:00")
    later = os_.ExtendOrderRequest(idempotency_key="e3", ttl={"seconds": 60 * 3_600}, **step)
    assert front.accept("ExtendOrder", later).order.expires_at.ToMilliseconds() == ms("2026-11-23T21:00:00+00:00")


def test_a_hold_keeps_its_time_open_or_closed(front: Front) -> None:
    order = reserve(front, "k1", 10, ttl={"seconds": 36_000}).order
    assert order.expires_at.ToMilliseconds() == ms("2026-11-21T20:00+01:00")


def test_an_answer_promises_when_it_can_be_ready(front: Front) -> None:
    """Saturday at ten in Berlin: after two hours of picking, at noon; what opens later, later; no hours, no promise."""
    hours = {**BERLIN, "lead": {"seconds": 7_200}}
    front.accept(
        "PutStores",
        ad.PutStoresRequest(stores=[store_pb2.Store(store_id="S1", latitude=0.0, longitude=0.0, hours=hours)]),
    )
    noon, opens = ms("2026-11-21T12:00+01:00"), ms("2026-11-21T12:00+00:00")
    order = reserve(front, "k1", 15).order
    promised = {part.store_id: part.earliest_ready.ToMilliseconds() for part in order.parts}
    assert promised == {"S1": noon, "S2": opens, "S3": 0}
    found = front.accept("GetOrder", os_.GetOrderRequest(order_id=order.order_id)).order
    assert [part.earliest_ready for part in found.parts] == [part.earliest_ready for part in order.parts]
    front.receive("A", 2, "S1")
    kept = reserve(front, "k2", 1, store_id="S1").reservation
    assert kept.earliest_ready.ToMilliseconds() == noon
    batch = rs.ReserveBatchRequest(
        requests=[
            rs.ReserveRequest(
                idempotency_key="k3",
                store_id="S1",
                customer_id="bob",
                channel="web",
                lines=[{"sku": "A", "quantity": 1}],
            )
        ]
    )
    (outcome,) = front.accept("ReserveBatch", batch).outcomes
    assert outcome.reservation.earliest_ready.ToMilliseconds() == noon
    step: dict[str, Any] = {"reservation_id": kept.reservation_id}
    front.accept("ConfirmReservation", rs.ConfirmReservationRequest(idempotency_key="c1", **step))
    ready = front.accept("MarkReservationReady", rs.MarkReservationReadyRequest(idempotency_key="m1", **step))
    assert not ready.reservation.HasField("earliest_ready"), "it is there already"


def test_a_step_in_all_shops_is_repeated_where_it_was_taken(front: Front) -> None:
    order = reserve(front, "k1", 1).order
    step: dict[str, Any] = {"order_id": order.order_id}
    front.accept("ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="c1", **step))
    ready = os_.MarkOrderReadyRequest(idempotency_key="m1", **step)
    first = front.accept("MarkOrderReady", ready)
    assert [outcome.store_id for outcome in first.outcomes] == ["S1"]
    wanted = [{"store_id": "S3", "lines": [{"sku": "A", "quantity": 1}]}]
    front.accept("AmendOrder", os_.AmendOrderRequest(idempotency_key="a1", stores=wanted, **step))
    again = front.accept("MarkOrderReady", ready)
    assert [outcome.store_id for outcome in again.outcomes] == ["S1"], "the other part was not there then"
    parts = front.accept("GetOrder", os_.GetOrderRequest(**step)).order.parts
    assert {part.store_id: Status(part.status) for part in parts} == {"S1": Status.READY, "S3": Status.CONFIRMED}
    other = front.accept("CollectOrder", os_.CollectOrderRequest(idempotency_key="m1", payment_reference="p", **step))
    assert other.rejection.reason == error_pb2.REASON_IDEMPOTENCY_KEY_REUSED


def test_a_basket_does_not_pass_a_limit_by_another_channel(front: Front) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="A", channel="app", units_max=2)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    line = [{"sku": "A", "quantity": 5}]
    asked: dict[str, Any] = {"customer_id": "ann", "lines": line, "basket_id": "b", "sourcing": SPLIT}
    web = front.accept("Reserve", rs.ReserveRequest(idempotency_key="k1", channel="web", **asked)).order
    assert held(web) == [("S1", 5)]
    refused = front.accept("Reserve", rs.ReserveRequest(idempotency_key="k2", channel="app", **asked)).rejection
    assert (refused.reason, refused.asked, refused.available) == (error_pb2.REASON_UNITS_LIMIT, 5, 2)


def test_an_answer_tells_what_the_order_is_now(front: Front) -> None:
    """Less in one shop, and another one left: the answer and the read say so, whoever has heard."""
    order = reserve(front, "k1", 10).order
    wanted: list[Any] = [{"store_id": "S1", "lines": [{"sku": "A", "quantity": 2}]}, {"store_id": "S2"}]
    amended = front.accept(
        "AmendOrder", os_.AmendOrderRequest(idempotency_key="a1", order_id=order.order_id, stores=wanted)
    ).order
    assert held(amended) == [("S1", 2)]
    assert held(front.accept("GetOrder", os_.GetOrderRequest(order_id=order.order_id)).order) == [("S1", 2)]


@pytest.mark.parametrize("batched", [False, True])
def test_a_call_repeated_under_other_rules_goes_where_it_went_at_first(front: Front, batched: bool) -> None:
    """A limit of the chain is made between a call and its repeat, and taken away between another one and its own."""

    def ask(key: str) -> rs.ReserveResponse:
        line = {"sku": "A", "quantity": 1}
        request = rs.ReserveRequest(idempotency_key=key, store_id="S1", customer_id="ann", channel="web", lines=[line])
        if not batched:
            return front.accept("Reserve", request)  # type: ignore[no-any-return]
        (outcome,) = front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=[request])).outcomes
        return outcome  # type: ignore[no-any-return]

    first = ask("k1")
    limit(front, 3)
    assert ask("k1").reservation == first.reservation
    granted = ask("k2").reservation
    assert granted.reservation_id
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    del policy.chain_limit_rules[:]
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    assert ask("k2").reservation == granted
    assert ask("k1").reservation == first.reservation
    assert ask("k3").reservation.reservation_id
    assert reserved(front)["S1"] == 3


def test_the_orders_of_a_customer_are_listed_in_pages(front: Front) -> None:
    orders = [reserve(front, f"k{number}", 1).order for number in range(3)]
    reserve(front, "other", 1, customer_id="ben")
    front.accept(
        "ReleaseOrder",
        os_.ReleaseOrderRequest(idempotency_key="r", order_id=orders[1].order_id, reason="RELEASE_REASON_OTHER"),
    )
    customer = orders[0].customer_id
    request = os_.ListOrdersRequest(customer_id=customer, page_size=2)
    listed: list[str] = []
    while True:
        page = front.accept("ListOrders", request)
        listed += [order.order_id for order in page.orders]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert listed == [order.order_id for order in orders]
    held_only = os_.ListOrdersRequest(customer_id=customer, statuses=["ORDER_STATUS_HELD"])
    found = front.accept("ListOrders", held_only).orders
    assert [order.order_id for order in found] == [orders[0].order_id, orders[2].order_id]
    assert not front.accept("ListOrders", os_.ListOrdersRequest(customer_id="nobody")).orders
    other = os_.ListOrdersRequest(customer_id="ben", page_token=request.page_token or "x")
    assert front.ask("ListOrders", other).fields == ["page_token"]


def test_a_page_of_orders_does_not_walk_those_of_other_customers(front: Front) -> None:
    customer = reserve(front, "k1", 1).order.customer_id
    ledger_id = ledger_of_customer(customer)
    (actor,) = [each for each in front.actors._actors.values() if isinstance(each, CustomerActor)]
    actor.host._hosted[ledger_id].ledger.version += PAGE_SCAN_MAX  # events of others, whose hash slot is the same
    page = front.accept("ListOrders", os_.ListOrdersRequest(customer_id=customer, page_size=1))
    assert (len(page.orders), page.next_page_token) == (1, "")


def test_a_callers_own_number_is_shown_by_a_reservation_and_by_an_order(front: Front) -> None:
    request = {"store_id": "S1", "external_reference": "W-17"}
    one = reserve(front, "k1", 1, **request).reservation
    assert one.external_reference == "W-17"
    read = front.accept("GetReservation", rs.GetReservationRequest(reservation_id=one.reservation_id))
    assert read.reservation.external_reference == "W-17"
    confirmed = rs.ConfirmReservationRequest(idempotency_key="c1", reservation_id=one.reservation_id)
    assert front.accept("ConfirmReservation", confirmed).reservation.external_reference == "W-17"
    assert reserve(front, "k1", 1, **request).reservation == one, "the same call"
    other = reserve(front, "k1", 1, store_id="S1", external_reference="W-18").rejection
    assert other.reason == error_pb2.REASON_IDEMPOTENCY_KEY_REUSED, "another number is another call"

    order = reserve(front, "k2", 7, external_reference="W-19", basket_id="b1").order
    assert order.external_reference == "W-19"
    assert front.accept("GetOrder", os_.GetOrderRequest(order_id=order.order_id)).order.external_reference == "W-19"
    anew = reserve(front, "k3", 6, external_reference="W-20", basket_id="b1").order
    assert (anew.order_id, anew.external_reference) == (order.order_id, "W-20"), (
        "a basket is what it was reserved as last"
    )


def test_parts_of_an_order_are_picked_in_their_shops(front: Front) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.picks = True
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    order = reserve(front, "k1", 10).order

    def tasks() -> list[tuple[str, int, list[int]]]:
        front.settle_orders()
        found = [task for store_id in ("S1", "S2", "S3") for task in _told(front, store_id)]
        return [(task.store_id, task.status, [line.ordered for line in task.lines]) for task in found]

    assert tasks() == [], "it is held"
    step: dict[str, Any] = {"order_id": order.order_id}
    front.accept("ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="c1", **step))
    assert tasks() == [("S1", pick_pb2.PICK_STATUS_TO_PICK, [5]), ("S2", pick_pb2.PICK_STATUS_TO_PICK, [5])]
    part = next(each.reservation for each in _told(front, "S1"))
    of: dict[str, Any] = {"reservation_id": part.reservation_id, "picker_id": "t1"}
    front.accept("ClaimPickTask", ps.ClaimPickTaskRequest(idempotency_key="p1", store_id="S1", **of))
    front.accept("ScanPickTask", ps.ScanPickTaskRequest(idempotency_key="p2", sku="A", quantity=3, **of))
    short = ps.ShortPickTaskRequest(
        idempotency_key="p3", sku="A", quantity=2, choice=pick_pb2.SHORT_CHOICE_WITHOUT, **of
    )
    assert front.accept("ShortPickTask", short).HasField("pick_task")
    ready = ps.FinishPickTaskRequest(idempotency_key="p4", is_ready=True, **of)
    assert front.accept("FinishPickTask", ready).pick_task.status == pick_pb2.PICK_STATUS_READY
    front.accept("MarkOrderReady", os_.MarkOrderReadyRequest(idempotency_key="r1", **step))
    assert tasks() == [("S1", pick_pb2.PICK_STATUS_READY, [3]), ("S2", pick_pb2.PICK_STATUS_READY, [5])]
    now = front.accept("GetOrder", os_.GetOrderRequest(order_id=order.order_id)).order
    assert held(now) == [("S1", 3), ("S2", 5)], "the order has heard of what was not found"
    no_show = reservation_pb2.RELEASE_REASON_NO_SHOW
    front.accept("ReleaseOrder", os_.ReleaseOrderRequest(idempotency_key="x1", reason=no_show, **step))
    assert [status for _, status, _ in tasks()] == [pick_pb2.PICK_STATUS_TO_PUT_BACK] * 2
    assert front.accept("VerifyOrders", ad.VerifyOrdersRequest()).holds
    for store_id in ("S1", "S2"):
        assert front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=store_id)).holds


def _told(front: Front, store_id: str) -> list[pick_pb2.PickTask]:
    return list(front.accept("ListPickTasks", ps.ListPickTasksRequest(store_id=store_id)).tasks)
