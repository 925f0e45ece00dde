"""What goes on beside a shop that moves: calls, feeds, orders, transfers, hot SKUs, rules, another number of actors."""

import asyncio
from contextlib import closing
from typing import Any, Final

import pytest

from actors.journal.port import Phase
from actors.protocol.messages import MoveRefused
from actors.protocol.placement import Placement
from holdfast.v1 import (
    admin_service_pb2 as ad,
    allotment_service_pb2 as al,
    event_service_pb2 as es,
    transfer_service_pb2 as ts,
)
from serve.coordination import moves
from serve.routing.router import Router
from tests.gateway.front import Front, reserve_request
from tests.gateway.hot import OtherGateway, available, confirm, demote, first, promote, tidy
from tests.gateway.streams import Stream, events_request
from tests.gateway.test_store_moves import SOURCE, TARGET, move, phases, status, verified
from tests.gateway.test_transfers import receipt, sent

CALLERS: Final = 20


async def moved(front: Front, actor: str, store_id: str = "S1") -> None:
    """Have a shop move, in the loop."""
    found = await front.asked("MoveStore", ad.MoveStoreRequest(store_id=store_id, actor=actor))
    assert found.code.name == "OK", found


def test_calls_beside_a_move_get_one_answer_each(front: Front) -> None:
    front.receive("Z", 30)
    front.receive("Z", 30, "S2")
    with closing(OtherGateway(front)) as other:

        async def call(gateway: Any, number: int) -> str:
            heard = []
            for _ in range(3):
                store_id = "S2" if number % 4 == 3 else "S1"
                found = await gateway.asked("Reserve", reserve_request(f"k{number}", "Z", store_id=store_id))
                reply = getattr(found, "reply", found)  # OtherGateway gives the reply itself
                heard.append(reply.reservation.reservation_id)
                await asyncio.sleep(0.01)
            assert len(set(heard)) == 1
            return str(heard[0])

        async def main() -> None:
            calls = [asyncio.create_task(call((front, other)[each % 2], each)) for each in range(CALLERS)]
            for actor in (TARGET, SOURCE, "store-S3", TARGET):
                await moved(front, actor)
            found = await asyncio.gather(*calls)
            assert len(set(found)) == CALLERS

        front.run(main)
    verified(front)
    verified(front, "S2")
    assert available(front, "S1", "Z") == 30 - CALLERS * 3 // 4


def test_a_feed_goes_on_over_a_move(front: Front) -> None:
    front.receive("A", 1)
    front.receive("A", 1, "S2")

    async def main() -> None:
        streams = [Stream(front, "WatchEvents", events_request(S1=0, S2=0)), Stream(front, "WatchEvents", all_shops())]
        seen: list[dict[str, list[int]]] = [{"S1": [], "S2": []} for _ in streams]

        async def until(version: int) -> None:
            for stream, by_shop in zip(streams, seen, strict=True):
                while not by_shop["S1"] or by_shop["S1"][-1] < version:
                    for event in (await stream.take()).events:
                        by_shop.setdefault(event.store_id, []).append(event.version)

        last = (await front.asked("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1"))).reply.version
        await until(last)
        for turn, actor in enumerate((TARGET, SOURCE)):
            await moved(front, actor)
            await front.asked("Reserve", reserve_request(f"k{turn}"))
            last += 1
            await until(last)
        for by_shop in seen:
            assert by_shop["S1"] == list(range(1, last + 1))
        for stream in streams:
            await stream.close()

    front.run(main)


def all_shops() -> es.WatchEventsRequest:
    """From the beginning."""
    return es.WatchEventsRequest(all_stores=True)


def test_a_cursor_holds_and_a_named_reader_is_known(front: Front) -> None:
    front.receive("A", 5)
    front.reserve("k1")
    version = front.version()
    noted = es.AcknowledgeEventsRequest(reader="erp", cursors=[{"store_id": "S1", "after_version": version}])
    front.accept("AcknowledgeEvents", noted)
    with closing(OtherGateway(front)) as other:
        move(front)
        with pytest.raises(AssertionError, match="UNAVAILABLE"):  # behind which clients ask again
            other.accept("AcknowledgeEvents", noted)
        assert other.accept("AcknowledgeEvents", noted).ledgers == 1
    assert front.actors.disks[TARGET].readers["S1"] == {("erp", 2): version}
    front.reserve("k2")

    async def main() -> None:
        stream = Stream(front, "WatchEvents", events_request(S1=version))
        assert [event.version for event in (await stream.take()).events] == [version + 1]
        await stream.close()

    front.run(main)


def test_orders_and_their_parts_go_on(front: Front) -> None:
    front.receive("A", 3)
    request = reserve_request("o1", store_id="")
    request.sourcing.place.SetInParent()
    order = front.accept("Reserve", request).order
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S9"}]))
    for part in order.parts:
        move(front, "store-S9", part.store_id)
    front.settle_orders()
    assert front.accept("Reserve", request).order.order_id == order.order_id
    front.settle_orders()
    found = front.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert not found.discrepancies


def test_a_transfer_arrives_at_a_shop_that_has_moved(front: Front) -> None:
    front.receive("A", 9)
    transfer_id = sent(front, units=5)
    move(front, "store-S3")
    move(front, "store-S3", "S2")
    assert receipt(transfer_id, A=5) is not None
    front.accept("ReceiveTransfer", receipt(transfer_id, A=5))
    found = front.accept("VerifyTransfers", ts.VerifyTransfersRequest())
    assert not found.discrepancies
    verified(front)
    verified(front, "S2")


def test_units_of_a_hot_sku_come_home_to_a_shop_that_has_moved(front: Front) -> None:
    front.receive("H", 9)
    promote(front)
    tidy(front)
    held = front.accept("Reserve", first("k1")).reservation
    move(front)
    assert front.accept("Reserve", first("k1")).reservation == held
    front.accept("Reserve", first("k2"))
    confirm(front, held.reservation_id)
    demote(front)
    tidy(front)
    assert available(front) == 7
    verified(front)


def test_an_allotment_goes_with_its_shop(front: Front) -> None:
    front.receive("Z", 9)
    request = al.AllotStockRequest(idempotency_key="a1", store_id="S1", holder_kind="HOLDER_KIND_TILL", holder="till 1")
    request.lines.add(sku="Z", quantity=4)
    request.ttl.seconds = 600
    given = front.accept("AllotStock", request).allotment
    move(front)
    assert front.accept("AllotStock", request).allotment == given
    assert available(front, "S1", "Z") == 5


def test_its_new_actor_knows_the_rules_of_a_shop(front: Front) -> None:
    front.receive("A", 9)
    front.reserve("k1")
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S1", "paused": True}]))
    move(front)
    assert front.reserve("k2").rejection.reason == front.reserve("k3").rejection.reason != 0
    front.actors.kill(TARGET)
    assert front.reserve("k4").HasField("rejection")
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S1"}]))
    assert not front.reserve("k5").HasField("rejection")


def test_a_shop_that_never_began_moves(front: Front) -> None:
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S9"}]))
    move(front, TARGET, "S9")
    front.receive("A", 2, "S9")
    assert status(front, "S9").actor == TARGET
    verified(front, "S9")


def test_another_number_of_actors_has_the_shops_move_there(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "LOOK_S", 0.01)
    front.receive("A", 9)
    first_answer = front.reserve("k1")
    wanted = Placement(2)
    front.gateway._mover.close()
    front.gateway._router.close()
    front.run(lambda: front.gateway._open(Router(front.actors, Placement(0)), front.clock, front._postcodes, 0, wanted))

    async def settled() -> None:
        for _ in range(50):
            await asyncio.sleep(0.01)
        chain = front.gateway._router.chain
        assert all(chain.moves[store_id].is_done for store_id in chain.stores)

    front.run(settled)
    for store_id in front.gateway._router.chain.stores:
        assert status(front, store_id).actor == wanted.actor_of(store_id)
    assert front.reserve("k1") == first_answer
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S9"}]))
    front.run(settled)
    assert status(front, "S9").actor == wanted.actor_of("S9")
    verified(front)


def test_a_move_that_fails_is_told_and_tried_ever_less_often(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "LOOK_S", 0.01)
    front.receive("A", 9)
    real, tries = front.actors.call, []

    async def call(actor: str, method: str, *args: Any) -> Any:
        if method == "prepare":
            tries.append(asyncio.get_running_loop().time())
            raise MoveRefused("the test asked for a failure")
        return await real(actor, method, *args)

    front.actors.call = call  # type: ignore[method-assign]
    request = ad.MoveStoreRequest(store_id="S1", actor=TARGET)
    assert front.ask("MoveStore", request).code.name == "UNAVAILABLE"
    front.run(lambda: asyncio.sleep(0.8))
    assert 3 <= len(tries) <= 8, "the pauses double"
    assert phases(front) == {TARGET: Phase.ARRIVING}
    assert (status(front).actor, status(front).moving_to) == (SOURCE, TARGET)
    found = front.ask("MoveStore", ad.MoveStoreRequest(store_id="S1", actor="store-S3"))
    assert (found.reason, found.metadata["actor"]) == ("STORE_MOVING", TARGET)
    front.reserve("k1")
    front.actors.call = real  # type: ignore[method-assign]
    assert move(front).actor == TARGET
    verified(front)
