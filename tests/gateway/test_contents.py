"""What a call for an order said, in 25 hex digits, of which the first names the form: the same in every version, or a
repeat over an upgrade is refused as another call under a used key.
"""

from typing import Any, Final

import pytest

from actors.core.answers import fingerprint
from actors.orders import commands as cm
from holdfast.v1 import order_service_pb2 as os_, reservation_service_pb2 as rs
from serve.wire import orders as wo
from tests.gateway.requests import DAY, LINE

ORDER: Final = "0007/3"
STORES: Final = [{"store_id": "S1", "lines": [LINE, LINE]}, {"store_id": "S2", "lines": [LINE]}]
RESERVE: Final[dict[str, Any]] = {"customer_id": "ann", "channel": "web", "lines": [LINE], "sourcing": {"place": {}}}


def amended(**changes: Any) -> cm.Amend:
    return wo.amend_order(
        os_.AmendOrderRequest(**{"idempotency_key": "k", "order_id": ORDER, "stores": STORES} | changes)
    )[1]


# As they are for ever: a call that was made before an upgrade is repeated after it.
GOLDEN: Final = [
    ("AmendOrder", amended, "15486a7cd8eddd30ea54dceb1"),
    ("AmendOrder with a time", lambda: amended(ttl=DAY), "1ecf39e94cc3667e5a345c99c"),
    (
        "MarkOrderReady",
        lambda: wo.step_of_parts(os_.MarkOrderReadyRequest(idempotency_key="k", order_id=ORDER))[1],
        "1cbaf723b10eabc6a7b3a6b66",
    ),
    (
        "CollectOrder",
        lambda: wo.step_of_parts(os_.CollectOrderRequest(idempotency_key="k", order_id=ORDER, payment_reference="p1"))[
            1
        ],
        "10ac2e18bffc7ad891ac3869b",
    ),
    ("ConfirmOrder", lambda: cm.content_of(cm.Confirm("k", 3, 60_000, cm.NO_HOURS)), "1eea7ffe584a5509327e13472"),
    (
        "ConfirmOrder, and its shops' hours",
        lambda: cm.content_of(cm.Confirm("k", 3, 60_000, cm.Hours(9, ()))),
        "1eea7ffe584a5509327e13472",
    ),
    ("ExtendOrder", lambda: cm.content_of(cm.Extend("k", 3, 60_000, cm.NO_HOURS)), "1a9b3845de0276e48e0215b60"),
    (
        "Reserve",
        lambda: wo.content_of_reserve(rs.ReserveRequest(idempotency_key="k", **RESERVE)),
        "19dc7b2a1105f708002a97b48",
    ),
]


@pytest.mark.parametrize(("said", "expected"), [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_a_content_is_what_it_always_was(said: Any, expected: str) -> None:
    found = said()
    assert (found if isinstance(found, str) else found.content) == expected


def test_a_field_that_a_shops_row_gets_later_changes_no_content_that_does_not_use_it() -> None:
    class Later(cm.Plan, frozen=True):
        gift: bool = False

    command = amended(ttl=DAY)
    plans: Any = tuple(Later(plan.store_id, plan.lines, plan.slot_start_ms) for plan in command.wanted)
    later = cm.Amend("k", "", command.number, plans, command.ttl_ms)
    assert fingerprint(later, ("key", "content")) == command.content


def test_the_key_is_no_part_of_it_and_all_else_is() -> None:
    assert amended(idempotency_key="k2").content == amended().content
    others = [amended(ttl=DAY), amended(order_id="0007/4"), amended(stores=STORES[:1])]
    assert len({each.content for each in (amended(), *others)}) == 4
    ready = wo.step_of_parts(os_.MarkOrderReadyRequest(idempotency_key="k", order_id=ORDER))[1]
    paid = [os_.CollectOrderRequest(idempotency_key="k", order_id=ORDER, payment_reference=each) for each in ("p", "q")]
    assert len({ready.content, *(wo.step_of_parts(each)[1].content for each in paid)}) == 3
