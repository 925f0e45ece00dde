"""Orders whose claims meet what other undecided orders have claimed: nothing is refused for that, and no try is planned
around what was only claimed in an earlier one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import grpc
import pytest

from actors.orders import commands as cm
from actors.orders.parts import never_placed
from actors.orders.state import ATTEMPTS_MAX
from actors.shop import commands as shop
from holdfast.v1 import error_pb2, order_pb2, order_service_pb2 as os_, reservation_service_pb2 as rs
from serve.coordination.replanning import TRIES_MAX
from tests.gateway.front import Front
from tests.gateway.orders import BUYER, HERS, customers, ordered, say, settle
from tests.shop.scenario_text import command_of

OTHERS: Final = 170  # the number of another order, which claims and is never placed
SPLIT: Final = order_pb2.SOURCING_POLICY_SPLIT
PARTIAL: Final = order_pb2.SOURCING_POLICY_PARTIAL


def asked_for(key: str, basket_id: str = "", policy: order_pb2.SourcingPolicy = SPLIT, **units: int) -> Any:
    return rs.ReserveRequest(
        idempotency_key=key,
        customer_id=BUYER,
        channel="web",
        basket_id=basket_id,
        lines=[{"sku": sku, "quantity": quantity} for sku, quantity in units.items()],
        sourcing=order_pb2.Sourcing(place={}, policy=policy),
    )


def claim(sku: str, units: int = 1) -> shop.Command:
    holder = f"{HERS.removeprefix('customers/')}/{OTHERS}.1"
    return shop.Claim(shop.claim_key(holder), holder, "bob", "web", ((sku, units),), 0)


def in_shop(front: Front, store_id: str, command: shop.Command) -> None:
    """At once, as other calls' commands come in between."""
    process: Any = front.actors._actors[f"store-{store_id}"]
    process.host.step([(store_id, command)])


def before_steps(front: Front, events: dict[str, Callable[[], None]]) -> None:
    """Once, before the first step of an actor, whose name begins so, has this happen. In the sequence given."""
    call = front.actors.call

    async def interrupted(actor: str, method: str, *args: Any) -> Any:
        first = next(iter(events), None)
        if method == "step" and first is not None and actor.startswith(first):
            events.pop(first)()
        return await call(actor, method, *args)

    front.actors.call = interrupted  # type: ignore[method-assign]


def parts_of(reply: Any) -> list[str]:
    assert reply.HasField("order"), reply
    return [part.store_id for part in reply.order.parts]


def test_what_was_claimed_in_one_try_may_serve_in_the_next(front: Front) -> None:
    """S1's only B is claimed by an order that lets go of it; then S2's C is sold, and S3 has another."""
    front.receive("B", 1, "S1")
    front.receive("C", 1, "S2")
    front.receive("C", 5, "S3")

    def let_go() -> None:
        in_shop(front, "S1", never_placed(HERS, OTHERS))
        in_shop(front, "S2", command_of("reserve bob C 1", "bob"))

    before_steps(front, {"store-S1": lambda: in_shop(front, "S1", claim("B")), "customers": let_go})
    assert parts_of(front.accept("Reserve", asked_for("k", B=1, C=1))) == ["S1", "S3"]


def let_go_of(front: Front) -> None:
    say(front, "S1", never_placed(HERS, OTHERS))


@pytest.mark.parametrize(("policy", "units"), [(SPLIT, 3), (PARTIAL, 3), (PARTIAL, 9)])
@pytest.mark.parametrize("basket_id", ["", "b"])
def test_no_answer_counts_units_as_gone_that_are_only_claimed(
    front: Front, policy: order_pb2.SourcingPolicy, units: int, basket_id: str
) -> None:
    """Neither a refusal nor what is missing of a part of the lines."""
    front.receive("B", 3, "S1")
    say(front, "S1", claim("B", 2))
    request = asked_for("k", basket_id, policy, A=1, B=units)
    contended = front.ask("Reserve", request, timeout_ms="300")
    assert contended.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), "tried to the end"
    let_go_of(front)
    order = front.accept("Reserve", request).order
    assert [(line.sku, line.quantity) for part in order.parts for line in part.lines] == [("A", 1), ("B", 3)]
    assert [(line.sku, line.quantity) for line in order.missing] == ([("B", 6)] if units == 9 else [])


def test_what_is_out_beside_claims_is_refused_at_once(front: Front) -> None:
    front.receive("B", 3, "S1")
    say(front, "S1", claim("B", 2))
    say(front, "S1", command_of("reserve bob B 1", "bob"))
    refused = front.accept("Reserve", asked_for("k", B=3)).rejection
    assert refused.reason == error_pb2.REASON_NO_STORE_IN_REACH
    let_go_of(front)
    assert front.accept("Reserve", asked_for("k", B=3)).rejection == refused


def test_claims_are_counted_once_a_shop_that_had_all_is_out(front: Front) -> None:
    """S1's only B is claimed, and S2's is sold before it is claimed."""
    for store_id in ("S1", "S2"):
        front.receive("B", 1, store_id)
    say(front, "S1", claim("B"))
    before_steps(
        front,
        {
            "store-S2": lambda: in_shop(front, "S2", command_of("reserve bob B 1", "bob")),
            "customers": lambda: in_shop(front, "S1", never_placed(HERS, OTHERS)),
        },
    )
    assert parts_of(front.accept("Reserve", asked_for("k", B=1))) == ["S1"]


@pytest.mark.parametrize("basket_id", ["", "b"])
def test_who_met_claims_before_is_not_refused_for_one_shop_that_is_out(front: Front, basket_id: str) -> None:
    """S1 and S2 have the only B each, which are claimed as they are asked for; at the fourth try S2's is sold, and S1's
    is free.
    """
    for store_id in ("S1", "S2"):
        front.receive("B", 1, store_id)

    def sell() -> None:
        for store_id in ("S1", "S2"):
            in_shop(front, store_id, never_placed(HERS, OTHERS))
        in_shop(front, "S2", command_of("reserve bob B 1", "bob"))

    claims = {f"store-{store_id}": partial(in_shop, front, store_id, claim("B")) for store_id in ("S1", "S2")}
    before_steps(front, {**claims, "store-S": lambda: None, "store-": sell})
    assert parts_of(front.accept("Reserve", asked_for("k", basket_id, B=1))) == ["S1"]


def test_advice_counts_no_claims(front: Front) -> None:
    front.receive("B", 1, "S1")
    say(front, "S1", claim("B"))
    request = os_.FindStoresRequest(
        lines=[{"sku": "B", "quantity": 1}], channel="web", sourcing=order_pb2.Sourcing(place={})
    )
    assert not front.accept("FindStores", request).plan


def test_a_basket_that_is_reserved_again_is_planned_as_a_whole_again(front: Front) -> None:
    """It has one of A in S1, and meets a claim of the only C in S2, that is let go of."""
    front.receive("B", 1, "S1")
    front.receive("C", 1, "S2")
    front.accept("Reserve", asked_for("k1", "b", A=1))
    events = {
        "customers": lambda: None,
        "store-S2": lambda: in_shop(front, "S2", claim("C")),
        "customers-": lambda: in_shop(front, "S2", never_placed(HERS, OTHERS)),
    }
    before_steps(front, events)
    assert parts_of(front.accept("Reserve", asked_for("k2", "b", A=1, B=1, C=1))) == ["S1", "S1", "S2"]


@pytest.mark.parametrize("key", ["k1", "k2"])
def test_a_basket_that_meets_nothing_but_claims_is_not_refused(front: Front, key: str) -> None:
    """Neither a new one nor one that is reserved again; the call that is repeated after that is answered."""
    front.receive("B", 1, "S1")
    if key == "k2":
        front.accept("Reserve", asked_for("k1", "b", A=1))
    before_steps(front, {"store-S1": lambda: in_shop(front, "S1", claim("B"))})
    request = asked_for(key, "b", A=1, B=1)
    contended = front.ask("Reserve", request)
    assert (contended.code, contended.reason) == (grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNKNOWN")
    assert all(not order.open_attempt for order in customers(front).orders.values())
    say(front, "S1", never_placed(HERS, OTHERS))
    again = front.accept("Reserve", request)
    assert again.HasField("order"), again
    settle(front)
    assert front.accept("Reserve", request) == again


def test_an_amendment_that_meets_nothing_but_claims_is_not_refused(front: Front) -> None:
    order = ordered(front)
    front.receive("B", 1, "S2")
    say(front, "S2", claim("B"))
    request = os_.AmendOrderRequest(
        idempotency_key="a1",
        order_id=f"{HERS.removeprefix('customers/')}/{order.number}",
        stores=[{"store_id": "S2", "lines": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 1}]}],
    )
    contended = front.ask("AmendOrder", request)
    assert (contended.code, contended.reason) == (grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNKNOWN")
    assert customers(front).orders[order.number].attempts == 1 + TRIES_MAX
    say(front, "S2", never_placed(HERS, OTHERS))
    assert front.accept("AmendOrder", request).HasField("order")


def test_an_order_that_meets_claims_over_and_over_is_changed_once_they_are_gone(front: Front) -> None:
    order = ordered(front)
    front.receive("B", 1, "S2")
    say(front, "S2", claim("B"))
    request = os_.AmendOrderRequest(
        idempotency_key="a1",
        order_id=f"{HERS.removeprefix('customers/')}/{order.number}",
        stores=[{"store_id": "S2", "lines": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 1}]}],
    )
    for _ in range(ATTEMPTS_MAX // TRIES_MAX + 1):
        assert front.ask("AmendOrder", request).code is grpc.StatusCode.UNAVAILABLE
    assert customers(front).orders[order.number].attempts > ATTEMPTS_MAX
    say(front, "S2", never_placed(HERS, OTHERS))
    assert front.accept("AmendOrder", request).HasField("order")


def test_of_shops_that_refuse_the_one_that_is_out_is_named(front: Front) -> None:
    """And not the one before it whose units are only claimed."""
    for store_id in ("S1", "S2"):
        front.receive("B", 1, store_id)
    say(front, "S1", claim("B"))
    say(front, "S2", command_of("reserve bob B 1", "bob"))
    plans = tuple(cm.Plan(store_id, (("B", 1),), 0) for store_id in ("S1", "S2"))

    async def main() -> Any:
        coordinator = front.gateway._reconciler._coordinator
        asked = cm.Open("k1", "x", BUYER, "web", 0, plans, (), "")
        return await coordinator.open(asked, front._runner.get_loop().time() + 5)

    assert front.run(main).store_id == "S2"
