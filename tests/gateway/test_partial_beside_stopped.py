"""An order that takes what there is, beside a shop that is not served: others give what they have. Where that is
nothing, it is DATA_LOSS, or UNAVAILABLE where the shop is only away, at once, and nothing stays under the key.
"""

from typing import Any, Final

import grpc
import pytest

from holdfast.v1 import order_pb2, reservation_service_pb2 as rs
from serve.sourcing.search import QUESTION_S
from tests.gateway.front import Answer, Front
from tests.gateway.orders import settle
from tests.gateway.test_stopped_claims import kept_back, stopped

PARTIAL: Final = order_pb2.SOURCING_POLICY_PARTIAL
SPLIT: Final = order_pb2.SOURCING_POLICY_SPLIT
TIMEOUT_MS: Final = 60_000
BASKETS: Final = pytest.mark.parametrize("basket_id", ["", "b"])


@pytest.fixture
def stocked(front: Front) -> Front:
    """Two shops that have two of L each, and one that has M."""
    front.receive("L", 2, "S1")
    front.receive("L", 2, "S2")
    front.receive("M", 2, "S2")
    return front


def asked(
    front: Front, key: str, basket_id: str = "", policy: order_pb2.SourcingPolicy = PARTIAL, **units: int
) -> tuple[Answer, float]:
    """The answer, and after how long."""
    request = rs.ReserveRequest(
        idempotency_key=key,
        customer_id="ann",
        channel="web",
        basket_id=basket_id,
        lines=[{"sku": sku, "quantity": quantity} for sku, quantity in units.items()],
        sourcing=order_pb2.Sourcing(place={}, policy=policy),
    )
    loop: Any = front._runner.get_loop()
    since = loop.time()
    return front.ask("Reserve", request, timeout_ms=str(TIMEOUT_MS)), loop.time() - since


def given(answer: Answer) -> tuple[dict[str, int], dict[str, int]]:
    """Units by shop, and what is missing."""
    assert answer.code is grpc.StatusCode.OK, answer
    order = answer.reply.order
    parts = {part.store_id: sum(line.quantity for line in part.lines) for part in order.parts}
    return parts, {line.sku: line.quantity for line in order.missing}


@BASKETS
@pytest.mark.parametrize("why", ["stopped", "kept back"])
def test_it_has_what_the_others_have(stocked: Front, basket_id: str, why: str) -> None:
    with stopped(stocked, "S2") if why == "stopped" else kept_back(stocked, "S2", "k"):
        answer, seconds = asked(stocked, "k", basket_id, L=4, M=1)
    assert given(answer) == ({"S1": 2}, {"L": 2, "M": 1})
    assert seconds < QUESTION_S
    settle(stocked)
    again, _ = asked(stocked, "k", basket_id, L=4, M=1)
    assert given(again) == ({"S1": 2}, {"L": 2, "M": 1}), "its answer stands"


@BASKETS
@pytest.mark.parametrize("policy", [PARTIAL, SPLIT])
@pytest.mark.parametrize("why", ["stopped", "kept back"])
def test_what_nobody_else_has_is_data_loss_at_once(
    stocked: Front, policy: order_pb2.SourcingPolicy, basket_id: str, why: str
) -> None:
    with stopped(stocked, "S2") if why == "stopped" else kept_back(stocked, "S2", "k"):
        answer, seconds = asked(stocked, "k", basket_id, policy, M=1)
        assert (answer.code, answer.reason) == (grpc.StatusCode.DATA_LOSS, "LEDGER_STOPPED")
        assert "S2" in answer.message
        assert seconds < QUESTION_S
    answer, _ = asked(stocked, "k", basket_id, policy, M=1)
    assert given(answer) == ({"S2": 1}, {}), "nothing was kept under the key"


@BASKETS
def test_an_answer_that_was_given_is_given_again_beside_a_stopped_shop(stocked: Front, basket_id: str) -> None:
    first, _ = asked(stocked, "k", basket_id, SPLIT, M=2)
    settle(stocked)
    with stopped(stocked, "S2"):
        again, seconds = asked(stocked, "k", basket_id, SPLIT, M=2)
        assert again.reply == first.reply
        assert seconds < QUESTION_S


@BASKETS
def test_no_refusal_stands_that_another_shop_gives_where_one_is_stopped(
    stocked: Front, monkeypatch: pytest.MonkeyPatch, basket_id: str
) -> None:
    """S3's only M is sold before it is claimed."""
    stocked.receive("M", 1, "S3")
    call = stocked.actors.call
    buyer = [1]

    async def called(actor: str, method: str, *args: Any) -> Any:
        if buyer and (actor, method) == ("store-S3", "step"):
            buyer.clear()
            await stocked.asked(
                "Reserve",
                rs.ReserveRequest(
                    idempotency_key="other",
                    store_id="S3",
                    customer_id="bob",
                    channel="web",
                    lines=[{"sku": "M", "quantity": 1}],
                ),
            )
        return await call(actor, method, *args)

    monkeypatch.setattr(stocked.actors, "call", called)
    with stopped(stocked, "S2"):
        answer, _ = asked(stocked, "k", basket_id, M=1)
        assert not buyer
        assert answer.code is grpc.StatusCode.DATA_LOSS
    answer, _ = asked(stocked, "k", basket_id, M=1)
    assert given(answer) == ({"S2": 1}, {})


def test_beside_a_shop_that_is_away_it_is_not_given_less(stocked: Front) -> None:
    """It serves again within seconds, and who asks again has all."""
    gate = stocked.actors.hold("store-S2")
    for _ in range(2):
        answer, seconds = asked(stocked, "k", L=4, M=1)
        assert answer.code is grpc.StatusCode.UNAVAILABLE
        assert seconds < 2 * QUESTION_S
    whole, _ = asked(stocked, "k2", L=2)
    assert given(whole) == ({"S1": 2}, {})
    gate.set()
    asked(stocked, "k", L=2, M=1)  # by which the gateway finds that it is there
    answer, _ = asked(stocked, "k", L=2, M=1)
    assert given(answer) == ({"S2": 3}, {})
