"""Orders in a batch: neither the other rows nor the other orders wait for one longer than they must."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from holdfast.v1 import admin_service_pb2 as ad, reservation_service_pb2 as rs
from serve.services.new_orders import ORDERS_SHARED_FROM
from serve.services.reservation_batches import ORDER_SHARE
from serve.sourcing import search
from serve.sourcing.plan import plan
from tests.gateway.away import Away
from tests.gateway.front import Answer, Front, reserve_request
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until_async

CODE = grpc.StatusCode
TIME_S = 60.0


@pytest.fixture
def limited(tmp_path: Path, clock: ManualClock) -> Iterator[Front]:
    """Units in two shops; what the channel `app` reserves needs a grant of its customer's ledger."""
    with Front(tmp_path, clock) as front:
        front.receive("A")
        front.receive("A", store_id="S2")
        policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
        policy.chain_limit_rules.add(channel="app", open_reservations_max=9)
        front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
        yield front


def row(key: str, store_id: str = "S1", channel: str = "app") -> rs.ReserveRequest:
    """A row of a batch: by a grant in `app`, by the shop alone elsewhere."""
    request = reserve_request(key, store_id=store_id)
    request.channel = channel
    return request


def kinds(said: Answer) -> list[str]:
    """What became of each row."""
    assert said.code is CODE.OK
    return [outcome.WhichOneof("result") for outcome in said.reply.outcomes]


async def ask(front: Front, *rows: rs.ReserveRequest) -> Answer:
    """Call with the rows as a batch."""
    batch = rs.ReserveBatchRequest(requests=rows)
    return await front.asked("ReserveBatch", batch, timeout_ms=str(int(1_000 * TIME_S)))


async def reached(front: Front, actor: str) -> None:
    """Wait for the next step that is sent to an actor."""
    before = len(front.actors.calls)

    async def is_there() -> bool:
        return any(call[:2] == (actor, "step") for call in front.actors.calls[before:])

    await until_async(is_there, within_s=WAIT_S, what=f"a step of {actor}")


def test_what_one_shop_decides_does_not_wait_for_the_orders_beside_it(limited: Front) -> None:
    async def main() -> None:
        gate = limited.actors.hold("customers-0000-of-0001")
        batch = asyncio.ensure_future(ask(limited, row("k1"), row("k2", channel="web")))
        await reached(limited, "store-S1")
        gate.set()
        assert kinds(await batch) == ["reservation", "reservation"]

    limited.run(main)


def test_a_row_whose_shop_is_away_says_so_while_the_others_are_answered(limited: Front) -> None:
    rows = [row("k1"), row("k2", "S2"), row("k3", channel="web"), row("k4")]

    away, batch = Away(limited, "store-S2"), rs.ReserveBatchRequest(requests=rows)
    said = away.ask("ReserveBatch", batch, timeout_ms=str(int(1_000 * TIME_S)))
    assert kinds(said) == ["reservation", "error", "reservation", "reservation"]
    assert said.reply.outcomes[1].error.code == CODE.UNAVAILABLE.value[0]
    assert "same key" in said.reply.outcomes[1].error.message
    away.back()
    again = limited.ask("ReserveBatch", batch)
    assert kinds(again) == ["reservation"] * 4
    assert [again.reply.outcomes[place] for place in (0, 2, 3)] == [said.reply.outcomes[place] for place in (0, 2, 3)]


def test_so_many_orders_are_placed_at_once_and_the_others_are_told_to_come_later(limited: Front) -> None:
    """A call may hold a thousand of them, so that calls alone bound nothing."""
    many = rs.ReserveBatchRequest(requests=[row(f"k{number}") for number in range(ORDERS_SHARED_FROM)])

    async def main() -> None:
        gate = limited.actors.hold("customers-0000-of-0001")
        batch = asyncio.ensure_future(limited.asked("ReserveBatch", many))
        await reached(limited, "customers-0000-of-0001")
        beside = await ask(limited, row("l1"), row("l2", channel="web"))
        assert kinds(beside) == ["error", "reservation"]
        error = beside.reply.outcomes[0].error
        assert (error.code, error.HasField("retry_after")) == (CODE.RESOURCE_EXHAUSTED.value[0], True)
        alone = await limited.asked("Reserve", row("l3"))
        assert (alone.code, alone.retry_after_ms > 0) == (CODE.RESOURCE_EXHAUSTED, True)
        gate.set()
        assert set(kinds(await batch)) <= {"reservation", "rejection"}
        assert kinds(await ask(limited, row("l1"))) == ["rejection"], "all units are taken"

    limited.run(main)


def test_searches_that_hear_together_do_not_plan_in_one_turn(limited: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    turn = 0

    def noting(*args: Any) -> Any:
        turns.append(turn)
        return plan(*args)

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def main() -> None:
        counting = asyncio.ensure_future(count())
        rows = [reserve_request(f"k{number}", store_id="") for number in range(20)]
        for request in rows:
            request.sourcing.place.SetInParent()
        assert set(kinds(await ask(limited, *rows))) == {"order"}
        counting.cancel()

    monkeypatch.setattr(search, "plan", noting)
    monkeypatch.setattr(search, "LISTED_MAX", 0)  # plans of few shops take no turn
    limited.run(main)
    assert len(set(turns)) == len(turns) == 20


def test_an_order_that_was_opened_does_not_say_that_nothing_was_done(limited: Front) -> None:
    """Its claim was never sent. But it is open, and whoever else carries on with its key may make it certain."""

    async def main() -> None:
        gate = limited.actors.hold("store-S1")
        before = []
        for key in ("k1", "k2"):  # as many batches as may be out
            before.append(asyncio.ensure_future(ask(limited, row(key, channel="web"))))
            await reached(limited, "store-S1")
        batch = asyncio.ensure_future(limited.asked("Reserve", row("k3"), timeout_ms="1000"))
        await reached(limited, "customers-0000-of-0001")
        calls = len(limited.actors.calls)

        async def is_over() -> bool:
            skip(0.1)
            return batch.done()

        await until_async(is_over, within_s=WAIT_S, what="an answer")
        assert all(call[0] != "store-S1" for call in limited.actors.calls[calls:]), "its claim was not to be sent"
        assert (await batch).code is CODE.UNAVAILABLE
        gate.set()
        await asyncio.gather(*before)
        assert kinds(await ask(limited, row("k3"))) == ["reservation"]

    limited.run(main)


def test_an_order_alone_has_all_of_its_time(limited: Front) -> None:
    async def main() -> None:
        gate = limited.actors.hold("store-S2")
        batch = asyncio.ensure_future(ask(limited, row("k1", "S2")))
        await reached(limited, "store-S2")
        skip(ORDER_SHARE * TIME_S)
        gate.set()
        assert kinds(await batch) == ["reservation"]

    limited.run(main)


def test_rows_that_look_for_shops_are_taken_and_refused_each_by_itself(limited: Front) -> None:
    def near(key: str, place: dict[str, Any], units: int = 1) -> rs.ReserveRequest:
        request = reserve_request(key, units=units, store_id="")
        request.sourcing.place.MergeFrom(type(request.sourcing.place)(**place))
        return request

    rows = [
        near("k1", {"postcode": "10115"}),
        near("k2", {"postcode": "99999"}),
        near("k3", {"latitude": 91}),
        near("k4", {"postcode": "10115"}, units=5_000),
        row("k5", channel="web"),
    ]
    for request in rows[:4]:
        request.sourcing.place.SetInParent()
    said = limited.run(lambda: ask(limited, *rows))
    assert kinds(said) == ["order", "error", "error", "rejection", "reservation"]
    fields = [violation.field for place in (1, 2) for violation in said.reply.outcomes[place].error.violations]
    assert fields == ["requests[1].sourcing.place.postcode", "requests[2].sourcing.place.latitude"]
