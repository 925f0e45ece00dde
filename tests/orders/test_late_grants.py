"""Words of grants that come late, and those of a shop that was restored from a copy, which look the same: both are
doubted, and what the shop says once it was asked is so. Nothing counts for less than it holds, nor for ever.
"""

import pytest
from msgspec.structs import replace

from actors.core.policy import DAY_MS, ChainLimitRule, Policy
from actors.core.rejection import Reason
from actors.orders.commands import BarClaim, CountHold, ReportGrant
from actors.shop.commands import Grant
from tests.orders.test_grants import TWO_A_DAY, doubted, moves, reason, report, request, said, void
from tests.orders.watched import Watched

SIX_A_DAY = Policy(version=3, chain_limit_rules=(ChainLimitRule("", "A", 0, 6, DAY_MS),))


def test_a_word_of_a_later_grant_that_an_earlier_one_has_replaced_counts_nothing() -> None:
    """Two calls amend it at once: the one that was granted first comes second, and is granted anew for that."""
    watched = Watched(SIX_A_DAY)
    slow, quick = raced(watched)
    report(watched, slow, held=2, version=44)
    report(watched, slow, held=0, version=45)
    assert doubted(watched, ReportGrant(quick, 40, 43, (("A", 3),), ()))
    void(watched, quick)
    assert not [*watched.ledger.grants]
    assert isinstance(said(watched, request("k3", 6)), Grant)
    assert not watched.complaints()


@pytest.mark.parametrize("is_late", [False, True])
def test_one_that_was_granted_anew_after_its_shop_had_used_it_ends_nothing(is_late: bool) -> None:
    """A copy of its call has read that the other one holds; the shop answers it as before."""
    watched = Watched(SIX_A_DAY)
    slow, quick = raced(watched)
    if is_late:
        report(watched, quick, held=3, version=43)
        assert doubted(watched, ReportGrant(slow, 40, 42, (("A", 2),), ()))
        void(watched, slow)
    else:
        report(watched, slow, held=2, version=42)
        report(watched, quick, held=3, version=43)
    assert [(grant.number, grant.held) for grant in watched.ledger.grants] == [(quick, (("A", 3),))]
    assert reason(watched, request("k3", 4)) is Reason.UNITS_LIMIT
    assert not watched.complaints()


def raced(watched: Watched) -> tuple[int, int]:
    """The grants of two calls that amend one reservation: the first was given again in place of the second."""
    first = said(watched, request("k1")).number
    report(watched, first, held=1)
    slow = said(watched, request("a1", 2, replaces=first, reservation=40)).number
    quick = said(watched, request("a2", 3, replaces=first, reservation=40)).number
    again = said(watched, request("a1", 2, replaces=quick, reservation=40))
    assert (again.number, again.replaces) == (slow, quick)
    return slow, quick


@pytest.mark.parametrize("was_granted", [True, False])
def test_what_a_restored_shop_holds_under_a_number_given_again_counts_once_it_was_asked(was_granted: bool) -> None:
    """The other one under that number was released before, of a later version, and the newest grant."""
    watched = Watched(SIX_A_DAY)
    again = said(watched, request("k1", 2)).number
    lost = said(watched, request("k2", 3)).number
    report(watched, lost, held=3, version=44)
    before = watched.ledger.version
    report(watched, lost, held=0, version=45)
    says: ReportGrant | CountHold = ReportGrant(again, 40, 41, (("A", 2),), ())
    if not was_granted:
        void(watched, again)
        says = CountHold("ann", "web", "S1", "", 40, 41, (("A", 2),), (("A", 0),))
    watched.restart()
    at = doubted(watched, says)
    assert doubted(watched, replace(says, as_of=before)), "it was asked before the other one was released"
    said(watched, replace(says, as_of=at))
    assert [(grant.reservation, grant.held) for grant in watched.ledger.grants] == [(40, (("A", 2),))]
    assert reason(watched, request("k3", 5)) is Reason.UNITS_LIMIT
    assert not watched.complaints()


@pytest.mark.parametrize("sold", [0, 1])
@pytest.mark.parametrize("is_newer", [False, True])
def test_what_such_a_shop_has_lost_under_that_number_counts_until_it_was_asked(is_newer: bool, sold: int) -> None:
    watched = Watched(SIX_A_DAY)
    numbers = said(watched, request("k1", 2)).number, said(watched, request("k2", 2)).number
    again, lost = numbers[::-1] if is_newer else numbers
    report(watched, lost, held=2 - sold, collected=sold, version=45)
    says = ReportGrant(again, 40, 41, (("A", 2),), ())
    said(watched, replace(says, as_of=doubted(watched, says)))
    assert not watched.complaints(), "a recovery looks for the same"
    counted = {grant.number: (grant.reservation, grant.held, grant.collected) for grant in watched.ledger.grants}
    assert counted[again] == (40, (("A", 2),), ())
    assert counted[lost] == ((40, (), (("A", 1),)) if sold else (0, (), ()))
    assert list(watched.ledger.grants.unsettled) == ([] if sold else [lost]), "its shop is asked"
    watched.restart()
    assert isinstance(said(watched, request("k3", 4 - sold - (not sold) * 2)), Grant)
    void(watched, lost)
    report(watched, again, held=0, version=60)
    assert {grant.number for grant in watched.ledger.grants if grant.reservation} == ({lost} if sold else set())
    assert not watched.complaints()


def test_a_word_that_nothing_is_held_by_a_grant_is_not_doubted_and_ends_no_other() -> None:
    """It was passed over in line, and is served by the next grant, of which the ledger hears first."""
    watched = Watched(SIX_A_DAY)
    first = said(watched, request("k1", 2)).number
    second = said(watched, request("line", 2, replaces=first, reservation=40)).number
    report(watched, second, held=1, collected=1, version=45)
    report(watched, first, held=0, version=43)
    assert [(grant.number, grant.held, grant.reservation) for grant in watched.ledger.grants] == [
        (second, (("A", 1),), 40)
    ]
    assert not watched.complaints()


def test_what_is_held_is_counted_also_after_an_operator_barred_another_hold_of_that_number() -> None:
    """For ten minutes it may be told late; a shop that is asked holds it."""
    watched = Watched(TWO_A_DAY)
    first = said(watched, request("k1", 2)).number
    report(watched, first, held=2)
    said(watched, BarClaim(first, 0, "eve", "restored"))
    hold = CountHold("ann", "web", "S1", "", 40, 30, (("A", 2),), ())
    assert isinstance(said(watched, replace(hold, as_of=doubted(watched, hold))), Grant)
    assert reason(watched, request("k2")) is Reason.UNITS_LIMIT
    assert not watched.complaints()


def test_a_late_word_of_what_has_moved_into_its_shop_is_doubted() -> None:
    watched = Watched(SIX_A_DAY)
    hot = said(watched, request("k1", 2, "hot/A")).number
    more = said(watched, request("a1", 3, replaces=hot, reservation=7)).number
    moves(watched, more, 3, 8)
    moves(watched, more, 0, 9)
    assert doubted(watched, ReportGrant(hot, 7, 5, (("A", 2),), (), "S1"))
    assert list(watched.ledger.grants.unsettled) == [hot]
    assert not watched.complaints()


@pytest.mark.parametrize("left", [0, 2])
def test_what_a_restored_shop_has_back_of_a_hold_counts_as_it_is_there(left: int) -> None:
    """It was amended to fewer before; the shop has it as it was, and may release it at an earlier version."""
    watched = Watched(SIX_A_DAY)
    held = said(watched, request("k1", 3)).number
    report(watched, held, held=3, version=41)
    report(watched, held, held=1, version=45)
    says = ReportGrant(held, 40, 42, (("A", left),), ())
    said(watched, replace(says, as_of=doubted(watched, says)))
    assert [grant.held for grant in watched.ledger.grants] == ([(("A", left),)] if left else [])
    assert isinstance(said(watched, request("k2", 6 - left)), Grant)
    assert not watched.complaints()


def test_a_hold_from_before_the_limit_that_a_restored_shop_has_back_counts_as_it_is_there() -> None:
    watched = Watched(SIX_A_DAY)
    hold = CountHold("ann", "web", "S1", "", 40, 41, (("A", 3),), (("A", 0),))
    counted = said(watched, hold)
    report(watched, counted.number, held=1, version=45)
    assert said(watched, replace(hold, as_of=doubted(watched, hold))).number == counted.number
    assert [(grant.number, grant.held) for grant in watched.ledger.grants] == [(counted.number, (("A", 3),))]
    assert not watched.complaints()


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_a_call_whose_grant_holds_again_after_another_was_given_for_it_stops_no_ledger(first_to_end: int) -> None:
    """What was collected its shop has back, while a copy of the call asks: a recovery finds the same as before."""
    watched = Watched(SIX_A_DAY)
    first = said(watched, request("k1", 2)).number
    report(watched, first, held=0, collected=2)
    second = said(watched, request("k1", 2)).number
    assert second != first
    report(watched, first, held=2, version=60)
    assert not watched.complaints()
    assert said(watched, request("k1", 2)).number == first
    watched.restart()
    void(watched, second) if first_to_end else report(watched, first, held=0, version=61)
    assert not watched.complaints()
    assert said(watched, request("k1", 2)).number == (first if first_to_end else second)
