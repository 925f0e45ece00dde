"""What the calls of a client share: its batchers by RPC, the single-call path with retries, and keys.

Every batch request is one repeated message in field 1, so its encoding is that of a BytesValue of each item. Joining
these costs 0.5 us an item where building the message of messages costs 1.5 us, and a retry sends an item's very bytes
again.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import grpc
from google.protobuf.wrappers_pb2 import BytesValue

from holdfast.client.batching import BatchedMethod, Batcher
from holdfast.client.connection import METHODS, Caller, Connection, Method
from holdfast.client.limits import Limits
from holdfast.client.models.allotments import allotment_from
from holdfast.client.models.contacts import contact_change_from
from holdfast.client.models.orders import order_from
from holdfast.client.models.picking import pick_task_from
from holdfast.client.models.reservations import Rejection, Reservation, rejection_from, reservation_from
from holdfast.client.models.shortfalls import shortfall_task_from
from holdfast.client.models.stock import stock_change_from
from holdfast.client.models.transfers import transfer_from
from holdfast.client.statuses import Fault, error_from, fault_from_item
from holdfast.v1 import reservation_service_pb2 as service_pb2


def batch_bytes(items: Sequence[bytes]) -> bytes:
    """The encoding of a `*BatchRequest` whose `requests` are these encoded requests, in sequence."""
    return b"".join([BytesValue(value=item).SerializeToString() or _EMPTY for item in items])


# Fields of a message may be written one after another. For a key that nobody else can have sent.
_FIRST_ATTEMPT: Final = service_pb2.ReserveRequest(first_attempt=True).SerializeToString()
STAMPS_MAX: Final = 16_384  # that are remembered, some 200 bytes each
_EMPTY = b"\x0a\x00"  # a BytesValue has no field for it

ValueT = TypeVar("ValueT")

Outcomes: TypeAlias = Reservation | Rejection
"""The answer to a change of a reservation."""

_RESULTS: Final[dict[str, Callable[[Any], Any]]] = {
    "reservation": reservation_from,
    "order": order_from,
    "allotment": allotment_from,
    "change": stock_change_from,
    "transfer": transfer_from,
    "task": shortfall_task_from,
    "contact_change": contact_change_from,
    "pick_task": pick_task_from,
    "rejection": rejection_from,
    "error": fault_from_item,
}
_NOTHING: Final = Fault(grpc.StatusCode.OK, "the service did not say what became of it")


# Any: each RPC has an answer of its own type, all of them with a oneof `result` of these fields.
def result_from(response: Any) -> Any:
    """What became of a change, by itself or in a batch: how it is now, why it was refused, or a Fault."""
    name = response.WhichOneof("result")
    return _NOTHING if name is None else _RESULTS[name](getattr(response, name))


class KeyStamps:
    """How keys may end that are made from now on, by shop and hot SKU, as the answers to Reserve have told."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], str] = {}

    def read(self, answer: service_pb2.ReserveResponse) -> Any:
        """As `result_from`, and learn what the answer tells."""
        if answer.key_stamp:
            said = answer.WhichOneof("result")
            sku = answer.reservation.lines[0].sku if said == "reservation" else answer.rejection.sku
            store_id = answer.reservation.store_id or answer.rejection.store_id
            if len(self._told) >= STAMPS_MAX:
                self._told.clear()
            self._told[store_id, sku] = answer.key_stamp
        return result_from(answer)

    def fresh_key(self, request: Any) -> str:
        """A key for a request that is new: a UUID's 32 hexadecimal digits, at a third of its price."""
        key = token_hex(16)
        if self._told and isinstance(request, service_pb2.ReserveRequest) and request.lines:
            key += self._told.get((request.store_id, request.lines[0].sku), "")
        return key


def batched_method(
    connection: Connection, one: Method, many: Method, read: Callable[[Any], Any] = result_from
) -> BatchedMethod[Any, Any]:
    """An RPC and its batch over a connection."""
    sku_of = _sku_of if one is METHODS[service_pb2.ReserveRequest] else _no_sku

    async def send(requests: Sequence[bytes], timeout_ms: int) -> Sequence[Any]:
        # Measured alike, 280 us of CPU either way; a plain call tells its failure in full, with details.
        if len(requests) == 1:
            return (await connection.call(one, requests[0], timeout_ms),)
        outcomes: Sequence[Any] = (await connection.call(many, batch_bytes(requests), timeout_ms)).outcomes
        return outcomes

    return BatchedMethod(one.name, connection.target, send, read, sku_of)


def _sku_of(request: Any) -> str:
    return request.lines[0].sku if len(request.lines) == 1 else ""


def _no_sku(_: Any) -> str:
    return ""


BATCHES: Final = {
    service_pb2.ReserveRequest: service_pb2.ReserveBatchRequest,
    service_pb2.ConfirmReservationRequest: service_pb2.ConfirmBatchRequest,
    service_pb2.CollectReservationRequest: service_pb2.CollectBatchRequest,
    service_pb2.ReleaseReservationRequest: service_pb2.ReleaseBatchRequest,
}
"""The requests that are sent in batches, and those batches."""


@dataclass(frozen=True, slots=True)
class Internals:
    """What the calls of a client share.

    `stamps` are of keys. `batchers` are by the type of their requests. `orders` are the reserves that look for shops:
    they take longer, and no reserve in one shop should wait for them.
    """

    caller: Caller
    limits: Limits
    batchers: dict[type[Any], Batcher[Any, Any]]
    orders: Batcher[Any, Any]
    stamps: KeyStamps


class Client(Protocol):
    """A client, as far as its calls use it."""

    internals: Internals


async def submit(
    client: Client,
    request: Any,
    key: str | None,
    timeout_ms: int | None,
    *,
    ledger: str,
    lines: int,
    batcher: Batcher[Any, Any] | None = None,
) -> Any:
    """Send a change in a batch, and wait. `key` None makes an idempotency key; others are unique in their `ledger`.

    `batcher` None is the one of its requests; `lines` is the larger of request and answer.
    """
    _set_key(client, request, key)
    is_reserve = batcher is None and type(request) is service_pb2.ReserveRequest
    return await (batcher or client.internals.batchers[type(request)]).submit(
        request.SerializeToString(),
        lines=lines,
        key=request.idempotency_key,
        ledger=ledger,
        serial_key=None if key is None else f"{ledger}:{key}",
        timeout_ms=client.internals.caller.timeouts.call_ms if timeout_ms is None else timeout_ms,
        first=_FIRST_ATTEMPT if key is None and is_reserve else b"",
        asked=request,
    )


async def answer_to_change(
    client: Client,
    request: Any,
    key: str | None,
    timeout_ms: int | None,
    *,
    undecided: Callable[[Any], Sequence[Fault]] = lambda _: (),
) -> Any:
    """Send a change by itself, with retries as in `Caller.ask`. `key` None makes an idempotency key."""
    _set_key(client, request, key)
    return await client.internals.caller.ask(
        request, timeout_ms=timeout_ms, idempotency_key=request.idempotency_key, undecided=undecided
    )


async def change(client: Client, request: Any, key: str | None, timeout_ms: int | None) -> Any:
    """As `answer_to_change`; the result in the answer."""
    result = result_from(await answer_to_change(client, request, key, timeout_ms))
    if isinstance(result, Fault):
        what, where = METHODS[type(request)].name, client.internals.caller.connection.target
        raise error_from(result, what=what, where=where, idempotency_key=request.idempotency_key)
    return result


async def read(client: Client, request: Any, timeout_ms: int | None, *, attempt_ms: int | None = None) -> Any:
    """The answer to a request that changes nothing."""
    return await client.internals.caller.ask(request, timeout_ms=timeout_ms, attempt_ms=attempt_ms)


async def pages(
    client: Client, request: Any, items: str, item_from: Callable[[Any], ValueT], timeout_ms: int | None
) -> AsyncIterator[ValueT]:
    """The field `items` of page after page, as they are consumed; `timeout_ms` is the deadline of each page."""
    while True:
        page = await read(client, request, timeout_ms)
        for message in getattr(page, items):
            yield item_from(message)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _set_key(client: Client, request: Any, key: str | None) -> None:
    request.idempotency_key = client.internals.stamps.fresh_key(request) if key is None else key
