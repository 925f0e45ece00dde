"""A SKU that a shop has just said to be sold out: which calls a gateway refuses by that hint, and which never."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, Final

import pytest

from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Refusal
from actors.protocol.placement import Placement
from actors.shop.commands import Reserve
from holdfast.v1 import (
    error_pb2,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_pb2,
    stock_service_pb2 as ss,
)
from serve.calls import ATTEMPTS_KEY
from serve.gateway import Gateway
from serve.routing.router import Router
from serve.routing.sold_out import SoldOut
from serve.services.store_directory import StoreDirectory
from tests.gateway.front import POSTCODES, Answer, Context, Front, answer_of, reserve_request
from tests.runtime.loop_time import skip

SOLD_OUT: Final = error_pb2.REASON_INSUFFICIENT_STOCK
HINT_S: Final = 60.0  # so long that the time of the test itself is nothing beside it
HINT_MS: Final = int(HINT_S * 1_000)


def first(key: str, sku: str = "B", units: int = 1, **more: Any) -> rs.ReserveRequest:
    """A request that its caller sends for the first time."""
    request = reserve_request(key, sku, units)
    request.MergeFrom(rs.ReserveRequest(first_attempt=True, **more))
    return request


class Shop:
    """A gateway before a shop whose one unit of B is held, by S1:N under the key `held`."""

    def __init__(self, front: Front) -> None:
        self.front = front
        front.gateway._router.sold_out = SoldOut(HINT_S)
        front.receive("B", 1)
        self.held = front.reserve("held", "B").reservation.reservation_id

    def asked(self, request: rs.ReserveRequest) -> tuple[rs.ReserveResponse, bool]:
        """The answer, and whether the shop was asked."""
        before = self.steps()
        answer = self.front.accept("Reserve", request)
        return answer, self.steps() > before

    def steps(self) -> int:
        """How many commands have gone to actors. What a reconciler asks by itself is none."""
        return sum(method == "step" for _, method, _ in self.front.actors.calls)

    def refuse(self, key: str = "refused") -> None:
        """Have the shop say that it has none."""
        answer, is_asked = self.asked(first(key))
        assert is_asked
        assert answer.rejection.version
        assert not answer.rejection.by_hint

    def again(self, method: str, request: Any) -> Answer:
        """What is answered to the same bytes, sent again by gRPC itself."""

        class Retry(Context):
            def invocation_metadata(self) -> list[tuple[str, str]]:
                return [*super().invocation_metadata(), (ATTEMPTS_KEY, "1")]

        context = Retry()

        async def main() -> Answer:
            return answer_of(context, [await getattr(self.front.gateway, method)(request.SerializeToString(), context)])

        return self.front.run(main)

    def is_hinted(self, request: rs.ReserveRequest) -> bool:
        """Whether a call is refused by a hint."""
        answer, is_asked = self.asked(request)
        assert answer.rejection.by_hint is not is_asked
        return not is_asked

    def wait(self, ms: float) -> None:
        """So much later."""

        async def main() -> None:
            skip(ms / 1_000)

        self.front.run(main)


@pytest.fixture
def shop(front: Front) -> Shop:
    return Shop(front)


def release(shop: Shop) -> None:
    request = rs.ReleaseReservationRequest(
        idempotency_key="release",
        reservation_id=shop.held,
        reason=reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED,
    )
    assert shop.front.accept("ReleaseReservation", request).reservation.reservation_id


def release_batch(shop: Shop) -> None:
    request = rs.ReleaseReservationRequest(
        idempotency_key="release",
        reservation_id=shop.held,
        reason=reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED,
    )
    assert shop.front.accept("ReleaseBatch", rs.ReleaseBatchRequest(requests=[request])).outcomes[0].reservation


def deliver(shop: Shop) -> None:
    shop.front.receive("B", 1)


def count(shop: Shop) -> None:
    counted = stock_pb2.Count(sku="B", quantity=2)
    request = ss.CountStockRequest(
        idempotency_key="count", store_id="S1", counts=[counted], holds=stock_pb2.HOLDS_COUNTED_INCLUDED
    )
    shop.front.accept("CountStock", request)


def amend(shop: Shop) -> None:
    request = rs.AmendReservationRequest(
        idempotency_key="amend", reservation_id=shop.held, lines=[{"sku": "A", "quantity": 1}]
    )
    assert shop.front.accept("AmendReservation", request).reservation.reservation_id


def test_a_first_attempt_is_refused_by_what_the_shop_has_just_said(shop: Shop) -> None:
    shop.refuse()
    answer, is_asked = shop.asked(first("another", units=3))
    assert not is_asked
    refusal = answer.rejection
    assert (refusal.reason, refusal.store_id, refusal.sku, refusal.asked, refusal.available) == (
        SOLD_OUT,
        "S1",
        "B",
        3,
        0,
    )
    assert [(row.sku, row.asked, row.available) for row in refusal.short_lines] == [("B", 3, 0)]
    assert refusal.by_hint
    assert refusal.version == 0
    assert refusal.message == "shop S1 has 0 of B available, 3 were asked for"


def test_a_call_that_does_not_say_that_it_is_the_first_is_decided_by_the_shop(shop: Shop) -> None:
    shop.refuse()
    answer, is_asked = shop.asked(reserve_request("held", "B"))
    assert is_asked
    assert answer.reservation.reservation_id == shop.held, "its first answer"
    assert not shop.is_hinted(reserve_request("new", "B"))


def test_a_call_that_grpc_sends_again_by_itself_is_not_the_first(shop: Shop) -> None:
    shop.front.accept("Reserve", first("held 2", "A"))
    shop.front.receive("C", 1)
    held = shop.front.accept("Reserve", first("held 3", "C")).reservation.reservation_id
    assert shop.asked(first("refused", "C"))[1]

    assert shop.again("Reserve", first("held 3", "C")).reply.reservation.reservation_id == held
    batch = rs.ReserveBatchRequest(requests=[first("held 3", "C")])
    assert shop.again("ReserveBatch", batch).reply.outcomes[0].reservation.reservation_id == held


def test_a_hint_that_comes_while_a_call_looks_for_its_shop_is_not_for_that_call(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether gRPC had sent it before was not looked at, as there were no hints."""

    async def look(stores: StoreDirectory, *_: Any, **__: Any) -> None:
        now = asyncio.get_running_loop().time()
        refused = Rejection(Reason.INSUFFICIENT_STOCK, "B", 1, 0, short_lines=(("B", 1, 0),))
        stores._router.sold_out.learn(
            [("S1", Reserve("x", "cy", "web", "", (("B", 1),), 0))], [Refusal(7, refused)], now, now
        )

    monkeypatch.setattr(StoreDirectory, "require", look)
    assert shop.again("Reserve", first("held", "B")).reply.reservation.reservation_id == shop.held


def test_what_was_refused_by_a_hint_is_decided_when_it_comes_again(shop: Shop) -> None:
    shop.refuse()
    assert shop.is_hinted(first("unlucky"))
    release(shop)
    answer, _ = shop.asked(reserve_request("unlucky", "B"))
    assert answer.reservation.reservation_id
    assert shop.asked(reserve_request("unlucky", "B"))[0] == answer


@pytest.mark.parametrize("bring_back", [release, release_batch, deliver, count, amend])
def test_units_that_this_gateway_brings_back_are_for_sale_at_once(
    shop: Shop, bring_back: Callable[[Shop], None]
) -> None:
    shop.refuse()
    assert shop.is_hinted(first("before"))
    bring_back(shop)
    assert shop.asked(first("after"))[0].reservation.reservation_id


def test_what_brings_other_units_back_leaves_the_hint(shop: Shop) -> None:
    shop.refuse()
    shop.front.receive("A", 1)
    shop.front.reserve("of another SKU", "A")
    assert shop.is_hinted(first("still"))


def test_units_that_another_gateway_brings_back_are_for_sale_after_the_time_of_a_hint(shop: Shop) -> None:
    shop.refuse()
    shop.wait(HINT_MS * 0.4)
    other = Other(shop.front)
    other.receive("B")
    assert shop.is_hinted(first("too soon"))
    assert other.ask("Reserve", first("elsewhere")).reservation.reservation_id
    other.receive("B")
    shop.wait(HINT_MS * 0.6)
    assert shop.asked(first("in time"))[0].reservation.reservation_id


def test_half_way_through_one_call_asks_the_shop_and_renews_the_hint(shop: Shop) -> None:
    shop.refuse()
    for turn in range(3):
        shop.wait(HINT_MS * 0.6)
        assert not shop.is_hinted(first(f"probe {turn}"))
        assert shop.is_hinted(first(f"other {turn}"))
    shop.wait(HINT_MS)
    assert not shop.is_hinted(first("too late"))


def test_a_hint_is_of_a_channel(shop: Shop) -> None:
    shop.refuse()
    assert not shop.is_hinted(first("app", channel="app"))


def test_a_basket_asks_the_shop_as_it_may_have_the_units_already(shop: Shop) -> None:
    shop.front.receive("C", 1)
    basket = first("c1", "C", customer_id="ann", basket_id="b")
    assert shop.asked(basket)[0].reservation.reservation_id
    assert shop.asked(first("refused", "C"))[1]
    again = first("c2", "C", customer_id="ann", basket_id="b")
    assert shop.asked(again)[0].reservation.reservation_id, "it replaces its earlier hold"


def test_a_repeated_refusal_is_no_news(shop: Shop) -> None:
    shop.refuse("old")
    shop.wait(HINT_MS)
    Other(shop.front).receive("B")
    answer, _ = shop.asked(reserve_request("old", "B"))
    assert answer.rejection.reason == SOLD_OUT, "as at first"
    assert shop.asked(first("new"))[0].reservation.reservation_id


def test_a_batch_is_refused_item_by_item(shop: Shop) -> None:
    shop.refuse()
    before = shop.steps()
    hinted = shop.front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=[first("b1"), first("b2")])).outcomes
    assert [outcome.rejection.by_hint for outcome in hinted] == [True, True]
    assert shop.steps() == before
    requests = [
        first("b3"),
        reserve_request("held", "B"),
        first("b4", "A"),
        first("b5", store_id="nowhere"),
        first("b6"),
    ]
    outcomes = shop.front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=requests)).outcomes
    assert [outcome.rejection.by_hint for outcome in outcomes] == [True, False, False, False, True]
    assert outcomes[1].reservation.reservation_id == shop.held
    assert outcomes[2].reservation.reservation_id
    assert outcomes[3].error.code == 5


def test_of_several_skus_the_one_that_is_sold_out_is_named(shop: Shop) -> None:
    shop.refuse()
    answer, _ = shop.asked(first("two", "A", lines=[{"sku": "B", "quantity": 1}, {"sku": "B", "quantity": 1}]))
    assert answer.rejection.by_hint
    assert [(row.sku, row.asked) for row in answer.rejection.short_lines] == [("B", 2)]


class Other:
    """Another gateway before the same shops. `hint_s` is its own."""

    def __init__(self, front: Front, hint_s: float = HINT_S) -> None:
        self._front = front
        self._gateway: Gateway = object.__new__(Gateway)
        self._received = 0
        router = Router(front.actors, Placement(0), hint_s)
        front.run(lambda: self._gateway._open(router, front.clock, POSTCODES))

    def ask(self, method: str, request: Any) -> Any:
        async def main() -> Any:
            return await getattr(self._gateway, method)(request.SerializeToString(), Context())

        return self._front.run(main)

    def receive(self, sku: str) -> None:
        self._received += 1
        row = stock_pb2.Adjustment(sku=sku, delta=1, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT)
        key = f"other {id(self)} {self._received}"
        request = ss.AdjustStockRequest(idempotency_key=key, store_id="S1", source="other", adjustments=[row])
        assert self.ask("AdjustStock", request).change.applied == 1


def test_without_time_there_are_no_hints(front: Front) -> None:
    front.receive("B", 1)
    other = Other(front, hint_s=0)
    assert other.ask("Reserve", first("k1")).reservation.reservation_id
    assert [other.ask("Reserve", first(f"more {n}")).rejection.by_hint for n in range(3)] == [False] * 3


class Seen:
    """What callers were told by two gateways, and what they know from it: nobody else calls. Times are in ms."""

    def __init__(self, front: Front, seed: int) -> None:
        self._front = front
        self._gateways = [Other(front), Other(front)]
        self._chance = random.Random(seed)
        self._now_ms = 0
        self._answers: dict[str, tuple[rs.ReserveRequest, rs.ReserveResponse]] = {}  # by key, of the shop's
        self._held: dict[str, str] = {}  # reservations and their SKUs
        self._free = {"B": 0, "C": 0}
        self._empty_ms = dict.fromkeys(self._free, 0)  # when there was none last
        self.hinted = 0

    def step(self, turn: int) -> None:
        """One call, or some time."""
        gateway, sku, kind = self._chance.choice(self._gateways), self._chance.choice(("B", "C")), self._chance.random()
        if kind < 0.6:
            self._reserve(gateway, first(f"key {turn}", sku))
        elif kind < 0.8 and self._answers:
            self._repeat(gateway, self._chance.choice([*self._answers]))
        elif kind < 0.85 and self._held:
            self._release(gateway, self._chance.choice([*self._held]))
        elif kind < 0.9:
            gateway.receive(sku)
            self._free[sku] += 1
        else:
            self._wait(self._chance.choice((600, 12_000, 36_000)))

    def _reserve(self, gateway: "Other", request: rs.ReserveRequest) -> None:
        answer, sku = gateway.ask("Reserve", request), request.lines[0].sku
        if answer.rejection.by_hint:
            self.hinted += 1
            assert not self._free[sku] or self._now_ms - self._empty_ms[sku] <= HINT_MS
            return
        self._answers[request.idempotency_key] = request, answer
        if answer.HasField("reservation"):
            self._free[sku] -= 1
            self._held[answer.reservation.reservation_id] = sku
            assert self._free[sku] >= 0, "oversold"
        else:
            assert not self._free[sku], "refused though there was one"
        if not self._free[sku]:
            self._empty_ms[sku] = self._now_ms

    def _repeat(self, gateway: "Other", key: str) -> None:
        request, answer = self._answers[key]
        again = rs.ReserveRequest()
        again.CopyFrom(request)
        again.first_attempt = False
        assert gateway.ask("Reserve", again) == answer

    def _release(self, gateway: "Other", number: str) -> None:
        asked = rs.ReleaseReservationRequest(
            idempotency_key=f"release {number}",
            reservation_id=number,
            reason=reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED,
        )
        assert gateway.ask("ReleaseReservation", asked).reservation.reservation_id == number
        self._free[self._held.pop(number)] += 1

    def _wait(self, ms: int) -> None:
        self._now_ms += ms
        self._empty_ms |= {sku: self._now_ms for sku, units in self._free.items() if not units}

        async def main() -> None:
            skip(ms / 1_000)

        self._front.run(main)


@pytest.mark.parametrize("seed", range(20))
def test_by_chance_a_hint_never_contradicts_an_answer_and_never_outlives_its_time(front: Front, seed: int) -> None:
    seen = Seen(front, seed)
    for turn in range(300):
        seen.step(turn)
    assert seen.hinted
