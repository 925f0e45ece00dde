"""The streams: every event once and in sequence from any cursor, positions that end where the stock stands."""

import asyncio
from typing import Any

import grpc
import pytest

from actors.core.policy import HOUR_MS
from actors.protocol.placement import Placement
from holdfast.v1 import (
    admin_service_pb2 as ad,
    event_pb2,
    event_service_pb2 as es,
    order_service_pb2 as os_,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_pb2,
    stock_service_pb2 as ss,
)
from serve.routing.router import ASKING_MAX, Router
from serve.services.events import MESSAGE_BYTES_MAX, POSITIONS_MAX, STREAMS_MAX, TAKE_S_MAX, Feeds
from serve.services.store_directory import StoreDirectory
from serve.sourcing.places import Postcodes
from tests.gateway.allotments import tell_of_allotments
from tests.gateway.front import Front, reserve_request
from tests.gateway.streams import Stream, events_of, events_request
from tests.runtime.loop_time import skip, turns

CODE = grpc.StatusCode


def deliver(front: Front) -> None:
    """Something of every kind happens in S1."""
    line = [{"sku": "A", "quantity": 1}]
    front.reserve("k1", units=2)
    front.reserve("k2", units=5_000)
    calls: list[tuple[str, Any]] = [
        ("ConfirmReservation", rs.ConfirmReservationRequest(reservation_id="S1:3")),
        ("MarkReservationReady", rs.MarkReservationReadyRequest(reservation_id="S1:3")),
        ("ExtendReservation", rs.ExtendReservationRequest(reservation_id="S1:3", ttl={"seconds": 3_600})),
        ("CollectReservation", rs.CollectReservationRequest(reservation_id="S1:3", payment_reference="p1", lines=line)),
        ("ReleaseReservation", rs.ReleaseReservationRequest(reservation_id="S1:3", reason="RELEASE_REASON_NO_SHOW")),
        ("SetSafetyStock", ss.SetSafetyStockRequest(store_id="S1", safety_stocks=line)),
    ]
    for number, (method, request) in enumerate(calls):
        request.idempotency_key = f"step {number}"
        front.accept(method, request)
    tell_of_an_order(front)
    front.reserve("k3", units=900)
    front.reserve("k4", units=1)
    count = ss.CountStockRequest(
        idempotency_key="count", store_id="S1", counts=line, holds=stock_pb2.HOLDS_COUNTED_INCLUDED
    )
    front.accept("CountStock", count)
    tell_of_allotments(front)
    front.clock.move(2 * HOUR_MS)
    front.accept("GetAvailability", ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A"]))


def tell_of_an_order(front: Front) -> None:
    """One that S1 holds a part of is taken back when it is ready; then a reservation of S1 alone is, once amended."""
    request = reserve_request("o1", store_id="")
    request.sourcing.place.SetInParent()
    order_id = front.accept("Reserve", request).order.order_id
    front.settle_orders()
    front.accept("ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="o2", order_id=order_id))
    front.accept("MarkOrderReady", os_.MarkOrderReadyRequest(idempotency_key="o3", order_id=order_id))
    released = os_.ReleaseOrderRequest(idempotency_key="o4", order_id=order_id, reason="RELEASE_REASON_OTHER")
    assert front.accept("ReleaseOrder", released).order.parts[0].store_id == "S1"
    held = front.reserve("a1").reservation.reservation_id
    lines = [{"sku": "A", "quantity": 2}]
    amended = rs.AmendReservationRequest(idempotency_key="a2", reservation_id=held, lines=lines)
    assert front.accept("AmendReservation", amended).reservation.lines[0].quantity == 2
    taken_back = rs.ReleaseReservationRequest(idempotency_key="a3", reservation_id=held, reason="RELEASE_REASON_OTHER")
    front.accept("ReleaseReservation", taken_back)


def test_every_kind_of_event_has_its_message(front: Front) -> None:
    deliver(front)
    version = front.version()

    async def main() -> None:
        events = await events_of(front, version, S1=0)
        kinds = [event.WhichOneof("change") for event in events]
        of_shops = {field.name for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["change"].fields}
        of_lines = {
            "queued",
            "served",
            "passed_over",
            "left",
        }  # see test_line, and of these test_shortfalls, test_elsewhere:
        of_others = {"order_changed", "claim_barred", "transfer_changed", "hot_units_changed", "returned"}
        of_lines |= {"requeued", "move_begun", "move_refused", "shortfall_resolved", "grant_awaited", "promised"}
        of_picks = {name for name in of_shops if name.startswith("pick_")} | {"arrival_noted"}  # see test_picking
        assert set(kinds) == of_shops - of_lines - of_others - of_picks
        by_kind = {event.WhichOneof("change"): event for event in reversed(events)}
        assert by_kind["reserved"].reserved.reservation.reservation_id == "S1:3"
        assert (by_kind["refused"].refused.idempotency_key, by_kind["refused"].refused.command) == ("k2", "Reserve")
        assert by_kind["refused"].refused.rejection.available == 998
        assert by_kind["confirmed"].confirmed.expires_at.seconds > 0
        assert by_kind["ready_marked"].ready_marked.reservation_id == "S1:3"
        assert by_kind["collected"].collected.payment_reference == "p1"
        assert [(row.sku, row.quantity) for row in by_kind["collected"].collected.lines] == [("A", 1)]
        assert by_kind["released"].released.reason == 4
        assert [row.delta for row in by_kind["stock_adjusted"].stock_adjusted.adjustments] == [1_000]
        assert [row.delta for row in by_kind["stock_counted"].stock_counted.corrections] == [-998]
        assert by_kind["shortfall_declared"].shortfall_declared.shortfall.quantity == 900
        assert by_kind["policy_adopted"].policy_adopted.policy_version == 1
        assert [(row.sku, row.quantity) for row in by_kind["safety_stock_set"].safety_stock_set.safety_stocks] == [
            ("A", 1)
        ]
        claimed, applied = by_kind["claimed"].claimed.reservation, by_kind["outcome_applied"].outcome_applied
        assert (claimed.reservation_id, claimed.order_id) == (
            applied.reservation_id,
            applied.order_id,
        )
        assert (claimed.status, applied.status) == (
            reservation_pb2.RESERVATION_STATUS_CLAIMED,
            reservation_pb2.RESERVATION_STATUS_HELD,
        )
        assert by_kind["acknowledged"].acknowledged.reservation_ids == [claimed.reservation_id]
        assert [(row.sku, row.quantity) for row in by_kind["amended"].amended.lines] == [("A", 2)]
        assert all(event.at.seconds > 0 and event.store_id == "S1" for event in events)

    front.run(main)


def test_a_feed_resumes_without_gaps_from_every_cursor(front: Front) -> None:
    deliver(front)
    version = front.version()

    async def main() -> None:
        whole = await events_of(front, version, S1=0)
        assert [event.version for event in whole] == list(range(1, version + 1))
        for cursor in range(1, version):
            assert await events_of(front, version - cursor, S1=cursor) == whole[cursor:]

    front.run(main)


def test_a_feed_goes_on_with_what_happens(front: Front) -> None:
    async def main() -> None:
        stream = Stream(front, "WatchEvents", events_request(S1=2, S2=0))
        for number in range(5):
            await front.asked("Reserve", reserve_request(f"k{number}"))
            (event,) = (await stream.take()).events
            assert (event.version, event.WhichOneof("change")) == (3 + number, "reserved")
        front.actors.kill("store-S1")
        await front.asked("Reserve", reserve_request("k5"))
        assert [event.version for event in (await stream.take()).events] == [8]
        front.clock.move(2 * HOUR_MS)  # what fell due is told without anybody's call
        seen = [event.version for event in (await stream.take()).events]
        while len(seen) < 6:
            seen += [event.version for event in (await stream.take()).events]
        assert seen == [9, 10, 11, 12, 13, 14]
        await stream.close()

    front.run(main)


def test_all_stores_are_told_from_their_cursors_and_new_ones_join(front: Front) -> None:
    front.receive("A", store_id="S2")
    front.reserve("k1")

    async def main() -> None:
        request = es.WatchEventsRequest(cursors=[{"store_id": "S1", "after_version": 2}], all_stores=True)
        stream = Stream(front, "WatchEvents", request)
        first = [event for _ in range(2) for event in (await stream.take()).events]
        assert sorted((event.store_id, event.version) for event in first) == [("S1", 3), ("S2", 1), ("S2", 2)]
        await front.asked(
            "SetSafetyStock", ss.SetSafetyStockRequest(idempotency_key="k", store_id="S3", safety_stocks=[{"sku": "A"}])
        )
        assert [event.store_id for event in (await stream.take()).events] == ["S3", "S3"]
        await stream.close()

    front.run(main)


def test_messages_are_bounded_by_bytes_too(front: Front) -> None:
    """Opening stock comes in calls of 4,096 rows; a client that takes 4 MB a message must get through it."""
    sku = "x" * 58
    for call in range(5):
        rows = [{"sku": f"{sku}{n:06}", "delta": 1, "sequence": 1 + n, "kind": 1} for n in range(4_096)]
        request = ss.AdjustStockRequest(
            idempotency_key=f"o{call}", store_id="S1", source=f"wms {call}", adjustments=rows
        )
        front.accept("AdjustStock", request)

    async def main() -> None:
        stream = Stream(front, "WatchEvents", events_request(S1=2))
        versions: list[int] = []
        while len(versions) < 5:
            message = await stream.take()
            assert message.ByteSize() < MESSAGE_BYTES_MAX + 16 * len(message.events)  # what each event is framed by
            versions += [event.version for event in message.events]
        assert versions == [3, 4, 5, 6, 7]
        await stream.close()

        watch = ss.WatchAvailabilityRequest(cursors=[{"store_id": "S1", "after_version": 2}])
        positions = Stream(front, "WatchAvailability", watch)
        seen: dict[str, int] = {}
        cursor = 2
        while cursor < 7:
            message = await positions.take()
            assert len(message.positions) <= POSITIONS_MAX
            seen.update({row.sku: row.on_hand for row in message.positions})
            cursor = message.version
        assert set(seen.values()) == {5}
        assert len(seen) == 4_096
        await positions.close()

    front.run(main)


def test_watched_positions_converge_to_what_is_read(front: Front) -> None:
    front.receive("B", 10)

    async def main() -> None:
        watch = ss.WatchAvailabilityRequest(cursors=[{"store_id": "S1"}])
        stream = Stream(front, "WatchAvailability", watch)
        requests = [reserve_request(f"k{n}", "AB"[n % 2], 1 + n % 3) for n in range(30)]
        await asyncio.gather(*(front.asked("Reserve", request) for request in requests))
        read = await front.asked("GetAvailability", ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A", "B"]))
        (store,) = read.reply.stores
        seen: dict[str, stock_pb2.Position] = {}
        version = 0
        while version < store.version:
            message = await stream.take()
            assert message.version >= version
            version = message.version
            seen.update({position.sku: position for position in message.positions})
        assert [seen[sku] for sku in "AB"] == list(store.positions)
        await stream.close()

    front.run(main)


def test_a_watch_of_some_skus_moves_its_cursor_over_the_others(front: Front) -> None:
    front.receive("B", 10)

    async def main() -> None:
        watch = ss.WatchAvailabilityRequest(cursors=[{"store_id": "S1", "after_version": 3}], skus=["B"])
        stream = Stream(front, "WatchAvailability", watch)
        await front.asked("Reserve", reserve_request("k1", "A"))
        message = await stream.take()
        assert (message.version, list(message.positions)) == (4, [])
        await front.asked("Reserve", reserve_request("k2", "B"))
        message = await stream.take()
        assert [(row.sku, row.available) for row in message.positions] == [("B", 9)]
        await stream.close()

    front.run(main)


@pytest.mark.parametrize("method", ["WatchEvents", "WatchAvailability"])
def test_a_slow_reader_is_cut_off_and_resumes(front: Front, method: str) -> None:
    front.reserve("k1")

    class Late:
        now_s = 0.0

        def now(self) -> float:
            return self.now_s

    late = Late()
    gateway = front.gateway
    gateway._feeds = Feeds(gateway._router, StoreDirectory(gateway._router), now=late.now)
    gateway._streams |= gateway._feeds.streams

    async def main() -> None:
        request = es.WatchEventsRequest if method == "WatchEvents" else ss.WatchAvailabilityRequest
        stream = Stream(front, method, request(cursors=[{"store_id": "S1"}]))
        await stream.take()
        late.now_s += TAKE_S_MAX + 0.1
        found = await stream.end()
        assert (found.code, found.replies, found.retry_after_ms) == (CODE.RESOURCE_EXHAUSTED, [], 100)
        assert "resume from your cursor" in found.message
        again = Stream(front, method, request(cursors=[{"store_id": "S1"}]))
        await again.take()
        late.now_s += TAKE_S_MAX - 0.1
        await front.asked("Reserve", reserve_request("k2"))
        await again.take()
        await again.close()

    front.run(main)


def test_streams_have_a_limit_and_leave_their_place(front: Front) -> None:
    async def main() -> None:
        streams = [Stream(front, "WatchEvents", events_request(S1=0)) for _ in range(STREAMS_MAX)]
        for stream in streams:
            await stream.take()
        found = await Stream(front, "WatchEvents", events_request(S1=0)).end()
        assert (found.code, found.retry_after_ms) == (CODE.RESOURCE_EXHAUSTED, 1_000)
        for stream in streams:
            await stream.close()
        await turns()
        again = Stream(front, "WatchEvents", events_request(S1=0))
        await again.take()
        await again.close()

    front.run(main)


@pytest.mark.parametrize("method", ["WatchEvents", "WatchAvailability"])
def test_streams_that_wait_for_a_shop_have_their_places_and_are_told_to_resume(front: Front, method: str) -> None:
    async def main() -> None:
        opened = front.actors.hold("store-S1")
        ends = [
            asyncio.ensure_future(Stream(front, method, events_request(S1=2)).end()) for _ in range(STREAMS_MAX + 1)
        ]
        await turns(20)
        assert [each.result().reason for each in ends if each.done()] == ["TOO_MANY_STREAMS"]
        while not all(each.done() for each in ends):
            skip(1.0)
            await turns()
        opened.set()
        away = ends[0].result()
        assert (away.code, away.reason) == (CODE.UNAVAILABLE, "SHOP_AWAY")
        assert "resume from your cursor" in away.message
        assert "key" not in away.message

    front.run(main)


def test_draining_ends_the_streams_so_that_readers_resume_elsewhere(front: Front) -> None:
    async def main() -> None:
        stream = Stream(front, "WatchEvents", events_request(S1=0))
        await stream.take()
        await front.gateway.drain()
        found = await stream.end()
        assert found.code is CODE.UNAVAILABLE
        assert "resume" in found.message
        new = await Stream(front, "WatchEvents", events_request(S1=0)).end()
        assert new.code is CODE.UNAVAILABLE

    front.run(main)


@pytest.mark.parametrize("method", ["WatchEvents", "WatchAvailability"])
def test_a_cursor_beyond_the_head_is_refused_and_names_the_head(front: Front, method: str) -> None:
    """What happens up to that cursor would never be told."""
    found = front.ask(method, events_request(S2=0, S1=3))  # the cursors of both have the same place
    assert (found.code, found.fields) == (CODE.OUT_OF_RANGE, ["cursors[1].after_version"])
    assert (found.reason, found.metadata) == ("CURSOR_BEYOND_HEAD", {"store_id": "S1", "head": "2"})

    async def main() -> None:
        stream = Stream(front, method, events_request(S1=2))
        await front.asked("Reserve", reserve_request("k1"))
        assert (await stream.take()).ByteSize()
        await stream.close()

    front.run(main)


@pytest.mark.parametrize("method", ["WatchEvents", "WatchAvailability"])
def test_an_actor_that_is_asked_too_much_ends_the_stream_with_a_status(front: Front, method: str) -> None:
    async def main() -> None:
        opened = front.actors.hold("store-S1")
        status = ad.GetLedgerStatusRequest(store_id="S1")
        async with asyncio.TaskGroup() as tasks:
            for _ in range(ASKING_MAX):
                tasks.create_task(front.asked("GetLedgerStatus", status))
            await turns()
            found = await front.asked(method, events_request(S1=0))  # the cursors of both have the same place
            opened.set()
        assert found.code is CODE.RESOURCE_EXHAUSTED
        assert found.retry_after_ms > 0

    front.run(main)


def test_shops_of_one_actor_take_turns_where_not_all_fit(front: Front) -> None:
    gateway = front.gateway
    gateway._router.close()
    front.run(lambda: gateway._open(Router(front.actors, Placement(1)), front.clock, Postcodes({})))
    gateway._feeds = Feeds(gateway._router, StoreDirectory(gateway._router), bytes_max=1)
    gateway._streams |= gateway._feeds.streams
    for number in range(3):
        for store_id in ("S1", "S2"):
            front.receive(f"B{number}", store_id=store_id)

    async def main() -> None:
        stream = Stream(front, "WatchEvents", events_request(S1=0, S2=0))
        messages = [await stream.take() for _ in range(6)]
        assert [message.events[0].store_id for message in messages] == ["S1", "S2"] * 3
        await stream.close()

    front.run(main)
