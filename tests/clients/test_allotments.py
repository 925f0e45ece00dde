"""Allotments by the channel client and by the command."""

import asyncio
from collections.abc import Iterator

import pytest

from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    Allotment,
    AllotmentStatus,
    ChannelClient,
    HolderKind,
    InvalidArgument,
    Reason,
    Rejection,
    Reservation,
    Share,
)
from tests.clients.command import Command
from tests.clients.service import Service
from tests.clients.serving import serving, serving_in_thread

HOUR_MS = 3_600_000


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"a": 10, "b": 10})
    return service


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_a_quota_is_its_channels_alone_until_its_time(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            quota = await client.allot_stock(
                "s1", "app", kind=HolderKind.CHANNEL, shares=[Share("a", 500)], ttl_ms=HOUR_MS, reason="launch"
            )
            assert isinstance(quota, Allotment)
            assert (quota.lines[0].given, quota.reason, quota.ended_at_ms) == (5, "launch", None)
            refused = await client.reserve("s1", [("a", 6)], customer_id="c", channel="web")
            assert isinstance(refused, Rejection)
            assert refused.available == 5
            held = await client.reserve("s1", [("a", 8)], customer_id="c", channel="app")
            assert isinstance(held, Reservation)
            longer = await client.extend_allotment(quota.allotment_id, ttl_ms=2 * HOUR_MS)
            assert isinstance(longer, Allotment)
            assert (longer.lines[0].used, longer.lines[0].left) == (3, 2)
            service.clock.move(2 * HOUR_MS)
            (ended,) = [each async for each in client.list_allotments("s1", statuses=[AllotmentStatus.EXPIRED])]
            assert ended.allotment_id == quota.allotment_id
            assert [each async for each in client.list_allotments("s1", statuses=[AllotmentStatus.OPEN])] == []
            over = await client.return_allotment(quota.allotment_id)
            assert isinstance(over, Rejection)
            assert (over.reason, over.allotment_id) == (Reason.ALLOTMENT_ENDED, quota.allotment_id)

    asyncio.run(main())


def test_pages_of_allotments_are_read_to_the_end(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            for number in range(7):
                await client.allot_stock("s1", f"t{number}", [("a", 1)], kind=HolderKind.TILL, ttl_ms=HOUR_MS)
            found = [each.holder async for each in client.list_allotments("s1", page_size=3)]
            assert found == [f"t{number}" for number in range(7)]

    asyncio.run(main())


def test_what_is_malformed_names_its_field(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            with pytest.raises(InvalidArgument, match="lines: is required where there are no shares"):
                await client.allot_stock("s1", "app", kind=HolderKind.CHANNEL, ttl_ms=HOUR_MS)
            with pytest.raises(InvalidArgument, match="allotment_id"):
                await client.return_allotment("s1")
            sold = Adjustment("a", -1, 0, AdjustmentKind.SALE, allotment_id="s2:5")
            with pytest.raises(InvalidArgument, match="of another shop"):
                await client.adjust_stock("s1", "till", [sold])

    asyncio.run(main())


def test_the_command_gives_lists_extends_and_returns(run: Command) -> None:
    given = run("allotment", "give", "s1", "till-7", "a=4", "--kind", "till", "--ttl", "8h")["allotment"]
    name = given["allotment_id"]
    assert (given["status"], given["lines"]) == ("OPEN", [{"sku": "a", "given": 4, "used": 0, "left": 4}])
    assert run("allotment", "extend", name, "--ttl", "9h")["allotment"]["status"] == "OPEN"
    assert [one["allotment_id"] for one in run("allotment", "list", "s1")["allotments"]] == [name]
    assert run("stock", "show", "s1", "a")["stores"][0]["positions"][0]["allotted"] == 4
    assert run("allotment", "return", name)["allotment"]["status"] == "UNKNOWN"
    assert run("stock", "show", "s1", "a")["stores"][0]["positions"][0]["unknown"] == 4
    assert run("allotment", "return", name, "--settled")["allotment"]["status"] == "RETURNED"
    quota = run("allotment", "give", "s1", "web", "--share", "a=500", "--kind", "channel", "--ttl", "1h")["allotment"]
    assert quota["lines"][0]["given"] == 5
    refused = run("allotment", "give", "s1", "web", "a=6", "--kind", "channel", "--ttl", "1h", code=1)["rejection"]
    assert refused["reason"] == "INSUFFICIENT_STOCK"
    assert "3 of 5" not in run.words("allotment", "list", "s1")
