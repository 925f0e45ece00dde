"""The real gateway over real actors in this process, with faults on request between it and its callers.

`faults[method]` is a queue of faults; each call of the method takes the first. What arrives is kept in `requests`.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self, cast

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from actors.contacts.address_book import AddressBook
from actors.contacts.cipher import make_key
from actors.contacts.open import open_book
from actors.customer_actor import CustomerActor
from actors.journal.open import sqlite_setting
from actors.protocol.placement import Placement
from actors.store_actor import StoreActor
from holdfast.client import Place
from holdfast.v1 import (
    admin_service_pb2 as ad,
    event_service_pb2 as es,
    stock_pb2,
    stock_service_pb2 as ss,
    store_pb2,
)
from serve.gateway import Gateway
from serve.products.table import ProductFile
from serve.routing.router import Router
from serve.services.pickup_links import CustomersTold
from serve.sourcing.places import Place as Point, Postcodes
from tests.clients.faults import (
    Answer,
    Context,
    CutAfter,
    FailItems,
    Fault,
    Hold,
    LoseAnswer,
    LoseOutcome,
    Refuse,
    refuse,
)
from tests.gateway import front
from tests.runtime.actors_here import ActorsHere
from tests.runtime.runtime_fixture import ManualClock
from tests.shop.watched import DAY_ZERO_MS

VIENNA: Final = Place(48.2082, 16.3738)
_CENTRE: Final = Point(VIENNA.latitude, VIENNA.longitude)
POSTCODES: Final = Postcodes({"AT": {"1010": _CENTRE}, "FR": {"75001": _CENTRE}})
AROUND_THE_CLOCK: Final[dict[str, Any]] = {
    "zone": "Europe/Vienna",
    "staff": [{"duties": [{"to_minute": 1_440, "staff": 1}]}] * 7,
    "slot_minutes": 60,
    "pickups_per_staff_hour": 1,
}
LONGER_SLOTS: Final[dict[str, Any]] = {**AROUND_THE_CLOCK, "slot_minutes": 120}
NOW_S: Final = DAY_ZERO_MS // 1_000
"""What the clock says until a test moves it: midnight UTC."""
SLOT_MS: Final = (NOW_S + 3_600) * 1_000
"""The start of a pickup slot of `AROUND_THE_CLOCK`."""

HEALTH: Final = health_pb2.DESCRIPTOR.services_by_name["Health"]


class Service:
    """A chain of shops that a test lays out with `shop` and `policy` before the first caller.

    The clock stands at `clock.at_ms` until a test moves it. A gateway may be opened again over the same actors, as
    after a restart.
    """

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self._folder = folder
        self.tells_customers, self.pages_url = False, ""
        self.directions: dict[str, str] = {}
        self.products = ProductFile(None)
        self.actors = ActorsHere(folder, self.clock)
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.requests: list[tuple[str, Any]] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.peers: set[str] = set()
        self.called = asyncio.Event()
        self.gateway: Gateway
        self._layout: list[tuple[str, Message]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.actors.close()

    # -- what there is, and what became of it

    def open_book(self) -> AddressBook:
        """The address book, with a key of its own."""
        key = self._folder / "contacts.key"
        make_key(key)
        return open_book(sqlite_setting(self._folder), key, self.clock.now_ms)

    def shop(self, store_id: str, stock: Mapping[str, int] | None = None, **fields: Any) -> None:
        """Add a shop with units by SKU; `fields` are those of a `Store`."""
        store = store_pb2.Store(store_id=store_id, **fields)
        self._layout.append(("PutStores", ad.PutStoresRequest(stores=[store])))
        if stock:
            self.receive(store_id, stock)

    def receive(self, store_id: str, stock: Mapping[str, int]) -> None:
        """Add units by SKU to a shop."""
        source, kind = f"layout {len(self._layout)}", stock_pb2.ADJUSTMENT_KIND_RECEIPT
        rows = [
            stock_pb2.Adjustment(sku=sku, delta=units, sequence=number, kind=kind)
            for number, (sku, units) in enumerate(stock.items(), 1)
        ]
        request = ss.AdjustStockRequest(idempotency_key=source, store_id=store_id, source=source, adjustments=rows)
        self._layout.append(("AdjustStock", request))

    def policy(self, **fields: Any) -> None:
        """Set the chain's rules."""
        day = {"seconds": 86_400}
        times = {"ttl_default": {"seconds": 7_200}, "ttl_max": day, "collect_within": day}
        policy = store_pb2.Policy(**{**times, **fields})
        self._layout.append(("SetPolicy", ad.SetPolicyRequest(policy=policy)))

    def asked(self, method: str) -> list[Any]:
        """The requests of one method, in sequence."""
        return [request for name, request in self.requests if name == method]

    def decided(self, store_id: str) -> int:
        """How many keys a shop has answered, each once however often it was sent; the layout's own apart."""
        laid_out = [request for _, request in self._layout if getattr(request, "store_id", "") == store_id]
        answers = self.ledger(store_id).answers  # a claim has its own key, and that of its call
        return len({*answers.made.versions(), *answers.refused.versions()}) - len(laid_out)

    def orders_decided(self) -> int:
        """How many keys of orders were answered, each once however often it was sent."""
        hosts = [actor.host for actor in self._actors(CustomerActor)]
        return sum(int(_ledger(host, each).answers.count) for host in hosts for each in host.ledger_ids())

    def ledger(self, store_id: str) -> Any:
        """A shop's ledger, as it is in its actor's memory."""
        hosts = [actor.host for actor in self._actors(StoreActor)]
        (host,) = [host for host in hosts if store_id in host.ledger_ids()]
        return _ledger(host, store_id)

    def _actors(self, kind: type[Any]) -> list[Any]:
        return [actor for actor in self.actors._actors.values() if isinstance(actor, kind)]

    # -- serving

    async def open(self) -> None:
        """Start a gateway; the first one lays the chain out."""
        is_first = not self.actors.made
        gateway: Gateway = object.__new__(Gateway)  # its constructor would reach for Ray
        await gateway._open(
            Router(self.actors, Placement(0)),
            self.clock,
            POSTCODES,
            contacts=self.open_book,
            told=CustomersTold(self.pages_url, self.directions, tells_customers=self.tells_customers),
            products=self.products,
        )
        self.gateway = gateway
        if is_first:
            for method, request in self._layout:
                await self.ask(method, request)

    async def close(self) -> None:
        """Stop the gateway; the actors stay."""
        self.gateway._reconciler.close()
        self.gateway._router.close()

    async def settle(self) -> None:
        """Let shops hear of every order, and orders of every part."""
        await self.gateway._reconciler.deliver()
        await self.gateway._reconciler.collect_reports()

    async def ask(self, method: str, request: Message) -> Any:
        """Ask the gateway itself: no fault, no record."""
        context = front.Context()
        reply = await getattr(self.gateway, method)(request.SerializeToString(), context)
        return front.answer_of(context, [reply]).reply

    async def answer(self, method: MethodDescriptor, payload: bytes, context: Context) -> Message | bytes:
        """What a caller gets for a unary call."""
        request = GetMessageClass(method.input_type).FromString(payload)
        match fault := await self._arrived(method.name, request, context):
            case Answer():
                return fault.messages[0]
            case FailItems() if method.name.endswith("Batch"):
                return await self._answer_in_part(method.name, request, context, fault)
        response = await self._of_gateway(method.name, request, context)
        match fault:
            case LoseAnswer():
                await context.abort(fault.code, "the answer was lost")
            case LoseOutcome():
                del response.outcomes[0]
            case FailItems():
                for outcome in filter(fault.chosen, response.outcomes):
                    outcome.error.CopyFrom(fault.error())
        return response  # type: ignore[no-any-return]

    async def stream(
        self, method: MethodDescriptor, payload: bytes, context: Context
    ) -> AsyncIterator[Message | bytes]:
        """What a caller gets for a call that streams."""
        request = GetMessageClass(method.input_type).FromString(payload)
        fault = await self._arrived(method.name, request, context)
        if isinstance(fault, Answer):
            for message in fault.messages:
                yield message
            await context.abort(CutAfter(0).code, "nothing more to say")
        sent = 0
        async for message in getattr(self.gateway, method.name)(payload, context):
            for part in _one_by_one(message) if isinstance(fault, CutAfter) else [message]:
                if isinstance(fault, CutAfter) and sent >= fault.messages:
                    await context.abort(fault.code, "cut off by the test")
                yield part
                sent += 1

    async def _arrived(self, method: str, request: Message, context: Context) -> Fault | None:
        if method != "Check":
            self.requests.append((method, request))
        self.called.set()
        self.peers.add(context.peer())
        metadata: Any = context.invocation_metadata() or ()
        self.metadata.append(dict(metadata))
        fault = self.faults[method].popleft() if self.faults[method] else None
        if isinstance(fault, Hold):
            fault.arrived.set()
            await fault.release.wait()
        if isinstance(fault, Refuse):
            await refuse(context, fault)
        return fault

    async def _of_gateway(self, method: str, request: Any, context: Context) -> Any:
        # Serve hands over the bytes of our own services, and the message of the health check.
        asked = request if method == "Check" else request.SerializeToString()
        return await getattr(self.gateway, method)(asked, context)

    async def _answer_in_part(self, method: str, batch: Any, context: Context, fault: FailItems) -> Message:
        passed = [item for item in batch.requests if fault.decided_first or not fault.chosen(item)]
        response = await self._of_gateway(method, type(batch)(requests=passed), context)
        outcomes = iter(response.outcomes)
        whole: Any = type(response)()
        for item in batch.requests:
            outcome = whole.outcomes.add()
            if fault.decided_first or not fault.chosen(item):
                outcome.CopyFrom(next(outcomes))
            if fault.chosen(item):
                outcome.error.CopyFrom(fault.error())
        return cast("Message", whole)


def _ledger(host: Any, ledger_id: str) -> Any:
    return host.read(ledger_id, lambda hosted, _: hosted.ledger)


def _one_by_one(message: Any) -> Iterable[Message]:
    if isinstance(message, es.WatchEventsResponse):
        return [es.WatchEventsResponse(events=[event]) for event in message.events]
    return [message]
