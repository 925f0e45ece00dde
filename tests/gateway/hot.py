"""A hot SKU H before gateways: promoted, asked for and demoted by tests."""

from typing import Any, Final

from google.protobuf.message import Message

from actors.protocol.placement import Placement
from holdfast.v1 import (
    admin_service_pb2 as ad,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_service_pb2 as ss,
)
from serve.gateway import Gateway
from serve.routing.router import Router
from tests.gateway.front import POSTCODES, Context, Front, answer_of, reserve_request

TIDY_S: Final = 30.0


def promote(front: Front, sku: str = "H") -> None:
    """By an operator, and every shop is asked for its units."""
    assert front.accept("PromoteSku", ad.PromoteSkuRequest(sku=sku)).hot_sku.open
    tidy(front)


def demote(front: Front, sku: str = "H") -> None:
    """By an operator; units return when the keeper comes by."""
    assert not front.accept("DemoteSku", ad.DemoteSkuRequest(sku=sku)).hot_sku.open


def tidy(front: Front) -> None:
    """One turn of the keeper, whatever it takes here."""
    front.run(lambda: front.gateway._keeper.turn(TIDY_S))


def first(key: str, store_id: str = "S1", units: int = 1, sku: str = "H") -> rs.ReserveRequest:
    """A request that its caller sends for the first time."""
    request = reserve_request(key, sku, units, store_id)
    request.first_attempt = True
    return request


def again(request: rs.ReserveRequest) -> rs.ReserveRequest:
    """The same, sent once more."""
    repeat = rs.ReserveRequest()
    repeat.CopyFrom(request)
    repeat.first_attempt = False
    return repeat


def told(answer: rs.ReserveResponse) -> rs.ReserveResponse:
    """What became of a Reserve, without what is told beside."""
    said = rs.ReserveResponse()
    said.CopyFrom(answer)
    said.ClearField("key_stamp")
    return said


def got(front: Front, reservation_id: str) -> reservation_pb2.Reservation:
    request = rs.GetReservationRequest(reservation_id=reservation_id)
    found: reservation_pb2.Reservation = front.accept("GetReservation", request).reservation
    return found


def confirm(front: Front, reservation_id: str, key: str = "confirm") -> Any:
    request = rs.ConfirmReservationRequest(idempotency_key=key, reservation_id=reservation_id)
    return front.accept("ConfirmReservation", request)


def release(front: Front, reservation_id: str, key: str = "release") -> Any:
    reason = reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED
    request = rs.ReleaseReservationRequest(idempotency_key=key, reservation_id=reservation_id, reason=reason)
    return front.accept("ReleaseReservation", request)


def available(front: Front, store_id: str = "S1", sku: str = "H") -> int:
    request = ss.GetAvailabilityRequest(store_ids=[store_id], skus=[sku])
    return int(front.accept("GetAvailability", request).stores[0].positions[0].available)


def sold(front: Front, sku: str = "H") -> int:
    """Units that are reserved in all shops, wherever they are reserved."""
    request = ss.GetAvailabilityRequest(store_ids=["S1", "S2", "S3"], skus=[sku])
    return sum(int(store.positions[0].reserved) for store in front.accept("GetAvailability", request).stores)


class OtherGateway:
    """Another one over the same actors. It learns of changes when it asks for them."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.gateway: Gateway = object.__new__(Gateway)
        front.run(self._open)

    async def _open(self) -> None:
        await self.gateway._open(Router(self._front.actors, Placement(0)), self._front.clock, POSTCODES)
        self.gateway._keeper.close()

    def accept(self, method: str, request: Message) -> Any:
        """As `Front.accept`."""
        return self._front.run(lambda: self.asked(method, request))

    async def asked(self, method: str, request: Message) -> Any:
        """As `accept`, in the loop."""
        context = Context()
        reply = await getattr(self.gateway, method)(request.SerializeToString(), context)
        answer = answer_of(context, [reply])
        assert context.code.name == "OK", answer
        return answer.reply

    def close(self) -> None:
        self.gateway._router.close()
        self.gateway._reconciler.close()
