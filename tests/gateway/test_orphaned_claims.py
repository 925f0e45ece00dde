"""Claims and parts that nobody speaks for any more: of later attempts, of copies, of lost calls."""

from typing import Any, Final

import grpc
import pytest

from actors.core.policy import HOUR_MS
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason
from actors.orders import commands as cm
from actors.orders.state import Order
from actors.shop import commands as shop
from holdfast.v1 import admin_service_pb2 as ad, order_pb2
from serve.coordination.reconciler import CLAIM_AGE_MS
from tests.gateway.front import Answer, Front, reserve_request
from tests.gateway.orders import BUYER, CUSTOMERS, HERS, customers, hosted, ordered, say, settle
from tests.journal.memory import MemoryDisk
from tests.runtime.runtime_fixture import WAIT_S

NEAREST: Final = order_pb2.Sourcing(place={})
SLUG: Final = HERS.removeprefix("customers/")


def reserved(front: Front, store_id: str = "S1") -> int:
    return int(hosted(front, f"store-{store_id}", store_id).positions["A"].reserved)


def rules(front: Front, **rule: Any) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    for name, fields in rule.items():
        getattr(policy, name).add(**fields)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))


def to_customers(front: Front, command: cm.Command) -> Order | Rejection | None:
    async def main() -> Any:
        coordinator = front.gateway._reconciler._coordinator
        return await coordinator._send(HERS, command, front._runner.get_loop().time() + WAIT_S, promise=True)

    answer: Order | Rejection | None = front.run(main)
    return answer


@pytest.mark.parametrize("known", [False, True])
def test_a_claim_of_a_later_attempt_that_its_owner_does_not_know_is_let_go_of(front: Front, known: bool) -> None:
    """The owner was restored from a copy of before the amendment, or of before the order."""
    order = ordered(front)
    settle(front)
    held = reserved(front)
    order_id = f"{SLUG}/{order.number if known else 1907}"
    holder = f"{order_id}.2"
    say(front, "S1", shop.Claim(shop.claim_key(holder), holder, BUYER, "web", (("A", 2),), 0))
    assert reserved(front) == held + 2
    if known:
        front.accept("BarClaim", ad.BarClaimRequest(order_id=order_id, attempt=2, operator="eve", why="restored"))
    front.clock.move(CLAIM_AGE_MS + 1)
    for _ in range(3):
        settle(front)
    assert reserved(front) == held


def test_a_shop_restored_from_a_copy_hears_again_that_an_order_is_over(front: Front) -> None:
    order = ordered(front)
    settle(front)
    held = reserved(front)
    copy = bytes(front.actors.disks["store-S1"].image)
    to_customers(front, cm.Release("r1", order.number, ReleaseReason.OTHER))
    settle(front)
    assert reserved(front) == held - 1

    front.actors.kill("store-S1")
    front.actors.disks["store-S1"] = MemoryDisk(copy)
    front.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1"))
    assert reserved(front) == held
    front.clock.move(24 * HOUR_MS)
    for _ in range(3):
        settle(front)
    assert reserved(front) == held - 1


def lost(front: Front, key: str) -> Any:
    """A Reserve whose Place never arrives, as its gateway dies; the request."""
    request = reserve_request(key, store_id="")
    request.sourcing.CopyFrom(NEAREST)

    async def main() -> Answer:
        front.actors.lose_calls(CUSTOMERS, 10**6)
        answer = await front.asked("Reserve", request, timeout_ms="300")
        front.actors._lost_before[CUSTOMERS] = 0
        return answer

    assert front.run(main).code is not grpc.StatusCode.OK
    return request


def test_a_call_is_not_refused_for_good_for_what_its_own_lost_try_has_claimed(front: Front) -> None:
    rules(front, limit_rules={"open_reservations_max": 1})
    request = lost(front, "k1")
    assert reserved(front) == 1
    again = front.ask("Reserve", request, timeout_ms="300")
    assert again.code is grpc.StatusCode.UNAVAILABLE or not again.reply.HasField("rejection"), again.reply
    front.clock.move(CLAIM_AGE_MS + 1)
    settle(front)
    assert front.accept("Reserve", request).HasField("order")


def test_a_late_copy_of_a_refused_order_is_not_placed_on_claims_that_were_let_go_of(front: Front) -> None:
    rules(front, chain_limit_rules={"sku": "A", "units_max": 2})
    first = ordered(front)
    asked = cm.Open("k2", "y", BUYER, "web", 0, (cm.Plan("S1", (("A", 1),), 0),), (), "")

    async def main() -> Any:
        coordinator = front.gateway._reconciler._coordinator
        return await coordinator.open(asked, front._runner.get_loop().time() + WAIT_S)

    refusal = front.run(main)
    assert isinstance(refusal, Rejection)
    assert refusal.reason is Reason.UNITS_LIMIT
    claimed = max(hosted(front, "store-S1", "S1").holders.values())
    number = int(max(hosted(front, "store-S1", "S1").holders).rpartition("/")[2].removesuffix(".1"))
    to_customers(front, cm.Release("r1", first.number, ReleaseReason.OTHER))
    settle(front)
    to_customers(front, cm.Place(number, asked, (claimed,)))
    assert number not in customers(front).orders, "its claim was let go of"
