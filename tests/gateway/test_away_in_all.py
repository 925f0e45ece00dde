"""Reads of everything, or of what lies in two shops, beside one that hangs: they tell the others' and name that one."""

from typing import Any

import grpc
import pytest

from holdfast.v1 import (
    admin_service_pb2 as ad,
    event_service_pb2 as es,
    transfer_service_pb2 as ts,
)
from tests.gateway.away import Away
from tests.gateway.front import Front
from tests.gateway.orders import CUSTOMERS, ordered
from tests.gateway.test_transfers import RECEIVED, SENT, receipt, sent

CODE = grpc.StatusCode


def compared(away: Away, method: str = "VerifyOrders") -> Any:
    kinds = {"VerifyOrders": ad.VerifyOrdersRequest, "VerifyTransfers": ts.VerifyTransfersRequest}
    found = away.ask(method, kinds[method](), timeout_ms="4000")
    assert found.code is CODE.OK, found
    return found.reply


@pytest.mark.parametrize("actor", ["store-S1", CUSTOMERS])
def test_orders_are_compared_beside_a_shop_or_a_customers_ledger_that_hangs(front: Front, actor: str) -> None:
    ordered(front, "k0")
    away = Away(front, actor)
    reply = compared(away)
    assert reply.holds
    assert [name for name in reply.left_out if actor.endswith(name) or name.startswith("customers")], reply
    away.back()
    whole = front.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert (whole.holds, list(whole.left_out)) == (True, [])
    assert (whole.parts, whole.orders) > (reply.parts, reply.orders), "or one of both"


def test_what_contradicts_elsewhere_is_found_beside_a_shop_that_hangs(front: Front) -> None:
    ordered(front, "k0")
    front.actors.store_actor("store-S2").host._hosted["S2"].ledger.reservations.clear()
    assert not compared(Away(front, "store-S1")).holds


def test_an_actor_that_hangs_is_asked_once_however_much_there_is(front: Front) -> None:
    for number in range(9):
        ordered(front, f"k{number}")
    away = Away(front, "store-S1")
    before = len(front.actors.calls)
    assert compared(away).left_out
    calls = front.actors.calls[before:]
    of_comparison = {(method, str(args)) for actor, method, args in calls if actor == "store-S1" and method != "outbox"}
    assert [method for method, _ in of_comparison] == ["parts"], "the others' orders have parts there too"


def test_transfers_are_listed_beside_a_destination_that_hangs_and_said_to_be_unsure(front: Front) -> None:
    first, second = sent(front, "s1"), sent(front, "s2", destination="S3")
    front.actors.lose_calls("store-S1", 9)
    front.accept("ReceiveTransfer", receipt(second, A=5, store_id="S3"))
    front.actors._lost_before.clear()
    away = Away(front, "store-S2")
    for statuses in ([], [RECEIVED]):
        found = away.ask("ListTransfers", ts.ListTransfersRequest(store_id="S1", statuses=statuses)).reply.transfers
        told = [(each.transfer_id, each.status, each.destination_unreachable) for each in found]
        assert told == [(first, SENT, True), (second, RECEIVED, False)]
    one = away.ask("GetTransfer", ts.GetTransferRequest(transfer_id=first)).reply.transfer
    assert (one.status, one.destination_unreachable) == (SENT, True)
    away.back()
    one = front.accept("GetTransfer", ts.GetTransferRequest(transfer_id=first)).transfer
    assert (one.status, one.destination_unreachable) == (SENT, False)


def test_transfers_are_compared_beside_a_shop_that_hangs(front: Front) -> None:
    sent(front, "s1")
    sent(front, "s2", destination="S3")
    away = Away(front, "store-S2")
    reply = compared(away, "VerifyTransfers")
    assert (reply.holds, list(reply.left_out), reply.transfers) == (True, ["S2"], 1)
    away.back()
    reply = front.accept("VerifyTransfers", ts.VerifyTransfersRequest())
    assert (reply.holds, list(reply.left_out), reply.transfers) == (True, [], 2)


def test_readers_acknowledge_and_are_listed_beside_a_shop_that_hangs(front: Front) -> None:
    front.receive("A", 5, "S2")
    request = es.AcknowledgeEventsRequest(reader="warehouse")
    request.cursors.add(store_id="S1", after_version=1)
    request.cursors.add(store_id="S2", after_version=1)
    away = Away(front, "store-S2")
    found = away.ask("AcknowledgeEvents", request)
    assert (found.code, found.reply.ledgers) == (CODE.OK, 1), found
    listed = away.ask("ListReaders", ad.ListReadersRequest()).reply
    assert list(listed.left_out) == ["store-S2"]
    assert [reader.name for reader in listed.readers] == ["warehouse"]
    away.back()
    assert front.accept("AcknowledgeEvents", request).ledgers == 2
    del request.cursors[0]
    assert Away(front, "store-S2").ask("AcknowledgeEvents", request).code is CODE.UNAVAILABLE
