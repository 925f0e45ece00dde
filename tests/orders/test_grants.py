"""A grant counts from the moment that it is given until its shop has said that nothing is held by it any more."""

from typing import Any

import pytest
from msgspec.structs import replace

from actors.core.answers import Recorded
from actors.core.policy import DAY_MS, ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.orders.commands import (
    NO_HOURS,
    Amend,
    BarClaim,
    Commit,
    CountHold,
    Extend,
    Open,
    Plan,
    Report,
    ReportGrant,
    RequestGrant,
)
from actors.orders.state import Standing
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


def void(watched: Watched, grant: int) -> None:
    """Its shop says that nothing is held by it."""
    watched.say(ReportGrant(grant, 0, 0, (), ()), AT_MS)


def doubted(watched: Watched, command: ReportGrant | CountHold, at_ms: int = AT_MS) -> int:
    """The version after which the shop is to be asked; nothing is recorded."""
    records = len(watched.records)
    answer = said(watched, command, at_ms)
    assert isinstance(answer, Rejection), answer
    assert answer.reason is Reason.ORDER_UNDECIDED
    assert (len(watched.records), answer.number) == (records, watched.ledger.version)
    return answer.number


def test_a_call_is_granted_once_and_counts_at_once() -> None:
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1", 2))
    assert first == Grant(first.number, 3, 0, ("A",))
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
    assert second == Grant(second.number, 3, first, ("A",))
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
    assert reason(watched, request("k3", store_id="S2", basket_id="b")) is Reason.OPEN_RESERVATIONS_LIMIT
    assert not watched.complaints()


def test_other_limits_are_looked_at_anew_until_the_shop_has_decided() -> None:
    watched = Watched(Policy(version=3))
    first = said(watched, request("k1", 3))
    watched.adopt(replace(TWO_A_DAY, version=4), AT_MS)
    assert reason(watched, request("k1", 3)) is Reason.UNITS_LIMIT
    report(watched, first.number, held=3)
    assert said(watched, request("k1", 3)) == first, "the shop has held it"
    assert not watched.complaints()


def test_a_report_that_was_overtaken_changes_nothing() -> None:
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1")).number
    second = said(watched, request("a1", 2, replaces=first)).number
    report(watched, second, held=2, version=45)
    assert doubted(watched, ReportGrant(first, 40, 41, (("A", 1),), ()))
    void(watched, first)
    assert [(grant.number, grant.held) for grant in watched.ledger.grants] == [(second, (("A", 2),))]
    report(watched, second, held=0, version=46)
    assert not list(watched.ledger.grants)
    assert not watched.complaints()


def test_what_a_call_takes_for_no_more_is_checked_where_the_ledger_counts_less() -> None:
    """A gateway has read the reservation, and it was amended to less meanwhile."""
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1", 2)).number
    report(watched, first, held=1, version=45)
    report(watched, said(watched, request("k2", store_id="S2")).number, held=1)
    stale = replace(request("a1", 2, replaces=first), more=())
    assert reason(watched, stale) is Reason.UNITS_LIMIT
    assert not watched.complaints()


def test_a_grant_is_of_its_customer_alone() -> None:
    watched = Watched(TWO_A_DAY)
    hers = said(watched, request("k1"))
    his = said(watched, replace(request("k1"), customer_id="bob"))
    assert his.number != hers.number
    assert not watched.complaints()


def test_a_grant_that_was_collected_answers_no_call_any_more() -> None:
    watched = Watched(TWO_A_DAY)
    report(watched, said(watched, request("k1", 2)).number, held=0, collected=2)
    assert reason(watched, request("k1", 2)) is Reason.UNITS_LIMIT
    assert not watched.complaints()


def test_only_what_depends_on_grants_that_are_out_is_undecided() -> None:
    watched = Watched(TWO_A_DAY)
    report(watched, said(watched, request("k1", 2)).number, held=2)
    said(watched, replace(request("k2"), lines=(("B", 1),), more=(("B", 1),)))
    assert reason(watched, request("k3")) is Reason.UNITS_LIMIT


def test_the_last_answer_stays_the_newest_while_others_are_kept_on() -> None:
    """A commit that is cut in the same decision has one answer, also where a day begins that keeps old ones."""
    watched = Watched()
    opened = said(watched, Open("k", "c" * 24, "bob", "web", 7 * DAY_MS, (Plan("S1", (("A", 3),), 0),), (), ""))
    said(watched, Commit(opened.number, 1, (("S1", 11),), NO_HOURS))
    said(watched, Extend("e", opened.number, 7 * DAY_MS, NO_HOURS), AT_MS + 6 * DAY_MS)
    at_ms = DAY_ZERO_MS + 9 * DAY_MS
    hers = said(watched, Open("k1", "c" * 24, "ann", "web", 0, (Plan("S1", (("A", 3),), 0),), (), ""), at_ms - 2_000)
    said(watched, Commit(hers.number, 1, (("S1", 12),), NO_HOURS), at_ms - 2_000)
    wanted = (Plan("S1", (("A", 1),), 0), Plan("S2", (("A", 2),), 0))
    said(watched, Amend("k2", "d" * 24, hers.number, wanted, 0), at_ms - 2_000)
    collected = Report(hers.number, "S1", 1, 1, 12, 6, Status.HELD, (1,), (2,))
    said(watched, collected, at_ms - 1_000)
    answer = said(watched, Commit(hers.number, 2, (("S2", 13),), NO_HOURS), at_ms + 1)
    assert answer.standing is Standing.HELD
    assert not watched.complaints()


def test_a_barred_grant_that_a_late_report_lets_hold_again_is_barred_again() -> None:
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1", 2)).number
    report(watched, first, held=1, collected=1)
    said(watched, BarClaim(first, 0, "eve", "restored"))
    records = len(watched.records)
    said(watched, BarClaim(first, 0, "bob", "again"))
    assert len(watched.records) == records, "it holds nothing"
    report(watched, first, held=1, collected=1, version=42)
    assert reason(watched, request("k2")) is Reason.UNITS_LIMIT
    said(watched, BarClaim(first, 0, "bob", "again"))
    assert [bar.operator for bar in watched.ledger.bars.values()] == ["bob"]
    assert isinstance(said(watched, request("k2")), Grant)
    assert not watched.complaints()


def test_a_late_copy_of_what_counted_a_hold_counts_nothing_that_is_gone() -> None:
    watched = Watched(ONE_OPEN)
    hold = CountHold("ann", "web", "S1", "", 40, 41, (("A", 1),), (("A", 0),))
    counted = said(watched, hold)
    report(watched, counted.number, 0, version=42)
    assert doubted(watched, hold, AT_MS + 20_000)
    amended = said(watched, CountHold("ann", "web", "S1", "", 50, 51, (("A", 1),), (("A", 0),)), AT_MS + 20_000)
    assert isinstance(amended, Grant), "another hold is counted"


def test_nor_one_of_what_was_over_before_it_was_counted() -> None:
    watched = Watched(ONE_OPEN)
    assert said(watched, CountHold("ann", "web", "S1", "", 40, 44, (("A", 0),), (("A", 0),))) is None
    late = CountHold("ann", "web", "S1", "", 40, 41, (("A", 1),), (("A", 0),))
    assert doubted(watched, late, AT_MS + 20_000), "it was told before the hold expired"
    assert not [*watched.ledger.grants]
    assert isinstance(said(watched, request("k1")), Grant)
    assert not watched.complaints()


def test_nor_does_one_that_comes_after_the_hold_was_amended_and_then_released() -> None:
    watched = Watched(TWO_A_DAY)
    hold = CountHold("ann", "web", "S1", "", 40, 41, (("A", 1),), (("A", 0),))
    counted = said(watched, hold)
    more = said(watched, request("k2", 2, replaces=counted.number, reservation=40))
    watched.say(ReportGrant(more.number, 40, 42, (("A", 2),), ()), AT_MS)
    report(watched, more.number, 0, version=43)
    assert doubted(watched, hold)
    assert isinstance(said(watched, request("k3", 2)), Grant)


@pytest.mark.parametrize("was_counted", [False, True])
def test_one_that_is_held_again_after_it_was_gone_is_counted_at_once(was_counted: bool) -> None:
    """It was passed over in line, and is served again while no limit applies."""
    watched = Watched(ONE_OPEN)
    gone = CountHold("ann", "web", "S1", "", 40, 42, (("A", 0),), (("A", 0),))
    if was_counted:
        said(watched, replace(gone, version=41, held=(("A", 1),)))
    assert said(watched, gone) is None
    watched.restart()
    assert doubted(watched, replace(gone, version=41, held=(("A", 1),))), "told before it was gone"
    assert isinstance(said(watched, replace(gone, version=50, held=(("A", 1),))), Grant)
    assert reason(watched, request("k1")) is Reason.OPEN_RESERVATIONS_LIMIT
    assert said(watched, replace(gone, version=51)) == said(watched, replace(gone, version=52)) is None
    assert doubted(watched, replace(gone, version=50, held=(("A", 1),)))
    assert not [*watched.ledger.grants]
    assert not watched.complaints()


def test_a_late_word_of_what_was_amended_and_then_released_counts_nothing() -> None:
    """The shop was asked about the first grant before it decided the amendment, and is heard once all of it is gone."""
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1", 2)).number
    second = said(watched, request("k2", 1, replaces=first, reservation=40)).number
    report(watched, second, held=1, version=42)
    report(watched, second, held=0, version=43)
    assert doubted(watched, ReportGrant(first, 40, 41, (("A", 2),), ()))
    void(watched, first)
    assert not [*watched.ledger.grants]
    assert isinstance(said(watched, request("k3", 2)), Grant)
    assert not watched.complaints()


def test_a_grant_that_was_barred_by_hand_lets_no_late_word_of_it_count() -> None:
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1", 2)).number
    report(watched, first, held=2)
    said(watched, BarClaim(first, 0, "eve", "restored"))
    assert doubted(watched, CountHold("ann", "web", "S1", "", 40, 60, (("A", 2),), ()))
    assert not [*watched.ledger.grants]
    assert not watched.complaints()


def moves(watched: Watched, grant: int, held: int, version: int, store_id: str = "S1", number: int = 7) -> None:
    lines = (("A", held),) if held else ()
    watched.say(ReportGrant(grant, number, version, lines, (), store_id), AT_MS)


def test_a_grant_moves_with_its_reservation_from_a_hot_skus_ledger_into_its_shop() -> None:
    watched = Watched(TWO_A_DAY)
    asked = request("k1", 2, "hot/A")
    granted = said(watched, asked)
    moves(watched, granted.number, 2, 900, "hot/A", 40)
    moves(watched, granted.number, 2, 5)
    (grant,) = watched.ledger.grants
    assert (grant.store_id, grant.held_at, grant.reservation, grant.version) == ("hot/A", "S1", 7, 5)
    assert watched.ledger.grants.of_hold("S1", 7) == [grant]
    assert watched.ledger.grants.of_hold("hot/A", 40) == []
    records = len(watched.records)
    moves(watched, granted.number, 1, 901, "hot/A", 40)
    moves(watched, granted.number, 0, 6, "S2", 8)
    watched.say(CountHold("ann", "web", "hot/A", "", 40, 900, (("A", 2),), ()), AT_MS)
    assert len(watched.records) == records, "what is said of it as it was before says nothing"
    assert said(watched, asked) == granted
    assert reason(watched, request("k2")) is Reason.UNITS_LIMIT
    moves(watched, granted.number, 0, 6)
    assert isinstance(said(watched, request("k2")), Grant)
    assert not watched.complaints()


def test_a_shop_may_be_the_first_to_tell_of_what_has_moved() -> None:
    watched = Watched(TWO_A_DAY)
    granted = said(watched, request("k1", 2, "hot/A"))
    moves(watched, granted.number, 2, 5)
    moves(watched, granted.number, 2, 900, "hot/A", 40)
    assert [(grant.held_at, grant.reservation) for grant in watched.ledger.grants] == [("S1", 7)]
    assert reason(watched, request("k2")) is Reason.UNITS_LIMIT
    assert not watched.complaints()
