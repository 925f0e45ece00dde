"""A gateway of a chain's world: the real parts that carry calls, over lines that may be cut."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast
from zlib import crc32

import grpc
import pytest

from actors.core.rejection import Rejection
from actors.orders import commands as cm
from actors.orders.state import Order
from actors.protocol.formats import BeyondFormat
from actors.protocol.messages import ActorGone, Answer, Entry, Stopped
from actors.protocol.placement import CHAIN_ACTOR, Placement
from actors.telemetry.metrics import Figures
from holdfast.v1 import reservation_service_pb2 as rs
from serve.calls import ATTEMPTS_KEY, Calls, failure_of
from serve.coordination import reconciler
from serve.coordination.coordinator import Coordinator
from serve.coordination.deliveries import PASSING
from serve.coordination.grants import Grants
from serve.coordination.hot import HotCalls
from serve.coordination.hot_units import HotUnits
from serve.coordination.moves import FAILURES, Mover
from serve.coordination.placing import Claims
from serve.coordination.reconciler import Reconciler
from serve.coordination.replanning import NextPlans, no_other_plan
from serve.routing.batcher import Batcher, DeadlinePassed, Overloaded
from serve.routing.rates import Rates
from serve.routing.router import Router
from serve.services.contacts import Contacts, without_key
from serve.services.handed_over import HandedOver
from serve.services.new_orders import NewOrders
from serve.services.reservation_batches import RESERVE, Kind
from serve.services.reservations import Reservations
from serve.services.store_directory import StoreDirectory
from tests.gateway.front import Context

if TYPE_CHECKING:
    from tests.simulation.chain_world import ChainWorld

STEP: Final = Kind(RESERVE.translate)  # of a promise already made
TOGETHER_S: Final = 1.0  # so long an order's call waits for others to be placed beside it


class Line:
    """See `messages.Actors`: those of the world, but for the chain while this gateway is cut off from it."""

    def __init__(self, world: "ChainWorld") -> None:
        self._world = world
        self.no_chain = False

    async def names(self) -> frozenset[str]:
        return await self._world.actors.names()

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        if actor == CHAIN_ACTOR and self.no_chain:
            await asyncio.sleep(1)
            raise ActorGone("the chain cannot be reached from here")
        return await self._world.actors.call(actor, method, *args)


class Busy:
    """The queue before an actor, which is full now and then."""

    def __init__(self, world: "ChainWorld", batcher: Batcher) -> None:
        self._world, self._batcher = world, batcher

    def submit(
        self, entries: Sequence[Entry], deadline: float, *, promise: bool, each: bool = False, later: bool = False
    ) -> "asyncio.Future[list[Answer]]":
        if self._world.lateness.random() < self._world.trouble:
            self._world.struck["queue full"] += 1
            raise Overloaded
        return self._batcher.submit(entries, deadline, promise=promise, each=each, later=later)


class BusyRouter(Router):
    """A router whose queues are full now and then."""

    world: "ChainWorld"

    def _batcher(self, actor: str) -> Any:
        return Busy(self.world, super()._batcher(actor))


class Gateway:
    """One process that holds no authority. Whatever it was doing ends with `close`, unanswered."""

    def __init__(self, world: "ChainWorld") -> None:
        self._world = world
        self.line = Line(world)
        self.router = BusyRouter(self.line, Placement(0, 2), writing=world.actors.writing)
        self.router.world = world
        self.coordinator = Coordinator(self.router, world, world.draw)
        self.units = units = HotUnits(self.router)
        self.grants = Grants(self.router, units)
        self.hot = HotCalls(self.router, units, self.grants)
        self.mover = Mover(self.router, self.router.routes.placement)
        self.reconciler = Reconciler(self.router, self.coordinator, self.grants, self.hot)
        stores, nobody = StoreDirectory(self.router), cast("NewOrders", None)
        of = self.grants, self.hot, Rates(), nobody, self.reconciler, HandedOver(Contacts(without_key))
        self._reservations = Reservations(self.router, stores, *of)
        self._calls: dict[asyncio.Task[Any], None] = {}  # no set: its sequence is not the seed's
        self._together: list[tuple[cm.Open, float, NextPlans, asyncio.Future[Any]]] = []
        self._gathering: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Begin to serve."""
        await self.router.start()
        self.reconcile()
        self.mover.start()

    def reconcile(self) -> None:
        """Begin, or begin again, to finish what is left."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reconciler, "ORDERS_EVERY_S", self._world.round_s)
            self.reconciler.start()

    def close(self) -> None:
        """Gone, in the middle of all that it carried."""
        if self._gathering is not None:
            self._gathering.cancel()
        for call in list(self._calls):
            call.cancel()
        self.mover.close()
        self.reconciler.close()
        self.router.close()

    def begin(self, call: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """A caller's call, which ends with the gateway."""
        task = asyncio.get_running_loop().create_task(call)
        self._calls[task] = None
        task.add_done_callback(self._calls.pop)
        return task

    async def move(self, store_id: str, actor: str) -> None:
        """Have a shop move, as an operator does who waits for a while."""
        with suppress(*FAILURES, BeyondFormat):
            await self.mover.move(store_id, actor, asyncio.get_running_loop().time() + 10)

    async def open(self, command: cm.Open, end: float, next_plans: NextPlans = no_other_plan) -> Order | Rejection:
        """What comes of an order's call: every second without a basket is placed together with others of the moment."""
        if command.basket_id or crc32(f"{command.customer_id} {command.key}".encode()) % 2:
            return await self.coordinator.open(command, end, next_plans)
        loop = asyncio.get_running_loop()
        if not self._together:
            self._gathering = loop.call_later(TOGETHER_S, lambda: self.begin(self._open_together()))
        answer: asyncio.Future[Order | Rejection] = loop.create_future()
        self._together.append((command, end, next_plans, answer))
        return await answer

    async def _open_together(self) -> None:
        calls, self._together = self._together, []
        self._world.struck["order placed beside others"] += len(calls) if len(calls) > 1 else 0

        def hear(place: int, ended: Order | Rejection | Exception) -> None:
            answer = calls[place][-1]
            if not answer.done():
                answer.set_exception(ended) if isinstance(ended, Exception) else answer.set_result(ended)

        async def alone(place: int, claims: Claims, stopped: list[Stopped]) -> None:
            command, end, next_plans, _ = calls[place]
            self._world.struck["order went on alone"] += 1
            try:
                hear(place, await self.coordinator.open(command, end, next_plans, stopped, claims))
            except PASSING as error:
                hear(place, error)

        try:
            until = min(end for _, end, _, _ in calls)
            await self.coordinator.open_together([command for command, *_ in calls], until, hear, alone)
        except Exception as error:  # something is broken, as one of its callers tells
            for place in range(len(calls)):
                hear(place, error)
            raise

    async def decide(self, kind: Kind, entry: Entry, end: float) -> Answer:
        """What ReservationService does for a call in one shop. Raises DeadlinePassed for what only waits for news."""
        if not kind.promise:
            _, answer = await self.hot.reserve(entry, end, is_first=False)
        else:
            answer = await self.grants.decide(entry, end, promise=True)
            await self.reconciler.report_answers([(entry[0], answer)], end)
        failure = failure_of(answer)
        if failure is not None:
            raise DeadlinePassed(sent=True) from failure
        return answer

    async def reserve(
        self, request: rs.ReserveRequest, timeout_s: float, *, is_retry: bool
    ) -> tuple[grpc.StatusCode, rs.ReserveResponse]:
        """What comes of a request as it arrives. `is_retry`: gRPC says that it has sent the same bytes before."""
        context = Context(str(int(1_000 * timeout_s)))
        if is_retry:
            context.invocation_metadata().append((ATTEMPTS_KEY, "1"))
        call, said, reply = self._reservations.calls["Reserve"], request.SerializeToString(), rs.ReserveResponse()
        await Calls(self.router, Figures()).answer(call, rs.ReserveRequest, said, context, reply)
        return context.code, reply
