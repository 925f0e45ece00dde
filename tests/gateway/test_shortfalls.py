"""Shortfalls as callers meet them: tasks with ways out, what becomes of them, and a move that is made once."""

import asyncio
from typing import Any, Final

import grpc
import pytest

from actors.protocol.messages import Answer, Entry
from actors.shop.shortfalls.shortfall import ResolveShortfall
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    reservation_pb2,
    reservation_service_pb2 as rs,
    shortfall_pb2,
    shortfall_service_pb2 as sf,
    stock_pb2,
    stock_service_pb2 as ss,
    store_pb2,
    transfer_service_pb2 as ts,
)
from serve.routing.batcher import DeadlinePassed
from tests.gateway.front import UNITS, Front, reserve_request
from tests.gateway.streams import events_of
from tests.runtime.runtime_fixture import ManualClock

HELD: Final = reservation_pb2.RESERVATION_STATUS_HELD
QUEUED: Final = reservation_pb2.RESERVATION_STATUS_QUEUED
RELEASED: Final = reservation_pb2.RESERVATION_STATUS_RELEASED
MOVED: Final = shortfall_pb2.SHORTFALL_RESOLUTION_MOVED
WAITING: Final = shortfall_pb2.SHORTFALL_RESOLUTION_WAITING
TOLD: Final = shortfall_pb2.SHORTFALL_RESOLUTION_RELEASED


def count(front: Front, key: str, units: int) -> stock_pb2.StockChange:
    of: dict[str, Any] = {"store_id": "S1", "holds": stock_pb2.HOLDS_COUNTED_INCLUDED}
    asked = ss.CountStockRequest(idempotency_key=key, counts=[{"sku": "A", "quantity": units}], **of)
    change: stock_pb2.StockChange = front.accept("CountStock", asked).change
    return change


def tasks(front: Front, **of: Any) -> list[shortfall_pb2.ShortfallTask]:
    return list(front.accept("ListShortfalls", sf.ListShortfallsRequest(store_id="S1", **of)).tasks)


def resolve(front: Front, key: str, task_id: str, resolution: Any, to: str = "") -> sf.ResolveShortfallResponse:
    of = {"task_id": task_id, "resolution": resolution, "to_store_id": to}
    asked = sf.ResolveShortfallRequest(idempotency_key=key, **of)
    return front.accept("ResolveShortfall", asked)  # type: ignore[no-any-return]


def reserved(front: Front, number: int, store_id: str = "S1") -> reservation_pb2.Reservation:
    request = rs.GetReservationRequest(reservation_id=f"{store_id}:{number}")
    found: reservation_pb2.Reservation = front.accept("GetReservation", request).reservation
    return found


def set_policy(front: Front, version: int, **rules: Any) -> store_pb2.Policy:
    times: dict[str, Any] = {name: {"seconds": 7_200} for name in ("ttl_default", "ttl_max", "collect_within")}
    policy = store_pb2.Policy(version=version, **times, **rules)
    told: store_pb2.Policy = front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy)).policy
    return told


@pytest.fixture
def short(front: Front) -> Front:
    """Ann and bob hold a unit each in S1, and lose it by a count. S2 is near, S3 nearer and has none."""
    places = [("S1", 0.0), ("S2", 0.2), ("S3", 0.1)]
    stores = [store_pb2.Store(store_id=name, latitude=0.0, longitude=east) for name, east in places]
    front.accept("PutStores", ad.PutStoresRequest(stores=stores))
    front.receive("A", 5, "S2")
    front.reserve("ann")
    front.reserve("bob", units=2)
    change = count(front, "c1", 0)
    assert [(each.quantity, each.cause) for each in change.shortfalls] == [(3, shortfall_pb2.SHORTFALL_CAUSE_COUNT)]
    return front


def test_each_loss_is_a_task_with_the_nearest_shop_that_has_all_of_it(short: Front) -> None:
    bob, ann = tasks(short)
    assert (bob.reservation_id, bob.customer_id, bob.was, bob.resolution) == ("S1:4", "customer of bob", HELD, 0)
    assert [(line.sku, line.held, line.lost) for line in bob.lines] == [("A", 2, 2)]
    assert bob.cause == shortfall_pb2.SHORTFALL_CAUSE_COUNT
    assert bob.created_at.seconds > 0
    assert [(near.store_id, round(near.kilometres)) for near in bob.near_stores] == [("S2", 22)]
    assert not bob.HasField("expected_at")
    assert (ann.reservation_id, ann.task_id) == ("S1:3", f"S1:{int(bob.task_id[3:]) + 1}")
    short.receive("A", 1, "S3")
    bob, ann = tasks(short)
    assert [near.store_id for near in ann.near_stores] == ["S3", "S2"]
    assert [near.store_id for near in bob.near_stores] == ["S2"], "two units, and S3 has one"


def test_a_transfer_in_transit_is_a_way_out(short: Front, clock: ManualClock) -> None:
    of: dict[str, Any] = {"source_store_id": "S2", "destination_store_id": "S1", "arrives_in": {"seconds": 3_600}}
    proposal = ts.ProposeTransferRequest(idempotency_key="t1", lines=[{"sku": "A", "quantity": 2}], **of)
    transfer_id = short.accept("ProposeTransfer", proposal).transfer.transfer_id
    short.accept("SendTransfer", ts.SendTransferRequest(idempotency_key="t2", transfer_id=transfer_id))
    bob, _ = tasks(short)
    assert bob.expected_at.ToMilliseconds() == clock.now_ms() + 3_600_000


def test_a_move_holds_the_units_there_once_and_closes_the_task(short: Front) -> None:
    bob, ann = tasks(short)
    first = resolve(short, "m1", bob.task_id, MOVED, "S2").task
    assert (first.resolution, first.moved_to_reservation_id) == (MOVED, "S2:3")
    assert resolve(short, "m1", bob.task_id, MOVED, "S2").task == first
    there = reserved(short, 3, "S2")
    assert (there.status, there.customer_id, there.channel) == (HELD, "customer of bob", "web")
    assert ([line.quantity for line in there.lines], there.external_reference) == ([2], "S1:4")
    refused = resolve(short, "m2", bob.task_id, MOVED, "S2").rejection
    assert refused.reason == error_pb2.REASON_SHORTFALL_RESOLVED
    assert short.version("S2") == 3, "nothing was held for the second"
    assert [task.task_id for task in tasks(short)] == [ann.task_id, bob.task_id], "open ones first"
    assert [task.task_id for task in tasks(short, only_open=True)] == [ann.task_id]
    assert not tasks(short)[1].near_stores


def test_what_another_shop_refuses_stays_open(short: Front) -> None:
    bob, _ = tasks(short)
    refused = resolve(short, "m1", bob.task_id, MOVED, "S3").rejection
    assert (refused.reason, refused.store_id) == (error_pb2.REASON_SKU_NOT_STOCKED, "S3")
    assert tasks(short)[0] == bob


def test_of_two_who_move_the_same_one_lets_go(short: Front) -> None:
    bob, _ = tasks(short)

    async def both() -> list[Any]:
        asked = [
            sf.ResolveShortfallRequest(idempotency_key=key, task_id=bob.task_id, resolution=MOVED, to_store_id="S2")
            for key in ("m1", "m2")
        ]
        return [each.reply for each in await asyncio.gather(*(short.asked("ResolveShortfall", each) for each in asked))]

    told = short.run(both)
    closed = [each for each in told if each.HasField("task")]
    (refused,) = [each.rejection for each in told if each.HasField("rejection")]
    assert len(closed) == 1
    assert refused.reason == error_pb2.REASON_SHORTFALL_RESOLVED
    statuses = {reserved(short, number, "S2").status for number in (3, 4)}
    assert statuses == {HELD, RELEASED}


@pytest.mark.parametrize("lost_at", ["before", "after"])
def test_a_move_that_was_cut_off_goes_on_under_its_key(
    short: Front, monkeypatch: pytest.MonkeyPatch, lost_at: str
) -> None:
    """The gateway loses its connection to the task's shop, before that one has decided or after."""
    bob, _ = tasks(short)
    router = short.gateway._router
    send = router.send

    async def cut(entry: Entry, deadline: float, *, promise: bool) -> Answer:
        if not isinstance(entry[1], ResolveShortfall) or not entry[1].moved_to:
            return await send(entry, deadline, promise=promise)
        monkeypatch.setattr(router, "send", send)
        if lost_at == "after":
            await send(entry, deadline, promise=promise)
        raise DeadlinePassed(sent=True)

    monkeypatch.setattr(router, "send", cut)
    of: dict[str, Any] = {"task_id": bob.task_id, "resolution": MOVED, "to_store_id": "S2"}
    unknown = short.ask("ResolveShortfall", sf.ResolveShortfallRequest(idempotency_key="m1", **of))
    assert unknown.code is grpc.StatusCode.UNAVAILABLE
    assert reserved(short, 3, "S2").status == HELD
    assert resolve(short, "m1", bob.task_id, MOVED, "S2").task.moved_to_reservation_id == "S2:3"
    assert short.version("S2") == 3, "one hold"
    assert [task.resolution for task in tasks(short)] == [0, MOVED]


def test_a_key_has_one_target_and_closes_nothing_with_a_hold_that_is_over(
    short: Front, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    """The outcome of the first call is unknown, as its connection is lost before the task is closed."""
    bob, _ = tasks(short)
    short.receive("A", 5, "S3")
    before = short.version("S3")
    router = short.gateway._router
    send = router.send

    async def cut(entry: Entry, deadline: float, *, promise: bool) -> Answer:
        if isinstance(entry[1], ResolveShortfall) and entry[1].moved_to:
            monkeypatch.setattr(router, "send", send)
            raise DeadlinePassed(sent=True)
        return await send(entry, deadline, promise=promise)

    monkeypatch.setattr(router, "send", cut)
    of: dict[str, Any] = {"task_id": bob.task_id, "resolution": MOVED, "to_store_id": "S2"}
    unknown = short.ask("ResolveShortfall", sf.ResolveShortfallRequest(idempotency_key="m1", **of))
    assert unknown.code is grpc.StatusCode.UNAVAILABLE
    other = resolve(short, "m1", bob.task_id, MOVED, "S3").rejection
    assert (other.reason, other.store_id) == (error_pb2.REASON_IDEMPOTENCY_KEY_REUSED, "S1")
    assert short.version("S3") == before, "nothing was held"
    clock.move(3 * 3_600_000)
    over = resolve(short, "m1", bob.task_id, MOVED, "S2").rejection
    assert (over.reason, over.reservation_id) == (error_pb2.REASON_TRANSITION_NOT_ALLOWED, "S2:3")
    assert tasks(short)[0].task_id == bob.task_id, "it is open"
    assert resolve(short, "m2", bob.task_id, MOVED, "S3").task.moved_to_reservation_id == f"S3:{before + 1}"
    begun, version = int(bob.task_id[3:]) + 1, short.version()

    async def main() -> None:
        event, *_ = await events_of(short, version - begun, S1=begun)
        assert (event.move_begun.task_id, event.move_begun.to_store_id) == (bob.task_id, "S2")

    short.run(main)


def test_who_is_to_wait_is_served_first_and_the_feed_tells(short: Front) -> None:
    bob, ann = tasks(short)
    closed = resolve(short, "w1", ann.task_id, WAITING).task
    waiting = int(closed.waiting_reservation_id.removeprefix("S1:"))
    assert (reserved(short, waiting).status, reserved(short, waiting).queue_position) == (QUEUED, 1)
    assert resolve(short, "w2", bob.task_id, TOLD).task.resolution == TOLD
    assert tasks(short, only_open=True) == []
    short.receive("A", 1)
    assert reserved(short, waiting).status == HELD
    before, version = int(bob.task_id[3:]) - 1, short.version()

    async def main() -> None:
        events = await events_of(short, version - before, S1=before)
        kinds = [event.WhichOneof("change") for event in events]
        resolved = ["shortfall_resolved", "queued", "shortfall_resolved"]
        assert kinds == ["released", "released", *resolved, "stock_adjusted", "served"]
        assert events[0].released.cause == shortfall_pb2.SHORTFALL_CAUSE_COUNT
        assert events[2].shortfall_resolved.task_id == ann.task_id
        assert events[2].shortfall_resolved.waiting_reservation_id == closed.waiting_reservation_id
        assert events[-1].served.status == HELD

    short.run(main)


def test_the_rule_puts_losers_first_in_line_and_the_feed_tells(front: Front) -> None:
    told = set_policy(front, 1, loses_first=store_pb2.LOSES_FIRST_YOUNGEST, losers_wait=True)
    assert (told.loses_first, told.losers_wait) == (store_pb2.LOSES_FIRST_YOUNGEST, True)
    ann, bob = (front.reserve(key, units=units).reservation.reservation_id for key, units in (("ann", 1), ("bob", 999)))
    confirm = rs.ConfirmReservationRequest(idempotency_key="k", reservation_id=bob)
    front.accept("ConfirmReservation", confirm)
    count(front, "c1", 0)
    assert [task.waiting_reservation_id for task in tasks(front)] == [bob, ann]
    numbers = [int(each.removeprefix("S1:")) for each in (ann, bob)]
    assert [reserved(front, number).queue_position for number in numbers] == [1, 2]
    front.receive("A", UNITS)
    confirmed = reservation_pb2.RESERVATION_STATUS_CONFIRMED
    assert [reserved(front, number).status for number in numbers] == [HELD, confirmed]
    version = front.version()

    async def main() -> None:
        events = await events_of(front, version, S1=0)
        requeued = [event.requeued for event in events if event.WhichOneof("change") == "requeued"]
        assert [each.reservation_id for each in requeued] == [bob, ann]
        assert {each.cause for each in requeued} == {shortfall_pb2.SHORTFALL_CAUSE_COUNT}

    front.run(main)


def test_why_a_task_of_two_skus_cannot_wait(front: Front) -> None:
    front.receive("A", 5)
    front.receive("B", 5)
    asked = rs.ReserveRequest(idempotency_key="r", store_id="S1", customer_id="ann", channel="web")
    for sku in ("B", "A"):
        asked.lines.add(sku=sku, quantity=1)
    front.accept("Reserve", asked)
    counts = [{"sku": sku, "quantity": 0} for sku in "AB"]
    of: dict[str, Any] = {"store_id": "S1", "holds": stock_pb2.HOLDS_COUNTED_INCLUDED}
    front.accept("CountStock", ss.CountStockRequest(idempotency_key="c", counts=counts, **of))
    (task,) = tasks(front)
    refused = resolve(front, "w", task.task_id, WAITING).rejection
    assert (refused.reason, refused.sku, refused.asked) == (error_pb2.REASON_LINE_NOT_OFFERED, task.lines[0].sku, 1)
    assert refused.message.startswith(f"shop S1 has 0 of {refused.sku} available, and this cannot wait in line")
    assert refused.message.endswith("or choose another shop")


def test_a_part_of_an_order_names_the_order(front: Front) -> None:
    places = [store_pb2.Store(store_id="S1", latitude=0.0, longitude=0.0)]
    front.accept("PutStores", ad.PutStoresRequest(stores=places))
    request = reserve_request("o", store_id="")
    request.sourcing.place.SetInParent()
    order_id = front.accept("Reserve", request).order.order_id
    front.settle_orders()
    count(front, "c", 0)
    (task,) = tasks(front)
    for key, resolution, to in (("m", MOVED, "S2"), ("w", WAITING, "")):
        refused = resolve(front, key, task.task_id, resolution, to).rejection
        assert (refused.reason, refused.order_id) == (error_pb2.REASON_PART_OF_ORDER, order_id)


def test_pages_and_what_is_no_task(short: Front) -> None:
    first = short.accept("ListShortfalls", sf.ListShortfallsRequest(store_id="S1", page_size=1))
    asked = sf.ListShortfallsRequest(store_id="S1", page_size=1, page_token=first.next_page_token)
    second = short.accept("ListShortfalls", asked)
    assert [task.reservation_id for page in (first, second) for task in page.tasks] == ["S1:4", "S1:3"]
    assert not second.next_page_token
    assert resolve(short, "n1", "S1:999", TOLD).rejection.reason == error_pb2.REASON_SHORTFALL_NOT_FOUND
    assert resolve(short, "n2", "S1:999", MOVED, "S2").rejection.reason == error_pb2.REASON_SHORTFALL_NOT_FOUND
    assert short.version("S2") == 2


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"resolution": MOVED}, "to_store_id"),
        ({"resolution": TOLD, "to_store_id": "S2"}, "to_store_id"),
        ({"resolution": MOVED, "to_store_id": "S1"}, "to_store_id"),
        ({"resolution": shortfall_pb2.SHORTFALL_RESOLUTION_NOT_HANDLED}, "resolution"),
        ({"resolution": TOLD, "task_id": "S1"}, "task_id"),
    ],
)
def test_what_may_not_be_asked(front: Front, fields: dict[str, Any], at: str) -> None:
    asked = sf.ResolveShortfallRequest(**({"idempotency_key": "k", "task_id": "S1:7"} | fields))
    answer = front.ask("ResolveShortfall", asked)
    assert (answer.reason, answer.fields) == ("INVALID_FIELDS", [at])
