"""What a limit of the whole chain applies to is held by a grant of the customer's ledger, or not at all."""

import pytest

from actors.core.policy import ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.shop import commands as ask
from actors.shop.commands import Grant, void_key
from actors.shop.state import Reservation
from tests.shop.watched import DAY_ZERO_MS, Watched

LIMITED = Policy(version=3, chain_limit_rules=(ChainLimitRule("", "A", 0, 2, 0),))
FREE = Policy(version=3)
AT_MS = DAY_ZERO_MS + 1_000_000
NO = Rejection(Reason.UNITS_LIMIT, "A", 1, 0, over_all_shops=True)


def shop(policy: Policy = LIMITED) -> Watched:
    """A shop with ten of A and of B."""
    watched = Watched(policy)
    rows = tuple(ask.Movement(sku, 10, place, ask.AdjustmentKind.RECEIPT, 0) for place, sku in enumerate("AB", 1))
    watched.say(ask.AdjustStock("stock", "wms", rows), AT_MS)
    return watched


def reserve(key: str, sku: str = "A", units: int = 1, grant: Grant | Rejection | None = None) -> ask.Reserve:
    return ask.Reserve(key, "ann", "web", "", ((sku, units),), 0, grant=grant)


def held(watched: Watched, command: ask.Command) -> Reservation:
    answer = watched.say(command, AT_MS).answer
    found = answer if isinstance(answer, Reservation) else answer.answer
    assert isinstance(found, Reservation), answer
    return found


def refused(watched: Watched, command: ask.Command) -> Reason:
    return watched.say(command, AT_MS).answer.answer.reason  # type: ignore[no-any-return]


def test_a_shop_does_not_decide_what_is_not_its_own_to_decide() -> None:
    watched = shop()
    records = len(watched.records)
    assert refused(watched, reserve("k1")) is Reason.GRANT_REQUIRED
    assert len(watched.records) == records, "the call goes on, with a grant"
    assert held(watched, reserve("k1", grant=Grant(7, 3, 0, ("A", "B")))).grant == 7
    assert held(watched, reserve("k2", "B")).grant == 0


def test_a_key_has_one_answer_whatever_becomes_of_the_limits() -> None:
    watched = shop(FREE)
    first = held(watched, reserve("k1"))
    watched.adopt(LIMITED, AT_MS)
    assert held(watched, reserve("k1")) == first
    assert held(watched, reserve("k1", grant=NO)) == first
    assert refused(watched, reserve("k2", grant=NO)) is Reason.UNITS_LIMIT
    watched.adopt(FREE, AT_MS)
    assert refused(watched, reserve("k2")) is Reason.UNITS_LIMIT


@pytest.mark.parametrize(
    ("grant", "why"),
    [
        (Grant(7, 2, 0, ("A", "B")), "older limits"),
        (Grant(7, 3, 6, ("A", "B")), "it leaves out what another reservation holds"),
    ],
)
def test_a_grant_that_does_not_fit_is_asked_for_again(grant: Grant, why: str) -> None:
    assert refused(shop(), reserve("k1", grant=grant)) is Reason.GRANT_REQUIRED, why


def test_an_amendment_to_more_needs_a_grant_for_all_of_it() -> None:
    watched = shop(FREE)
    free = held(watched, reserve("k1"))
    watched.adopt(LIMITED, AT_MS)
    more = ask.Amend("a1", free.number, (("A", 5),), 0, 0)
    assert refused(watched, more) is Reason.GRANT_REQUIRED
    other = ask.Amend("a2", free.number, (("A", 1), ("B", 1)), 0, 0)
    assert held(watched, other).grant == 0, "what was held before the limit may stay"
    granted = held(watched, ask.Amend("a3", free.number, (("A", 2), ("B", 1)), 0, 0, Grant(8, 3, 0, ("A", "B"))))
    assert (granted.grant, granted.lines) == (8, (("A", 2), ("B", 1)))
    assert refused(watched, ask.Amend("a4", free.number, (("A", 2), ("B", 2)), 0, 0)) is Reason.GRANT_REQUIRED
    less = held(watched, ask.Amend("a5", free.number, (("A", 1),), 0, 0))
    assert (less.grant, list(watched.ledger.outbox)) == (8, [free.number]), "its ledger hears that there is less"
    assert not watched.complaints()


def test_a_grant_that_never_arrived_is_void() -> None:
    watched = shop()
    settle = ask.SettleGrant(void_key("ann", 7), "k1", 7)
    assert refused(watched, settle) is Reason.CLAIM_ABANDONED
    assert refused(watched, reserve("k1", grant=Grant(7, 3, 0, ("A", "B")))) is Reason.GRANT_REQUIRED
    assert held(watched, reserve("k1", grant=Grant(9, 3, 0, ("A", "B")))).grant == 9
    assert refused(watched, settle) is Reason.CLAIM_ABANDONED
    assert held(watched, ask.SettleGrant(void_key("ann", 9), "k1", 9)).grant == 9


def test_all_that_changes_what_is_held_by_a_grant_is_reported() -> None:
    watched = shop()
    number = held(watched, reserve("k1", units=2, grant=Grant(7, 3, 0, ("A", "B")))).number
    outbox = watched.ledger.outbox
    held(watched, ask.Confirm("c1", number, 0))
    assert not outbox, "nothing that counts has changed"
    collected = held(watched, ask.Collect("p1", number, "", (("A", 1),)))
    assert list(outbox) == [number]
    watched.say(ask.Acknowledge(((number, collected.version),)), AT_MS)
    assert not outbox
    watched.wait(AT_MS + LIMITED.ttl_ms_max)
    assert list(outbox) == [number], "it expired"
    assert not watched.complaints()


def test_what_was_collected_before_it_was_counted_is_reported_all_the_same() -> None:
    watched = shop(FREE)
    sold, free, other = held(watched, reserve("k1")), held(watched, reserve("k2")), held(watched, reserve("k3", "B"))
    watched.adopt(LIMITED, AT_MS)
    assert not watched.ledger.outbox
    held(watched, ask.Collect("p1", sold.number, "", ()))
    held(watched, ask.Collect("p2", other.number, "", ()))
    assert list(watched.ledger.outbox) == [sold.number], "no limit counts what the other one was"
    for _ in range(2):
        watched.say(ask.Acknowledge((), (), (sold.number, free.number, other.number, 99)), AT_MS)
        assert list(watched.ledger.outbox) == [sold.number, free.number]
    assert not watched.complaints()
