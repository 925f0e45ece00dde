"""A gateway in a test's hands, called by a method's name with a message or with any bytes."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from actors.contacts.address_book import AddressBook
from actors.contacts.cipher import make_key
from actors.contacts.open import open_book
from actors.journal.open import sqlite_setting
from actors.protocol.formats import CURRENT, Writing
from actors.protocol.placement import Placement
from holdfast.v1 import (
    admin_service_pb2 as ad,
    reservation_service_pb2 as rs,
    stock_pb2,
    stock_service_pb2 as ss,
)
from serve.calls import TIMEOUT_KEY
from serve.gateway import Gateway
from serve.products.table import ProductFile
from serve.routing.router import Router
from serve.services.pickup_links import NOTHING_TOLD, CustomersTold
from serve.sourcing.places import Place, Postcodes
from tests.runtime.actors_here import ActorsHere
from tests.runtime.loop_time import SkippingLoop
from tests.runtime.runtime_fixture import ManualClock

T = TypeVar("T")

SHOPS: Final = ("S1", "S2", "S3")
UNITS: Final = 1_000
FIRST_ORDER: Final = 170_000_000_000_000_001  # numbers of orders, which gateways draw
POSTCODES: Final = Postcodes(  # the shops are at the first
    {"DE": {"10115": Place(0.0, 0.0), "75001": Place(0.0, 1.0)}, "FR": {"75001": Place(0.0, 2.0)}}
)
REASON: Final = re.compile(r"[A-Z][A-Z0-9_]{1,61}[A-Z0-9]")
HEADER_BYTES_MAX: Final = 8_192  # what gRPC takes of trailers


class Context:
    """What the gateway uses of Serve's gRPC context."""

    def __init__(self, timeout_ms: str = "") -> None:
        self.code = grpc.StatusCode.OK
        self.details = ""
        self.trailers: list[tuple[str, bytes]] = []
        self._metadata = [("request_id", "1"), *([(TIMEOUT_KEY, timeout_ms)] if timeout_ms else [])]

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return self._metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def set_trailing_metadata(self, trailers: list[tuple[str, bytes]]) -> None:
        self.trailers = trailers


class Answer(NamedTuple):
    """What a call came to. `replies` has one for a unary call."""

    replies: list[Any]
    code: grpc.StatusCode
    message: str
    fields: list[str]
    retry_after_ms: int
    header_bytes: int
    reason: str
    metadata: dict[str, str]

    @property
    def reply(self) -> Any:
        """The only reply."""
        (reply,) = self.replies
        return reply


def answer_of(context: Context, replies: list[Any]) -> Answer:
    """What a call came to by its context, whose status must be complete."""
    fields: list[str] = []
    reason, metadata = "", dict[str, str]()
    retry_after_ms = 0
    size = len(context.details.encode())
    for key, value in context.trailers:
        assert key == "grpc-status-details-bin"
        size += len(value) * 4 // 3
        rich = status_pb2.Status.FromString(value)
        assert (rich.code, rich.message) == (context.code.value[0], context.details)
        for detail in rich.details:
            bad, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                assert info.domain == "holdfast"
                assert REASON.fullmatch(info.reason), info.reason
                reason, metadata = info.reason, dict(info.metadata)
            elif detail.Unpack(bad):
                assert all(violation.description for violation in bad.field_violations)
                fields += [violation.field for violation in bad.field_violations]
            elif detail.Unpack(retry):
                retry_after_ms = retry.retry_delay.ToMilliseconds()
    if context.code is not grpc.StatusCode.OK:
        assert context.details, "a status without a sentence"
        assert reason, "a status without a reason"
    return Answer(replies, context.code, context.details, fields, retry_after_ms, size, reason, metadata)


class Front:
    """A gateway over actors in this process; each shop has an actor of its own. `writing` is the service's format."""

    def __init__(
        self,
        folder: Path,
        clock: ManualClock,
        postcodes: Postcodes = POSTCODES,
        writing: Writing = CURRENT,
        told: CustomersTold = NOTHING_TOLD,
    ) -> None:
        self.clock = clock
        self._folder = folder
        self._postcodes = postcodes
        self._told = told
        self.products = ProductFile(None)
        self.actors = ActorsHere(folder, clock, writing)
        self.gateway: Gateway = object.__new__(Gateway)  # its constructor would reach for Ray
        self._runner = asyncio.Runner(loop_factory=SkippingLoop)
        self._sequence = 0

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self.run(self._open)
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway._router.close()
        self.actors.close()
        self._runner.__exit__(None, None, None)

    async def _open(self) -> None:
        await self.actors.put_stores(*SHOPS)
        router = Router(self.actors, Placement(0), writing=self.actors.writing)
        given: Any = {"contacts": self.open_book, "products": self.products, "told": self._told}
        await self.gateway._open(router, self.clock, self._postcodes, **given)
        numbers = count(FIRST_ORDER)
        self.gateway._reconciler._coordinator._draw = lambda _: next(numbers)

    def open_book(self) -> AddressBook:
        """The address book, with a key of its own."""
        make_key(self._folder / "contacts.key")
        return open_book(sqlite_setting(self._folder), self._folder / "contacts.key", self.clock.now_ms)

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the gateway's loop."""
        return self._runner.run(main())

    def ask(self, method: str, request: Message | bytes, *, timeout_ms: str = "") -> Answer:
        """Call and wait. A stream is read to its end, so its request must be one that ends it."""

        async def main() -> Answer:
            return await self.asked(method, request, timeout_ms=timeout_ms)

        return self.run(main)

    async def asked(self, method: str, request: Message | bytes, *, timeout_ms: str = "") -> Answer:
        """As `ask`, in the loop."""
        context = Context(timeout_ms)
        payload = request if isinstance(request, bytes) else request.SerializeToString()
        answer: Any = getattr(self.gateway, method)(payload, context)
        replies = [message async for message in answer] if hasattr(answer, "__aiter__") else [await answer]
        return answer_of(context, replies)

    def accept(self, method: str, request: Message) -> Any:
        """Call, and fail where the answer is a status."""
        found = self.ask(method, request)
        assert found.code is grpc.StatusCode.OK, found
        return found.reply

    def settle_orders(self) -> None:
        """Have shops told of new orders, and what they have applied noted, and what is held by grants."""
        self.run(self.gateway._reconciler._coordinator.deliveries.finish)
        self.run(self.gateway._reconciler._grants.finish)

    def receive(self, sku: str, units: int = UNITS, store_id: str = "S1") -> None:
        """Bring units in."""
        self._sequence += 1
        row = stock_pb2.Adjustment(sku=sku, delta=units, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT)
        request = ss.AdjustStockRequest(
            idempotency_key=f"receipt {self._sequence}", store_id=store_id, source="wms", adjustments=[row]
        )
        assert self.accept("AdjustStock", request).change.applied == 1

    def reserve(self, key: str, sku: str = "A", units: int = 1, store_id: str = "S1") -> rs.ReserveResponse:
        """Hold units."""
        return self.accept("Reserve", reserve_request(key, sku, units, store_id))  # type: ignore[no-any-return]

    def version(self, store_id: str = "S1") -> int:
        """The ledger's version."""
        request = ad.GetLedgerStatusRequest(store_id=store_id)
        return int(self.accept("GetLedgerStatus", request).version)


def reserve_request(key: str, sku: str = "A", units: int = 1, store_id: str = "S1") -> rs.ReserveRequest:
    """A good one."""
    return rs.ReserveRequest(
        idempotency_key=key,
        store_id=store_id,
        customer_id=f"customer of {key}",
        channel="web",
        lines=[{"sku": sku, "quantity": units}],
    )
