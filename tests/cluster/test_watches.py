"""Feeds over real connections: in sequence, without gaps, over kills of whatever they pass through."""

import asyncio

from holdfast.client import AvailabilityChange, ChannelClient, Event, Rejection, Subscription
from tests.cluster.callers import Crowd, available, kill_actor, receive, with_client
from tests.cluster.service import Service
from tests.cluster.test_kills import kill_titled
from tests.waiting import until_async

RESERVATIONS = 120


def test_the_feed_has_no_gap_over_kills(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S7", "fed", RESERVATIONS)
        await receive(client, "S3", "fed", RESERVATIONS)
        told: dict[str, list[Event]] = {"S7": [], "S3": []}

        async def follow() -> None:
            async with client.watch_events(list(told)) as events:
                async for event in events:
                    told[event.store_id].append(event)

        follower = asyncio.create_task(follow())
        crowds = [Crowd(service, store_id, "fed") for store_id in told]

        async def strike() -> None:
            await kill_actor(client, "S7")
            await kill_titled(service, "ray::ServeReplica")(client)

        keys = [f"fed-{number}" for number in range(RESERVATIONS)]
        await asyncio.gather(crowds[0].come(keys, at_once=8, during=strike), crowds[1].come(keys, at_once=8))
        versions = {store_id: (await client.ledger_status(store_id)).version for store_id in told}

        async def caught_up() -> bool:
            return all(len(told[store_id]) >= version for store_id, version in versions.items())

        await until_async(caught_up, within_s=60, what="the rest of the feed")
        follower.cancel()

        for store_id, events in told.items():
            assert [event.version for event in events] == list(range(1, len(events) + 1))
            assert len(events) == versions[store_id]

    with_client(service, main)


def test_a_watch_resumes_from_any_cursor(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S8", "resumed", 5)
        for number in range(6):
            await client.reserve("S8", [("resumed", 1)], customer_id=f"c{number}", channel="web")
        version = (await client.ledger_status("S8")).version
        whole = await take(client, 0, version)
        assert [event.version for event in whole] == list(range(1, version + 1))
        for cursor in range(1, version):
            assert await take(client, cursor, version - cursor) == whole[cursor:]

    with_client(service, main)


async def take(client: ChannelClient, cursor: int, count: int) -> list[Event]:
    """The events after a version."""
    async with client.watch_events({"S8": cursor}) as events:
        return [await anext(events) for _ in range(count)]


def test_watched_positions_end_where_the_stock_stands(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S4", "watched", 30)
        seen: dict[str, int] = {}
        async with client.watch_availability(["S4"], skus=["watched"]) as changes:
            follower = asyncio.create_task(_follow(changes, seen))
            crowd = Crowd(service, "S4", "watched")
            await crowd.come(
                [f"w-{number}" for number in range(40)], at_once=8, during=lambda: kill_actor(client, "S4")
            )

            async def sold_out() -> bool:
                return seen.get("watched") == 0

            await until_async(sold_out, within_s=60, what="the last position")
            follower.cancel()
        assert await available(client, "S4", "watched") == (30, 30, 0)
        assert sum(isinstance(answer, Rejection) for answer in crowd.answers.values()) == 10

    with_client(service, main)


async def _follow(changes: Subscription[AvailabilityChange], seen: dict[str, int]) -> None:
    async for change in changes:
        for position in change.positions:
            seen[position.sku] = position.available
