"""A limit that is made while customers hold: it counts what they have, takes nothing away, and binds where it is said
to, whoever knows of it.
"""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from actors.core.policy import ChainLimitRule
from actors.journal.port import Fenced, JournalDamaged
from actors.protocol.messages import ActorGone, Actors
from actors.protocol.placement import CHAIN_ACTOR, Placement
from actors.shop.state import Ledger
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    order_service_pb2 as os_,
    reservation_service_pb2 as rs,
)
from serve.gateway import Gateway
from serve.routing.router import Router
from tests.gateway.front import Front
from tests.gateway.orders import BUYER, CUSTOMERS, HERS, hosted, settle
from tests.gateway.test_limits import amend, asked, limit, reserve
from tests.gateway.test_one_key import BY_PLACE
from tests.runtime.runtime_fixture import WAIT_S
from tests.waiting import until_async

SHOPS = ("S1", "S2", "S3")
ACTORS = ("store-S1", "store-S2", "store-S3", CUSTOMERS)


class CutOff:
    """The actors, but for the chain's where `cut`, and for the `lost` method of an actor."""

    def __init__(self, actors: Actors) -> None:
        self._actors = actors
        self.cut = False
        self.lost = ("", "")

    async def names(self) -> frozenset[str]:
        return await self._actors.names()

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        if (self.cut and actor == CHAIN_ACTOR) or self.lost == (actor, method):
            raise ActorGone("the test cut it off")
        return await self._actors.call(actor, method, *args)


def beside(front: Front) -> tuple[Gateway, CutOff]:
    """Another gateway over the same actors, which knows the chain as it is now."""
    cut_off = CutOff(front.actors)
    gateway: Gateway = object.__new__(Gateway)

    async def main() -> None:
        await gateway._open(Router(cut_off, Placement(0)), front.clock, front._postcodes)

    front.run(main)
    gateway._reconciler.close()
    return gateway, cut_off


def held(front: Front) -> int:
    """Units of A that she holds, by the shops' own books."""
    hosts = [front.actors.store_actor(f"store-{store_id}").host for store_id in SHOPS]
    ledgers: list[Ledger] = [host.stale_read(store_id) for host, store_id in zip(hosts, SHOPS, strict=True)]
    return sum(units for ledger in ledgers for each in ledger.live_of_customer(BUYER) for units in each.held())


def release(front: Front, reservation: Any) -> None:
    request = rs.ReleaseReservationRequest(
        idempotency_key=f"r {reservation.reservation_id}",
        reservation_id=reservation.reservation_id,
        reason="RELEASE_REASON_OTHER",
    )
    assert front.accept("ReleaseReservation", request).WhichOneof("result") == "reservation"


@pytest.fixture
def stocked(front: Front) -> Front:
    for store_id in SHOPS:
        front.receive("A", store_id=store_id)
    return front


def refused(said: rs.ReserveResponse) -> bool:
    return bool(said.rejection.reason == error_pb2.REASON_UNITS_LIMIT)


def test_what_is_held_counts_for_a_limit_that_is_made_later(stocked: Front) -> None:
    first = reserve(stocked, "k1", 3).reservation
    other = reserve(stocked, "k2", 1, "S2").reservation
    limit(stocked, 4)
    assert refused(reserve(stocked, "k3", 1, "S3"))
    assert held(stocked) == 4, "nothing is taken away"
    release(stocked, first)
    settle(stocked)
    assert amend(stocked, "a1", other.reservation_id, 3).reservation.reservation_id, "it is not counted beside itself"
    assert refused(reserve(stocked, "k4", 2, "S3"))
    assert reserve(stocked, "k5", 1, "S3").reservation.reservation_id
    settle(stocked)
    sound = stocked.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert (sound.holds, sound.on_the_way) == (True, 0)


@pytest.mark.parametrize("away", ACTORS)
def test_the_answer_to_a_new_limit_names_whom_it_does_not_bind_yet(stocked: Front, away: str) -> None:
    for store_id in SHOPS:
        reserve(stocked, store_id, 2, store_id)
    stocked.gateway._reconciler.close()

    async def main() -> Any:
        gate = stocked.actors.hold(away)
        request = ad.SetPolicyRequest(policy=policy)
        answer = await stocked.asked("SetPolicy", request, timeout_ms="1500")
        gate.set()
        return answer.reply

    policy = stocked.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="A", units_max=6)
    told = stocked.run(main)
    assert list(told.pending) == [away.removeprefix("store-")]
    if away == CUSTOMERS:
        assert told.uncounted_reservations == 3
    assert held(stocked) == 6
    for actor in ACTORS:
        stocked.actors.kill(actor)
    again = stocked.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    assert (list(again.pending), again.uncounted_reservations) == ([], 0)
    assert refused(reserve(stocked, "k1"))
    assert sum(units for grant in hosted(stocked, CUSTOMERS, HERS).grants for _, units in grant.held) == 6


def test_a_shop_of_which_it_is_not_known_what_is_still_to_be_counted_is_pending(stocked: Front) -> None:
    """It has adopted the limit, and is away when what it holds is counted."""
    reserve(stocked, "k1", 3)
    stocked.gateway._reconciler.close()
    gateway, cut_off = beside(stocked)
    stocked.gateway, cut_off.lost = gateway, ("store-S1", "uncounted")
    policy = stocked.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="A", units_max=3)
    told = stocked.ask("SetPolicy", ad.SetPolicyRequest(policy=policy), timeout_ms="1500").reply
    assert (list(told.pending), told.pending_count) == (["S1"], 1)
    gateway._router.close()


@pytest.mark.parametrize("store_id", ["", "S1"])
@pytest.mark.parametrize("units", [2, 3])
def test_a_first_limit_counts_what_was_collected_of_what_is_live_and_not_what_was_over(
    stocked: Front, units: int, store_id: str
) -> None:
    """Two units are collected before it: of two, or of three."""
    request = asked("k1", units, store_id)
    if not store_id:
        request.sourcing.CopyFrom(BY_PLACE)
    reply = stocked.accept("Reserve", request)
    settle(stocked)
    number = next(iter(hosted(stocked, "store-S1", "S1").reservations))
    collect = rs.CollectReservationRequest(
        idempotency_key="c1", reservation_id=f"S1:{number}", payment_reference="p", lines=[{"sku": "A", "quantity": 2}]
    )
    confirm = rs.ConfirmReservationRequest(idempotency_key="c0", reservation_id=f"S1:{number}")
    if store_id:
        stocked.accept("ConfirmReservation", confirm)
    else:
        stocked.accept("ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="c0", order_id=reply.order.order_id))
    settle(stocked)
    assert stocked.accept("CollectReservation", collect).reservation.lines[0].collected == 2
    settle(stocked)
    policy = stocked.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="A", units_max=3, collected_for={"seconds": 86_400})
    told = stocked.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    assert (told.pending_count, told.uncounted_reservations) == (0, 0)
    assert refused(reserve(stocked, "k2", 1, "S2")) == (units == 3)
    assert refused(reserve(stocked, "k3", 3, "S3")), "what is reserved and collected from now on counts"


@pytest.mark.parametrize("stopped", ["S2", HERS])
def test_a_stopped_ledger_is_named_as_one_that_a_new_limit_does_not_bind_yet(stocked: Front, stopped: str) -> None:
    limit(stocked, 9)
    reserve(stocked, "k1", 1, "S2")
    process: Any = stocked.actors._actors[CUSTOMERS if stopped == HERS else "store-S2"]
    del process.host._hosted[stopped]
    process.host._damaged[stopped] = JournalDamaged(stopped, "seq 1", "by a test")
    policy = stocked.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules[0].units_max = 8
    told = stocked.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    assert (list(told.pending), told.pending_count) == ([stopped], 1)


@pytest.mark.parametrize("restarted", [(), ACTORS, ("store-S2", CUSTOMERS)])
def test_a_gateway_that_cannot_reach_the_chain_does_not_get_around_a_limit(
    stocked: Front, restarted: tuple[str, ...]
) -> None:
    """Whoever is called first after a restart: what a ledger has once adopted, it decides by."""
    reserve(stocked, "k1", 1)
    new, (old, cut_off) = stocked.gateway, beside(stocked)
    cut_off.cut = True
    limit(stocked, 2)
    for actor in restarted:
        stocked.actors.kill(actor)
    stocked.gateway = old
    assert reserve(stocked, "k2", 1, "S2").reservation.reservation_id
    assert refused(reserve(stocked, "k3", 1, "S3"))
    stocked.gateway = new
    assert reserve(stocked, "k2", 1, "S2").reservation.reservation_id, "the same answer from another gateway"
    assert refused(reserve(stocked, "k3", 1, "S3"))
    assert held(stocked) == 2
    old._router.close()


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda front, first: amend(front, "a1", first.reservation_id, 1),
        release,
        lambda front, _: front.actors.kill("store-S1"),
        lambda front, _: front.actors.kill(CUSTOMERS),
        lambda front, _: front.actors.lose_answers(CUSTOMERS),
        lambda front, _: front.actors.lose_answers("store-S1"),
        lambda front, _: front.clock.move(3_600_000 * 3),
    ],
)
def test_what_is_held_is_counted_once_whatever_comes_between(
    stocked: Front, meanwhile: Callable[[Front, Any], object]
) -> None:
    """Between the adoption of a limit by the shop, and its report."""
    first = reserve(stocked, "k1", 3).reservation
    stocked.gateway._reconciler.close()
    limit_document(stocked, 3)
    meanwhile(stocked, first)
    for _ in range(3):
        settle(stocked)
    if held(stocked) == 3:
        assert refused(reserve(stocked, "k2", 1, "S2"))
    else:
        assert reserve(stocked, "k2", 1, "S2").reservation.reservation_id
        settle(stocked)
    counted = sum(units for grant in hosted(stocked, CUSTOMERS, HERS).grants for _, units in grant.held)
    assert counted == held(stocked)


def limit_document(front: Front, units_max: int, *, heard: bool = True) -> None:
    """The limit is made, and S1 has heard of it or not; nothing else has."""

    async def main() -> None:
        router = front.gateway._router
        policy = replace(router.chain.policy, chain_limit_rules=(ChainLimitRule("", "A", 0, units_max, 0),))
        await router.change_chain("set_policy", policy, 0, deadline=2**40)
        if heard:
            await front.actors.call("store-S1", "bind", router.rules_for("store-S1"), [])

    front.run(main)


def test_a_shop_that_nobody_calls_hears_of_a_limit_and_has_what_it_holds_counted(stocked: Front) -> None:
    """As after a start with another chain file."""
    reserve(stocked, "k1", 3)
    stocked.gateway._reconciler.close()
    limit_document(stocked, 3, heard=False)

    async def is_counted() -> bool:
        await stocked.gateway._reconciler.collect_reports()
        counted = hosted(stocked, CUSTOMERS, HERS).grants if CUSTOMERS in stocked.actors.made else ()
        return bool(sum(units for grant in counted for _, units in grant.held) == 3)

    stocked.run(lambda: until_async(is_counted, within_s=WAIT_S, what="the hold to be counted"))
    assert refused(reserve(stocked, "k2", 1, "S2"))


def test_who_was_replaced_does_not_say_that_all_is_counted(front: Front) -> None:
    """A process that was stopped and woken hears of its successor by its journal alone."""
    front.receive("A", 5)
    woken = front.actors.store_actor("store-S1")
    front.actors._actors.pop("store-S1")
    front.reserve("k")
    with pytest.raises(Fenced):
        woken.uncounted()
