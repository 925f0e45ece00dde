"""A good request of every call, and the way to spoil one field of it."""

import re
from collections.abc import Callable
from typing import Any, Final

from google.protobuf.message import Message

from actors.core.ids import format_order_id, ledger_of_customer
from actors.orders.commands import RequestGrant
from holdfast.v1 import (
    admin_service_pb2 as ad,
    event_service_pb2 as es,
    order_service_pb2 as os_,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_pb2,
    stock_service_pb2 as ss,
)
from serve.wire import fields
from tests.gateway.front import FIRST_ORDER, Front, reserve_request
from tests.runtime.runtime_fixture import WAIT_S

HELD: Final = "S1:3"  # a reservation that stands; numbers 1 and 2 are the policy and the receipt
BUYER: Final = "ann"
ORDER: Final = format_order_id(ledger_of_customer(BUYER), FIRST_ORDER)  # one that stands
GRANT: Final = format_order_id(ledger_of_customer(BUYER), 4)  # one that counts, behind policy, order and its outcome
DAY: Final = {"seconds": 86_400}
LINE: Final = {"sku": "A", "quantity": 1}
HOURS: Final = {
    "zone": "Europe/Berlin",
    "weekly": [*[{"intervals": [{"open_minute": 540, "close_minute": 1_200}]}] * 6, {}],
    "special_days": [{"date": "2026-12-24", "intervals": [{"open_minute": 540, "close_minute": 840}]}],
    "holidays": "DE-BE",
    "slot_minutes": 30,
    "staff": [{"duties": [{"from_minute": 540, "to_minute": 1_200, "staff": 2}]}] * 7,
    "pickups_per_staff_hour": 6,
    "lead": {"seconds": 7_200},
    "cutoff_minute": 1_020,
}

GOOD: Final[dict[str, Callable[[str], Message]]] = {
    "Reserve": lambda key: rs.ReserveRequest(
        idempotency_key=key,
        store_id="S1",
        customer_id="ann",
        channel="web",
        basket_id=f"basket {key}",
        external_reference="W-17",
        lines=[{"sku": "A", "quantity": 1}, {"sku": "A", "quantity": 1}],
        ttl=DAY,
    ),
    "ConfirmReservation": lambda key: rs.ConfirmReservationRequest(
        idempotency_key=key, reservation_id=HELD, collect_within=DAY
    ),
    "MarkReservationReady": lambda key: rs.MarkReservationReadyRequest(idempotency_key=key, reservation_id=HELD),
    "CollectReservation": lambda key: rs.CollectReservationRequest(
        idempotency_key=key, reservation_id=HELD, payment_reference="p1", lines=[{"sku": "A", "quantity": 1}]
    ),
    "ReturnReservation": lambda key: rs.ReturnReservationRequest(
        idempotency_key=key, reservation_id=HELD, lines=[LINE], unsellable=[LINE], refund_reference="r1", till="t1"
    ),
    "ReleaseReservation": lambda key: rs.ReleaseReservationRequest(
        idempotency_key=key,
        reservation_id=HELD,
        reason=reservation_pb2.RELEASE_REASON_OTHER,
        lines=[{"sku": "A", "quantity": 1}],
    ),
    "ExtendReservation": lambda key: rs.ExtendReservationRequest(idempotency_key=key, reservation_id=HELD, ttl=DAY),
    "AmendReservation": lambda key: rs.AmendReservationRequest(
        idempotency_key=key, reservation_id=HELD, lines=[LINE], ttl=DAY
    ),
    "GetOrder": lambda _: os_.GetOrderRequest(order_id=ORDER),
    "ListOrders": lambda _: os_.ListOrdersRequest(customer_id="ann", statuses=["ORDER_STATUS_HELD"], page_size=10),
    "ConfirmOrder": lambda key: os_.ConfirmOrderRequest(idempotency_key=key, order_id=ORDER, collect_within=DAY),
    "MarkOrderReady": lambda key: os_.MarkOrderReadyRequest(idempotency_key=key, order_id=ORDER),
    "CollectOrder": lambda key: os_.CollectOrderRequest(idempotency_key=key, order_id=ORDER, payment_reference="p1"),
    "ReleaseOrder": lambda key: os_.ReleaseOrderRequest(
        idempotency_key=key, order_id=ORDER, reason=reservation_pb2.RELEASE_REASON_OTHER
    ),
    "ExtendOrder": lambda key: os_.ExtendOrderRequest(idempotency_key=key, order_id=ORDER, ttl=DAY),
    "AmendOrder": lambda key: os_.AmendOrderRequest(
        idempotency_key=key,
        order_id=ORDER,
        stores=[{"store_id": "S1", "lines": [LINE, LINE]}, {"store_id": "S2", "lines": [LINE]}],
        ttl=DAY,
    ),
    "FindStores": lambda _: os_.FindStoresRequest(
        sourcing={"place": {}, "policy": 2, "stores_max": 5, "kilometres_max": 9},
        lines=[LINE, LINE],
        channel="web",
        candidates_max=9,
    ),
    "ListSlots": lambda _: os_.ListSlotsRequest(store_id="S1", window=DAY),
    "GetReservation": lambda _: rs.GetReservationRequest(reservation_id=HELD, min_version=1),
    "ListReservations": lambda _: rs.ListReservationsRequest(
        store_id="S1",
        statuses=[reservation_pb2.RESERVATION_STATUS_HELD],
        page_size=10,
    ),
    "AdjustStock": lambda key: ss.AdjustStockRequest(
        idempotency_key=key,
        store_id="S1",
        source="till",
        adjustments=[
            {"sku": "A", "delta": 1, "sequence": 1, "kind": "ADJUSTMENT_KIND_RECEIPT", "age": {"seconds": 1}},
            {"sku": "A", "delta": -1, "sequence": 2, "kind": "ADJUSTMENT_KIND_SALE"},
        ],
    ),
    "CountStock": lambda key: ss.CountStockRequest(
        idempotency_key=key,
        store_id="S1",
        counts=[{"sku": "A", "quantity": 900}, {"sku": "B", "quantity": 0}],
        holds=stock_pb2.HOLDS_COUNTED_INCLUDED,
    ),
    "SetSafetyStock": lambda key: ss.SetSafetyStockRequest(
        idempotency_key=key, store_id="S1", safety_stocks=[{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 0}]
    ),
    "GetAvailability": lambda _: ss.GetAvailabilityRequest(
        store_ids=["S1", "S2"], skus=["A", "B"], min_versions={"S1": 1}
    ),
    "PutStores": lambda _: ad.PutStoresRequest(
        stores=[
            {"store_id": "S1"},
            {
                "store_id": "S2",
                "name": "Two",
                "latitude": 90,
                "longitude": -180,
                "channels": ["web", "app"],
                "hours": HOURS,
            },
        ]
    ),
    "ListStores": lambda _: ad.ListStoresRequest(page_size=2, page_token=fields.issue_token("ListStores", (), "S1")),
    "GetPolicy": lambda _: ad.GetPolicyRequest(),
    "SetPolicy": lambda _: ad.SetPolicyRequest(
        policy={
            "ttl_default": {"seconds": 7_200},
            "ttl_max": {"seconds": 7 * 86_400},
            "collect_within": DAY,
            "ttl_rules": [{"channel": "web", "sku": "A", "store_id": "S1", "ttl": DAY}],
            "line_rules": [{"store_id": "S1", "may_pass": True, "take_up": {"seconds": 600}}],
            "line_take_up": {"seconds": 900},
            "returns_within": {"seconds": 30 * 86_400},
            "limit_rules": [{"channel": "web", "sku": "A", "open_reservations_max": 500, "units_max": 500}],
            "chain_limit_rules": [{"channel": "app", "sku": "LIMITED", "units_max": 2, "collected_for": DAY}],
        }
    ),
    "GetLedgerStatus": lambda _: ad.GetLedgerStatusRequest(store_id="S1"),
    "VerifyLedger": lambda _: ad.VerifyLedgerRequest(store_id="S1"),
    "VerifyOrders": lambda _: ad.VerifyOrdersRequest(),
    "BarClaim": lambda _: ad.BarClaimRequest(order_id="0007/1907", attempt=1, operator="eve", why="restored"),
    "BarGrant": lambda _: ad.BarGrantRequest(grant_id=GRANT, operator="eve", why="restored"),
    "AcknowledgeEvents": lambda _: es.AcknowledgeEventsRequest(
        reader="warehouse", cursors=[{"store_id": "S1", "after_version": 1}, {"store_id": "S2"}]
    ),
    "ListReaders": lambda _: ad.ListReadersRequest(),
    "DropReader": lambda _: ad.DropReaderRequest(reader="warehouse", number=1),
    "PromoteSku": lambda _: ad.PromoteSkuRequest(sku="HOT", starts_at={"seconds": 4_000_000_000}),
    "ListHotSkus": lambda _: ad.ListHotSkusRequest(),
    "DemoteSku": lambda _: ad.DemoteSkuRequest(sku="HOT"),
    "MoveStore": lambda _: ad.MoveStoreRequest(store_id="S2", actor="store-S2"),
}

# Streams do not end by themselves, so a good request of theirs is not simply asked.
GOOD_STREAMS: Final[dict[str, Callable[[str], Message]]] = {
    "WatchEvents": lambda _: es.WatchEventsRequest(cursors=[{"store_id": "S1"}, {"store_id": "S2"}]),
    "WatchAvailability": lambda _: ss.WatchAvailabilityRequest(
        cursors=[{"store_id": "S1"}, {"store_id": "S2"}], skus=["A", "B"]
    ),
}

BATCHES: Final[dict[str, tuple[str, Any]]] = {
    "ReserveBatch": ("Reserve", rs.ReserveBatchRequest),
    "ConfirmBatch": ("ConfirmReservation", rs.ConfirmBatchRequest),
    "CollectBatch": ("CollectReservation", rs.CollectBatchRequest),
    "ReleaseBatch": ("ReleaseReservation", rs.ReleaseBatchRequest),
}


def good(method: str, key: str) -> Message:
    """A request that is answered."""
    return {**GOOD, **GOOD_STREAMS}[method](key)


def spoiled(method: str, key: str, path: str, value: object) -> Message:
    """A good request with one field set to something else: `adjustments[0].sku`, or a list as a whole."""
    message = good(method, key)
    *steps, last = re.findall(r"\w+", path)
    target: Any = message
    for step in steps:
        target = target[int(step)] if step.isdigit() else getattr(target, step)
    if last.isdigit():
        target[int(last)] = value
    elif isinstance(value, list):
        rows = getattr(target, last)
        del rows[:]
        for row in value:
            if isinstance(row, dict):
                rows.add(**row)
            else:
                rows.append(row)
    elif isinstance(value, dict):
        getattr(target, last).SetInParent()
        for name, content in value.items():
            setattr(getattr(target, last), name, content)
    else:
        setattr(target, last, value)
    return message


def order_request(key: str, units: int = 1) -> rs.ReserveRequest:
    """A Reserve that looks for shops from where they all are."""
    return rs.ReserveRequest(
        idempotency_key=key,
        customer_id=BUYER,
        channel="web",
        lines=[{"sku": "A", "quantity": units}],
        sourcing={"place": {"postcode": "10115"}},
    )


def stand(front: Front) -> None:
    """Make the reservation, the order and the grant that good requests name."""
    assert front.reserve("held", units=9).reservation.reservation_id == HELD
    assert front.accept("Reserve", order_request("ordered", units=9)).order.order_id == ORDER
    front.settle_orders()
    request = RequestGrant(BUYER, "web", "S1", "granted", "", (("A", 1),), ())

    async def granted() -> Any:
        entry = ledger_of_customer(BUYER), request
        return await front.gateway._router.send(entry, front._runner.get_loop().time() + WAIT_S, promise=True)

    assert format_order_id(ledger_of_customer(BUYER), front.run(granted).number) == GRANT
    front.accept("AcknowledgeEvents", good("AcknowledgeEvents", ""))
    front.accept("PromoteSku", ad.PromoteSkuRequest(sku="ANNOUNCED", starts_at={"seconds": 4_000_000_000}))


def durable(front: Front) -> dict[str, int]:
    """How far every ledger has come, the chain's too."""
    ledgers = {ledger_id: head.seq for disk in front.actors.disks.values() for ledger_id, head in disk.heads.items()}
    return {**ledgers, "chain": front.gateway._router.chain.revision}


def reserve_items(count: int) -> rs.ReserveBatchRequest:
    """A batch of good reservations."""
    return rs.ReserveBatchRequest(requests=[reserve_request(f"item {number}") for number in range(count)])
