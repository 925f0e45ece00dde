"""Grants whose reservation is lost, as after a restore of the shop: an operator bars them, by the shop's word."""

from typing import Any

import grpc
import pytest

from actors.core.policy import DAY_MS
from actors.orders.commands import RequestGrant
from actors.shop import commands as shop
from holdfast.v1 import admin_service_pb2 as ad
from serve.coordination.grants import is_grant_required
from tests.gateway.front import Answer, Front
from tests.gateway.orders import BUYER, CUSTOMERS, HERS, customers, settle
from tests.gateway.test_grants_of_copies import collect, holds, restored
from tests.gateway.test_limits import limit, reserve
from tests.gateway.test_new_limits import refused

LEDGER = HERS.removeprefix("customers/")


def ask(front: Front, grant: str | int, operator: str = "eve") -> Answer:
    grant_id = grant if isinstance(grant, str) else f"{LEDGER}/{grant}"
    request = ad.BarGrantRequest(grant_id=grant_id, operator=operator, why="restored")
    return front.ask("BarGrant", request, timeout_ms="400")


def lost(front: Front, *, sold: bool = False) -> str:
    """A reservation of two that its shop has lost, and from which one was collected where `sold`; its grant's id."""
    front.receive("A", store_id="S2")
    copy = bytes(front.actors.disks["store-S1"].image)
    gone = reserve(front, "k1", 2).reservation
    if sold:
        collect(front, gone.reservation_id, "c1", 1)
    settle(front)
    restored(front, copy)
    (found,) = front.accept("VerifyOrders", ad.VerifyOrdersRequest()).discrepancies
    return str(found.subject.removesuffix(" in S1"))


def test_what_its_shop_has_lost_is_free_once_it_is_barred(front: Front) -> None:
    limit(front, 2)
    grant_id = lost(front)
    assert refused(reserve(front, "k2", 2, "S2")), "it counts, whatever its deadline"
    front.clock.move(DAY_MS)
    settle(front)
    assert refused(reserve(front, "k3", 2, "S2"))

    barred = ask(front, grant_id).reply.barred
    assert (barred.order_id, barred.attempt, barred.operator, barred.why) == (grant_id, 0, "eve", "restored")
    assert barred.barred_at.seconds
    assert ask(front, grant_id, "bob").reply.barred == barred, "the first record stays"
    told = front.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert (told.holds, list(told.barred)) == (True, [barred])
    assert reserve(front, "k4", 2, "S2").reservation.reservation_id
    settle(front)
    for actor in (CUSTOMERS, "store-S1"):
        front.actors.kill(actor)
    assert list(front.accept("VerifyOrders", ad.VerifyOrdersRequest()).barred) == [barred]
    assert front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=HERS)).holds


def test_what_was_collected_by_it_counts_on(front: Front) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="A", units_max=2, collected_for={"seconds": 30 * 86_400})
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    grant_id = lost(front, sold=True)
    barred = ask(front, grant_id).reply.barred
    assert ask(front, grant_id, "bob").reply.barred == barred
    assert refused(reserve(front, "k2", 2, "S2"))
    assert reserve(front, "k3", 1, "S2").reservation.reservation_id
    settle(front)
    assert holds(front)


@pytest.mark.parametrize("counted", [False, True])
def test_what_its_shop_holds_by_it_is_not_barred(front: Front, counted: bool) -> None:
    """Also where the hold is from before the limit, and nothing but its number tells it."""
    if not counted:
        limit(front, 2)
    held = reserve(front, "k1", 2).reservation
    limit(front, 2)
    settle(front)
    (grant,) = customers(front).grants
    said = ask(front, grant.number)
    assert (said.code, said.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "GRANT_HELD")
    assert held.reservation_id in said.message
    assert (list(customers(front).grants), customers(front).bars) == ([grant], {})


def test_a_grant_that_there_is_not_is_not_barred(front: Front) -> None:
    limit(front, 2)
    reserve(front, "k1", 1)
    said = ask(front, 1_907)
    assert (said.code, said.reason) == (grpc.StatusCode.NOT_FOUND, "GRANT_UNKNOWN")
    assert ask(front, "0063/1").code is grpc.StatusCode.NOT_FOUND, "nor does a ledger begin"


def test_without_its_shops_word_nothing_is_barred_and_a_late_copy_of_its_call_holds_nothing(front: Front) -> None:
    front.receive("A")
    limit(front, 2)
    lines = (("A", 1),)

    async def said(ledger_id: str, command: Any) -> Any:
        return await front.gateway._router.send((ledger_id, command), 2**40, promise=False)

    granted = front.run(lambda: said(HERS, RequestGrant(BUYER, "web", "S1", "k1", "", lines, lines)))
    front.actors.lose_calls("store-S1", 10**6)
    assert ask(front, granted.number).code is grpc.StatusCode.UNAVAILABLE
    assert (list(customers(front).grants.by_number), customers(front).bars) == ([granted.number], {})
    front.actors._lost_before["store-S1"] = 0
    assert ask(front, granted.number).reply.barred.operator == "eve"
    assert not list(customers(front).grants)
    late = front.run(lambda: said("S1", shop.Reserve("k1", BUYER, "web", "", lines, 0, grant=granted)))
    assert is_grant_required(late), "it has to ask for another one"
