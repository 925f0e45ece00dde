"""Answers that get lost, services that go away and come back, and refusals under load: every change is made once."""

import asyncio
from typing import Any

import grpc
import pytest

from holdfast.client import (
    ChannelClient,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Order,
    OutcomeUnknown,
    Overloaded,
    Reason,
    Rejection,
    Reservation,
    RetryPolicy,
    Timeouts,
    Unavailable,
)
from holdfast.client.connection import OPTIONS, options_for
from holdfast.v1.reservation_service_pb2 import ReserveRequest
from tests.clients.faults import CODE, FailItems, Hold, LoseAnswer, LoseOutcome, Refuse
from tests.clients.service import Service
from tests.clients.serving import QUICK, SENT_MS, serving
from tests.runtime import loop_time
from tests.waiting import until_async


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"sku-1": 1_000, "sku-2": 1})
    return service


async def reserve(client: ChannelClient, **more: Any) -> Reservation | Order | Rejection:
    return await client.reserve("s1", [("sku-1", 1)], customer_id="c", channel="web", **more)


@pytest.mark.parametrize("code", [CODE.UNAVAILABLE, CODE.DEADLINE_EXCEEDED, CODE.INTERNAL, CODE.UNKNOWN, CODE.ABORTED])
def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_done_once(
    service: Service, code: grpc.StatusCode
) -> None:
    async def main() -> None:
        service.faults["Reserve"].extend([LoseAnswer(code), LoseAnswer(code)])
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            assert isinstance(await reserve(client), Reservation)
        keys = [request.idempotency_key for request in service.asked("Reserve")]
        assert len(keys) == 3
        assert len(set(keys)) == 1
        assert service.decided("s1") == 1

    asyncio.run(main())


def test_a_lost_batch_is_asked_for_again_whole_and_done_once(service: Service) -> None:
    async def main() -> None:
        service.faults["ReserveBatch"].extend([LoseAnswer()])
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            found = await asyncio.gather(*(reserve(client) for _ in range(20)))
        assert all(isinstance(one, Reservation) for one in found)
        first, second = service.asked("ReserveBatch")
        for request in first.requests:
            assert request.first_attempt
            request.first_attempt = False
        assert first == second
        assert service.decided("s1") == 20

    asyncio.run(main())


@pytest.mark.parametrize("code", [14, 4, 8])
@pytest.mark.parametrize("decided_first", [False, True])
def test_items_that_were_not_decided_are_asked_again_and_no_others(
    service: Service, code: int, decided_first: bool
) -> None:
    async def main() -> None:
        fault = FailItems(lambda item: item.idempotency_key in {"k3", "k7"}, code, decided_first=decided_first)
        service.faults["ReserveBatch"].extend([fault])
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            found = await asyncio.gather(*(reserve(client, idempotency_key=f"k{number}") for number in range(10)))
        assert all(isinstance(one, Reservation) for one in found)
        first, second = service.asked("ReserveBatch")
        assert len(first.requests) == 10
        assert [item.idempotency_key for item in second.requests] == ["k3", "k7"]
        assert service.decided("s1") == 10

    asyncio.run(main())


def test_an_answer_with_an_outcome_too_few_is_given_to_nobody(service: Service) -> None:
    async def main() -> None:
        service.faults["ReserveBatch"].extend([LoseOutcome()])
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            found = await asyncio.gather(
                *(client.reserve("s1", [("sku-1", 1)], customer_id=f"c{number}", channel="web") for number in range(3))
            )
        assert [one.customer_id for one in found if isinstance(one, Reservation)] == ["c0", "c1", "c2"]
        assert service.decided("s1") == 3

    asyncio.run(main())


def test_an_item_that_is_wrong_fails_alone(service: Service) -> None:
    async def main() -> None:
        service.faults["ReserveBatch"].extend([FailItems(lambda item: item.idempotency_key == "k1", 3)])
        async with serving(service) as target, ChannelClient(target) as client:
            calls = (reserve(client, idempotency_key=f"k{number}") for number in range(3))
            found = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in found] == [Reservation, InvalidArgument, Reservation]

    asyncio.run(main())


def test_a_call_that_spoils_its_batch_does_not_fail_its_neighbours(service: Service) -> None:
    async def main() -> None:
        service.faults["ReserveBatch"].extend([Refuse(CODE.INVALID_ARGUMENT)])
        service.faults["Reserve"].extend([Refuse(CODE.INVALID_ARGUMENT, violations=[("customer_id", "is too long")])])
        async with serving(service) as target, ChannelClient(target) as client:
            found = await asyncio.gather(*(reserve(client) for _ in range(3)), return_exceptions=True)
        assert sorted(type(one).__name__ for one in found) == ["InvalidArgument", "Reservation", "Reservation"]
        wrong = next(one for one in found if isinstance(one, InvalidArgument))
        assert wrong.violations[0].field == "customer_id"

    asyncio.run(main())


def test_overload_is_waited_out_as_long_as_the_service_asked(service: Service) -> None:
    async def main() -> None:
        service.faults["Reserve"].extend([Refuse(CODE.RESOURCE_EXHAUSTED, retry_after_ms=60_000)])
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            call = asyncio.create_task(reserve(client, timeout_ms=200_000))

            async def is_waiting() -> bool:
                return bool(client.internals.batchers[ReserveRequest]._waiting)

            await until_async(is_waiting, within_s=20, what="the refusal")
            loop_time.skip(59)
            await loop_time.turns()
            assert len(service.requests) == 1
            loop_time.skip(2)
            assert isinstance(await call, Reservation)

    loop_time.run(main)


def test_overload_that_outlasts_the_call_is_told_at_once(service: Service) -> None:
    async def main() -> None:
        service.faults["Reserve"].extend([Refuse(CODE.RESOURCE_EXHAUSTED, retry_after_ms=60_000)])
        async with serving(service) as target, ChannelClient(target) as client:
            with pytest.raises(Overloaded) as caught:
                await reserve(client, timeout_ms=20_000)
        assert caught.value.retry_after_ms == 60_000
        assert len(service.requests) == 1

    asyncio.run(main())


def test_a_refusal_by_the_business_is_an_answer(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            lines = [("sku-1", 2), ("sku-2", 5)]
            refused = await client.reserve("s1", lines, customer_id="c", channel="web")
        assert isinstance(refused, Rejection)
        assert refused.reason is Reason.INSUFFICIENT_STOCK
        assert (refused.sku, refused.asked, refused.available) == ("sku-2", 5, 1)
        assert [(short.sku, short.asked) for short in refused.short_lines] == [("sku-2", 5)]
        assert len(service.requests) == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "error"),
    [(CODE.INVALID_ARGUMENT, InvalidArgument), (CODE.NOT_FOUND, NotFound), (CODE.UNAUTHENTICATED, HoldfastError)],
)
def test_what_is_certain_is_not_asked_again(
    service: Service, code: grpc.StatusCode, error: type[HoldfastError]
) -> None:
    async def main() -> None:
        service.faults["Reserve"].extend([Refuse(code)])
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            with pytest.raises(error):
                await reserve(client)
        assert len(service.requests) == 1

    asyncio.run(main())


def test_a_proxy_that_knows_of_no_gateway_yet_is_asked_again(service: Service) -> None:
    async def main() -> None:
        service.faults["Reserve"].extend(
            [Refuse(CODE.NOT_FOUND, "Application metadata not set. Ping ... for available applications.")]
        )
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            assert isinstance(await reserve(client), Reservation)
        assert len(service.requests) == 2

    asyncio.run(main())


def test_a_call_waits_for_a_service_that_comes_within_its_deadline(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target:
            port = int(target.rpartition(":")[2])
        async with ChannelClient(target) as client:
            call = asyncio.create_task(reserve(client))
            await asyncio.sleep(0)
            async with serving(service, port):
                assert isinstance(await call, Reservation)

    asyncio.run(main())


def test_a_service_that_restarts_is_found_again(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target:
            client = ChannelClient(target)
            await reserve(client)
        # Long enough without a service that every back-off has grown as far as it may.
        with pytest.raises(Unavailable):
            await reserve(client, timeout_ms=4_500)
        call = asyncio.create_task(reserve(client))
        await asyncio.sleep(0)
        async with serving(service, int(target.rpartition(":")[2])):
            assert isinstance(await call, Reservation)
            await client.close()

    asyncio.run(main())


def test_the_waits_to_find_a_service_again_add_up_to_less_than_a_second() -> None:
    # gRPC adds a fifth of jitter to its own wait; the retry policy's longest is its jitter's upper end.
    reconnect_ms = dict(OPTIONS)["grpc.max_reconnect_backoff_ms"] * 1.2
    assert reconnect_ms + RetryPolicy().wait_max_ms < 1_000


def test_a_change_without_an_answer_is_unknown_and_names_its_key(service: Service) -> None:
    async def main() -> None:
        hold = Hold(asyncio.Event(), asyncio.Event())
        service.faults["Reserve"].extend([hold])
        async with serving(service) as target, ChannelClient(target) as client:
            with pytest.raises(OutcomeUnknown) as caught:
                await reserve(client, idempotency_key="k1", timeout_ms=SENT_MS)
            assert caught.value.idempotency_key == "k1"
            assert "k1" in str(caught.value)
            hold.release.set()
            # Asking again with the key is safe, whatever became of the first.
            assert isinstance(await reserve(client, idempotency_key="k1"), Reservation)
        assert service.decided("s1") == 1

    asyncio.run(main())


def test_each_item_keeps_its_own_deadline_in_a_shared_batch(service: Service) -> None:
    async def main() -> None:
        hold = Hold(asyncio.Event(), asyncio.Event())
        service.faults["ReserveBatch"].extend([hold])
        async with serving(service) as target, ChannelClient(target) as client:
            patient = asyncio.create_task(reserve(client))
            hasty = asyncio.create_task(reserve(client, timeout_ms=SENT_MS))
            with pytest.raises(OutcomeUnknown):
                await hasty
            assert not patient.done()
            hold.release.set()
            assert isinstance(await patient, Reservation)

    asyncio.run(main())


def test_a_call_that_was_never_sent_says_that_nothing_was_done(service: Service) -> None:
    async def main() -> None:
        hold = Hold(asyncio.Event(), asyncio.Event())
        service.faults["Reserve"].extend([hold, Hold(hold.arrived, hold.release)])
        async with serving(service) as target, ChannelClient(target) as client:
            first = asyncio.create_task(reserve(client))
            await hold.arrived.wait()
            hold.arrived.clear()
            second = asyncio.create_task(reserve(client))
            await hold.arrived.wait()
            with pytest.raises(Overloaded, match="before this client could send it"):
                await reserve(client, timeout_ms=50)
            hold.release.set()
            await asyncio.gather(first, second)
        assert service.decided("s1") == 2

    asyncio.run(main())


def test_the_service_is_told_each_attempts_deadline(service: Service) -> None:
    async def main() -> None:
        timeouts = Timeouts(attempt_ms=1_234)
        own = (("authorization", "Bearer x"),)
        async with serving(service) as target, ChannelClient(target, timeouts=timeouts, metadata=own) as client:
            await reserve(client)
            await client.get_availability(["s1"], ["sku-1"], timeout_ms=300)
        told = [metadata["holdfast-timeout-ms"] for metadata in service.metadata]
        assert told[0] == "1234"
        assert 0 < int(told[1]) <= 300
        assert service.metadata[0]["authorization"] == "Bearer x"

    asyncio.run(main())


def test_single_calls_are_asked_again_with_the_same_key_too(service: Service) -> None:
    async def main() -> None:
        service.faults["MarkReservationReady"].extend([LoseAnswer()])
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            held = await reserve(client)
            assert isinstance(held, Reservation)
            await client.mark_ready(held.reservation_id)
        first, second = service.asked("MarkReservationReady")
        assert first == second
        assert service.decided("s1") == 2

    asyncio.run(main())


def test_a_cancelled_call_ends_and_is_not_asked_again(service: Service) -> None:
    async def main() -> None:
        hold = Hold(asyncio.Event(), asyncio.Event())
        service.faults["GetPolicy"].extend([hold])
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            call = asyncio.create_task(client.get_policy())
            await hold.arrived.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await client.health()
        assert len(service.asked("GetPolicy")) == 1

    asyncio.run(main())


def test_several_channels_share_the_calls(service: Service) -> None:
    async def main() -> None:
        async with serving(service) as target, ChannelClient(target, channels=3) as client:
            for _ in range(3):
                await reserve(client)
        assert len(service.peers) == 3

    asyncio.run(main())


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        ("ipv4:192.0.2.10:20131,192.0.2.11:20131", "192.0.2.10:20131"),
        ("ipv6:[2001:db8::1]:20131,[2001:db8::2]:20131", "[2001:db8::1]:20131"),
        ("ipv4:192.0.2.10:20131", None),
        ("192.0.2.10:20131", None),
        ("dns:///holdfast-grpc:20131", None),
    ],
)
def test_the_authority_of_several_addresses_is_one_of_them(target: str, authority: str | None) -> None:
    assert dict(options_for(target)).get("grpc.default_authority") == authority
