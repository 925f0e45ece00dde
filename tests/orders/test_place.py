"""An order is placed with one decision after its claims, or never: what was barred is not placed any more."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.policy import CALL_MS_MAX, ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.orders import commands as cm, events as ev
from actors.orders.state import Order, Standing
from tests.orders.watched import Watched
from tests.shop.watched import DAY_ZERO_MS

NUMBER: Final = 170_211_600_000_000_001
PLANS: Final = tuple(cm.Plan(store_id, (("A", 2),), 0) for store_id in ("S1", "S2"))
ASKED: Final = cm.Open("k1", "x", "ann", "web", 60_000, PLANS, (), "")
PLACE: Final = cm.Place(NUMBER, ASKED, (5, 6))


def said(watched: Watched, command: cm.Command, after_ms: int = 0) -> Any:
    """The answer, where no checker complains."""
    answer = watched.say(command, DAY_ZERO_MS + after_ms).answer
    assert watched.complaints() == []
    return answer


def test_an_order_is_certain_and_its_shops_are_to_be_told() -> None:
    watched = Watched()
    order = said(watched, PLACE)
    assert (order.number, order.standing, order.expires_at_ms) == (NUMBER, Standing.HELD, DAY_ZERO_MS + 60_000)
    assert [(part.reservation, part.held, part.attempt) for part in order.parts] == [(5, (2,), 1), (6, (2,), 1)]
    assert len(order.next_deliveries()) == 2
    assert said(watched, PLACE) == order
    assert said(watched, replace(PLACE, number=NUMBER + 1)) == order, "its key was answered, whatever was claimed since"
    assert said(watched, replace(PLACE, asked=replace(ASKED, content="y"))).reason is Reason.IDEMPOTENCY_KEY_REUSED


def test_what_is_barred_is_not_placed_until_no_copy_of_the_call_can_arrive() -> None:
    watched = Watched()
    assert said(watched, cm.Bar(NUMBER)).reason is Reason.CLAIM_ABANDONED
    assert said(watched, PLACE, CALL_MS_MAX - 1) == Rejection(Reason.ORDER_UNDECIDED, number=NUMBER)
    assert said(watched, replace(PLACE, number=NUMBER + 1), CALL_MS_MAX - 1).standing is Standing.HELD
    said(watched, cm.Bar(NUMBER + 2), CALL_MS_MAX)
    assert list(watched.ledger.barred) == [NUMBER + 2]


def test_a_bar_of_what_was_placed_says_so() -> None:
    watched = Watched()
    order = said(watched, PLACE)
    assert said(watched, cm.Bar(NUMBER)) == order
    assert said(watched, replace(PLACE, asked=replace(ASKED, key="k2"))).reason is Reason.ORDER_UNDECIDED, (
        "another has drawn its number"
    )


def test_limits_are_taken_when_it_is_placed_and_a_refusal_stands() -> None:
    rules = (ChainLimitRule("", "A", 0, 4, 0),)
    watched = Watched(Policy(version=2, chain_limit_rules=rules))
    assert isinstance(said(watched, PLACE), Order)
    more = cm.Place(NUMBER + 1, replace(ASKED, key="k2"), (7, 8))
    assert said(watched, more).reason is Reason.UNITS_LIMIT
    watched.adopt(Policy(version=3), DAY_ZERO_MS)
    assert said(watched, more).reason is Reason.UNITS_LIMIT
    too_long = cm.Place(NUMBER + 2, replace(ASKED, key="k3", ttl_ms=10**10), (7, 8))
    assert said(watched, too_long).reason is Reason.TTL_TOO_LONG


@pytest.mark.parametrize("events", [(ev.Barred(NUMBER), ev.Placed(PLACE, 1)), (ev.Placed(PLACE, 1), ev.Barred(NUMBER))])
def test_the_audit_finds_what_was_both_placed_and_barred(events: tuple[ev.Event, ...]) -> None:
    watched = Watched()
    watched._journal(list(events), DAY_ZERO_MS)
    assert [violation.invariant for violation in watched.audited().violations] == ["I7"]
