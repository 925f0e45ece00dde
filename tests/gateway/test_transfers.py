"""Transfers over the gateway: steps at both ends, whoever is away or killed, and reads that correct the source."""

from typing import Any

import grpc
import pytest

from holdfast.v1 import event_service_pb2 as es, transfer_pb2 as tp, transfer_service_pb2 as ts
from serve.coordination.reconciler import QUESTION_S
from tests.gateway.front import Answer, Context, Front
from tests.gateway.orders import hosted, settle
from tests.runtime.loop_time import skip
from tests.waiting import until_async

SENT, RECEIVED = tp.TRANSFER_STATUS_SENT, tp.TRANSFER_STATUS_RECEIVED


def proposed(front: Front, key: str = "p1", units: int = 5, source: str = "S1", destination: str = "S2") -> str:
    request = ts.ProposeTransferRequest(
        idempotency_key=key,
        source_store_id=source,
        destination_store_id=destination,
        lines=[{"sku": "A", "quantity": units}],
        arrives_in={"seconds": 3_600},
    )
    transfer = front.accept("ProposeTransfer", request).transfer
    assert transfer.status == tp.TRANSFER_STATUS_PROPOSED
    return str(transfer.transfer_id)


def sent(front: Front, key: str = "s1", **given: Any) -> str:
    transfer_id = proposed(front, f"p{key}", **given)
    request = ts.SendTransferRequest(idempotency_key=key, transfer_id=transfer_id)
    assert front.accept("SendTransfer", request).transfer.status == SENT
    return transfer_id


def receipt(transfer_id: str, key: str = "r1", store_id: str = "S2", bearer: int = 0, **units: int) -> Any:
    lines = [tp.ReceivedLine(sku=sku, quantity=count) for sku, count in units.items()]
    request = ts.ReceiveTransferRequest(idempotency_key=key, store_id=store_id, transfer_id=transfer_id, lines=lines)
    request.loss_bearer = bearer  # type: ignore[assignment]
    return request


def stock(front: Front, store_id: str) -> tuple[int, int]:
    """On hand and reserved, of A."""
    position = hosted(front, f"store-{store_id}", store_id).positions.get("A")
    return (0, 0) if position is None else (position.on_hand, position.reserved)


def live(front: Front, store_id: str) -> int:
    return len(hosted(front, f"store-{store_id}", store_id).transfers.live)


def read(front: Front, transfer_id: str) -> Any:
    return front.accept("GetTransfer", ts.GetTransferRequest(transfer_id=transfer_id)).transfer


def listed(front: Front, store_id: str, *statuses: int, page_size: int = 0, token: str = "") -> Any:
    request = ts.ListTransfersRequest(store_id=store_id, page_size=page_size, page_token=token)
    request.statuses.extend(statuses)  # type: ignore[arg-type]
    return front.accept("ListTransfers", request)


def verified(front: Front) -> Any:
    found = front.accept("VerifyTransfers", ts.VerifyTransfersRequest())
    assert found.holds, found
    assert not found.left_out
    assert found.units_missing == 0
    return found


def test_units_are_at_the_source_then_in_transit_then_at_the_destination(front: Front) -> None:
    transfer_id = proposed(front)
    assert transfer_id == "S1:T3"
    assert (stock(front, "S1"), read(front, transfer_id).status) == ((1_000, 5), tp.TRANSFER_STATUS_PROPOSED)
    front.accept("SendTransfer", ts.SendTransferRequest(idempotency_key="s1", transfer_id=transfer_id))
    assert (stock(front, "S1"), stock(front, "S2")) == ((995, 0), (0, 0))
    assert (verified(front).units_in_transit, verified(front).transfers) == (5, 1)
    assert [each.status for each in listed(front, "S2").transfers] == [SENT], "the destination expects it at once"
    received = front.accept("ReceiveTransfer", receipt(transfer_id, A=3, bearer=tp.LOSS_BEARER_SOURCE)).transfer
    assert [(line.sku, line.quantity, line.received) for line in received.lines] == [("A", 5, 3)]
    assert received.loss_bearer == tp.LOSS_BEARER_SOURCE
    assert received.received_at.seconds >= received.sent_at.seconds > 0
    assert received.expected_at.seconds == received.created_at.seconds + 3_600
    assert stock(front, "S2") == (3, 0)
    assert (live(front, "S1"), live(front, "S2")) == (0, 0), "both have heard, and have it in their journals"
    told = read(front, transfer_id)
    assert (told.status, told.lines[0].received) == (RECEIVED, 3)
    found = verified(front)
    assert (found.units_in_transit, found.units_short, found.transfers) == (0, 2, 1)
    for store_id in ("S1", "S2"):
        assert [each.status for each in listed(front, store_id).transfers] == [RECEIVED]


def test_a_refusal_says_where_the_transfer_is(front: Front) -> None:
    transfer_id = sent(front)
    cancel = ts.CancelTransferRequest(idempotency_key="c1", transfer_id=transfer_id)
    rejection = front.accept("CancelTransfer", cancel).rejection
    assert (rejection.transfer_status, rejection.store_id) == (SENT, "S1")
    assert "the transfer is SENT" in rejection.message
    front.accept("ReceiveTransfer", receipt(transfer_id))
    again = front.accept("ReceiveTransfer", receipt(transfer_id, "r2")).rejection
    assert (again.transfer_status, again.store_id) == (RECEIVED, "S2")
    assert front.accept("ReceiveTransfer", receipt(transfer_id)).transfer.status == RECEIVED, "the first answer again"
    assert stock(front, "S2") == (5, 0)


def test_what_was_only_proposed_is_not_received(front: Front) -> None:
    transfer_id = proposed(front)
    rejection = front.accept("ReceiveTransfer", receipt(transfer_id)).rejection
    assert rejection.transfer_status == tp.TRANSFER_STATUS_PROPOSED
    cancel = ts.CancelTransferRequest(idempotency_key="c1", transfer_id=transfer_id)
    assert front.accept("CancelTransfer", cancel).transfer.status == tp.TRANSFER_STATUS_CANCELLED
    assert stock(front, "S1") == (1_000, 0)
    assert [each.status for each in listed(front, "S1").transfers] == [tp.TRANSFER_STATUS_CANCELLED]


def test_a_receipt_before_its_advice_asks_the_source(front: Front) -> None:
    transfer_id = proposed(front)
    front.actors.lose_calls("store-S2", 9)  # nobody reaches the destination while the answer waits
    front.accept("SendTransfer", ts.SendTransferRequest(idempotency_key="s1", transfer_id=transfer_id))
    front.actors._lost_before.clear()
    assert not hosted(front, "store-S1", "S1").transfers.live[3].advised
    assert front.accept("ReceiveTransfer", receipt(transfer_id)).transfer.status == RECEIVED
    assert stock(front, "S2") == (5, 0)
    settle(front)
    assert (live(front, "S1"), live(front, "S2")) == (0, 0)


def test_what_is_expected_is_received_while_its_source_is_away_and_read_right(front: Front) -> None:
    transfer_id = sent(front)
    front.actors.lose_calls("store-S1", 9)
    assert front.accept("ReceiveTransfer", receipt(transfer_id, A=6)).transfer.status == RECEIVED
    front.actors._lost_before.clear()
    source = hosted(front, "store-S1", "S1").transfers.live[3]
    assert source.status == SENT, "it has not heard"
    assert (read(front, transfer_id).status, read(front, transfer_id).lines[0].received) == (RECEIVED, 6)
    assert [each.status for each in listed(front, "S1").transfers] == [RECEIVED]
    assert [each.status for each in listed(front, "S1", SENT).transfers] == []
    assert [each.status for each in listed(front, "S1", RECEIVED).transfers] == [RECEIVED]
    assert verified(front).units_in_transit == 0
    settle(front)
    assert (live(front, "S1"), live(front, "S2")) == (0, 0)


def test_a_reconciler_tells_what_nobody_told_over_kills_of_both_ends(front: Front) -> None:
    transfer_ids = [proposed(front, f"p{place}") for place in range(3)]
    front.actors.lose_calls("store-S2", 99)
    for place, transfer_id in enumerate(transfer_ids):
        front.accept("SendTransfer", ts.SendTransferRequest(idempotency_key=f"s{place}", transfer_id=transfer_id))
    front.actors._lost_before.clear()
    for store_id in ("S1", "S2"):
        front.actors.kill(f"store-{store_id}")
    listed(front, "S1")

    async def told() -> bool:
        skip(QUESTION_S)  # who began to tell it before gives up
        await front.gateway._reconciler.collect_reports()
        return all(each.advised for each in hosted(front, "store-S1", "S1").transfers.live.values())

    front.run(lambda: until_async(told, within_s=20, what="both ends hear"))
    assert live(front, "S2") == 3
    assert verified(front).units_in_transit == 15


def test_lists_are_paged(front: Front) -> None:
    ids = [sent(front, f"k{place}", units=1) for place in range(5)]
    for transfer_id in ids[:3]:
        front.accept("ReceiveTransfer", receipt(transfer_id, f"r{transfer_id}"))
    found, token = [], ""
    while True:
        page = listed(front, "S1", page_size=2, token=token)
        found += [each.transfer_id for each in page.transfers]
        token = page.next_page_token
        if not token:
            break
    assert found == ids
    assert [each.transfer_id for each in listed(front, "S2", SENT).transfers] == ids[3:]
    assert [each.transfer_id for each in listed(front, "S1", RECEIVED).transfers] == ids[:3]
    assert listed(front, "S3").transfers == []


@pytest.mark.parametrize(
    ("method", "request_", "code", "field"),
    [
        ("GetTransfer", ts.GetTransferRequest(transfer_id="S1:T99"), "NOT_FOUND", "transfer_id"),
        ("GetTransfer", ts.GetTransferRequest(transfer_id="S9:T99"), "NOT_FOUND", "transfer_id"),
        ("GetTransfer", ts.GetTransferRequest(transfer_id="S1:99"), "INVALID_ARGUMENT", "transfer_id"),
        (
            "ProposeTransfer",
            ts.ProposeTransferRequest(
                idempotency_key="k",
                source_store_id="S1",
                destination_store_id="S1",
                lines=[{"sku": "A", "quantity": 1}],
            ),
            "INVALID_ARGUMENT",
            "destination_store_id",
        ),
        (
            "ProposeTransfer",
            ts.ProposeTransferRequest(
                idempotency_key="k",
                source_store_id="S1",
                destination_store_id="S9",
                lines=[{"sku": "A", "quantity": 1}],
            ),
            "NOT_FOUND",
            "destination_store_id",
        ),
        ("ReceiveTransfer", receipt("S9:T1"), "NOT_FOUND", "transfer_id"),
    ],
)
def test_what_cannot_be_named_is_said(shared: Front, method: str, request_: Any, code: str, field: str) -> None:
    answer: Answer = shared.ask(method, request_)
    assert (answer.code.name, answer.fields) == (code, [field])


def test_nobody_receives_what_there_is_not(shared: Front) -> None:
    found = shared.ask("ReceiveTransfer", receipt("S1:T99"))
    assert found.code is grpc.StatusCode.OK
    assert found.reply.rejection.message.startswith("there is no such transfer")


def test_the_feeds_of_both_ends_tell_it(front: Front) -> None:
    transfer_id = sent(front)
    front.accept("ReceiveTransfer", receipt(transfer_id, A=4))
    told = {}
    for store_id in ("S1", "S2"):
        version = front.version(store_id)
        request = es.WatchEventsRequest(cursors=[{"store_id": store_id}])

        async def main(request: Any = request, version: int = version) -> list[Any]:
            events: list[Any] = []
            gateway: Any = front.gateway
            async for message in gateway.WatchEvents(request.SerializeToString(), Context()):
                events += [each.transfer_changed for each in message.events if each.HasField("transfer_changed")]
                if message.events and message.events[-1].version >= version:
                    break
            return events

        told[store_id] = front.run(main)
    assert [each.kind for each in told["S1"]] == ["proposed", "sent", "advised", "closed"]
    assert [each.kind for each in told["S2"]] == ["expected", "received", "closed"]
    assert {each.transfer_id for events in told.values() for each in events} == {transfer_id}
    assert [(row.sku, row.quantity) for row in told["S2"][1].lines] == [("A", 4)]
    assert told["S2"][1].loss_bearer == tp.LOSS_BEARER_CARRIER
