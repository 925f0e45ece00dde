"""Batches over several shops of which one hangs: what others decide is answered soon, and what is unknown says so."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import grpc
import pytest

from actors.core.ids import ledger_of_hot
from actors.protocol.placement import Placement
from holdfast.v1 import reservation_pb2, reservation_service_pb2 as rs
from serve.routing.beside import BESIDE_S_MAX, Grace
from tests.gateway.away import SKIP_S, Away
from tests.gateway.front import Answer, Front, reserve_request
from tests.gateway.hot import again, first, promote
from tests.gateway.orders import ordered, settle
from tests.gateway.test_limits import limit
from tests.runtime.loop_time import StandingLoop, run, skip, turns

CODE: Final = grpc.StatusCode
CANCELLED: Final = reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED
SOON: Final = 2 * BESIDE_S_MAX / SKIP_S  # skips of time, where a call has ten seconds
TIME_MS: Final = "10000"


@pytest.fixture
def stocked(front: Front) -> Front:
    for store_id in ("S1", "S2", "S3"):
        front.receive("A", 100, store_id)
    return front


def rows(*store_ids: str, sku: str = "A") -> rs.ReserveBatchRequest:
    """One Reserve for each, in sequence; the key says which."""
    requests = [reserve_request(f"{place} {each}", sku, store_id=each) for place, each in enumerate(store_ids)]
    return rs.ReserveBatchRequest(requests=requests)


def said(found: Answer) -> list[str]:
    """What became of each item, or the reason of its error."""
    assert found.code is CODE.OK, found
    kinds = [(outcome, str(outcome.WhichOneof("result"))) for outcome in found.reply.outcomes]
    return [outcome.error.reason if kind == "error" else kind for outcome, kind in kinds]


@pytest.mark.parametrize(("timeout_ms", "skips"), [(TIME_MS, SOON), ("1600", 12)])
def test_the_shops_that_answer_are_told_soon_and_the_one_that_hangs_is_unknown(
    stocked: Front, timeout_ms: str, skips: float
) -> None:
    away, batch = Away(stocked, "store-S2"), rows("S1", "S2", "S3", "S1")
    found = away.ask("ReserveBatch", batch, timeout_ms=timeout_ms)
    assert said(found) == ["reservation", "OUTCOME_UNKNOWN", "reservation", "reservation"]
    assert away.skips <= skips
    error = found.reply.outcomes[1].error
    assert (error.code, error.HasField("retry_after")) == (CODE.UNAVAILABLE.value[0], True)
    assert "same key" in error.message
    away.back()
    again = stocked.ask("ReserveBatch", batch)
    assert said(again) == ["reservation"] * 4
    assert [again.reply.outcomes[place] for place in (0, 2, 3)] == [found.reply.outcomes[place] for place in (0, 2, 3)]
    assert stocked.ask("ReserveBatch", batch).reply == again.reply, "one effect, one answer"


@pytest.mark.parametrize("store_ids", [("S2", "S2"), ("S1", "S2")])
def test_a_batch_of_which_nothing_is_decided_waits_as_long_as_there_is_time(
    stocked: Front, store_ids: Sequence[str]
) -> None:
    away = Away(stocked, *{f"store-{store_id}" for store_id in store_ids})
    found = away.ask("ReserveBatch", rows(*store_ids), timeout_ms=TIME_MS, back_after_s=3.0)
    assert said(found) == ["reservation", "reservation"]


def test_whatever_is_decided_gives_the_others_their_time_anew() -> None:
    """So shops that come back one after another, as after a start, are all answered."""

    async def main() -> list[bool]:
        async def beside() -> None:
            for _ in range(3):
                grace.begin()
                skip(0.9 * BESIDE_S_MAX)
                await turns()
            waiting.append(True)
            skip(0.2 * BESIDE_S_MAX)

        waiting: list[bool] = []
        grace = Grace(asyncio.get_running_loop().time() + 60)
        await grace.wait([beside(), asyncio.Event().wait()], has_begun=False)  # type: ignore[list-item]
        grace.begin()  # it is over
        return waiting

    assert run(main, StandingLoop) == [True]


STEPS: Final[dict[str, Any]] = {
    "ConfirmBatch": (rs.ConfirmBatchRequest, rs.ConfirmReservationRequest, {}),
    "CollectBatch": (rs.CollectBatchRequest, rs.CollectReservationRequest, {"payment_reference": "p"}),
    "ReleaseBatch": (rs.ReleaseBatchRequest, rs.ReleaseReservationRequest, {"reason": CANCELLED}),
}


@pytest.mark.parametrize("method", STEPS)
def test_steps_of_promises_do_not_wait_for_another_shop(stocked: Front, method: str) -> None:
    kind, one, more = STEPS[method]
    held = [stocked.reserve(store_id, store_id=store_id).reservation.reservation_id for store_id in ("S1", "S2")]
    steps = [one(idempotency_key=f"s{each}", reservation_id=each, **more) for each in held]
    away = Away(stocked, "store-S2")
    assert said(away.ask(method, kind(requests=steps), timeout_ms=TIME_MS)) == ["reservation", "OUTCOME_UNKNOWN"]
    assert away.skips <= SOON
    away.back()
    assert said(stocked.ask(method, kind(requests=steps))) == ["reservation"] * 2


def test_what_the_gateway_refuses_by_itself_does_not_wait_for_a_shop_that_hangs(stocked: Front) -> None:
    away, batch = Away(stocked, "store-S2"), rows("S1", "S2")
    batch.requests[0].channel = ""
    assert said(away.ask("ReserveBatch", batch, timeout_ms=TIME_MS))[1:] == ["OUTCOME_UNKNOWN"]
    assert away.skips <= SOON


@pytest.fixture
def hot(stocked: Front) -> Front:
    """H is hot, with units of two shops; the gateway's own keeper waits for nobody here."""
    for store_id in ("S1", "S2"):
        stocked.receive("H", 5, store_id)
    stocked.run(_keeper_closed(stocked))
    promote(stocked)
    return stocked


def _keeper_closed(front: Front) -> Any:
    async def main() -> None:
        front.gateway._keeper.close()

    return main


def test_a_hot_sku_whose_ledger_hangs_delays_nothing_else(hot: Front) -> None:
    batch = rows("S1", "S2")
    batch.requests.append(first("h1", "S3"))
    batch.requests.append(first("h2", "S1"))
    away = Away(hot, Placement(0).actor_of(ledger_of_hot("H")))
    found = away.ask("ReserveBatch", batch, timeout_ms=TIME_MS)
    assert said(found) == ["reservation", "reservation", "OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"]
    assert away.skips <= SOON


def test_what_goes_on_to_a_hot_skus_ledger_does_not_wait_for_another_shop(hot: Front) -> None:
    """The shops are asked for their word first: that of one is on its way on while another one hangs."""
    batch = rows("S2")
    batch.requests.append(first("h1", "S1"))
    away = Away(hot, "store-S2")
    assert said(away.ask("ReserveBatch", batch, timeout_ms=TIME_MS)) == ["OUTCOME_UNKNOWN", "reservation"]
    assert away.skips <= SOON


def test_who_is_short_of_a_hot_sku_waits_for_units_of_his_own_shop_alone(hot: Front) -> None:
    """Both need units that came to their shops since; one of these hangs."""
    stamps = {each: hot.accept("Reserve", first(f"w {each}", each)).key_stamp for each in ("S1", "S2")}
    for store_id in stamps:
        hot.receive("H", 5, store_id)
    requests = [again(first(f"x {store_id}{stamp}", store_id, 5)) for store_id, stamp in stamps.items()]
    batch, away = rs.ReserveBatchRequest(requests=requests), Away(hot, "store-S2")
    assert said(away.ask("ReserveBatch", batch, timeout_ms=TIME_MS)) == ["reservation", "OUTCOME_UNKNOWN"]
    assert away.skips <= SOON
    away.back()
    assert said(hot.ask("ReserveBatch", batch)) == ["reservation"] * 2


def test_under_a_limit_of_the_chain_places_of_what_is_decided_are_given_back(stocked: Front) -> None:
    limit(stocked, 5)
    for store_id in ("S1", "S2"):
        assert stocked.reserve(f"w {store_id}", store_id=store_id).reservation.reservation_id
    settle(stocked)
    room, batch, taken = stocked.gateway._reconciler._grants.room, rows("S1", "S2", "S1"), set[int]()

    async def main() -> Answer:
        call = asyncio.ensure_future(stocked.asked("ReserveBatch", batch, timeout_ms=TIME_MS))
        while not call.done():
            await turns()
            taken.add(room.taken)
        return await call

    away = Away(stocked, "store-S2")
    found = away.wait(main)
    assert said(found) == ["reservation", "OUTCOME_UNKNOWN", "reservation"]
    assert (away.skips <= SOON, 1 in taken, room.taken) == (True, True, 0)
    away.back()
    assert said(stocked.ask("ReserveBatch", batch)) == ["reservation"] * 3


def test_a_refusal_that_lacks_the_name_of_its_order_is_unknown(stocked: Front) -> None:
    """The shop refuses the step of an order's part, and then does not say whose part that is."""
    order = ordered(stocked, "o1")
    settle(stocked)
    part = next(part for part in order.certain_parts() if part.store_id == "S2")
    held = [f"S2:{part.reservation}", stocked.reserve("x").reservation.reservation_id]
    steps = [rs.ConfirmReservationRequest(idempotency_key=each, reservation_id=each) for each in held]
    batch, call = rs.ConfirmBatchRequest(requests=steps), stocked.actors.call
    assert said(stocked.ask("ConfirmBatch", batch)) == ["rejection", "reservation"]

    async def hangs(actor: str, method: str, *args: Any) -> Any:
        return await (asyncio.Event().wait() if method == "holders_of" else call(actor, method, *args))

    stocked.actors.call = hangs  # type: ignore[method-assign]
    found = stocked.ask("ConfirmBatch", batch, timeout_ms="400")
    assert said(found) == ["OUTCOME_UNKNOWN", "reservation"]
