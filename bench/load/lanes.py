"""The ways in which a call is sent: our client, which batches by itself; and plain HTTP/2 frames, one call at a time or
batches of one size, as a caller of another language would send them.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal, NamedTuple, Protocol

from google.protobuf.duration_pb2 import Duration

from bench.load.figures import Said
from bench.load.frames import CallFailed, FrameConnection
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    HoldfastError,
    Order,
    Overloaded,
    Place,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    SourcingPolicy,
    Timeouts,
    Unavailable,
)
from holdfast.client.models.orders import to_sourcing
from holdfast.v1 import reservation_pb2, reservation_service_pb2 as rs, stock_pb2, stock_service_pb2 as ss

Via = Literal["client", "unary", "batch", "nothing"]
CALL_S: Final = 10  # a call's deadline, with all attempts where there are any
CONNECTIONS: Final = 2  # of frames, to each method
RESOURCE_EXHAUSTED: Final = 8
UNKNOWN_STATUSES: Final = (1, 2, 4, 13, 14)  # CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE
PLACE: Final = Place(1.0, 1.0)
"""Where all shops of a run are."""
PAID: Final = "load"
CHANNEL: Final = "web"
LIMITED_CHANNEL: Final = "app"
"""To which a limit of the whole chain applies, where a run brings one."""

RESERVE, ORDER, CONFIRM, READY, COLLECT, RELEASE = "reserve", "order", "confirm", "ready", "collect", "release"
READ, STOCK, STREAM = "read", "stock", "stream"
HERD, LIMITED = "herd", "limited"
RESERVING: Final = (RESERVE, HERD, LIMITED)
"""Reservations in one shop: ordinary ones, those of a herd for one SKU, those under a limit of the chain."""
MAKING: Final = (*RESERVING, ORDER)
"""Kinds of calls that make reservations."""


class Op(NamedTuple):
    """One call: `lines` are (SKU, units); `named` is the reservation of a step, `sequence` that of a stock feed's row.
    An order names no shop: it is near PLACE.
    """

    kind: str
    key: str
    store_id: str = ""
    lines: tuple[tuple[str, int], ...] = ()
    customer_id: str = ""
    ttl_ms: int = 0
    named: str = ""
    sequence: int = 0


class Answer(NamedTuple):
    """What became of it. `named` is the reservation or the order that was made, `events` are (ledger, version) of what
    must be in the feeds.
    """

    said: Said
    why: str = ""
    named: str = ""
    events: tuple[tuple[str, int], ...] = ()


class Lane(Protocol):
    """Sends calls."""

    async def ask(self, ops: Sequence[Op]) -> Sequence[Answer]:
        """One answer for each; raises nothing. More than one op is a batch of reservations."""

    async def watch(self, store_ids: Sequence[str], heed: Callable[[], None]) -> None:
        """Follow the positions of shops until cancelled; `heed` hears of each change. Frames have no streams."""

    async def close(self) -> None:
        """Let go of its connections."""


def lane_to(via: Via, target: str) -> Lane:
    """A lane of this kind; made in the event loop that uses it."""
    match via:
        case "client":
            return ClientLane(target)
        case "nothing":
            return NoLane()
        case _:
            return FramesLane(target)


class NoLane:
    """Answers by itself, with a refusal: what a generator takes without any service."""

    async def ask(self, ops: Sequence[Op]) -> Sequence[Answer]:
        return [Answer(Said.REFUSED)] * len(ops)

    async def watch(self, store_ids: Sequence[str], heed: Callable[[], None]) -> None:
        del store_ids, heed  # nothing changes

    async def close(self) -> None:
        """It has no connections."""


class ClientLane:
    """Through our client, as one program with many callers."""

    def __init__(self, target: str) -> None:
        self._client = ChannelClient(target, timeouts=Timeouts(call_ms=1_000 * CALL_S))

    async def ask(self, ops: Sequence[Op]) -> Sequence[Answer]:
        return [await self._ask(op) for op in ops]

    async def watch(self, store_ids: Sequence[str], heed: Callable[[], None]) -> None:
        async with self._client.watch_availability(store_ids) as feed:
            async for _ in feed:
                heed()

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, op: Op) -> Answer:
        try:
            found = await self._call(op)
        except Overloaded as error:
            return Answer(Said.OVERLOADED, error.reason)
        except Unavailable as error:
            return Answer(Said.NO_ANSWER, error.reason or type(error).__name__)
        except HoldfastError as error:
            return Answer(Said.FAILED, f"{type(error).__name__} {error.why}"[:120])
        match found:
            case Rejection():
                return Answer(Said.REFUSED, found.reason.name)
            case Reservation():
                return Answer(Said.ACCEPTED, "", found.reservation_id, (event_of(found.reservation_id, found.version),))
            case Order() if op.kind == ORDER:
                parts = tuple(event_of(each.reservation_id, 0) for each in found.parts)
                return Answer(Said.ACCEPTED, "", found.order_id, parts)
            case _:
                return Answer(Said.ACCEPTED)

    async def _call(self, op: Op) -> Any:
        client, key = self._client, op.key
        match op.kind:
            case "reserve" | "herd" | "limited":
                return await client.reserve(
                    op.store_id,
                    op.lines,
                    customer_id=op.customer_id,
                    channel=channel_of(op),
                    ttl_ms=op.ttl_ms,
                    idempotency_key=key,
                )
            case "order":
                return await client.reserve_near(
                    op.lines,
                    place=PLACE,
                    policy=SourcingPolicy.SPLIT,
                    customer_id=op.customer_id,
                    channel=CHANNEL,
                    ttl_ms=op.ttl_ms,
                    idempotency_key=key,
                )
            case "confirm":
                return await client.confirm(op.named, idempotency_key=key)
            case "ready":
                return await client.mark_ready(op.named, idempotency_key=key)
            case "collect":
                return await client.collect(op.named, payment_reference=PAID, idempotency_key=key)
            case "release":
                return await client.release(op.named, reason=ReleaseReason.CUSTOMER_CANCELLED, idempotency_key=key)
            case "read":
                return await client.get_availability([op.store_id], [sku for sku, _ in op.lines])
            case _:
                rows = [Adjustment(sku, units, op.sequence, AdjustmentKind.RECEIPT) for sku, units in op.lines]
                return await client.adjust_stock(op.store_id, op.customer_id, rows, idempotency_key=key)


def channel_of(op: Op) -> str:
    """The channel that it comes through."""
    return LIMITED_CHANNEL if op.kind == LIMITED else CHANNEL


def event_of(reservation_id: str, version: int) -> tuple[str, int]:
    """Where it must be in the feeds; version 0: where the reservation was made."""
    ledger, _, made = reservation_id.rpartition(":")
    return ledger, version or int(made)


# --- frames ----------------------------------------------------------------------------------------------------------

RESERVATIONS: Final = "/holdfast.v1.ReservationService/"
PATHS: Final[dict[str, tuple[str, Any]]] = {
    **dict.fromkeys(MAKING, (f"{RESERVATIONS}Reserve", rs.ReserveResponse)),
    CONFIRM: (f"{RESERVATIONS}ConfirmReservation", rs.ConfirmReservationResponse),
    READY: (f"{RESERVATIONS}MarkReservationReady", rs.MarkReservationReadyResponse),
    COLLECT: (f"{RESERVATIONS}CollectReservation", rs.CollectReservationResponse),
    RELEASE: (f"{RESERVATIONS}ReleaseReservation", rs.ReleaseReservationResponse),
    READ: ("/holdfast.v1.StockService/GetAvailability", ss.GetAvailabilityResponse),
    STOCK: ("/holdfast.v1.StockService/AdjustStock", ss.AdjustStockResponse),
}
BATCH: Final = (f"{RESERVATIONS}ReserveBatch", rs.ReserveBatchResponse)


class FramesLane:
    """Plain frames, without retries. Connections that the service ends are replaced."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._open: dict[tuple[str, int], asyncio.Future[FrameConnection]] = {}
        self._left: list[FrameConnection] = []
        self._turn = 0

    async def ask(self, ops: Sequence[Op]) -> Sequence[Answer]:
        path, response = BATCH if len(ops) > 1 else PATHS[ops[0].kind]
        requests = [_request(op) for op in ops]
        asked: Any = rs.ReserveBatchRequest(requests=requests) if len(ops) > 1 else requests[0]
        try:
            connection = await self._connection(path)
            reply: Any = response.FromString(await connection.call(asked.SerializeToString()))
        except CallFailed as failure:
            return [_failed(failure)] * len(ops)
        except OSError as error:
            return [Answer(Said.NO_ANSWER, type(error).__name__)] * len(ops)
        return [_read(op, each) for op, each in zip(ops, reply.outcomes if len(ops) > 1 else (reply,), strict=True)]

    async def watch(self, store_ids: Sequence[str], heed: Callable[[], None]) -> None:
        del store_ids, heed  # plain unary calls are all that frames make

    async def close(self) -> None:
        for opening in self._open.values():
            if opening.done() and not opening.exception():
                opening.result().close()
        for connection in self._left:
            connection.close()

    async def _connection(self, path: str) -> FrameConnection:
        self._turn = (self._turn + 1) % CONNECTIONS
        place = (path, self._turn)
        opening = self._open.get(place)
        if opening is not None and opening.done():
            if opening.exception():
                opening = None
            elif (before := opening.result()).is_leaving:
                opening = None
                self._left = [*(each for each in self._left if each.open_calls), before]
        if opening is None:
            opening = asyncio.ensure_future(FrameConnection.open(self._target, path, CALL_S))
            self._open[place] = opening
        return await asyncio.shield(opening)


def _failed(failure: CallFailed) -> Answer:
    if failure.status == RESOURCE_EXHAUSTED:
        return Answer(Said.OVERLOADED)
    why = f"status {failure.status}"
    return Answer(Said.NO_ANSWER if failure.status in UNKNOWN_STATUSES else Said.FAILED, why)


def _request(op: Op) -> Any:
    match op.kind:
        case "reserve" | "herd" | "limited" | "order":
            return rs.ReserveRequest(
                idempotency_key=op.key,
                store_id=op.store_id,
                lines=[reservation_pb2.LineQuantity(sku=sku, quantity=units) for sku, units in op.lines],
                customer_id=op.customer_id,
                channel=channel_of(op),
                first_attempt=op.kind != ORDER,  # frames do not ask again
                sourcing=_NEAR if op.kind == ORDER else None,
                ttl=_duration(op.ttl_ms),
            )
        case "read":
            return ss.GetAvailabilityRequest(store_ids=[op.store_id], skus=[sku for sku, _ in op.lines])
        case "stock":
            kind = stock_pb2.ADJUSTMENT_KIND_RECEIPT
            rows = [stock_pb2.Adjustment(sku=s, delta=u, sequence=op.sequence, kind=kind) for s, u in op.lines]
            return ss.AdjustStockRequest(
                idempotency_key=op.key, store_id=op.store_id, source=op.customer_id, adjustments=rows
            )
        case _:
            return _STEPS[op.kind](idempotency_key=op.key, reservation_id=op.named)


_NEAR: Any = to_sourcing(PLACE, SourcingPolicy.SPLIT)
_RELEASED: Any = ReleaseReason.CUSTOMER_CANCELLED
_STEPS: Final[dict[str, Any]] = {
    CONFIRM: rs.ConfirmReservationRequest,
    READY: rs.MarkReservationReadyRequest,
    COLLECT: partial(rs.CollectReservationRequest, payment_reference=PAID),
    RELEASE: partial(rs.ReleaseReservationRequest, reason=_RELEASED),
}


def _read(op: Op, reply: Any) -> Answer:
    if op.kind == READ:
        return Answer(Said.ACCEPTED)
    match reply.WhichOneof("result"):
        case "rejection":
            return Answer(Said.REFUSED, Reason(reply.rejection.reason).name)
        case "error":
            return _failed(CallFailed(reply.error.message, reply.error.code))
        case "reservation":
            made = reply.reservation
            return Answer(Said.ACCEPTED, "", made.reservation_id, (event_of(made.reservation_id, made.version),))
        case "order":
            parts = tuple(event_of(each.reservation_id, 0) for each in reply.order.parts)
            return Answer(Said.ACCEPTED, "", reply.order.order_id, parts)
        case _:
            return Answer(Said.ACCEPTED)


def _duration(ms: int) -> Duration | None:
    return Duration(seconds=ms // 1_000, nanos=ms % 1_000 * 1_000_000) if ms else None
