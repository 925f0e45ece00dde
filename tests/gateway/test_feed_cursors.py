"""One cursor for a feed of all shops: what resumes from it, and what is none."""

import asyncio
from typing import Any

import grpc
import pytest

from holdfast.v1 import admin_service_pb2 as ad, event_service_pb2 as es, stock_service_pb2 as ss
from serve.wire.cursors import pack_cursor
from tests.gateway.front import Front, reserve_request
from tests.gateway.streams import Stream, events_request
from tests.journal.memory import MemoryDisk
from tests.runtime.runtime_fixture import WAIT_S

CODE = grpc.StatusCode


def test_one_cursor_resumes_a_feed_of_all_shops(front: Front) -> None:
    for store_id in ("S2", "S3"):
        front.receive("A", store_id=store_id)

    async def main() -> None:
        stream = Stream(front, "WatchEvents", es.WatchEventsRequest(all_stores=True))
        told = [event for _ in range(3) for event in (await stream.take()).events]
        await front.asked("Reserve", reserve_request("k1", store_id="S2"))
        told += (await stream.take()).events  # the cursor of what was told before came first
        await stream.close()

        again = Stream(front, "WatchEvents", es.WatchEventsRequest(all_stores=True, cursor=stream.cursor))
        assert list((await again.take()).events) == told[6:]
        await again.close()
        # The cursor of a shop that is named goes before it, and one beyond the head is refused by its own name.
        named = es.WatchEventsRequest(
            all_stores=True, cursor=stream.cursor, cursors=[{"store_id": "S1", "after_version": 1}]
        )
        again = Stream(front, "WatchEvents", named)
        found = [event for _ in range(2) for event in (await again.take()).events]
        assert sorted((event.store_id, event.version) for event in found) == [("S1", 2), ("S2", 3)]
        await again.close()

    front.run(main)
    beyond = es.WatchEventsRequest(all_stores=True, cursor=pack_cursor({"S1": 3, "of another chain": 7}))
    found = front.ask("WatchEvents", beyond)
    assert (found.code, found.fields, found.metadata["head"]) == (CODE.OUT_OF_RANGE, ["cursor"], "2")


def test_a_cursor_resumes_also_at_a_gateway_that_does_not_know_its_shop_yet(front: Front) -> None:
    router = front.gateway._router
    older = router.chain
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S4"}]))
    front.receive("A", store_id="S4")

    async def main() -> None:
        stream = Stream(front, "WatchEvents", es.WatchEventsRequest(all_stores=True))
        for _ in ("S1", "S4"):
            await stream.take()
        await front.asked("Reserve", reserve_request("k1", store_id="S4"))
        await stream.take()  # the cursor of what was told before came first
        await stream.close()
        router.chain = older
        again = Stream(front, "WatchEvents", es.WatchEventsRequest(all_stores=True, cursor=stream.cursor))
        assert [(event.store_id, event.version) for event in (await again.take()).events] == [("S4", 3)]
        await again.close()

    front.run(main)


def test_a_shop_that_was_restored_tells_what_it_has_now(front: Front) -> None:
    """Also to those that resume beside a stream that was told what it had."""
    copy = bytes(front.actors.disks["store-S1"].image)

    async def main() -> None:
        await front.asked("Reserve", reserve_request("k1", units=1))
        beside = Stream(front, "WatchEvents", events_request(S1=2))
        had = (await beside.take()).events
        front.actors.kill("store-S1")
        front.actors.disks["store-S1"] = MemoryDisk(copy)
        await front.asked("Reserve", reserve_request("k2", units=2))
        resumed = Stream(front, "WatchEvents", events_request(S1=2))
        has = (await resumed.take()).events
        assert [event.version for event in has] == [event.version for event in had]
        assert [event.reserved.reservation.lines[0].quantity for events in (had, has) for event in events] == [1, 2]
        for stream in (beside, resumed):
            await stream.close()

    front.run(main)


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        ("WatchEvents", events_request(S2=0, S1=0), "cursors[1].after_version"),
        ("WatchEvents", es.WatchEventsRequest(all_stores=True), "cursor"),
        ("WatchAvailability", ss.WatchAvailabilityRequest(cursors=[{"store_id": "S1"}]), "cursors[0].after_version"),
    ],
)
def test_a_stream_ends_when_its_shop_is_restored_from_before_its_cursor(
    front: Front, method: str, request_: Any, field: str, *, copied: bool
) -> None:
    """Also where the copy has nothing of it. To wait there would be to pass over what happens up to the cursor."""
    copy = bytes(front.actors.disks["store-S1"].image) if copied else b""

    async def main() -> None:
        await front.asked("Reserve", reserve_request("k1"))
        stream = Stream(front, method, request_)
        await stream.take()
        front.actors.kill("store-S1")
        front.actors.disks["store-S1"] = MemoryDisk(copy)
        async with asyncio.timeout(WAIT_S):
            found = await stream.end()
        assert (found.code, found.reason, found.fields) == (CODE.OUT_OF_RANGE, "CURSOR_BEYOND_HEAD", [field])
        assert found.metadata == {"store_id": "S1", "head": "2" if copied else "0"}

    front.run(main)


def resumed_events(_: Stream, told: Any) -> es.WatchEventsRequest:
    event = told.events[-1]
    cursor = {"store_id": "S1", "after_version": event.version, "record_hash": event.record_hash}
    return es.WatchEventsRequest(cursors=[cursor])


def resumed_positions(_: Stream, told: Any) -> ss.WatchAvailabilityRequest:
    cursor = {"store_id": "S1", "after_version": told.version, "record_hash": told.record_hash}
    return ss.WatchAvailabilityRequest(cursors=[cursor])


def resumed_whole(stream: Stream, _: Any) -> es.WatchEventsRequest:
    return es.WatchEventsRequest(all_stores=True, cursor=stream.cursor)


@pytest.mark.parametrize("restored", [True, False])
@pytest.mark.parametrize(
    ("method", "request_", "resume", "field"),
    [
        ("WatchEvents", events_request(S1=2), resumed_events, "cursors[0].after_version"),
        ("WatchEvents", es.WatchEventsRequest(all_stores=True), resumed_whole, "cursor"),
        (
            "WatchAvailability",
            ss.WatchAvailabilityRequest(cursors=[{"store_id": "S1"}]),
            resumed_positions,
            "cursors[0].after_version",
        ),
    ],
)
def test_a_reader_hears_that_other_events_stand_where_it_was(
    front: Front, method: str, request_: Any, resume: Any, field: str, *, restored: bool
) -> None:
    """The shop was restored from an older copy, and has come further than the reader by then. Where it is as it was the
    reader goes on, also under another owner.
    """
    copy = bytes(front.actors.disks["store-S1"].image)

    async def main() -> None:
        await front.asked("Reserve", reserve_request("k1"))
        stream = Stream(front, method, request_)
        await stream.take()
        await front.asked("Reserve", reserve_request("k2"))
        told = await stream.take()  # the cursor of all shops came before it
        await stream.close()
        front.actors.kill("store-S1")
        if restored:
            front.actors.disks["store-S1"] = MemoryDisk(copy)
        for key in ("k3", "k4", "k5"):
            await front.asked("Reserve", reserve_request(key))
        again = Stream(front, method, resume(stream, told))
        async with asyncio.timeout(WAIT_S):
            if not restored:
                assert (await again.take()).ByteSize()
                await again.close()
                return
            found = await again.end()
        assert (found.code, found.reason, found.fields) == (CODE.OUT_OF_RANGE, "HISTORY_CHANGED", [field])
        assert found.metadata == {"store_id": "S1"}

    front.run(main)


@pytest.mark.parametrize(
    "cursor",
    [b"x", b"\x02", b"\x01" + pack_cursor({"S1": 1})[1:], pack_cursor({"S1": 1})[:-1], pack_cursor({"S1": -1})],
)
def test_what_is_no_cursor_is_refused(front: Front, cursor: bytes) -> None:
    found = front.ask("WatchEvents", es.WatchEventsRequest(all_stores=True, cursor=cursor))
    assert (found.code, found.reason, found.fields) == (CODE.INVALID_ARGUMENT, "CURSOR_UNREADABLE", ["cursor"])
