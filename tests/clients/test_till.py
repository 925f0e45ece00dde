"""The till: sales go through a lost network and a restart, once each; pickups are looked up and collected once."""

import asyncio
import inspect
import shutil
from pathlib import Path
from typing import Any

import pytest

from holdfast.client import (
    AdjustmentKind,
    BlockingTillClient,
    ChannelClient,
    HoldsCounted,
    InvalidArgument,
    Reason,
    Rejection,
    Reservation,
    RetryPolicy,
    Status,
    StockChange,
    TillClient,
    TillJournalDamaged,
    Unavailable,
)
from holdfast.client.limits import ROWS_PER_CALL_MAX
from holdfast.client.till_journal import SENT_ROWS_KEPT
from tests.clients.faults import CODE, LoseAnswer, Refuse
from tests.clients.service import Service
from tests.clients.serving import QUICK, serving, serving_in_thread


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"a": 100, "b": 100})
    return service


def till(target: str, folder: Path) -> TillClient:
    return TillClient(target, store_id="s1", till="till-1", journal_path=folder / "till", retry=QUICK)


async def on_hand(client: TillClient) -> list[int]:
    """Of both goods."""
    return [one.on_hand for one in (await client.availability(["a", "b"])).positions]


def test_movements_reach_the_shop_with_growing_numbers(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target, till(target, tmp_path) as client:
            report = await client.sell([("a", 3), ("b", 1)])
            assert (report.applied, report.unsent, report.why) == (2, 0, "")
            await client.take_back([("a", 1)])
            await client.receive([("b", 10)])
            position = (await client.availability(["a", "b"])).positions
        assert [one.on_hand for one in position] == [98, 109]
        rows = [row for request in service.asked("AdjustStock") for row in request.adjustments]
        first = rows[0].sequence
        assert [(row.sequence - first, row.delta, row.kind) for row in rows] == [
            (0, -3, AdjustmentKind.SALE),
            (1, -1, AdjustmentKind.SALE),
            (2, 1, AdjustmentKind.RETURN),
            (3, 10, AdjustmentKind.RECEIPT),
        ]
        assert first == 1
        (source,) = {request.source for request in service.asked("AdjustStock")}
        assert source.startswith("till-1/")

    asyncio.run(main())


def test_sales_without_a_network_are_kept_over_a_restart_and_sent_in_sequence(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target:
            port = int(target.rpartition(":")[2])
        client = till(target, tmp_path)
        await client.sell([("a", 1)], timeout_ms=50)
        report = await client.sell([("a", 1)], timeout_ms=50)
        assert (report.applied, report.unsent) == (0, 2)
        assert report.why
        await client.close()
        async with serving(service, port), till(target, tmp_path) as again:
            report = await again.sell([("b", 1)])
            assert (report.applied, report.dropped_repeated, report.unsent) == (3, 0, 0)
        rows = [row for request in service.asked("AdjustStock") for row in request.adjustments]
        assert [row.sku for row in rows] == ["a", "a", "b"]
        assert [row.sequence for row in rows] == [1, 2, 3]

    asyncio.run(main())


def test_a_sale_whose_answer_was_lost_is_counted_once_even_over_a_restart(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        service.faults["AdjustStock"].append(LoseAnswer())
        async with serving(service) as target:
            client = TillClient(
                target,
                store_id="s1",
                till="till-1",
                journal_path=tmp_path / "till",
                retry=RetryPolicy(attempts_max=1),
            )
            report = await client.sell([("a", 4)])
            assert report.unsent == 1
            await client.close()
            async with till(target, tmp_path) as again:
                report = await again.flush()
                assert (report.applied, report.dropped_repeated, report.unsent) == (1, 0, 0)  # the first answer
                assert (await again.availability(["a"])).positions[0].on_hand == 96

    asyncio.run(main())


def test_a_long_queue_goes_out_in_parts(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        service.faults["AdjustStock"].append(LoseAnswer())
        async with serving(service) as target, till(target, tmp_path) as client:
            await client.record(AdjustmentKind.SALE, [("a", -1)] * (ROWS_PER_CALL_MAX + 5))
            report = await client.flush()
            on_hand = (await client.availability(["a"])).positions[0].on_hand
        assert (report.applied, report.unsent) == (ROWS_PER_CALL_MAX + 5, 0)
        sizes = [len(request.adjustments) for request in service.asked("AdjustStock")]
        assert sizes == [ROWS_PER_CALL_MAX, ROWS_PER_CALL_MAX, 5]
        assert on_hand == 100 - ROWS_PER_CALL_MAX - 5

    asyncio.run(main())


def test_a_count_never_overtakes_the_sales_before_it(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target, till(target, tmp_path) as client:
            service.faults["AdjustStock"].append(Refuse(CODE.RESOURCE_EXHAUSTED, retry_after_ms=60_000))
            await client.record(AdjustmentKind.SALE, [("a", -1)])
            with pytest.raises(Unavailable, match="1 movements are unsent"):
                await client.count([("a", 7)], holds=HoldsCounted.INCLUDED)
            assert service.asked("CountStock") == []
            counted = await client.count([("a", 7)], holds=HoldsCounted.INCLUDED)
            assert isinstance(counted, StockChange)
        assert [name for name, _ in service.requests] == ["AdjustStock", "AdjustStock", "CountStock"]

    asyncio.run(main())


def test_a_movement_that_the_service_finds_wrong_is_said_aloud_and_kept(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        service.faults["AdjustStock"].append(Refuse(CODE.INVALID_ARGUMENT))
        async with serving(service) as target, till(target, tmp_path) as client:
            report = await client.sell([("a", 1)])  # it is recorded, and the caller must not sell it again
            assert (report.unsent, [row.sku for row in report.recorded]) == (1, ["a"])
            assert report.why
            service.faults["AdjustStock"].append(Refuse(CODE.INVALID_ARGUMENT))
            with pytest.raises(InvalidArgument):
                await client.flush()
            assert len(client.journal.unsent) == 1


def test_a_receipt_is_sold_once(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target:
            async with till(target, tmp_path) as client:
                sold = await client.sell([("a", 3), ("b", 1)], receipt="2026-0007")
                again = await client.sell([("a", 3), ("b", 1)], receipt="2026-0007")
                assert again.recorded == sold.recorded
                assert (again.applied, again.unsent) == (0, 0)
                with pytest.raises(InvalidArgument, match="other lines"):
                    await client.sell([("a", 2)], receipt="2026-0007")
                back = await client.take_back([("a", 3), ("b", 1)], receipt="2026-0007")  # numbered apart from sales
                assert back.applied == 2
            async with till(target, tmp_path) as client:
                assert (await client.sell([("a", 3), ("b", 1)], receipt="2026-0007")).recorded == sold.recorded
                assert await on_hand(client) == [100, 100]

    asyncio.run(main())


@pytest.mark.parametrize("timeout_ms", ["x", float("nan"), 1.5])
def test_what_is_no_time_is_refused_before_anything_is_recorded(tmp_path: Path, timeout_ms: Any) -> None:
    async def main() -> None:
        async with till("127.0.0.1:1", tmp_path) as front:
            with pytest.raises(InvalidArgument, match="timeout_ms"):
                await front.sell([("A", 1)], receipt="r1", timeout_ms=timeout_ms)
            assert front.journal.unsent == ()

    asyncio.run(main())


def test_what_a_copy_of_the_file_has_used_is_never_counted_as_sent(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target:
            async with till(target, tmp_path) as client:
                await client.sell([("a", 1)])
                await client.record(AdjustmentKind.SALE, [("b", -1)])  # which both files have
            (tmp_path / "copy").mkdir()
            shutil.copyfile(tmp_path / "till", tmp_path / "copy" / "till")
            async with till(target, tmp_path) as client, till(target, tmp_path / "copy") as copy:
                assert (await client.sell([("a", 10)])).applied == 2
                report = await copy.sell([("a", 20)])
                assert (report.applied, report.unsent, report.doubtful) == (0, 0, 2)
                assert [(row.sku, row.delta) for row in copy.journal.doubtful] == [("b", -1), ("a", -20)]
                assert copy.journal.series != client.journal.series
                assert await on_hand(client) == [89, 99]
                # Both go on, each as a series of its own.
                assert (await copy.sell([("b", 5)])).applied == 1
                assert (await client.sell([("b", 5)])).applied == 1
                assert await copy.settle_doubtful(book=True) == 2
                assert (await copy.flush()).applied == 2
                assert await copy.settle_doubtful(book=True) == 0
                assert await on_hand(client) == [69, 88]

    asyncio.run(main())


@pytest.mark.parametrize("rows_kept", [SENT_ROWS_KEPT, 1, 0])
def test_a_shop_that_was_restored_from_a_copy_gets_again_what_it_lost(
    service: Service, tmp_path: Path, rows_kept: int
) -> None:
    async def main() -> None:
        async with serving(service) as target, till(target, tmp_path) as client:
            client.journal._sent_rows_kept = rows_kept
            for units in (1, 2, 4):
                await client.sell([("a", units)])
            (tmp_path / "restored").mkdir()
            with Service(tmp_path / "restored") as restored:  # as of before the first sale
                restored.shop("s1", {"a": 100, "b": 100})
                async with serving(restored) as other_target:
                    await client.channel_client.close()
                    client.channel_client = ChannelClient(other_target)
                    report = await client.sell([("a", 8)])
                    kept = min(rows_kept, 3)
                    assert (report.applied, report.unsent, report.lost) == (kept + 1, 0, 3 - kept)
                    assert await on_hand(client) == [100 - 8 - sum((4, 2, 1)[:kept]), 100]
                    assert (await client.sell([("a", 1)])).applied == 1

    asyncio.run(main())


def test_a_pickup_is_looked_up_and_collected_once(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as channel, till(target, tmp_path) as client:
            held = await channel.reserve("s1", [("a", 2)], customer_id="c", channel="web")
            assert isinstance(held, Reservation)
            await channel.confirm(held.reservation_id)
            assert [one async for one in client.ready_pickups()] == []
            await channel.mark_ready(held.reservation_id)
            assert [one.reservation_id async for one in client.ready_pickups()] == [held.reservation_id]
            assert (await client.pickup(held.reservation_id)).status is Status.READY
            sold = await client.collect(held.reservation_id, payment_reference="p1")
            assert isinstance(sold, Reservation)
            assert sold.status is Status.COLLECTED
            # The till lost its power, and asks again with the same payment: the first answer.
            assert await client.collect(held.reservation_id, payment_reference="p1") == sold
            other = await client.collect(held.reservation_id, payment_reference="p2")
            assert isinstance(other, Rejection)
            assert other.reason is Reason.TRANSITION_NOT_ALLOWED

    asyncio.run(main())


def test_the_till_watches_its_shop(service: Service, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(service) as target, till(target, tmp_path) as client:
            await client.sell([("a", 1)])
            async with client.watch() as events, client.watch_availability(skus=["a"]) as changes:
                assert [(await anext(events)).version for _ in range(2)] == [1, 2]
                assert (await anext(changes)).positions[0].on_hand == 99

    asyncio.run(main())


def test_the_blocking_till_does_the_same(service: Service, tmp_path: Path) -> None:
    with serving_in_thread(service) as target:
        with BlockingTillClient(target, store_id="s1", till="till-1", journal_path=tmp_path / "till") as client:
            assert client.sell([("a", 2)]).applied == 1
            assert client.unsent == ()
            assert client.availability(["a"]).positions[0].on_hand == 98
            assert list(client.ready_pickups()) == []
            with client.watch() as events:
                assert next(events).version == 1
        # It let go of its file.
        with BlockingTillClient(target, store_id="s1", till="till-1", journal_path=tmp_path / "till") as client:
            assert client.unsent == ()


def test_both_faces_of_the_till_offer_the_same_calls() -> None:
    def calls(face: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(face, inspect.isfunction)
            if not name.startswith("_")
        }

    assert calls(BlockingTillClient) == calls(TillClient)


@pytest.mark.parametrize(("store_id", "name"), [("s1", "till-2"), ("s2", "till-1")])
def test_a_file_is_of_one_till_of_one_shop_and_nothing_of_it_is_booked_again(
    service: Service, tmp_path: Path, store_id: str, name: str
) -> None:
    """To the service another name is another source, of which it would take what was sent long ago once more."""
    service.shop("s2", {"a": 100, "b": 100})

    async def main() -> None:
        async with serving(service) as target:
            async with till(target, tmp_path) as client:
                await client.sell([("a", 3)])
            with pytest.raises(TillJournalDamaged, match=f"till till-1 of shop s1, and not of {name} of {store_id}"):
                TillClient(target, store_id=store_id, till=name, journal_path=tmp_path / "till", retry=QUICK)
            async with till(target, tmp_path) as client:
                report = await client.sell([("a", 1)])
                assert (report.applied, await on_hand(client)) == (1, [96, 100])
            other = TillClient(target, store_id=store_id, till=name, journal_path=tmp_path / "other", retry=QUICK)
            async with other as client:
                assert (await client.sell([("b", 1)])).applied == 1

    asyncio.run(main())


@pytest.mark.parametrize("name", ["", "x" * 48, "till\n"])
def test_a_tills_name_that_the_service_would_refuse_for_ever_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArgument, match="till: must be printable text of 1 to 47"):
        TillClient("127.0.0.1:1", store_id="s1", till=name, journal_path=tmp_path / "till")
    assert list(tmp_path.iterdir()) == []
