"""Parts whose order is not known, as after a restore: an operator bars them at their owner, and the shop lets go."""

import grpc

from actors.core.status import ReleaseReason, Status
from actors.shop import commands as shop
from holdfast.v1 import admin_service_pb2 as ad
from serve.coordination.reconciler import CLAIM_AGE_MS
from tests.gateway.front import Front
from tests.gateway.orders import CUSTOMERS, HERS, customers, hosted, ordered, say, settle

ORDER = HERS.removeprefix("customers/") + "/1907"
HOLDER = f"{ORDER}.1"


def bar(front: Front, operator: str = "eve", why: str = "the backup is older") -> ad.BarredClaim:
    request = ad.BarClaimRequest(order_id=ORDER, attempt=1, operator=operator, why=why)
    return front.accept("BarClaim", request).barred  # type: ignore[no-any-return]


def reserved(front: Front) -> int:
    return int(hosted(front, "store-S1", "S1").positions["A"].reserved)


def test_a_part_that_no_order_knows_is_barred_and_let_go_of(front: Front) -> None:
    ordered(front)
    settle(front)
    held = reserved(front)
    say(front, "S1", shop.Claim(shop.claim_key(HOLDER), HOLDER, "ann", "web", (("A", 2),), 0))
    lease_ms = front.clock.now_ms() + CLAIM_AGE_MS
    say(front, "S1", shop.ApplyOutcome(HOLDER, 1, Status.HELD, lease_ms, ReleaseReason.OTHER, ()))
    front.clock.move(CLAIM_AGE_MS + 1)
    settle(front)
    assert reserved(front) == held + 2, "the shop alone does not let go of it"
    (orphan,) = front.accept("VerifyOrders", ad.VerifyOrdersRequest()).discrepancies
    assert orphan.subject.endswith(f" of {HOLDER}")

    first = bar(front)
    assert (first.order_id, first.attempt, first.operator, first.why) == (ORDER, 1, "eve", "the backup is older")
    assert first.barred_at.seconds
    version = customers(front).version
    front.clock.move(1_000)
    assert bar(front, "bob", "again") == first, "the first record stays"
    assert customers(front).version == version
    told = front.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert (told.holds, told.on_the_way, list(told.barred)) == (True, 1, [first])

    for actor in (CUSTOMERS, "store-S1"):
        front.actors.kill(actor)
    assert bar(front) == first
    assert front.version() > 0
    settle(front)
    assert reserved(front) == held
    assert list(front.accept("VerifyOrders", ad.VerifyOrdersRequest()).barred) == [first]
    say(front, "S1", shop.ApplyOutcome(HOLDER, 3, Status.HELD, 2**60, ReleaseReason.OTHER, ()))
    assert reserved(front) == held, "whatever comes late"


def test_what_its_order_knows_is_not_barred(front: Front) -> None:
    order = ordered(front)
    order_id = ORDER.replace("1907", str(order.number))
    request = ad.BarClaimRequest(order_id=order_id, attempt=1, operator="eve", why="in error")
    refused = front.ask("BarClaim", request)
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CLAIM_KNOWN")
    assert customers(front).bars == {}
