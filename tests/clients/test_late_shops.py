"""A shop that does not answer in time goes in batches of its own: no other shop's calls wait for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
import pytest

from holdfast.client import ChannelClient, Limits, Reservation, RetryPolicy, Timeouts
from holdfast.client.batching import BatchedMethod, Batcher
from holdfast.client.errors import OutcomeUnknown
from holdfast.client.statuses import Fault
from tests.clients.service import Service
from tests.clients.serving import QUICK, serving
from tests.runtime.loop_time import StandingLoop, run, skip, turns

CODE: Final = grpc.StatusCode
UNKNOWN: Final = Fault(CODE.UNAVAILABLE, "did not answer in time", reason="OUTCOME_UNKNOWN")
BUSY: Final = Fault(CODE.RESOURCE_EXHAUSTED, "too much waits", retry_after_ms=1)
STOPPED: Final = Fault(CODE.DATA_LOSS, "is stopped", reason="LEDGER_STOPPED")
SOON_S: Final = 0.3


def test_other_shops_are_served_while_one_hangs_and_all_share_batches_once_it_is_back(service: Service) -> None:
    for store_id in ("s1", "s2"):
        service.shop(store_id, {"a": 1_000})

    async def main() -> None:
        # The gateway tells after half of an attempt that the outcome of one shop is unknown.
        timeouts = Timeouts(call_ms=300_000, attempt_ms=200)
        async with serving(service) as target, ChannelClient(target, timeouts=timeouts, retry=QUICK) as client:

            async def reserve(*store_ids: str) -> list[Any]:
                calls = (client.reserve(each, [("a", 1)], customer_id="c", channel="web") for each in store_ids)
                return await asyncio.gather(*calls)

            await reserve("s1", "s2")
            gate = service.actors.hold("store-s2")
            late = [asyncio.create_task(reserve("s2")) for _ in range(5)]
            beside = asyncio.create_task(reserve("s1"))
            await beside
            first = len(service.requests)
            for _ in range(20):
                await reserve("s1", "s1")
            assert not any(call.done() for call in late)
            assert {frozenset(stores) for stores in batches(service, first)} <= {frozenset({"s1"}), frozenset({"s2"})}
            gate.set()
            told = [await call for call in late]
            assert all(isinstance(one, Reservation) for [one] in told)
            first = len(service.requests)
            await reserve("s1", "s2")
            assert batches(service, first) == [["s1", "s2"]]

    asyncio.run(main())
    assert service.decided("s2") == 7, "each once, however often it was sent"


def batches(service: Service, first: int) -> list[list[str]]:
    """The shops of each message since."""
    return [
        [item.store_id for item in getattr(request, "requests", [request])] for _, request in service.requests[first:]
    ]


class Wire:
    """What a batcher sends, which a test answers."""

    def __init__(self, **limits: int) -> None:
        self.sent: list[tuple[list[str], asyncio.Future[Sequence[Any]]]] = []
        method: BatchedMethod[Any, Any] = BatchedMethod("Reserve", "here", self._send, lambda outcome: outcome, str)
        # A second attempt follows after 10 ms at least.
        retry = RetryPolicy(wait_first_ms=20, wait_max_ms=20)
        self.batcher: Batcher[Any, Any] = Batcher(method, limits=Limits(**limits), timeouts=Timeouts(), retry=retry)
        self._calls = 0

    async def _send(self, requests: Sequence[bytes], timeout_ms: int) -> Sequence[Any]:
        del timeout_ms
        self.sent.append(([request.decode() for request in requests], asyncio.get_running_loop().create_future()))
        return await self.sent[-1][1]

    def call(self, *ledgers: str, sku: str = "") -> "list[asyncio.Future[Any]]":
        """Calls of one tick, each with its ledger as its request."""
        calls = []
        for ledger in ledgers:
            self._calls += 1
            call = self.batcher.submit(
                ledger.encode(),
                lines=1,
                key=str(self._calls),
                ledger=ledger,
                serial_key=None,
                timeout_ms=60_000,
                asked=sku,
            )
            call.add_done_callback(lambda done: done.cancelled() or done.exception())  # here nobody waits for it
            calls.append(call)
        return calls

    async def expect(self, *batches: str) -> "list[asyncio.Future[Sequence[Any]]]":
        """The batches that were sent since, each with its ledgers in sequence; where their answers go."""
        skip(0.02)
        await turns()
        sent, self.sent = self.sent, []
        assert sorted(" ".join(ledgers) for ledgers, _ in sent) == sorted(batches)
        by_name = {" ".join(ledgers): answer for ledgers, answer in sent}
        return [by_name[batch] for batch in batches]


Test = Callable[[Wire], Awaitable[None]]


def played(test: Test, **limits: int) -> None:
    """Time stands but for what the test skips."""

    async def main() -> None:
        wire = Wire(**limits)
        await test(wire)
        await wire.batcher.close(0)

    run(main, StandingLoop)


async def apart(wire: Wire) -> "asyncio.Future[Sequence[Any]]":
    """Have s2 be late beside s1; the batch in which it is asked for again."""
    wire.call("s1", "s2")
    [answer] = await wire.expect("s1 s2")
    answer.set_result(["held", UNKNOWN])
    await turns()
    [answer] = await wire.expect("s2")
    return answer


def test_a_shop_whose_outcome_is_unknown_goes_by_itself_and_takes_no_place_of_others() -> None:
    async def test(wire: Wire) -> None:
        await apart(wire)
        wire.call("s1", "s2", "s3")
        await wire.expect("s1 s3", "s2")
        wire.call("s1", "s2")  # s2 has as many in flight as all others together
        await wire.expect("s1")
        wire.call("s1")
        await wire.expect()

    played(test)


def test_a_whole_attempt_without_an_answer_keeps_each_of_its_shops_apart() -> None:
    async def test(wire: Wire) -> None:
        wire.call("s1", "s2")
        [answer] = await wire.expect("s1 s2")
        nothing = grpc.aio.Metadata()
        answer.set_exception(grpc.aio.AioRpcError(CODE.DEADLINE_EXCEEDED, nothing, nothing, "too late"))
        await turns()
        first, _ = await wire.expect("s1", "s2")
        first.set_result(["held"])
        await turns()
        wire.call("s1", "s3")
        await wire.expect("s1 s3")

    played(test)


def test_a_connection_that_breaks_is_no_shops_fault() -> None:
    async def test(wire: Wire) -> None:
        wire.call("s1", "s2")
        [answer] = await wire.expect("s1 s2")
        nothing = grpc.aio.Metadata()
        answer.set_exception(grpc.aio.AioRpcError(CODE.UNAVAILABLE, nothing, nothing, "connection reset"))
        await turns()
        await wire.expect("s1 s2")

    played(test)


@pytest.mark.parametrize(
    ("outcome", "after_s", "is_together"),
    [
        pytest.param("held", SOON_S, True, id="in time"),
        pytest.param(STOPPED, SOON_S, True, id="an error that is an answer"),
        pytest.param("held", 2 * SOON_S, False, id="late"),
        pytest.param(BUSY, SOON_S, False, id="refused before it was asked"),
        pytest.param(UNKNOWN, SOON_S, False, id="unknown again"),
    ],
)
def test_a_shop_shares_batches_again_once_it_has_answered_in_time(
    outcome: Any, after_s: float, is_together: bool
) -> None:
    async def test(wire: Wire) -> None:
        again = await apart(wire)
        skip(after_s)
        again.set_result([outcome])
        await turns()
        wire.call("s1", "s2")
        repeats = ["s2"] * (outcome in (BUSY, UNKNOWN))
        await wire.expect(*(["s1 s2"] if is_together else ["s1", "s2", *repeats]))

    played(test)


def test_what_waits_for_a_batch_goes_apart_as_well() -> None:
    async def test(wire: Wire) -> None:
        wire.call("s1", "s2")
        [first] = await wire.expect("s1 s2")
        wire.call("s1")
        await wire.expect("s1")
        wire.call("s2", "s1", "s2")  # they wait, as two batches are in flight
        await wire.expect()
        first.set_result(["held", UNKNOWN])
        await turns()
        await wire.expect("s1", "s2 s2", "s2")

    played(test)


def test_so_many_shops_are_kept_apart_and_the_others_stay_together() -> None:
    async def test(wire: Wire) -> None:
        wire.call("s1", "s2", "s3")
        [answer] = await wire.expect("s1 s2 s3")
        answer.set_result([UNKNOWN, UNKNOWN, "held"])
        await turns()
        assert len(wire.batcher._lanes._late) == 1
        await wire.expect("s1", "s2")

    played(test, late_ledgers_max=1)


def test_a_shop_that_nobody_calls_any_more_gives_its_place_to_another_that_is_late() -> None:
    async def test(wire: Wire) -> None:
        for late in ("s2", "s3"):
            wire.call("s1", late)
            [answer] = await wire.expect(f"s1 {late}")
            for call in wire.batcher._calls():
                call.deadline_at = 0.0  # its caller's time is over with this attempt
            answer.set_result(["held", UNKNOWN])
            await turns()
            assert list(wire.batcher._lanes._late) == [late]

    played(test, late_ledgers_max=1)


def test_orders_whose_ledgers_nobody_knows_stay_together() -> None:
    async def test(wire: Wire) -> None:
        wire.call("", "")
        [answer] = await wire.expect(" ")
        answer.set_result([UNKNOWN, "placed"])
        await turns()
        await wire.expect("")
        assert not wire.batcher._lanes._late

    played(test)


def test_closing_tells_the_callers_of_a_shop_that_is_apart(service: Service) -> None:
    for store_id in ("s1", "s2"):
        service.shop(store_id, {"a": 10})

    async def main() -> None:
        timeouts = Timeouts(attempt_ms=100, close_ms=1)
        async with serving(service) as target:
            client = ChannelClient(target, timeouts=timeouts, retry=QUICK)
            gate = service.actors.hold("store-s2")
            calls = [
                asyncio.create_task(client.reserve(each, [("a", 1)], customer_id="c", channel="web"))
                for each in ("s1", "s2", "s2", "s2")
            ]
            await calls[0]
            await client.close()
            found = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(one) for one in found] == [Reservation, *[OutcomeUnknown] * 3]
            gate.set()

    asyncio.run(main())
