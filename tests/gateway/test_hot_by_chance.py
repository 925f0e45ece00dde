"""Sales of a hot SKU through two gateways while it is promoted and demoted, actors die and answers are lost: no key has
two answers, and each unit is sold once.
"""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf.message import Message

from actors.protocol.placement import Placement
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    reservation_pb2,
    reservation_service_pb2 as rs,
)
from serve.gateway import Gateway
from serve.routing.router import Router
from tests.gateway.front import POSTCODES, Context, Front, reserve_request
from tests.gateway.hot import available, demote, first, sold, tidy
from tests.gateway.orders import settle
from tests.runtime.runtime_fixture import ManualClock

UNITS: Final = 12
SHOPS: Final = ("S1", "S2", "S3")
CALLERS: Final = 6
CALLS: Final = 14  # of each
QUIET: Final = 0.4  # of the answers that no trouble follows
ACTORS: Final = ("hot-0000-of-0002", "hot-0001-of-0002", "store-S1", "store-S2", "store-S3", "chain")
RELEASED: Final = reservation_pb2.RESERVATION_STATUS_RELEASED


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with Front(tmp_path, ManualClock()) as front:
        for store_id in SHOPS:
            front.receive("H", UNITS, store_id)
        yield front


class Sale:
    """Callers with two gateways, and trouble beside them. `held` are units by reservation as its caller knows it."""

    def __init__(self, front: Front, seed: int, *, limited: bool) -> None:
        self.front = front
        self.random = random.Random(seed)
        self.gateways: list[Gateway] = [front.gateway]
        self.answers: dict[str, tuple[rs.ReserveRequest, rs.ReserveResponse]] = {}
        self.held: dict[str, int] = {}
        self.stamps: list[tuple[str, str]] = []  # by shop, as they were told: some are over
        self.limited = limited
        self.over = False
        self.answered = asyncio.Event()  # since the last trouble

    async def run(self) -> None:
        other: Gateway = object.__new__(Gateway)
        await other._open(Router(self.front.actors, Placement(0)), self.front.clock, POSTCODES)
        self.gateways.append(other)
        trouble = asyncio.create_task(self.trouble())
        await asyncio.gather(*(self.caller(number) for number in range(CALLERS)))
        self.over = True
        self.answered.set()
        await trouble
        other._reconciler.close()
        other._keeper.close()
        other._router.close()

    async def trouble(self) -> None:
        while not self.over:
            await self.answered.wait()
            self.answered.clear()
            if self.random.random() < QUIET:
                continue
            gateway, actor = self.random.choice(self.gateways), self.random.choice(ACTORS)
            match self.random.randrange(6):
                case 0:
                    await self.tell(gateway, "PromoteSku", ad.PromoteSkuRequest(sku="H"))
                case 1:
                    await self.tell(gateway, "DemoteSku", ad.DemoteSkuRequest(sku="H"))
                case 2:
                    self.front.actors.kill(actor)
                case 3:
                    self.front.actors.lose_answers(actor)
                case 4:
                    self.front.actors.lose_calls(actor)
                case _:
                    await gateway._keeper.turn()

    async def caller(self, number: int) -> None:
        mine: list[str] = []
        for turn in range(CALLS):
            await asyncio.sleep(0)
            if mine and self.random.random() < 0.4:
                await self.step(mine.pop(self.random.randrange(len(mine))), f"step {number} {turn}")
                continue
            request = first(f"{number} {turn}", self.random.choice(SHOPS), self.random.choice((1, 1, 2)))
            request.idempotency_key += self.stamp(request.store_id)
            request.first_attempt = self.random.random() < 0.7
            if self.limited:
                request.customer_id = f"c{number} {turn // 2}"
            answer = await self.until_answered("Reserve", request)
            if answer.rejection.by_hint:  # which is no answer
                continue
            if answer.key_stamp:
                self.stamps.append((request.store_id, answer.key_stamp))
            self.answers[request.idempotency_key] = request, answer
            if answer.HasField("reservation"):
                self.held[answer.reservation.reservation_id] = request.lines[0].quantity
                mine.append(answer.reservation.reservation_id)
            if self.random.random() < 0.3:
                await self.check(request, answer)

    def stamp(self, store_id: str) -> str:
        """What a key ends with: mostly the newest that is known of its shop, or one of another shop, or of long ago."""
        of_shop = [stamp for each, stamp in self.stamps if each == store_id]
        chance = self.random.random()
        if chance < 0.6:
            return of_shop[-1] if of_shop else ""
        return self.random.choice(self.stamps)[1] if self.stamps and chance < 0.9 else ""

    async def step(self, reservation_id: str, key: str) -> None:
        known = reservation_id
        if self.random.random() < 0.5:
            confirm = rs.ConfirmReservationRequest(idempotency_key=key, reservation_id=reservation_id)
            done = (await self.until_answered("ConfirmReservation", confirm)).reservation
            assert done.status == reservation_pb2.RESERVATION_STATUS_CONFIRMED
            reservation_id = done.reservation_id if self.random.random() < 0.5 else reservation_id
            if self.random.random() < 0.5:
                return
            key = f"{key} then"
        release = rs.ReleaseReservationRequest(
            idempotency_key=key, reservation_id=reservation_id, reason=reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED
        )
        released = (await self.until_answered("ReleaseReservation", release)).reservation
        assert released.status == RELEASED
        self.held[known] = 0

    async def check(self, request: rs.ReserveRequest, answer: rs.ReserveResponse) -> None:
        request.first_attempt = False
        repeat = await self.until_answered("Reserve", request)
        assert repeat.reservation.reservation_id == answer.reservation.reservation_id
        assert repeat.rejection.reason == answer.rejection.reason

    async def until_answered(self, method: str, request: Any) -> Any:
        """Repeated under its key, by any gateway, until there is an answer."""
        while True:
            answer = await self.tell(self.random.choice(self.gateways), method, request)
            self.answered.set()
            if answer is not None:
                return answer
            if isinstance(request, rs.ReserveRequest):
                request.first_attempt = False

    async def tell(self, gateway: Gateway, method: str, request: Message) -> Any:
        context = Context("2000")
        answer = await getattr(gateway, method)(request.SerializeToString(), context)
        if context.code is grpc.StatusCode.OK:
            return answer
        assert context.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), context.details
        return None


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_no_key_has_two_answers_and_each_unit_is_sold_once(front: Front, seed: int, *, limited: bool) -> None:
    if limited:
        policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
        policy.chain_limit_rules.add(sku="H", units_max=2)
        front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    sale = Sale(front, seed, limited=limited)
    front.run(sale.run)
    for request, answer in sale.answers.values():
        front.run(lambda request=request, answer=answer: sale.check(request, answer))  # type: ignore[misc]
    for _ in range(3):  # of a message that was lost the next round knows
        settle(front)
    held = sum(sale.held.values())
    assert sold(front) == held
    for state in (front.accept("PromoteSku", ad.PromoteSkuRequest(sku="H")).hot_sku.open, True):
        assert state
        tidy(front)
    for store_id in SHOPS:  # every unit that is left is sold, and none beside
        for unit in range(available(front, store_id)):
            assert front.accept("Reserve", reserve_request(f"{store_id} {unit}", "H", 1, store_id)).HasField(
                "reservation"
            )
        assert front.accept("Reserve", first(f"beyond {store_id}", store_id)).rejection.reason == (
            error_pb2.REASON_INSUFFICIENT_STOCK
        )
    assert sold(front) == 3 * UNITS
    demote(front)
    for _ in range(3):
        tidy(front)
    settle(front)
    for ledger_id in (*SHOPS, "hot/H"):
        verified = front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=ledger_id))
        assert verified.holds, verified
    orders = front.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert orders.holds, orders
