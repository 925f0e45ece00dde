"""Watches come back by themselves: nothing is skipped, nothing is told twice, and the cursors say where to resume."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc
import pytest

from holdfast.client import Adjustment, AdjustmentKind, ChannelClient, Limits, NotFound, ServiceFault, Unavailable
from holdfast.client.errors import ClientClosed
from holdfast.client.models.events import Reserved
from holdfast.v1 import event_pb2, event_service_pb2
from tests.clients.faults import CODE, Answer, CutAfter, Refuse
from tests.clients.service import Service
from tests.clients.serving import QUICK, serving

ItemT = TypeVar("ItemT")


@pytest.fixture
def service(service: Service) -> Service:
    """Two shops with ten events each: the rules adopted, and nine receipts."""
    for shop in ("s1", "s2"):
        service.shop(shop)
        for _ in range(9):
            service.receive(shop, {"sku-1": 10})
    return service


@asynccontextmanager
async def client_of(service: Service) -> AsyncIterator[ChannelClient]:
    """A client that comes back at once, of a served `service`."""
    async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
        yield client


async def take(items: AsyncIterator[ItemT], count: int) -> list[ItemT]:
    return [await anext(items) for _ in range(count)]


@pytest.mark.parametrize("code", [CODE.UNAVAILABLE, CODE.RESOURCE_EXHAUSTED, CODE.INTERNAL, CODE.CANCELLED])
def test_a_watch_that_is_cut_off_goes_on_where_it_was(service: Service, code: grpc.StatusCode) -> None:
    async def main() -> None:
        service.faults["WatchEvents"].extend([CutAfter(3, code), Refuse(code), CutAfter(0, code), CutAfter(9, code)])
        async with client_of(service) as client, client.watch_events(["s1", "s2"]) as watch:
            events = await take(watch, 20)
            assert watch.cursors == {"s1": 10, "s2": 10}
        for shop in ("s1", "s2"):
            assert [event.version for event in events if event.store_id == shop] == list(range(1, 11))
        resumed = [
            {cursor.store_id: cursor.after_version for cursor in request.cursors}
            for request in service.asked("WatchEvents")
        ]
        assert resumed[0] == {"s1": 0, "s2": 0}
        assert resumed[1] == resumed[2]
        assert sum(resumed[1].values()) == 3

    asyncio.run(main())


def test_what_happens_later_is_told(service: Service) -> None:
    async def main() -> None:
        async with (
            serving(service) as target,
            ChannelClient(target) as client,
            client.watch_events({"s1": 10}) as watch,
        ):
            waiting = asyncio.ensure_future(anext(watch))
            await service.called.wait()
            held = await client.reserve("s1", [("sku-1", 1)], customer_id="c", channel="web")
            event = await waiting
        assert event.version == 11
        assert isinstance(event.change, Reserved)
        assert event.change.reservation == held

    asyncio.run(main())


def test_a_watch_survives_a_restart_of_the_service(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target:
            client = ChannelClient(target)
            watch = client.watch_events(["s1"])
            before = await take(watch, 10)
        waiting = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        async with serving(service, int(target.rpartition(":")[2])):
            await client.reserve("s1", [("sku-1", 1)], customer_id="c", channel="web")
            after = await waiting
            await watch.aclose()
            await client.close()
        assert [event.version for event in [*before, after]] == list(range(1, 12))

    asyncio.run(main())


def test_a_new_watch_resumes_from_the_cursors_of_an_old_one(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client, client.watch_events(["s1"]) as watch:
            await take(watch, 4)
            # What was received but not handed over is not counted as seen.
            cursors = watch.cursors
            assert cursors == {"s1": 4}
            async with client.watch_events(cursors) as resumed:
                assert (await anext(resumed)).version == 5

    asyncio.run(main())


def test_all_shops_can_be_watched(service: Service) -> None:
    async def main() -> None:
        service.faults["WatchEvents"].append(CutAfter(3))
        async with client_of(service) as client, client.watch_events(all_stores=True) as watch:
            events = await take(watch, 20)
        for shop in ("s1", "s2"):
            assert [event.version for event in events if event.store_id == shop] == list(range(1, 11))

    asyncio.run(main())


def test_a_watch_of_all_shops_resumes_from_one_cursor(service: Service) -> None:
    async def main() -> None:
        async with client_of(service) as client:
            async with client.watch_events(all_stores=True) as watch:
                await take(watch, 20)
                await client.adjust_stock("s2", "more", [Adjustment("b", 1, 0, AdjustmentKind.RECEIPT)])
                assert (await anext(watch)).version == 11
            async with client.watch_events(all_stores=True, cursor=watch.cursor) as resumed:
                event = await anext(resumed)
        assert (event.store_id, event.version) == ("s2", 11)

    asyncio.run(main())


def test_a_watch_of_all_shops_asks_again_with_the_cursor_and_what_came_since(service: Service) -> None:
    async def main() -> None:
        events = [event_pb2.Event(store_id="s1", version=version) for version in (1, 2)]
        first, second = (event_service_pb2.WatchEventsResponse(events=[event]) for event in events)
        cursor = event_service_pb2.WatchEventsResponse(cursor=b"opaque")
        service.faults["WatchEvents"].extend([Answer([first, cursor, second]), said(3)])
        async with client_of(service) as client, client.watch_events(all_stores=True) as watch:
            assert [event.version for event in await take(watch, 3)] == [1, 2, 3]
            assert watch.cursor == b"opaque"
        again = service.asked("WatchEvents")[1]
        assert (again.cursor, [(each.store_id, each.after_version) for each in again.cursors]) == (
            b"opaque",
            [("s1", 2)],
        )

    asyncio.run(main())


def said(*versions: int) -> Answer:
    """A stream that says so many events of s1, whatever the cursor, and breaks off."""
    events = [event_pb2.Event(store_id="s1", version=version) for version in versions]
    return Answer([event_service_pb2.WatchEventsResponse(events=[event]) for event in events])


def test_a_skipped_version_is_asked_for_again_and_a_repeated_one_dropped(service: Service) -> None:
    async def main() -> None:
        service.faults["WatchEvents"].extend([said(1, 3), said(1, 2, 3)])
        async with client_of(service) as client, client.watch_events(["s1"]) as watch:
            assert [event.version for event in await take(watch, 3)] == [1, 2, 3]
        assert [request.cursors[0].after_version for request in service.asked("WatchEvents")] == [0, 1]

    asyncio.run(main())


def test_a_service_that_keeps_skipping_is_told_off(service: Service) -> None:
    async def main() -> None:
        service.faults["WatchEvents"].extend([said(1, 3)] * 100)
        async with client_of(service) as client, client.watch_events(["s1"]) as watch:
            assert (await anext(watch)).version == 1
            with pytest.raises(ServiceFault, match="jumped from version 1 to 3"):
                await anext(watch)
        assert len(service.requests) == QUICK.unclear_attempts_max

    asyncio.run(main())


def test_availability_is_watched_and_resumed_alike(service: Service) -> None:
    async def main() -> None:
        service.faults["WatchAvailability"].append(CutAfter(1))
        async with client_of(service) as client, client.watch_availability(["s1"], skus=["sku-1"]) as watch:
            first = await anext(watch)
            held = await client.reserve("s1", [("sku-1", 30)], customer_id="c", channel="web")
            second = await anext(watch)
            assert watch.cursors == {"s1": 11}
        assert (first.positions[0].available, second.positions[0].available) == (90, 60)
        assert second.version == held.version
        assert [request.cursors[0].after_version for request in service.asked("WatchAvailability")] == [0, 10]

    asyncio.run(main())


def test_a_watch_gives_up_when_nobody_comes_back_and_can_go_on_later(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target:
            client = ChannelClient(target, limits=Limits(watch_silence_ms_max=100))
            watch = client.watch_events(["s1"])
            await take(watch, 10)
        with pytest.raises(Unavailable):
            await anext(watch)
        async with serving(service, int(target.rpartition(":")[2])):
            await client.reserve("s1", [("sku-1", 1)], customer_id="c", channel="web")
            while True:
                try:
                    event = await anext(watch)
                    break
                except Unavailable:
                    continue
            assert event.version == 11
            await client.close()
            with pytest.raises(ClientClosed):
                await anext(watch)

    asyncio.run(main())


def test_what_is_certain_ends_the_watch(service: Service) -> None:
    async def main() -> None:
        service.faults["WatchEvents"].append(Refuse(CODE.NOT_FOUND, "no such shop"))
        async with serving(service) as target, ChannelClient(target) as client:
            with pytest.raises(NotFound, match="no such shop"):
                await anext(client.watch_events(["s1"]))

    asyncio.run(main())


def test_closing_a_watch_ends_its_iteration(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            watch = client.watch_events(["s1"])
            await take(watch, 10)
            waiting = asyncio.ensure_future(anext(watch, None))
            await asyncio.sleep(0)
            await watch.aclose()
            assert await waiting is None

    asyncio.run(main())
