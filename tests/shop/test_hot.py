"""A hot SKU beside its shops: who decides which call, by which word, and what becomes of units and holds."""

from typing import Any

import pytest
from msgspec.structs import replace

from actors.core.policy import DAY_MS, HOUR_MS, ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, Status
from actors.shop.allotments.allotment import HolderKind
from actors.shop.commands import (
    Acknowledge,
    AllotStock,
    Amend,
    Claim,
    CountStock,
    Extend,
    Grant,
    Release,
    Reserve,
    SettleGrant,
    claim_key,
)
from actors.shop.events import Reserved
from actors.shop.hot.projections import move_in_of
from actors.shop.hot.units import GiveBackUnits, HandUnits, HotTotals, MoveOut, NoteMoved, ReceiveUnits, TakeUnitsBack
from actors.shop.state import Reservation
from actors.shop.transfers.transfer import ProposeTransfer
from tests.shop.hot_world import HOT, SKU, World

OPENED, CLOSED = 1, 2  # generations


def world(units: int = 5, turns: int = 1) -> World:
    """A world whose SKU was promoted, and so on, as all three ledgers know."""
    made = World()
    for sku in (SKU, "B"):
        made.stock("S1", sku, units)
    for _ in range(turns):
        made.turn()
        for ledger_id in made.ledgers:
            made.adopt(ledger_id)
    return made


def plain(key: str, units: int = 1, **how: Any) -> Reserve:
    return replace(Reserve(key, "ann", "web", "", ((SKU, units),), 0), **how)


def at_hot(key: str, units: int = 1, **how: Any) -> Reserve:
    return plain(key, units, **{"lines": (("S1", units),), "asked": OPENED, **how})


def reason_of(answer: Any) -> tuple[Reason, int]:
    assert isinstance(answer, Rejection), answer
    return answer.reason, answer.asked


def test_a_shop_sends_plain_calls_of_an_open_sku_to_its_ledger_and_keeps_the_others() -> None:
    made = world()
    assert reason_of(made.say("S1", plain("k1"))) == (Reason.HOT_SKU, OPENED)
    assert reason_of(made.say("S1", plain("k1", asked=99))) == (Reason.HOT_SKU, OPENED)
    for command in (
        plain("k2", lines=((SKU, 1), ("B", 1))),
        plain("k3", basket_id="b"),
        plain("k4", wait_ms=1_000),
        plain("k5", lines=(("B", 1),)),
    ):
        assert made.say("S1", command).status is Status.HELD, command


def test_a_shop_answers_a_key_that_it_knows_whatever_is_hot_by_now() -> None:
    made = world(turns=0)
    first = made.say("S1", plain("k1"))
    made.turn()
    made.adopt("S1")
    assert made.say("S1", plain("k1")) == first


@pytest.mark.parametrize(("word", "decides"), [(0, False), (OPENED, False), (CLOSED, True), (9, True)])
def test_a_shop_decides_for_a_closed_sku_by_a_word_as_new_as_the_closing(word: int, decides: bool) -> None:
    answer = world(turns=2).say("S1", plain("k1", asked=word))
    assert answer.status is Status.HELD if decides else reason_of(answer) == (Reason.HOT_SKU, CLOSED)


def test_the_ledger_of_the_sku_decides_while_it_is_open_by_a_word_of_the_shop() -> None:
    made = world()
    assert reason_of(made.say(HOT, at_hot("k1", asked=0))) == (Reason.HOT_ASK_SHOP, OPENED)
    assert made.say(HOT, at_hot("k1")).reason is Reason.HOT_FETCH
    made.hand("S1")
    held = made.say(HOT, at_hot("k1"))
    assert held.status is Status.HELD
    made.turn()
    made.adopt(HOT)
    assert made.say(HOT, at_hot("k1", asked=0)) == held, "a key that it knows"
    assert reason_of(made.say(HOT, at_hot("k2"))) == (Reason.HOT_CLOSED, CLOSED)


def test_before_it_hears_of_the_promotion_it_is_closed() -> None:
    assert reason_of(World().say(HOT, at_hot("k1"))) == (Reason.HOT_CLOSED, 0)


def test_a_paused_shop_is_refused_there_and_hands_nothing() -> None:
    made = world()
    made.rules = replace(made.rules, paused=True, paused_stores=("S1",), hot_revision=9)
    made.adopt(HOT)
    made.adopt("S1")
    assert made.say(HOT, at_hot("k1")).reason is Reason.STORE_NOT_ACCEPTING
    assert made.say("S1", HandUnits(SKU)) == HotTotals(0, 0, 0, OPENED)


def test_units_go_there_and_back_by_totals_however_often_that_is_said() -> None:
    made = world()
    assert made.say("S1", HandUnits(SKU, 2)) == HotTotals(2, 0, 0, OPENED)
    assert made.say("S1", HandUnits(SKU)) == HotTotals(5, 0, 0, OPENED)
    for handed in (5, 2, 5):
        assert made.say(HOT, ReceiveUnits("S1", handed)) == HotTotals(5, 0, 0, OPENED)
    assert made.say(HOT, GiveBackUnits("S1", 1)) == HotTotals(5, 1, 0, OPENED)
    assert made.say(HOT, GiveBackUnits("S1")) == HotTotals(5, 5, 0, OPENED)
    for back in (5, 1, 5):
        made.say("S1", TakeUnitsBack(SKU, back))
    assert made.ledgers["S1"].stock()[SKU] == (5, 0, 0, 0)
    made.check()


def test_what_is_under_way_is_received_before_anything_is_given_back_or_handed_over() -> None:
    made = world()
    made.hand("S1", arrives=False)
    assert made.say(HOT, GiveBackUnits("S1", 2, 5)) == HotTotals(5, 2, 0, OPENED)
    assert made.say("S1", HandUnits(SKU, 1, 2)) == HotTotals(6, 2, 0, OPENED)


def test_a_shop_hands_nothing_that_is_promised_kept_or_waited_for() -> None:
    made = world()
    made.say("S1", plain("k1", 2, basket_id="b"))
    assert made.say("S1", HandUnits(SKU)).over == 3
    made.say("S1", Reserve("k2", "bob", "web", "", ((SKU, 3),), 0, wait_ms=3_600_000, fetched=True, kept_at=3))
    made.stock("S1", SKU, 1)
    assert made.say("S1", HandUnits(SKU)) == HotTotals(3, 0, 0, OPENED, 2, waits=True), (
        "one came, and three are waited for"
    )


@pytest.mark.parametrize(
    "command",
    [
        plain("k", 2, basket_id="b"),
        plain("k", 2, wait_ms=3_600_000),
        Claim(claim_key("0007/1.1"), "0007/1.1", "ann", "web", ((SKU, 2),), 0),
        Amend("k", 5, ((SKU, 2),), 0, 0),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_shop_has_units_fetched_before_it_refuses(command: Any) -> None:
    made = world(2)
    held = made.say("S1", plain("k1", basket_id="c"))
    assert held.number == 5
    made.hand("S1")
    before = len(made.ledgers["S1"].records)
    assert made.say("S1", command).reason is Reason.UNITS_ELSEWHERE
    assert len(made.ledgers["S1"].records) == before, "nothing is recorded"
    if isinstance(command, Reserve) and command.wait_ms:
        assert made.say("S1", replace(command, fetched=True)).reason is Reason.UNITS_ELSEWHERE, "nothing is kept there"
        command = replace(command, kept_at=made.ledgers["S1"].ledger.hot.of(SKU).over)
    told = made.say("S1", replace(command, fetched=True))
    assert getattr(told, "reason", None) is Reason.INSUFFICIENT_STOCK or told.status is Status.QUEUED
    made.say("S1", Release("r", held.number, ReleaseReason.OTHER, ()))


def test_a_refusal_there_is_recorded_once_the_shop_was_asked() -> None:
    made = world(1)
    made.hand("S1")
    answer = made.say(HOT, at_hot("k1", 2))
    assert (answer.reason, answer.sku, answer.short_lines) == (Reason.HOT_FETCH, SKU, ((SKU, 2, 1),))
    refused = made.say(HOT, at_hot("k1", 2, fetched=True))
    assert refused.reason is Reason.INSUFFICIENT_STOCK
    made.stock("S1", SKU, 5)
    made.hand("S1")
    assert made.say(HOT, at_hot("k1", 2)) == refused


def test_a_hold_moves_into_its_shop_as_it_is_and_is_there_once() -> None:
    made = world()
    made.hand("S1")
    held = made.say(HOT, at_hot("k1", 3, external_reference="W-1", ttl_ms=60_000))
    made.say(HOT, Release("r1", held.number, ReleaseReason.OTHER, (("S1", 1),)))
    before = made.say(HOT, MoveOut(held.number))
    there = made.say("S1", move_in_of(HOT, before))
    assert (there.lines, there.held(), there.expires_at_ms) == (((SKU, 3),), (2,), held.expires_at_ms)
    assert (there.external_reference, there.created_at_ms) == ("W-1", held.created_at_ms)
    assert made.ledgers["S1"].stock()[SKU] == (5, 2, 3, 0)
    assert made.say("S1", move_in_of(HOT, made.say(HOT, MoveOut(held.number)))) == there
    made.say(HOT, NoteMoved(held.number))
    made.ledgers[HOT].restart()
    assert made.say(HOT, MoveOut(held.number)).reason is Reason.RESERVATION_MOVED, "nothing makes it there again"
    assert made.say("S1", replace(move_in_of(HOT, before), only_known=True)) == there
    made.check()


@pytest.mark.parametrize("behind_ms", [-HOUR_MS, HOUR_MS])
def test_a_hold_moves_with_what_is_left_of_it_whatever_the_clocks_say(behind_ms: int) -> None:
    """It was made by the clock of the SKU's ledger, and ends by that of its shop."""
    made = world(turns=0)
    made.ahead_ms[HOT] = -behind_ms
    made.turn()
    for ledger_id in made.ledgers:
        made.adopt(ledger_id)
    made.hand("S1")
    held = made.say(HOT, at_hot("k1", 3, ttl_ms=900_000))
    made.clock_ms += 5_000
    there = made.move(held.number)
    assert there is not None
    assert there.status is Status.HELD
    assert there.expires_at_ms - made.clock_ms == 895_000
    assert made.clock_ms - there.created_at_ms == 5_000
    made.ledgers["S1"].wait(made.clock_ms + 894_999)
    assert made.ledgers["S1"].known(there.number).status is Status.HELD
    made.ledgers["S1"].wait(made.clock_ms + 895_000)
    assert made.ledgers["S1"].known(there.number).status is Status.EXPIRED
    assert made.ledgers["S1"].complaints() == []
    made.check()


def test_what_has_moved_is_frozen_there_and_steps_go_on_in_the_shop() -> None:
    made = world()
    held = made.reserve("S1", 1, first_at_hot=False)
    made.move(held.number, lost_at=2)
    made.clock_ms += 10_800_000
    moved = Rejection(Reason.RESERVATION_MOVED, number=held.number)
    assert made.say(HOT, Release("r1", held.number, ReleaseReason.OTHER, ())) == moved
    assert made.say(HOT, Extend("e1", held.number, 60_000)) == moved
    there = made.move(held.number)
    assert there is not None
    assert there.status is Status.HELD
    made.ledgers["S1"].wait(made.clock_ms + 1)
    assert made.ledgers["S1"].known(there.number).status is Status.EXPIRED, "its time was over on the way"
    made.check()


def test_once_the_sku_is_closed_a_hold_that_is_extended_moves() -> None:
    """The ledger is known for a time only, in which all of its holds end."""
    made = world()
    held, over = (made.reserve("S1", 1, first_at_hot=False) for _ in range(2))
    assert isinstance(extended := made.say(HOT, Extend("e1", held.number, 60_000)), Reservation)
    made.say(HOT, Release("r1", over.number, ReleaseReason.OTHER, ()))
    made.turn()
    made.adopt(HOT)
    assert made.say(HOT, Extend("e1", held.number, 60_000)) == extended
    assert made.say(HOT, Extend("e2", held.number, 90_000)) == Rejection(Reason.RESERVATION_MOVED, number=held.number)
    assert made.say(HOT, Extend("e3", over.number, 90_000)).reason is Reason.TRANSITION_NOT_ALLOWED


def test_a_hold_that_is_over_does_not_move() -> None:
    made = world()
    held = made.reserve("S1", 1, first_at_hot=False)
    made.say(HOT, Release("r1", held.number, ReleaseReason.OTHER, ()))
    assert made.say(HOT, MoveOut(held.number)).reason is Reason.TRANSITION_NOT_ALLOWED
    assert made.say(HOT, MoveOut(999)).reason is Reason.RESERVATION_NOT_FOUND


def test_a_count_without_holds_is_refused_while_the_ledger_of_the_sku_may_hold_some() -> None:
    """The shop does not know how many, and would take them for units that are gone."""
    made = world()

    def count(key: str, as_of_ms: int = 0, *, holds_included: bool = False) -> Any:
        return made.say("S1", CountStock(key, ((SKU, 2),), as_of_ms, holds_included=holds_included))

    held = made.reserve("S1", 3, first_at_hot=False)
    no = Rejection(Reason.HELD_ELSEWHERE, SKU)
    assert count("c1") == no
    assert count("c1") == no, "it is durable"
    at_ms = made.clock_ms
    made.clock_ms += 1_000
    made.move(held.number)
    made.give_back("S1")
    assert made.ledgers["S1"].stock()[SKU] == (5, 3, 0, 0)
    assert count("c2", at_ms) == no, "at that instant it was held there"
    assert not isinstance(count("c3"), Rejection)
    assert made.ledgers["S1"].stock()[SKU] == (5, 3, 0, 0)
    assert not isinstance(count("c4", holds_included=True), Rejection)


def test_what_a_shop_lacks_it_lacks_of_the_units_there_first_and_the_moving_one_loses_the_rest() -> None:
    made = world()
    mine = made.say("S1", plain("k1", 2, basket_id="b"))
    made.hand("S1")
    held = made.say(HOT, at_hot("k2", 2))
    made.stock("S1", SKU, -2)
    assert made.ledgers["S1"].known(mine.number).status is Status.HELD
    assert made.say("S1", HandUnits(SKU)).wanted == 2
    there = made.move(held.number)
    assert there is not None
    assert (there.status, there.held()) == (Status.HELD, (1,))
    assert there.release_reason is ReleaseReason.SHORTFALL
    made.check()
    assert not made.ledgers["S1"].complaints()


LIMITED = Policy(version=2, chain_limit_rules=(ChainLimitRule("", SKU, 0, 1, 0),))


def limited() -> World:
    made = world()
    made.hand("S1")
    made.rules = replace(LIMITED, hot=made.rules.hot, hot_revision=9)
    made.adopt("S1")
    made.rules = made.rules.of_hot(SKU)
    made.adopt(HOT)
    return made


def test_a_limit_of_the_chain_takes_a_grant_there_as_in_a_shop() -> None:
    made = limited()
    assert made.say(HOT, at_hot("k1")).reason is Reason.GRANT_REQUIRED
    no = Rejection(Reason.UNITS_LIMIT, SKU, 1, 0, over_all_shops=True)
    assert made.say(HOT, at_hot("k2", grant=no)) == no
    held = made.say(HOT, at_hot("k3", grant=Grant(7, 2, 0, (SKU,))))
    assert held.grant == 7
    assert made.say(HOT, SettleGrant("\ngrant", "k3", 7)).number == held.number
    there = made.move(held.number)
    assert there is not None
    assert there.grant == 7
    assert there.number in made.ledgers["S1"].ledger.outbox
    assert made.say(HOT, SettleGrant("\ngrant", "k3", 7)).reason is Reason.RESERVATION_MOVED
    assert made.say(HOT, SettleGrant("\nother", "k3", 8)).reason is Reason.CLAIM_ABANDONED
    assert not made.ledgers[HOT].complaints() + made.ledgers["S1"].complaints()


def test_a_hold_of_before_a_limit_moves_once_it_is_counted() -> None:
    made = world()
    held = made.reserve("S1", 1, first_at_hot=False)
    made.rules = replace(LIMITED.of_hot(SKU), hot=made.rules.hot, hot_revision=9)
    made.adopt(HOT)
    made.say(HOT, Acknowledge((), (), (held.number,)))
    assert made.say(HOT, MoveOut(held.number)).reason is Reason.ORDER_UNDECIDED
    made.say(HOT, Acknowledge(((held.number, held.version),), ((held.number, 8),)))
    assert made.say(HOT, MoveOut(held.number)).grant == 8


def test_what_the_ledger_of_the_sku_has_is_missed_before_a_quota_is() -> None:
    made = world(10)
    made.say("S1", AllotStock("q", HolderKind.CHANNEL, "app", ((SKU, 4),), (), DAY_MS, ""))
    made.hand("S1")
    made.count("S1", SKU, 8)
    assert made.ledgers["S1"].ledger.hot.left(SKU) == 6
    assert made.ledgers["S1"].audited().violations == ()
    made.count("S1", SKU, 3)
    made.bring_home("S1")
    assert made.ledgers["S1"].stock()[SKU] == (3, 0, 3, 0), "the quota lost one, all others are home"
    assert made.ledgers["S1"].audited().violations == ()


@pytest.mark.parametrize(
    ("set_aside", "stock"),
    [
        (AllotStock("q", HolderKind.CHANNEL, "app", ((SKU, 4),), (), DAY_MS, ""), (7, 6, 1, 0)),
        (ProposeTransfer("t", "S2", ((SKU, 4),), 0), (7, 6, 0, 0)),  # it gives up as a whole
        (AllotStock("q", HolderKind.CHANNEL, "app", ((SKU, 2),), (), DAY_MS, ""), (7, 7, 0, 0)),
        (AllotStock("q", HolderKind.TILL, "t", ((SKU, 4),), (), DAY_MS, ""), (7, 3, 4, 0)),  # which may have sold them
    ],
    ids=["a quota", "a transfer", "a quota that is too small", "a till"],
)
def test_what_is_set_aside_is_lost_before_a_hold_that_moves_in(set_aside: Any, stock: tuple[int, ...]) -> None:
    made = world(10)
    made.say("S1", set_aside)
    made.hand("S1")
    units = made.ledgers["S1"].ledger.hot.left(SKU)
    assert made.say(HOT, at_hot("k1", units)).status is Status.HELD
    made.count("S1", SKU, 7)
    made.bring_home("S1")
    assert made.ledgers["S1"].stock()[SKU] == stock
    assert made.ledgers["S1"].complaints() == []


def test_the_audit_sees_a_key_that_was_decided_without_a_word() -> None:
    made = world()
    made.hand("S1")
    ledger, at_ms = made.ledgers[HOT], made.clock_ms
    ledger._journal([Reserved(at_hot("k1", asked=0), at_ms + 1_000)], at_ms)
    assert [each.invariant for each in ledger.audited().violations] == ["I20"]
    shop = made.ledgers["S1"]
    made.say("S1", TakeUnitsBack(SKU, 5))
    shop._journal([Reserved(plain("k2", asked=99), at_ms + 1_000)], at_ms)
    assert [each.invariant for each in shop.audited().violations] == ["I20"]


def test_what_a_shop_has_forgotten_or_never_handed_is_not_made_there() -> None:
    made = world()
    made.hand("S1")
    held = made.say(HOT, at_hot("k1", 3))
    moving = move_in_of(HOT, made.say(HOT, MoveOut(held.number)))
    stock = made.ledgers["S1"].stock()[SKU]
    assert made.say("S1", replace(moving, only_known=True)).reason is Reason.RESERVATION_MOVED
    assert made.say("S1", replace(moving, key="other", quantity=6)).reason is Reason.ORDER_UNDECIDED
    assert made.ledgers["S1"].stock()[SKU] == stock
    assert made.say("S1", moving).held() == (3,), "the question was not remembered as its answer"
