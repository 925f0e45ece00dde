"""A grant counts from the moment that it is given until its shop has said that nothing is held by it any more."""

from typing import Any

from msgspec.structs import replace

from actors.core.answers import Recorded
from actors.core.policy import DAY_MS, ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.orders.commands import Open, Plan, ReportGrant, RequestGrant
from actors.shop.commands import Grant
from tests.orders.watched import Watched
from tests.shop.watched import DAY_ZERO_MS

TWO_A_DAY = Policy(version=3, chain_limit_rules=(ChainLimitRule("", "A", 0, 2, DAY_MS),))
ONE_OPEN = Policy(version=3, chain_limit_rules=(ChainLimitRule("", "", 1, 0, 0),))
AT_MS = DAY_ZERO_MS + 1_000_000


def request(key: str, units: int = 1, store_id: str = "S1", **fields: Any) -> RequestGrant:
    lines = (("A", units),)
    return RequestGrant(
        "ann", "web", store_id, key, fields.pop("basket_id", ""), lines, fields.pop("more", lines), **fields
    )


def said(watched: Watched, command: Any, at_ms: int = AT_MS) -> Any:
    answer = watched.say(command, at_ms).answer
    return answer.answer if isinstance(answer, Recorded) else answer


def reason(watched: Watched, command: Any, at_ms: int = AT_MS) -> Reason:
    answer = said(watched, command, at_ms)
    assert isinstance(answer, Rejection), answer
    return answer.reason


def report(
    watched: Watched, grant: int, held: int, collected: int = 0, reservation: int = 40, version: int = 41
) -> None:
    lines, sold = ((("A", units),) if units else () for units in (held, collected))
    watched.say(ReportGrant(grant, 40, version, lines, sold), AT_MS)


def test_a_call_is_granted_once_and_counts_at_once() -> None:
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1", 2))
    assert first == Grant(first.number, 3, 0)
    records = len(watched.records)
    assert said(watched, request("k1", 2)) == first
    assert len(watched.records) == records
    assert reason(watched, request("k2")) is Reason.ORDER_UNDECIDED, "its shop may still refuse the first"
    report(watched, first.number, held=2)
    assert reason(watched, request("k2")) is Reason.UNITS_LIMIT
    assert reason(watched, Open("o1", "", "ann", "web", 0, (Plan("S2", (("A", 1),), 0),), (), "")) is Reason.UNITS_LIMIT
    assert not watched.complaints()


def test_a_refused_call_gives_its_grant_back() -> None:
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1", 2))
    watched.say(ReportGrant(first.number, 0, 0, (), ()), AT_MS)
    assert said(watched, request("k1", 2)).number > first.number
    assert [grant.number for grant in watched.ledger.grants] == [watched.ledger.version]
    assert not watched.complaints()


def test_what_was_collected_counts_as_long_as_the_rule_says() -> None:
    watched = Watched(TWO_A_DAY)
    report(watched, said(watched, request("k1", 2)).number, held=0, collected=2)
    assert reason(watched, request("k2")) is Reason.UNITS_LIMIT
    assert isinstance(said(watched, request("k2"), AT_MS + DAY_MS), Grant)
    assert not watched.complaints()
    for day in range(2, 12):
        grant = said(watched, request(f"day {day}"), AT_MS + day * DAY_MS)
        watched.say(ReportGrant(grant.number, 0, 0, (), ()), AT_MS + day * DAY_MS)
    assert all(grant.call_key != "k1" for grant in watched.ledger.grants), "and is forgotten then"
    assert not watched.complaints()


def test_a_reservation_that_is_amended_has_one_grant() -> None:
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1")).number
    report(watched, first, held=1)
    second = said(watched, request("a1", 2, replaces=first))
    assert second == Grant(second.number, 3, first)
    report(watched, second.number, held=2, version=45)
    assert [grant.number for grant in watched.ledger.grants] == [second.number]
    report(watched, second.number, held=0, version=46)
    assert not list(watched.ledger.grants)
    assert not watched.complaints()


def test_a_basket_may_be_reserved_anew_in_its_shop() -> None:
    watched = Watched(ONE_OPEN)
    first = said(watched, request("k1", basket_id="b")).number
    report(watched, first, held=1)
    assert said(watched, request("k2", basket_id="b")).replaces == first
    assert reason(watched, request("k3", store_id="S2", basket_id="b")) is Reason.ORDER_UNDECIDED
    assert not watched.complaints()


def test_other_limits_are_looked_at_anew_until_the_shop_has_decided() -> None:
    watched = Watched(Policy(version=3))
    first = said(watched, request("k1", 3))
    watched.adopt(replace(TWO_A_DAY, version=4), AT_MS)
    assert reason(watched, request("k1", 3)) is Reason.UNITS_LIMIT
    report(watched, first.number, held=3)
    assert said(watched, request("k1", 3)) == first, "the shop has held it"
    assert not watched.complaints()
