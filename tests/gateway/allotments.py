"""What happens to allotments in a shop, for tests of what is told of it."""

from typing import Any

from holdfast.v1 import allotment_service_pb2 as als, reservation_service_pb2 as rs, stock_service_pb2 as ss
from tests.gateway.front import Front, reserve_request


def tell_of_allotments(front: Front) -> None:
    """A till gets units, and a reservation; a channel's quota is drawn, shrinks and is returned."""

    def move(key: str, delta: int) -> None:
        kind = "ADJUSTMENT_KIND_RECEIPT" if delta > 0 else "ADJUSTMENT_KIND_SALE"
        row: Any = {"sku": "Q", "delta": delta, "kind": kind}
        moved = ss.AdjustStockRequest(idempotency_key=key, store_id="S1", source="q", adjustments=[row])
        front.accept("AdjustStock", moved)

    def allot(key: str, kind: Any, units: int) -> str:
        line: Any = [{"sku": "Q", "quantity": units}]
        asked = als.AllotStockRequest(
            idempotency_key=key, store_id="S1", holder_kind=kind, holder="web", lines=line, ttl={"seconds": 600}
        )
        return str(front.accept("AllotStock", asked).allotment.allotment_id)

    move("q1", 9)
    till, quota = allot("q2", "HOLDER_KIND_TILL", 2), allot("q3", "HOLDER_KIND_CHANNEL", 6)
    more = als.ExtendAllotmentRequest(idempotency_key="q4", allotment_id=till, ttl={"seconds": 900})
    front.accept("ExtendAllotment", more)
    request = reserve_request("q5", "Q", units=3)
    held = front.accept("Reserve", request).reservation.reservation_id
    front.accept(
        "GiveReservation",
        rs.GiveReservationRequest(idempotency_key="q6", reservation_id=held, till="t", ttl={"seconds": 60}),
    )
    move("q7", -2)
    front.accept("ReturnAllotment", als.ReturnAllotmentRequest(idempotency_key="q8", allotment_id=quota))
