"""A SKU that fills batches by itself goes in batches of its own: no other SKU's calls wait for them."""

import asyncio
from typing import Any, Final

from holdfast.client import ChannelClient, Reservation
from holdfast.client.batching import SLICE
from holdfast.client.lanes import CROWD_CALLS_MIN, CROWDS_MAX
from tests.clients.faults import Hold
from tests.clients.service import Service
from tests.clients.serving import serving
from tests.clients.test_late_shops import UNKNOWN, Wire, played
from tests.runtime.loop_time import skip, turns
from tests.runtime.runtime_fixture import WAIT_S

CROWD: Final = ("h",) * CROWD_CALLS_MIN
CROWDED: Final = " ".join(CROWD)


def test_nobody_waits_for_a_sku_in_great_demand(service: Service) -> None:
    service.shop("s1", {"drop": 100, "calm": 10})

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:

            async def reserve(sku: str) -> Any:
                return await client.reserve("s1", [(sku, 1)], customer_id="c", channel="web")

            herd = []
            holds = [Hold(asyncio.Event(), asyncio.Event()) for _ in range(2)]
            service.faults["ReserveBatch"].extend(holds)
            for hold in holds:  # as many batches as may be in flight
                herd += [asyncio.create_task(reserve("drop")) for _ in CROWD]
                await asyncio.wait_for(hold.arrived.wait(), WAIT_S)
            assert isinstance(await asyncio.wait_for(reserve("calm"), WAIT_S), Reservation)
            assert not any(call.done() for call in herd)
            for hold in holds:
                hold.release.set()
            assert all(isinstance(one, Reservation) for one in await asyncio.gather(*herd))

    asyncio.run(main())


def test_a_crowd_goes_apart_from_whoever_calls_in_the_same_tick_and_takes_no_place_of_theirs() -> None:
    async def test(wire: Wire) -> None:
        wire.call("s1")
        wire.call(*CROWD, sku="drop")
        wire.call("s2")
        await wire.expect("s1 s2", CROWDED)
        wire.call("h", sku="drop")
        await wire.expect("h")
        wire.call("h", sku="drop")  # it has as many in flight as all others together
        wire.call("s3")
        await wire.expect("s3")

    played(test)


def test_fewer_share_batches_with_all_others() -> None:
    async def test(wire: Wire) -> None:
        wire.call(*CROWD[1:], sku="drop")
        wire.call("s1")
        await wire.expect(f"{' '.join(CROWD[1:])} s1")

    played(test)


def test_as_many_calls_of_several_skus_are_no_crowd() -> None:
    async def test(wire: Wire) -> None:
        for number, ledger in enumerate(CROWD * 2):
            wire.call(ledger, sku=f"sku-{number % 3}")
        wire.call(*CROWD)  # of several lines each
        await wire.expect(" ".join(CROWD * 3))

    played(test)


def test_a_small_part_of_a_batch_is_no_crowd() -> None:
    async def test(wire: Wire) -> None:
        others = 4 * CROWD_CALLS_MIN
        wire.call(*CROWD, sku="drop")
        for number in range(others):
            wire.call("o", sku=f"sku-{number}")
        await wire.expect(" ".join((*CROWD, *"o" * others)))

    played(test)


def test_what_waits_for_a_batch_goes_apart_in_its_sequence() -> None:
    async def test(wire: Wire) -> None:
        for ledger in ("s1", "s2"):
            wire.call(ledger)
            [first] = await wire.expect(ledger)
        wire.call("a", *CROWD, sku="drop")
        wire.call("s3")
        wire.call("z", sku="drop")
        await wire.expect()
        first.set_result(["held"])
        await turns()
        await wire.expect("s3", f"a {CROWDED} z")

    played(test)


def test_a_crowd_that_is_over_shares_batches_again() -> None:
    async def test(wire: Wire) -> None:
        wire.call(*CROWD, sku="drop")
        [answer] = await wire.expect(CROWDED)
        answer.set_result(["held"] * len(CROWD))
        await turns()
        for wait_s, batches in ((0.5, ["h", "s1"]), (0.6, ["h s1"])):  # a batch of one does not make it last
            skip(wait_s)
            wire.call("h", sku="drop")
            wire.call("s1")
            for answer in await wire.expect(*batches):
                answer.set_result(["held"] * (2 if len(batches) == 1 else 1))
            await turns()

    played(test)


def test_a_crowd_lasts_as_long_as_it_fills_half_a_batch() -> None:
    async def test(wire: Wire) -> None:
        calls = CROWD
        for _ in range(3):
            wire.call(*calls, sku="drop")
            [answer] = await wire.expect(" ".join(calls))
            answer.set_result(["held"] * len(calls))
            await turns()
            skip(0.9)
            calls = CROWD[: CROWD_CALLS_MIN // 2]
        wire.call("h", sku="drop")
        wire.call("s1")
        await wire.expect("h", "s1")

    played(test)


def test_so_many_skus_are_apart_and_one_more_once_one_of_them_is_calm() -> None:
    async def test(wire: Wire) -> None:
        for number in range(CROWDS_MAX):
            wire.call(*CROWD, sku=f"drop-{number}")
            [answer] = await wire.expect(CROWDED)
            answer.set_result(["held"] * len(CROWD))
            await turns()
            skip(0.0 if number else 0.5)
        wire.call(*CROWD, sku="more")
        wire.call("s1")
        [answer] = await wire.expect(f"{CROWDED} s1")
        answer.set_result(["held"] * (len(CROWD) + 1))
        await turns()
        skip(0.3)
        wire.call(*CROWD, sku="more")
        wire.call("s1")
        await wire.expect(CROWDED, "s1")

    played(test)


def test_a_shop_that_is_late_goes_apart_from_its_crowd_and_comes_back_to_it() -> None:
    async def test(wire: Wire) -> None:
        wire.call(*CROWD, "late", sku="drop")
        [answer] = await wire.expect(f"{CROWDED} late")
        answer.set_result(["held"] * len(CROWD) + [UNKNOWN])
        await turns()
        [again] = await wire.expect("late")
        wire.call("h", "late", sku="drop")
        await wire.expect("h", "late")
        again.set_result(["held"])
        await turns()
        wire.call("h", "late", sku="drop")
        await wire.expect("h late")

    played(test)


def test_other_answers_come_between_those_of_a_large_batch() -> None:
    async def test(wire: Wire) -> None:
        told: list[str] = []

        def tell(name: str, *calls: "asyncio.Future[Any]") -> None:
            for call in calls:
                call.add_done_callback(lambda _: told.append(name))

        tell("h", *wire.call(*CROWD * 4, sku="drop"))
        tell("s1", *wire.call("s1"))
        herd, other = await wire.expect(" ".join(CROWD * 4), "s1")
        herd.set_result(["held"] * len(CROWD) * 4)
        other.set_result(["held"])
        await turns(30)
        assert len(told) == 4 * len(CROWD) + 1
        assert told.index("s1") <= 2 * SLICE

    played(test)


def test_whoever_is_answered_together_shares_the_next_batch_as_well() -> None:
    async def test(wire: Wire) -> None:
        calls = CROWD * 2

        def call_again(_: "asyncio.Future[Any]") -> None:
            wire.call("h", sku="drop")

        for call in wire.call(*calls, sku="drop"):
            call.add_done_callback(call_again)
        [answer] = await wire.expect(" ".join(calls))
        wire.call("h", sku="drop")
        await wire.expect("h")
        answer.set_result(["held"] * len(calls))
        await turns()
        await wire.expect(" ".join(calls))

    played(test)
