"""Parts whose order is not known, as after a restore: an operator bars them at their owner, and the shop lets go."""

from typing import get_args

import grpc
import orjson
import pytest

from actors.core.status import ReleaseReason, Status
from actors.orders import events as order_events
from actors.runtime.kinds import CUSTOMERS as CUSTOMERS_CORE
from actors.shop import commands as shop
from holdfast.v1 import (
    admin_service_pb2 as ad,
    event_pb2,
    event_service_pb2 as es,
    order_service_pb2 as os_,
    stock_service_pb2 as ss,
)
from serve.coordination.reconciler import CLAIM_AGE_MS
from serve.wire.events import fill_order_event
from tests.gateway.front import Front
from tests.gateway.orders import CUSTOMERS, HERS, customers, hosted, ordered, say, settle
from tests.gateway.streams import events_of, events_request
from tests.journal.test_golden import GOLDEN

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


def test_an_attempt_that_was_barred_before_it_is_opened_is_left_out(front: Front) -> None:
    """Its ledger was restored, and the call is made again whose claim the shop still has, and then lets go of."""
    order = ordered(front)
    settle(front)
    held, order_id = reserved(front), ORDER.replace("1907", str(order.number))
    holder = f"{order_id}.2"
    say(front, "S1", shop.Claim(shop.claim_key(holder), holder, "ann", "web", (("A", 2),), 0, call_key="a1"))
    front.accept("BarClaim", ad.BarClaimRequest(order_id=order_id, attempt=2, operator="eve", why="restored"))
    front.clock.move(CLAIM_AGE_MS + 1)
    settle(front)
    assert reserved(front) == held
    wanted = [{"store_id": "S1", "lines": [{"sku": "A", "quantity": 3}]}]
    amend = os_.AmendOrderRequest(idempotency_key="a1", order_id=order_id, stores=wanted)
    assert front.accept("AmendOrder", amend).order.parts
    assert reserved(front) == held + 2


def test_who_audits_reads_the_events_of_a_customers_ledger(front: Front) -> None:
    order = ordered(front)
    settle(front)
    first = bar(front)
    version = customers(front).version
    events = front.run(lambda: events_of(front, version, **{HERS: 0}))
    assert [event.version for event in events] == list(range(1, version + 1))
    placed = [event for event in events if event.order_changed.kind == "placed"]
    assert [event.order_changed.order_id for event in placed] == [ORDER.replace("1907", str(order.number))]
    newest = events[-1]
    told = newest.claim_barred
    assert (told.order_id, told.attempt, told.operator, told.why) == (ORDER, 1, first.operator, first.why)
    assert (newest.store_id, newest.at) == (HERS, first.barred_at)
    assert all(event.WhichOneof("change") for event in events)

    beyond = front.ask("WatchEvents", events_request(**{HERS: version + 1}))
    assert (beyond.code, beyond.metadata["head"]) == (grpc.StatusCode.OUT_OF_RANGE, str(version))
    no_stock = front.ask("WatchAvailability", ss.WatchAvailabilityRequest(cursors=[{"store_id": HERS}]))
    assert (no_stock.code, no_stock.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["cursors[0].store_id"])
    acknowledged = es.AcknowledgeEventsRequest(reader="audit", cursors=[{"store_id": HERS, "after_version": version}])
    assert front.accept("AcknowledgeEvents", acknowledged).ledgers == 1


@pytest.mark.parametrize("kind", get_args(order_events.Event))
def test_every_event_of_a_customers_ledger_has_its_message(kind: type) -> None:
    for path in GOLDEN.glob(f"orders.{kind.__struct_config__.tag}.*.json"):  # type: ignore[attr-defined]
        for example in orjson.loads(path.read_bytes())["examples"]:
            for event in CUSTOMERS_CORE.read_events(example["payload"].encode()):
                filled = event_pb2.Event()
                fill_order_event(event, HERS, 7, 1_000, filled)
                assert filled.WhichOneof("change")
                assert (filled.store_id, filled.version) == (HERS, 7)
