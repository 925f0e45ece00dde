"""The retry policy as a table: pure, so every number is an argument. And what is advised where nothing was sent."""

import asyncio

import grpc
import pytest

from holdfast.client import ChannelClient
from holdfast.client.connection import CHECK_HEALTH, Connection
from holdfast.client.limits import NO_RETRY, Failure, RetryPolicy
from holdfast.client.statuses import FAILURES, Attempts, Fault, fault_from_rpc
from tests.clients.command import Command
from tests.clients.faults import CODE, Refuse
from tests.clients.service import Service
from tests.clients.serving import QUICK, serving, serving_in_thread

POLICY = RetryPolicy(wait_first_ms=20, wait_max_ms=400, attempts_max=50, unclear_attempts_max=4)
LONG_MS = 1_000_000.0


@pytest.mark.parametrize(
    ("failure", "attempts", "unclear", "remaining_ms", "jitter", "retry_after_ms", "expected"),
    [
        # Waits double, and half of each is jitter.
        (Failure.UNAVAILABLE, 1, 0, LONG_MS, 0.0, 0, 10),
        (Failure.UNAVAILABLE, 1, 0, LONG_MS, 0.5, 0, 15),
        (Failure.UNAVAILABLE, 2, 0, LONG_MS, 0.0, 0, 20),
        (Failure.UNAVAILABLE, 5, 0, LONG_MS, 0.0, 0, 160),
        # Up to the greatest.
        (Failure.UNAVAILABLE, 6, 0, LONG_MS, 0.0, 0, 200),
        (Failure.UNAVAILABLE, 49, 0, LONG_MS, 0.0, 0, 200),
        # Tries are bounded whatever happens.
        (Failure.UNAVAILABLE, 50, 0, LONG_MS, 0.0, 0, None),
        # The call's deadline ends it: a wait that would reach it is not begun.
        (Failure.UNAVAILABLE, 1, 0, 10.1, 0.0, 0, 10),
        (Failure.UNAVAILABLE, 1, 0, 10.0, 0.0, 0, None),
        (Failure.UNAVAILABLE, 1, 0, -5.0, 0.0, 0, None),
        # An overloaded service says how long, and is never asked sooner.
        (Failure.OVERLOADED, 1, 0, LONG_MS, 0.0, 700, 700),
        (Failure.OVERLOADED, 1, 0, LONG_MS, 0.5, 700, 705),
        (Failure.OVERLOADED, 1, 0, 700.0, 0.0, 700, None),
        (Failure.OVERLOADED, 3, 0, LONG_MS, 0.0, 0, 40),
        # A broken connection is asked again a few times only; other failures do not use up its tries.
        (Failure.UNCLEAR, 3, 3, LONG_MS, 0.0, 0, 40),
        (Failure.UNCLEAR, 4, 4, LONG_MS, 0.0, 0, None),
        (Failure.UNCLEAR, 20, 1, LONG_MS, 0.0, 0, 200),
        # What is certain is not asked again.
        (Failure.FINAL, 1, 0, LONG_MS, 0.0, 0, None),
        (Failure.FINAL, 1, 0, LONG_MS, 0.0, 700, None),
    ],
)
def test_the_wait_follows_the_table(
    failure: Failure,
    attempts: int,
    unclear: int,
    remaining_ms: float,
    jitter: float,
    retry_after_ms: int,
    expected: float | None,
) -> None:
    code = next(code for code in FAILURES if FAILURES[code] is failure)
    before = Attempts(None, count=attempts - 1, unclear=unclear - (failure is Failure.UNCLEAR))
    fault = Fault(code, "no", retry_after_ms=retry_after_ms)
    assert before.wait_ms(POLICY, fault, remaining_ms=remaining_ms, jitter=jitter) == expected


@pytest.mark.parametrize("code", list(CODE))
def test_never_again_means_one_attempt(code: grpc.StatusCode) -> None:
    assert Attempts(None).wait_ms(NO_RETRY, Fault(code, "no"), remaining_ms=LONG_MS, jitter=0.0) is None


@pytest.mark.parametrize(
    ("rpc", "command"),
    [("GetReservation", ("show", "s1:1")), ("ConfirmReservation", ("confirm", "s1:1", "--key", "k1"))],
)
def test_where_nothing_was_sent_no_key_is_advised(service: Service, rpc: str, command: tuple[str, ...]) -> None:
    # Told to wait beyond its deadline, the command makes one attempt: near the deadline a second one might time out
    # before its connection is refused, and then it is not known any more that nothing was sent.
    why = asyncio.run(_why_nobody_answers())
    service.faults[rpc].append(Refuse(CODE.UNAVAILABLE, why, retry_after_ms=99_000))
    with serving_in_thread(service) as target:
        told = Command(service, target)(*command, code=3)["error"]
    assert "Connection refused" in told["why"]
    assert told["mend"] == "See that the service runs and can be reached, then ask again"


async def _why_nobody_answers() -> str:
    """What gRPC says where no connection can be made."""
    connection = Connection("127.0.0.1:1")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await connection.call(CHECK_HEALTH, b"", timeout_ms=60_000)
    await connection.close()
    fault = fault_from_rpc(caught.value)
    assert fault.not_sent
    return fault.why


def test_an_attempt_is_the_first_where_the_client_has_made_the_key_and_sent_it_never_before(service: Service) -> None:
    service.shop("s1", {"sku-1": 10})
    service.faults["Reserve"].append(Refuse(CODE.UNAVAILABLE, "away"))

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            basket = [("sku-1", 1)]
            await client.reserve("s1", basket, customer_id="c", channel="web")
            await client.reserve("s1", basket, customer_id="c", channel="web", idempotency_key="k")
            await asyncio.gather(*(client.reserve("s1", basket, customer_id="c", channel="web") for _ in range(2)))

    asyncio.run(main())
    assert [request.first_attempt for request in service.asked("Reserve")] == [True, False, False]
    (batch,) = service.asked("ReserveBatch")
    assert [request.first_attempt for request in batch.requests] == [True, True]
