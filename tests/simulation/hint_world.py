"""A chain of two shops that are soon sold out, before two gateways that refuse first attempts by what they have heard.

Customers reserve, ask again in each way there is, release, and goods come in; calls and answers are lost, actors and
gateways go. What a hint may say is known from the shops: nobody is refused what is there for longer than its time, no
key that has an answer gets another one, and who is told no by a hint holds nothing in the end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, NamedTuple

import grpc

from actors.core.chain import EMPTY, Chain, PolicySet, Store, StoresPut, evolve_chain
from actors.core.ids import parse_reservation_id
from actors.core.packed import hash_of
from actors.core.policy import Policy
from actors.core.status import ReleaseReason
from actors.shop import commands as shop
from actors.shop.lines.decide import free_of
from actors.shop.state import Ledger
from holdfast.v1 import reservation_service_pb2 as rs
from serve.routing.sold_out import HINT_S_DEFAULT
from tests.simulation.chain_world import ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.gateways import Gateway
from tests.simulation.troubles import Troubles

SHOPS: Final = ("S1", "S2")
SKUS: Final = ("A", "B")
CALLS: Final = 100  # of each customer and round
PAUSE_S_MAX: Final = 0.02  # of a customer: some calls in the time of a hint
ATTEMPT_S: Final = 12.0
PERSIST_S_MAX: Final = 900.0
TOLERANCE_S: Final = 1e-6


class Answered(NamedTuple):
    """A request that a shop has answered, and how."""

    request: rs.ReserveRequest
    answer: rs.ReserveResponse


class HintTroubles(Troubles):
    """Those of any chain, but for its rules, which stay as they are."""

    def _happens(self) -> tuple[tuple[Callable[[], Awaitable[None]], int], ...]:
        return tuple((what, weight) for what, weight in super()._happens() if what != self._rules_change)


class HintWorld(ChainWorld):
    """As any other, without orders and limits."""

    troubles = HintTroubles

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.trouble = self.random.choice((0.0, 0.01, 0.03))
        self.delay_s = self.random.choice((0.0005, 0.003, 0.02, 0.05))
        self.late = self.lateness.choice((0.0, 0.02))
        self.answered: dict[str, Answered] = {}
        self.held: list[str] = []  # reservations that nobody has released
        self.told_no: set[str] = set()  # keys that a hint refused, and that were never asked for again
        self._had_none: dict[
            tuple[str, str], float | None
        ] = {}  # until when, None for now; none is there that always had
        self._keys = 0

    def _chain(self) -> Chain:
        chain = evolve_chain(EMPTY, PolicySet(Policy(version=2)))
        return evolve_chain(chain, StoresPut(tuple(Store(each, each, 0.0, 0.0, False) for each in SHOPS)))

    def look(self, process: Any) -> None:
        super().look(process)
        now = asyncio.get_running_loop().time()
        for ledger_id in process.host.recovered_ids():
            ledger = process.host.stale_read(ledger_id)
            for sku in ledger.positions if isinstance(ledger, Ledger) else ():
                if free_of(ledger, sku) <= 0:
                    self._had_none[ledger_id, sku] = None
                elif self._had_none.get((ledger_id, sku), now) is None:
                    self._had_none[ledger_id, sku] = now

    async def customer(self, who: str) -> None:
        for _ in range(CALLS):
            await asyncio.sleep(self.random.random() * PAUSE_S_MAX)
            await self.call(who)

    async def call(self, who: str) -> None:
        chance = self.random.random()
        if chance < 0.75:
            await self._reserve(who)
        elif chance < 0.85 and self.answered:
            await self._ask_again(self.random.choice(list(self.answered)))
        elif chance < 0.95 and self.held:
            await self._release(self.held.pop(self.random.randrange(len(self.held))))
        else:
            await self._deliver()

    async def _reserve(self, who: str) -> None:
        """A new key, by its first attempt, and by others until one is answered."""
        self._keys += 1
        request = rs.ReserveRequest(
            idempotency_key=f"{who} {self._keys}",
            store_id=self.random.choice((*SHOPS, "S1", "S1")),
            customer_id=f"{who} {self._keys}",
            channel=self.channel(),
            first_attempt=True,
        )
        request.lines.add(sku=self.random.choice(SKUS), quantity=1)
        request.ttl.FromMilliseconds(self.random.choice((3_600_000, 3_600_000, 400, 2_000)))
        answer = await self._persist(request, self._attempts(request))
        if answer.rejection.by_hint:
            self.struck["refused by a hint"] += 1
            if self.random.random() < 0.7:
                self.told_no.add(request.idempotency_key)
                return
            answer = await self._persist(request, self._again(request))
            self.struck["decided after a hint"] += 1
        self._note(request, answer)

    def _attempts(self, request: rs.ReserveRequest) -> Iterator[tuple[rs.ReserveRequest, bool]]:
        """What goes out, and whether gRPC says that it has sent it before: the client's own second attempt is marked,
        gRPC's has the same bytes.
        """
        yield request, False
        while True:
            if self.random.random() < 0.5:
                yield request, True
            else:
                yield next(self._again(request))

    def _again(self, request: rs.ReserveRequest) -> Iterator[tuple[rs.ReserveRequest, bool]]:
        later = rs.ReserveRequest()
        later.CopyFrom(request)
        later.first_attempt = False
        while True:
            yield later, False

    async def _ask_again(self, key: str) -> None:
        request, first = self.answered[key]
        is_of_grpc = self.random.random() < 0.5
        attempts = iter(lambda: (request, True), None) if is_of_grpc else self._again(request)
        again = await self._persist(request, attempts)
        self.struck["sent again by gRPC" if is_of_grpc else "sent again by the client"] += 1
        if again != first:
            raise Broken("I5", f"{key} was answered {first}, and then {again}")

    async def _persist(
        self, request: rs.ReserveRequest, attempts: Iterator[tuple[rs.ReserveRequest, bool]]
    ) -> rs.ReserveResponse:
        """Attempts until one is answered; gateways go on the way."""
        until = asyncio.get_running_loop().time() + PERSIST_S_MAX
        for said, is_retry in attempts:
            if asyncio.get_running_loop().time() > until:
                break
            gateway = self.random.choice(self.gateways)
            task = gateway.begin(self._attempt(gateway, said, is_retry=is_retry))
            if self.cut_offs and self.random.random() < 0.25:
                await asyncio.sleep(self.random.random() * 4 * self.delay_s)
                self.struck["gateway cut off"] += not task.done()
                task.cancel()
            answer: rs.ReserveResponse
            try:
                code, answer = await task
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # the world ends, not a gateway
                    raise
                continue
            if code is grpc.StatusCode.OK:
                return answer
            self.struck["asked again"] += 1
            await asyncio.sleep(self.random.random() * 0.1)
        raise Broken("I22", f"{request.idempotency_key} is not answered")

    async def _attempt(
        self, gateway: Gateway, request: rs.ReserveRequest, *, is_retry: bool
    ) -> tuple[grpc.StatusCode, rs.ReserveResponse]:
        code, answer = await gateway.reserve(request, ATTEMPT_S, is_retry=is_retry)
        if answer.rejection.by_hint:
            self._check_hint(request)
        return code, answer

    def _check_hint(self, request: rs.ReserveRequest) -> None:
        """Nobody has a reservation under its key, and a moment ago there was none of it."""
        key, store_id, sku = request.idempotency_key, request.store_id, request.lines[0].sku
        if self._has_made(store_id, key):
            raise Broken("I5", f"{key} has {sku} of {store_id}, and is told that it is sold out")
        now = asyncio.get_running_loop().time()
        until = self._had_none.get((store_id, sku), 0.0)
        if until is not None and now - until > HINT_S_DEFAULT + TOLERANCE_S:
            raise Broken("I22", f"{store_id} has had {sku} for {now - until} s, and {key} is told that it is sold out")

    def _has_made(self, store_id: str, key: str) -> bool:
        """Whether a shop that is there has ever made a reservation under a key."""
        return any(
            ledger.ledger_id == store_id and len(ledger.answers.made.find(hash_of(key))) > 0 for ledger in self.shops()
        )

    def _note(self, request: rs.ReserveRequest, answer: rs.ReserveResponse) -> None:
        if answer.rejection.by_hint:
            raise Broken("I5", f"{request.idempotency_key} was asked for again, and refused by a hint")
        self.struck["held" if answer.HasField("reservation") else "refused by the shop"] += 1
        self.answered[request.idempotency_key] = Answered(request, answer)
        if answer.HasField("reservation"):
            self.held.append(answer.reservation.reservation_id)

    async def _release(self, reservation_id: str) -> None:
        store_id, number = parse_reservation_id(reservation_id)
        release = shop.Release(f"back {reservation_id}", number, ReleaseReason.CUSTOMER_CANCELLED, ())
        await self.persist(self.random.choice(self.gateways).router, store_id, release)
        self.struck["given back"] += 1

    async def _deliver(self) -> None:
        self._keys += 1
        store_id, name = self.random.choice(SHOPS), f"delivery {self._keys}"
        row = shop.Movement(self.random.choice(SKUS), self.random.randint(1, 2), 1, shop.AdjustmentKind.RECEIPT, 0)
        router = self.random.choice(self.gateways).router
        await self.persist(router, store_id, shop.AdjustStock(name, name, (row,)))
        self.struck["delivered"] += 1

    async def _rest(self) -> None:
        """Besides: who was told no, and left it at that, has nothing, whatever arrived late."""
        await super()._rest()
        for store_id in SHOPS:
            self.actors.process(f"store-{store_id}")
            for key in sorted(self.told_no):
                if self._has_made(store_id, key):
                    raise Broken("I5", f"{key} was told by a hint that it has nothing, and has something of {store_id}")
        self.told_no.clear()
