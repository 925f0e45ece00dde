"""Natural batching: what goes out together, how much at most, and who shares a batch with whom."""

import asyncio
from typing import Any

import grpc
import pytest

from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    Limits,
    Order,
    Overloaded,
    Rejection,
    ReleaseReason,
    Reservation,
    StockChange,
    Timeouts,
)
from holdfast.client.errors import ClientClosed, OutcomeUnknown
from holdfast.v1.reservation_service_pb2 import ReserveRequest
from tests.clients.faults import Hold
from tests.clients.service import Service
from tests.clients.serving import serving
from tests.runtime.runtime_fixture import WAIT_S


async def reserve(client: ChannelClient, number: int = 0, **more: Any) -> Reservation | Order | Rejection:
    return await client.reserve("s1", [("sku-1", 1)], customer_id=f"c{number}", channel="web", **more)


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"sku-1": 100_000})
    service.shop("s2")
    return service


def test_calls_of_one_tick_go_out_as_one_batch_and_each_gets_its_own_answer(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            found = await asyncio.gather(*(reserve(client, number) for number in range(200)))
        assert [len(batch.requests) for batch in service.asked("ReserveBatch")] == [200]
        assert service.asked("Reserve") == []
        assert [reservation.customer_id for reservation in found if isinstance(reservation, Reservation)] == [
            f"c{number}" for number in range(200)
        ]

    asyncio.run(main())


def test_a_lone_call_goes_out_by_itself(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            await reserve(client)
        assert [name for name, _ in service.requests] == ["Reserve"]

    asyncio.run(main())


def test_while_batches_fly_the_next_one_gathers(service: Service) -> None:
    async def main() -> None:
        holds = [Hold(asyncio.Event(), asyncio.Event()) for _ in range(2)]
        service.faults["Reserve"].extend(holds)
        async with serving(service) as target, ChannelClient(target) as client:
            calls = []
            for number, hold in enumerate(holds):
                calls.append(asyncio.create_task(reserve(client, number)))
                await hold.arrived.wait()
            # Two batches fly. What is called from here on waits for one of them, tick after tick, and then goes as one.
            for number in range(50):
                calls.append(asyncio.create_task(reserve(client, number)))
                await asyncio.sleep(0)
            assert len(service.requests) == 2
            for hold in holds:
                hold.release.set()
            await asyncio.gather(*calls)
        assert [len(batch.requests) for batch in service.asked("ReserveBatch")] == [50]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("limits", "lines", "expected"),
    [
        (Limits(), 1, [1024, 1024, 52]),
        (Limits(batch_items_max=1_000, batches_in_flight_max=4), 1, [1000, 1000, 100]),
        (Limits(batch_lines_max=1_500), 2, [750, 750, 600]),
    ],
)
def test_a_batch_keeps_its_limits(service: Service, limits: Limits, lines: int, expected: list[int]) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target, limits=limits) as client:
            basket = [("sku-1", 1)] * lines
            calls = (client.reserve("s1", basket, customer_id="c", channel="web") for _ in range(2_100))
            await asyncio.gather(*calls)
        # Batches that fly together may arrive in any sequence.
        sizes = [len(batch.requests) for batch in service.asked("ReserveBatch")]
        assert sorted(sizes, reverse=True) == expected

    asyncio.run(main())


def test_each_kind_of_call_has_batches_of_its_own(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            found = await asyncio.gather(*(reserve(client) for _ in range(6)))
            ids = [one.reservation_id for one in found if isinstance(one, Reservation)]
            await asyncio.gather(
                *(client.confirm(each) for each in ids[:2]),
                *(client.collect(each, payment_reference="p") for each in ids[2:4]),
                *(client.release(each, reason=ReleaseReason.NO_SHOW) for each in ids[4:]),
            )
        for method in ("ConfirmBatch", "CollectBatch", "ReleaseBatch"):
            assert [len(batch.requests) for batch in service.asked(method)] == [2]

    asyncio.run(main())


def test_one_key_twice_goes_in_separate_batches_and_gets_the_first_answer_again(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            found = await asyncio.gather(
                reserve(client, idempotency_key="k1"),
                reserve(client, idempotency_key="k2"),
                reserve(client, idempotency_key="k1"),
                client.reserve("s2", [("sku-1", 1)], customer_id="c", channel="web", idempotency_key="k1"),
            )
        assert found[0] == found[2]
        assert found[0] != found[1]
        first = service.asked("ReserveBatch")[0]
        # Keys are unique within a shop: the other shop's call may share the batch.
        assert [(item.store_id, item.idempotency_key) for item in first.requests] == [
            ("s1", "k1"),
            ("s1", "k2"),
            ("s2", "k1"),
        ]
        assert [item.idempotency_key for item in service.asked("Reserve")] == ["k1"]
        assert service.decided("s1") == 2

    asyncio.run(main())


def test_keys_are_made_where_none_is_given(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            await asyncio.gather(*(reserve(client) for _ in range(100)))
        keys = {item.idempotency_key for item in service.asked("ReserveBatch")[0].requests}
        assert len(keys) == 100
        assert {len(key) for key in keys} == {32}

    asyncio.run(main())


def test_the_queue_has_a_limit_and_refuses_beyond_it(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target, limits=Limits(calls_max=10)) as client:
            found = await asyncio.gather(*(reserve(client) for _ in range(12)), return_exceptions=True)
            refused = [one for one in found if isinstance(one, Overloaded)]
            assert len(refused) == 2
            assert refused[0].retry_after_ms > 0
            assert "calls_max" in str(refused[0])
            # What was finished makes room again.
            assert isinstance(await reserve(client), Reservation)
        assert service.decided("s1") == 11

    asyncio.run(main())


def test_a_cancelled_caller_is_not_sent_and_makes_room(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target, limits=Limits(calls_max=3)) as client:
            calls = [asyncio.create_task(reserve(client, number)) for number in range(3)]
            await asyncio.sleep(0)
            calls[1].cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            assert calls[1].cancelled()
            await asyncio.gather(*(reserve(client) for _ in range(3)))
        sent = [item.customer_id for item in service.asked("ReserveBatch")[0].requests]
        assert sent == ["c0", "c2"]

    asyncio.run(main())


def test_closing_lets_calls_finish_and_fails_what_does_not(service: Service) -> None:
    async def main() -> None:
        hold = Hold(asyncio.Event(), asyncio.Event())
        service.faults["Reserve"].append(hold)
        async with serving(service) as target:
            client = ChannelClient(target, timeouts=Timeouts(close_ms=20), limits=Limits(batches_in_flight_max=1))
            sent = asyncio.create_task(reserve(client, idempotency_key="k1"))
            await hold.arrived.wait()
            gathered = asyncio.create_task(reserve(client))
            await asyncio.sleep(0)
            await client.close()
            # Closing again has nobody to wait for.
            assert not client.internals.batchers[ReserveRequest]._unfinished
            found = await asyncio.gather(sent, gathered, reserve(client), return_exceptions=True)
            hold.release.set()
        # What was sent may have been done; what was not sent certainly was not.
        assert isinstance(found[0], OutcomeUnknown)
        assert found[0].idempotency_key == "k1"
        assert isinstance(found[1], ClientClosed)
        assert isinstance(found[2], ClientClosed)

    asyncio.run(main())


def test_closing_waits_for_answers_on_their_way(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target:
            client = ChannelClient(target)
            calls = [asyncio.create_task(reserve(client)) for _ in range(5)]
            await asyncio.sleep(0)
            await client.close()
            found = await asyncio.gather(*calls)
        assert all(isinstance(one, Reservation) for one in found)

    asyncio.run(main())


def test_metadata_that_cannot_be_sent_is_refused_when_the_client_is_made() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="Authorization"):
            ChannelClient("127.0.0.1:1", metadata=[("Authorization", "x")])

    asyncio.run(main())


def test_a_call_that_cannot_be_sent_fails_its_caller(service: Service) -> None:
    async def main() -> None:
        metadata: Any = [("number", 5)]
        async with serving(service) as target, ChannelClient(target, metadata=metadata) as client:
            for _ in range(2):
                with pytest.raises(TypeError):
                    await asyncio.wait_for(reserve(client), WAIT_S)
            assert not client.internals.batchers[ReserveRequest]._unfinished

    asyncio.run(main())


def test_an_answer_that_cannot_be_decoded_leaves_the_outcome_unknown() -> None:
    async def unreadable(_: Any, context: Any) -> bytes:
        del context
        return b"\xff"

    async def main() -> None:
        server = grpc.aio.server()
        handlers: dict[str, Any] = {"Reserve": grpc.unary_unary_rpc_method_handler(unreadable)}
        service = grpc.method_handlers_generic_handler("holdfast.v1.ReservationService", handlers)
        server.add_generic_rpc_handlers((service,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with ChannelClient(f"127.0.0.1:{port}") as client:
                with pytest.raises(OutcomeUnknown, match="cannot be decoded"):
                    await asyncio.wait_for(reserve(client), WAIT_S)
        finally:
            await server.stop(None)

    asyncio.run(main())


@pytest.mark.parametrize("close_ms", [5_000, 1])
def test_close_gives_calls_that_are_not_batched_their_time_too(service: Service, close_ms: int) -> None:
    async def main() -> None:
        hold = Hold(asyncio.Event(), asyncio.Event())
        service.faults["AdjustStock"].append(hold)
        async with serving(service) as target:
            client = ChannelClient(target, timeouts=Timeouts(close_ms=close_ms))
            row = Adjustment("sku-1", 5, 1, AdjustmentKind.RECEIPT)
            call = asyncio.create_task(client.adjust_stock("s1", "dock", [row], idempotency_key="k1"))
            await hold.arrived.wait()
            closing = asyncio.create_task(client.close())
            if close_ms > 1:
                await asyncio.sleep(0)
                hold.release.set()
                assert isinstance(await call, StockChange)
            else:
                with pytest.raises(OutcomeUnknown) as unknown:
                    await call
                assert unknown.value.idempotency_key == "k1"
                hold.release.set()
            await closing

    asyncio.run(main())
