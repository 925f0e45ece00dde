"""Limits of the whole chain, from outside: nobody gets around one, and no key is decided twice, whatever becomes of the
limits, of gateways, and of what these know.
"""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from actors.core.policy import ChainLimitRule
from actors.orders.commands import RequestGrant
from actors.orders.state import OrderLedger
from actors.protocol.messages import Held, Refusal
from actors.protocol.placement import Placement
from actors.shop import commands as shop
from holdfast.v1 import admin_service_pb2 as ad, error_pb2, reservation_service_pb2 as rs
from serve.coordination.grants import Grants
from serve.coordination.reconciler import CLAIM_AGE_MS
from serve.gateway import Gateway
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router
from serve.wire.reservations import reserve as reservation
from tests.gateway.front import Front, reserve_request
from tests.gateway.orders import BUYER, CUSTOMERS, HERS, hosted, settle
from tests.runtime.actors_here import ActorsHere
from tests.runtime.runtime_fixture import WAIT_S


def limit(front: Front, *units_max: int) -> None:
    """Set limits of A over the whole chain, or none."""
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    del policy.chain_limit_rules[:]
    for units in units_max:
        policy.chain_limit_rules.add(sku="A", units_max=units)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))


def reserve(front: Front, key: str, units: int = 1, store_id: str = "S1") -> rs.ReserveResponse:
    return front.accept("Reserve", asked(key, units, store_id))  # type: ignore[no-any-return]


def asked(key: str, units: int = 1, store_id: str = "S1") -> rs.ReserveRequest:
    request = reserve_request(key, "A", units, store_id)
    request.customer_id = BUYER
    return request


def amend(front: Front, key: str, reservation_id: str, units: int) -> rs.AmendReservationResponse:
    request = rs.AmendReservationRequest(idempotency_key=key, reservation_id=reservation_id)
    request.lines.add(sku="A", quantity=units)
    return front.accept("AmendReservation", request)  # type: ignore[no-any-return]


@pytest.fixture
def stocked(front: Front) -> Front:
    for store_id in ("S1", "S2", "S3"):
        front.receive("A", store_id=store_id)
    return front


def test_a_limit_is_not_walked_around_by_amending(stocked: Front) -> None:
    limit(stocked, 3)
    held = [reserve(stocked, store_id, store_id=store_id).reservation for store_id in ("S1", "S2")]
    more = amend(stocked, "a1", held[0].reservation_id, 5)
    assert more.rejection.reason == error_pb2.REASON_UNITS_LIMIT
    assert [line.quantity for line in amend(stocked, "a2", held[0].reservation_id, 2).reservation.lines] == [2]
    assert reserve(stocked, "k3", store_id="S3").rejection.reason == error_pb2.REASON_UNITS_LIMIT
    assert amend(stocked, "a3", held[0].reservation_id, 1).reservation.reservation_id
    settle(stocked)
    assert reserve(stocked, "k4", store_id="S3").reservation.reservation_id, "what was given back may be had again"


def test_what_was_held_before_a_limit_is_not_amended_to_more(stocked: Front) -> None:
    free = reserve(stocked, "k1", 2).reservation
    limit(stocked, 2)
    assert amend(stocked, "a1", free.reservation_id, 3).rejection.reason == error_pb2.REASON_UNITS_LIMIT
    assert amend(stocked, "a2", free.reservation_id, 1).reservation.reservation_id == free.reservation_id


def restart(front: Front) -> None:
    """Another gateway in place of this one."""
    front.gateway._reconciler.close()
    front.gateway._router.close()
    front.gateway = object.__new__(Gateway)
    front.run(front._open)


def test_a_key_is_answered_as_at_first_after_limits_changed_and_gateways_restarted(stocked: Front) -> None:
    answers: dict[str, rs.ReserveResponse] = {}
    changes: list[tuple[int, ...]] = [(), (1,), (), (3, 4), (3,)]
    for place, rules in enumerate(changes):
        restart(stocked)
        limit(stocked, *rules)
        for key in [*answers, f"k{place}"]:
            said = reserve(stocked, key)
            assert answers.setdefault(key, said) == said
        settle(stocked)
    kinds = [said.WhichOneof("result") for said in answers.values()]
    assert kinds == ["reservation", "rejection", "reservation", "reservation", "rejection"]


def test_a_gateway_that_has_not_heard_of_a_limit_does_not_get_around_it(stocked: Front) -> None:
    """It knows none, and the shop does: from another gateway."""
    router = stocked.gateway._router
    before = router.chain
    limit(stocked, 1)
    assert reserve(stocked, "k1").reservation.reservation_id
    router.chain = before
    assert reserve(stocked, "k2").rejection.reason == error_pb2.REASON_UNITS_LIMIT


@pytest.mark.parametrize("arrives", [False, True])
def test_a_call_whose_gateway_died_does_not_lock_its_customer_out(stocked: Front, arrives: bool) -> None:
    """The grant is settled by a reconciler, which asks the shop; what arrives later is not held by that grant."""
    limit(stocked, 1)
    grants, router = Grants(stocked.gateway._router), stocked.gateway._router
    command = reservation(asked("k1"))[1]
    assert isinstance(command, shop.Reserve)

    async def main() -> None:
        deadline = asyncio.get_running_loop().time() + WAIT_S
        request = await grants._request("S1", command, deadline)
        assert isinstance(request, RequestGrant)
        granted = await grants.ask(request, deadline)
        if arrives:
            await router.send(("S1", replace(command, grant=granted)), deadline, promise=False)

    stocked.run(main)
    (grant,) = hosted(stocked, CUSTOMERS, HERS).grants
    stocked.clock.move(CLAIM_AGE_MS + 1)
    settle(stocked)
    left = list(hosted(stocked, CUSTOMERS, HERS).grants)
    assert [each.reservation > 0 for each in left] == [True] * arrives

    async def late() -> Any:
        late_one = replace(command, grant=shop.Grant(grant.number, grant.policy_version, 0, ("A",)))
        return await router.send(("S1", late_one), asyncio.get_running_loop().time() + WAIT_S, promise=False)

    assert isinstance(stocked.run(late), Held if arrives else Refusal)
    assert reserve(stocked, "k1").reservation.reservation_id
    assert reserve(stocked, "k2").rejection.reason == error_pb2.REASON_UNITS_LIMIT


def test_a_call_that_its_shop_refuses_as_another_one_keeps_nothing_from_its_customer(stocked: Front) -> None:
    """The grant is given back behind the answer, by the shop's word, not when a reconciler comes by."""
    reserve(stocked, "k1", 1)
    limit(stocked, 3)

    async def main() -> None:
        said = await stocked.asked("Reserve", asked("k1", 2))
        assert said.reply.rejection.reason == error_pb2.REASON_IDEMPOTENCY_KEY_REUSED
        await stocked.gateway._reconciler._grants.finish()
        assert len(list(hosted(stocked, CUSTOMERS, HERS).grants)) == 1, "what was held before the limit"

    stocked.run(main)
    assert reserve(stocked, "k2", 2, "S2").reservation.reservation_id


def test_what_a_shop_holds_by_a_grant_is_verified_against_what_is_counted(stocked: Front) -> None:
    limit(stocked, 3)
    held = reserve(stocked, "k1", 2).reservation
    settle(stocked)
    sound = stocked.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert (sound.holds, sound.on_the_way) == (True, 0)
    ledger: OrderLedger = hosted(stocked, CUSTOMERS, HERS)
    (grant,) = ledger.grants
    ledger.grants.put(replace(grant, held=(("A", 1),)))
    for _ in range(2):
        found = stocked.accept("VerifyOrders", ad.VerifyOrdersRequest()).discrepancies
        assert ("I22", held.reservation_id) in {(each.invariant, each.subject.split(" of ")[0]) for each in found}
        for each in list(ledger.grants):
            ledger.grants.drop(each.number)


def test_a_call_under_a_limit_takes_two_steps_before_its_answer(stocked: Front) -> None:
    """Each is one round trip and one durable write; what the shop made of the grant is reported behind the answer."""
    limit(stocked, 3)
    reserve(stocked, "k0")
    settle(stocked)
    before = len(stocked.actors.calls)

    async def main() -> list[str]:
        said = await stocked.asked("Reserve", asked("k1"))
        assert said.reply.reservation.reservation_id
        return [name for name, method, *_ in stocked.actors.calls[before:] if method == "step"]

    assert stocked.run(main) == [CUSTOMERS, "store-S1"]


class _Busy(Router):
    """A ledger's actor has a full queue as soon as the customers' has taken a call."""

    def __init__(self, here: ActorsHere, ledger_id: str) -> None:
        super().__init__(here, Placement(0))
        self.here = here
        self.ledger_id = ledger_id

    def submit(self, store_ids: Any, entries: Any, deadline: float, **how: bool) -> Any:
        if store_ids[0] == self.ledger_id and any(name == CUSTOMERS for name, *_ in self.here.calls):
            raise Overloaded
        return super().submit(store_ids, entries, deadline, **how)


def test_a_queue_that_is_full_after_a_grant_was_given_is_no_refusal_of_the_whole_call(stocked: Front) -> None:
    """The shop has newer limits than the grant, so another one is asked for."""
    limit(stocked, 2)
    known = stocked.gateway._router
    before, rules = known.chain, (ChainLimitRule("", "A", 0, 3, 0),)

    async def main() -> Any:
        deadline = asyncio.get_running_loop().time() + WAIT_S
        policy = replace(known.chain.policy, chain_limit_rules=rules)
        await known.change_chain("set_policy", policy, 0, deadline=deadline)
        router = _Busy(stocked.actors, HERS)
        router.chain = before
        await stocked.actors.call("store-S1", "adopt", known.rules_for("store-S1"))
        stocked.actors.calls.clear()
        entry = "S1", reservation(asked("k1"))[1]
        return await Grants(router).send(entry, deadline, promise=False)

    with pytest.raises(DeadlinePassed) as raised:
        stocked.run(main)
    assert raised.value.sent


def test_a_queue_that_is_full_after_the_customers_ledger_refused_is_no_refusal_of_the_whole_call(
    stocked: Front,
) -> None:
    """It may have granted the call before, under other limits, and the answer was lost."""
    limit(stocked, 1)

    async def main() -> Any:
        router = _Busy(stocked.actors, "S1")
        router.chain = stocked.gateway._router.chain
        stocked.actors.calls.clear()
        entry = "S1", reservation(asked("k1", 2))[1]
        return await Grants(router).send(entry, asyncio.get_running_loop().time() + WAIT_S, promise=False)

    with pytest.raises(DeadlinePassed) as raised:
        stocked.run(main)
    assert raised.value.sent
