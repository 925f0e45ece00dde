"""What is in transit to a shop is promised by the rule, once; it is reserved when it has come, and what did not come is
lost by somebody, by name.
"""

from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.due import Budget
from actors.core.policy import HotSku, LimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, Status
from actors.shop.due_first import about_of, expire_first
from actors.shop.events import Expired
from actors.shop.invariants import check
from actors.shop.shortfalls.shortfall import ShortfallCause
from actors.shop.state import FullReservation, Reservation
from actors.shop.transfers import transfer as move, unpromised
from actors.shop.transfers.in_transit import Awaits, InTransit
from tests.shop.scenario import play
from tests.shop.scenario_text import command_of, instant
from tests.shop.strategies import ONE_PLACE
from tests.shop.transfers_text import sent
from tests.shop.watched import Watched

RULE: Final = Policy(version=1, promise_in_transit=True)

PAGES: Final = {
    "promised by the rule, reserved when it has come": """
        at   | said                 | answer                          | events           | stock
        0:00 | receive A 1          | applied 1                       | StockAdjusted    | A 1/0
        0:01 | advise S9:T4 A 3     | applied 0                       | TransferExpected | A 1/0
        0:02 | reserve ann A 1      | #4 HELD A 1 until 2:02          | Reserved         | A 1/1
        0:03 | k: reserve bob A 2   | #5 HELD A 2 until 2:03          | Promised         | A 1/1
        0:04 | reserve cy A 2       | INSUFFICIENT_STOCK A 2 of 1     | Refused          | A 1/1
        0:05 | reserve dan A 1      | #7 HELD A 1 until 2:05          | Promised         | A 1/1
        0:05 | k: reserve bob A 2   | #5 HELD A 2 until 2:03 (again)  |                  | A 1/1
        0:05 | reserve eve A 1      | INSUFFICIENT_STOCK A 1 of 0     | Refused          | A 1/1
        0:06 | confirm #5           | #5 CONFIRMED A 2 until 2d0:06   | Confirmed        | A 1/1
        0:07 | collect #5           | AWAITS_TRANSFER #5 CONFIRMED    | Refused          | A 1/1
        0:07 | ready #5             | AWAITS_TRANSFER #5 CONFIRMED    | Refused          | A 1/1
        0:07 | amend #5 A 1         | AWAITS_TRANSFER #5 CONFIRMED    | Refused          | A 1/1
        0:07 | give #5 to t7        | AWAITS_TRANSFER #5 CONFIRMED    | Refused          | A 1/1
        0:07 | release #5 A 1       | AWAITS_TRANSFER #5 CONFIRMED    | Refused          | A 1/1
        0:08 | extend #7 for 4h     | #7 HELD A 1 until 4:08          | Extended         | A 1/1
        0:09 | restart              |                                 |                  | A 1/1
        0:10 | arrive S9:T4         | S9:T4 RECEIVED A 3>3            | TransferReceived | A 4/4
        0:11 | ready #5             | #5 READY A 2 until 2d0:06       | ReadyMarked      | A 4/4
        0:12 | collect #5           | #5 COLLECTED A 2 -2 sold        | Collected        | A 2/2
    """,
    "what is given back may be promised again": """
        at   | said                   | answer                          | events            | stock
        0:00 | receive A 1            | applied 1                       | StockAdjusted     | A 1/0
        0:01 | advise S9:T4 A 2       | applied 0                       | TransferExpected  | A 1/0
        0:02 | reserve ann A 2        | #4 HELD A 2 until 2:02          | Promised          | A 1/0
        0:03 | release #4             | #4 RELEASED A 2 -2 back OTHER   | Released OTHER    | A 1/0
        0:04 | reserve bob A 2 for 5m | #6 HELD A 2 until 0:09          | Promised          | A 1/0
        0:09 | reserve cy A 2         | #8 HELD A 2 until 2:09          | Expired, Promised | A 1/0
        0:10 | reserve dan A 1        | #9 HELD A 1 until 2:10          | Reserved          | A 1/1
        0:11 | arrive S9:T4 A 4       | S9:T4 RECEIVED A 2>4 by CARRIER | TransferReceived  | A 5/3
    """,
    "what did not come is lost, by the youngest hold of all": """
        at   | said             | answer                          | stock
        0:00 | receive A 1      | applied 1                       | A 1/0
        0:01 | advise S9:T4 A 3 | applied 0                       | A 1/0
        0:02 | reserve ann A 2  | #4 HELD A 2 until 2:02          | A 1/0
        0:03 | confirm #4       | #4 CONFIRMED A 2 until 2d0:03   | A 1/0
        0:04 | reserve bob A 1  | #6 HELD A 1 until 2:04          | A 1/1
        0:05 | reserve cy A 1   | #7 HELD A 1 until 2:05          | A 1/1
        0:06 | arrive S9:T4 A 1 | S9:T4 RECEIVED A 3>1 by CARRIER | A 2/2
        0:07 | collect #4       | #4 COLLECTED A 2 -2 sold        | A 0/0
        0:07 | collect #6       | TRANSITION_NOT_ALLOWED #6 RELEASED | A 0/0
        0:07 | collect #7       | TRANSITION_NOT_ALLOWED #7 RELEASED | A 0/0
    """,
    "what the shop has besides makes up for it": """
        at   | said             | answer                          | events           | stock
        0:00 | receive A 1      | applied 1                       | StockAdjusted    | A 1/0
        0:01 | advise S9:T4 A 3 | applied 0                       | TransferExpected | A 1/0
        0:02 | reserve ann A 3  | #4 HELD A 3 until 2:02          | Promised         | A 1/0
        0:03 | receive A 1      | applied 1                       | StockAdjusted    | A 2/0
        0:04 | arrive S9:T4 A 1 | S9:T4 RECEIVED A 3>1 by CARRIER | TransferReceived | A 3/3
    """,
    "a quota gives its units up before": """
        at   | said                  | answer                          | events                            | stock
        0:00 | receive A 2           | applied 1                       | StockAdjusted                     | A 2/0
        0:01 | allot channel:app A 2 | #3 OPEN app A 2 until 1:01      | Allotted                          | A 2/0 out 2
        0:02 | advise S9:T4 A 3      | applied 0                       | TransferExpected                  | A 2/0 out 2
        0:03 | reserve ann A 3       | #5 HELD A 3 until 2:03          | Promised                          | A 2/0 out 2
        0:04 | arrive S9:T4 A 2      | S9:T4 RECEIVED A 3>2 by CARRIER | TransferReceived, AllotmentShrunk | A 4/3 out 1
    """,
    "one transfer from here gives up the units of two SKUs": """
        at   | said                  | events                              | stock
        0:00 | receive A 2, B 2      | StockAdjusted                       | A 2/0, B 2/0
        0:01 | propose S2 A 2, B 2   | TransferProposed                    | A 2/2, B 2/2
        0:02 | advise S9:T4 A 2, B 2 | TransferExpected                    | A 2/2, B 2/2
        0:03 | reserve ann A 2       | Promised                            | A 2/2, B 2/2
        0:04 | reserve bob B 2       | Promised                            | A 2/2, B 2/2
        0:05 | arrive S9:T4 C 1      | TransferReceived, TransferCancelled | A 2/2, B 2/2, C 1/0
    """,
    "of two transfers the one that has so many; nobody gets past who waits": """
        at   | said                       | answer                           | events           | stock
        0:00 | receive A 1, B 1           | applied 2                        | StockAdjusted    | A 1/0, B 1/0
        0:01 | reserve ann A 2 waiting 5h | #3 QUEUED A 2 until 5:01 place 1 | Queued           | A 1/0, B 1/0
        0:02 | advise S9:T4 A 1, B 1      | applied 0                        | TransferExpected | A 1/0, B 1/0
        0:02 | advise S9:T9 A 1, B 3      | applied 0                        | TransferExpected | A 1/0, B 1/0
        0:03 | reserve bob A 1            | INSUFFICIENT_STOCK A 1 of 0      | Refused          | A 1/0, B 1/0
        0:04 | reserve bob B 3            | #7 HELD B 3 until 2:04           | Promised         | A 1/0, B 1/0
        0:05 | reserve cy B 2 basket b    | INSUFFICIENT_STOCK B 2 of 1      | Refused          | A 1/0, B 1/0
        0:07 | arrive S9:T9               | S9:T9 RECEIVED A 1>1, B 3>3      | TransferReceived, Served | A 2/2, B 4/3
        0:08 | arrive S9:T4               | S9:T4 RECEIVED A 1>1, B 1>1      | TransferReceived | A 3/2, B 5/3
    """,
    "neither a basket nor several SKUs": """
        at   | said                    | answer                      | events
        0:00 | receive A 1, B 1        | applied 2                   | StockAdjusted
        0:01 | advise S9:T4 A 3, B 3   | applied 0                   | TransferExpected
        0:02 | reserve cy A 2 basket b | INSUFFICIENT_STOCK A 2 of 1 | Refused
        0:03 | reserve cy B 2, A 1     | INSUFFICIENT_STOCK B 2 of 1 | Refused
        0:04 | reserve cy B 4          | INSUFFICIENT_STOCK B 4 of 3 | Refused
        0:05 | reserve cy C 1          | SKU_NOT_STOCKED C 1 of 0    | Refused
    """,
    "what comes for the first time, or does not": """
        at   | said                    | events                                                  | stock
        0:01 | advise S9:T4 A 3, B 3   | TransferExpected                                        |
        0:02 | reserve cy A 2          | Promised                                                | A 0/0
        0:03 | reserve cy B 2          | Promised                                                | A 0/0, B 0/0
        0:04 | restart                 |                                                         | A 0/0, B 0/0
        0:05 | arrive S9:T4 A 3        | TransferReceived, ShortfallDeclared, Released SHORTFALL | A 3/2, B 0/0
    """,
    "who is promised units when he might have waited does not wait": """
        at   | said                       | answer                           | events           | stock
        0:00 | receive A 1                | applied 1                        | StockAdjusted    | A 1/0
        0:01 | advise S9:T4 A 2           | applied 0                        | TransferExpected | A 1/0
        0:02 | reserve ann A 2 waiting 1h | #4 HELD A 2 until 2:02           | Promised         | A 1/0
        0:03 | reserve bob A 2 waiting 1h | #5 QUEUED A 2 until 1:03 place 1 | Queued           | A 1/0
        0:04 | arrive S9:T4 A 4           | S9:T4 RECEIVED A 2>4 by CARRIER  | TransferReceived, Served | A 5/4
    """,
}
PICKING: Final = """
    at   | said               | answer                          | events           | stock
    0:00 | receive A 1        | applied 1                       | StockAdjusted    | A 1/0
    0:01 | advise S9:T4 A 3   | applied 0                       | TransferExpected | A 1/0
    0:02 | reserve ann A 3    | #4 HELD A 3 until 2:02          | Promised         | A 1/0
    0:03 | confirm #4         | #4 CONFIRMED A 3 until 2d0:03   | Confirmed        | A 1/0
    0:04 | take first as eva  | PICK_QUEUE_EMPTY                |                  | A 1/0
    0:05 | take #4 as eva     | AWAITS_TRANSFER #4 CONFIRMED    | Refused          | A 1/0
    0:06 | here #4 in P4      | AWAITS_TRANSFER #4 CONFIRMED    | Refused          | A 1/0
    0:07 | restart            |                                 |                  | A 1/0
    0:08 | arrive S9:T4       | S9:T4 RECEIVED A 3>3            | TransferReceived | A 4/3
    0:09 | take first as eva  | #4 PICKING A 0 of 3 eva until 0:19 | PickClaimed   | A 4/3
"""


@pytest.mark.parametrize("name", PAGES)
def test_in_transit(name: str) -> None:
    play(PAGES[name], RULE)


def test_its_task_comes_with_the_goods() -> None:
    play(PICKING, replace(RULE, picks=True))


def test_a_task_is_of_what_came() -> None:
    watched = expecting("1:00", replace(RULE, picks=True))
    for number, name in ((5, "ann"), (7, "bob")):
        watched.say(command_of(f"reserve {name} A 2", f"{name} reserves"), instant("0:02"))
        watched.say(command_of(f"confirm #{number}", f"{name} confirms"), instant("0:03"))
    watched.say(command_of("arrive S9:T4 A 3", "k"), instant("0:04"))
    assert {number: task.lines for number, task in watched.ledger.picks.rows.items()} == {
        5: (("A", 2),),
        7: (("A", 1),),
    }
    assert watched.complaints() == []


def test_without_the_rule_nothing_is_promised() -> None:
    page = """
        at   | said                      | answer                      | events
        0:00 | receive A 1               | applied 1                   | StockAdjusted
        0:01 | advise S9:T4 A 3          | applied 0                   | TransferExpected
        0:02 | reserve ann A 2           | INSUFFICIENT_STOCK A 2 of 1 | Refused
    """
    play(page, Policy(version=1))


def expecting(at: str, policy: Policy = RULE) -> Watched:
    """A shop without any of A, to which five are on their way, expected at that time."""
    watched = Watched(policy)
    watched.say(command_of("receive A 1", "stock"), instant("0:00"))
    watched.say(command_of("sell A 1", "sold"), instant("0:00"))
    transfer = replace(sent("S9:T4", (("A", 5),)), expected_at_ms=instant(at))
    watched.say(move.AdviseTransfer(transfer), instant("0:01"))
    return watched


def test_the_time_to_collect_begins_when_it_is_expected() -> None:
    watched = expecting("1d8:00")
    watched.say(command_of("reserve ann A 2", "k1"), instant("0:02"))
    number = len(watched.records)
    assert watched.known(number).awaits == Awaits(4, "S9:T4", instant("1d8:00"))
    watched.say(command_of(f"confirm #{number} within 1h", "k2"), instant("0:03"))
    assert watched.known(number).expires_at_ms == instant("1d9:00")
    refused = watched.say(command_of(f"collect #{number}", "k3"), instant("0:04")).answer.answer
    assert refused == Rejection(Reason.AWAITS_TRANSFER, "", 0, instant("1d8:00"), number, Status.CONFIRMED)
    assert watched.complaints() == []


def test_a_slot_begins_no_sooner_than_it_is_expected() -> None:
    watched = expecting("10:00", replace(RULE, calendar=ONE_PLACE))
    for slot, kind in (("9:00", "Refused"), ("10:00", "Promised"), ("10:00", "Refused"), ("11:00", "Promised")):
        watched.say(command_of(f"reserve ann A 1 slot {slot}", f"k{len(watched.records)}"), instant("0:02"))
        assert type(watched.records[-1].event).__name__ == kind, slot
    assert watched.complaints() == []


def test_what_is_promised_counts_for_its_customer() -> None:
    watched = expecting("1:00", replace(RULE, limit_rules=(LimitRule("", "A", 0, 2),)))
    watched.say(command_of("reserve ann A 2", "k1"), instant("0:02"))
    refused = watched.say(command_of("reserve ann A 1", "k2"), instant("0:03")).answer.answer
    assert refused.reason is Reason.UNITS_LIMIT
    assert watched.complaints() == []


def test_who_loses_waits_first_in_line_if_the_rule_says_so() -> None:
    watched = expecting("1:00", replace(RULE, losers_wait=True))
    watched.say(command_of("reserve ann A 2", "k1"), instant("0:02"))
    watched.say(command_of("reserve bob A 2", "k2"), instant("0:03"))
    ann, bob = 5, 6
    watched.say(command_of("arrive S9:T4 A 2", "k3"), instant("0:04"))
    assert [watched.known(each).status for each in (ann, bob)] == [Status.HELD, Status.QUEUED]
    (task,) = watched.ledger.tasks.rows.values()
    assert (task.reservation, task.cause, task.place) == (bob, ShortfallCause.TRANSFER, bob)
    watched.say(command_of("receive A 2", "k4"), instant("0:05"))
    assert watched.known(bob).status is Status.HELD
    assert watched.complaints() == []


def test_who_is_released_is_told_as_one_whose_units_had_come() -> None:
    watched = expecting("1:00")
    watched.say(command_of("reserve ann A 2", "k1"), instant("0:02"))
    watched.say(command_of("arrive S9:T4 B 1", "k2"), instant("0:03"))
    lost = watched.known(5)
    assert (lost.status, lost.release_reason, lost.awaits) == (Status.RELEASED, ReleaseReason.SHORTFALL, None)
    assert watched.complaints() == []


@pytest.mark.parametrize("loses", ["one who awaits", "units", "the transfer"])
def test_an_index_that_is_wrong_is_seen(loses: str) -> None:
    watched = expecting("1:00")
    watched.say(command_of("reserve ann A 2", "k1"), instant("0:02"))
    assert check(watched.ledger) == []
    match loses:
        case "one who awaits":
            watched.ledger.in_transit = InTransit()
        case "units":
            watched.ledger.in_transit.promised[4, "A"] = 1
        case _:
            watched.ledger.transfers.drop(4)
    assert {violation.invariant for violation in check(watched.ledger)} <= {"I2", "I7"}
    assert check(watched.ledger)


def test_one_whose_units_have_come_costs_no_more_than_any_other() -> None:
    watched = expecting("1:00")
    watched.say(command_of("reserve ann A 2", "k1"), instant("0:02"))
    assert type(watched.known(5)) is FullReservation
    watched.say(command_of("arrive S9:T4", "k2"), instant("0:03"))
    assert type(watched.known(5)) is Reservation
    watched.restart()
    assert type(watched.known(5)) is Reservation
    assert watched.complaints() == []


def test_no_more_await_one_transfer_than_its_receipt_can_decide_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpromised, "AWAITING_MAX", 1)
    watched = expecting("1:00")
    for name, kind in (("ann", "Promised"), ("bob", "Refused")):
        watched.say(command_of(f"reserve {name} A 1", name), instant("0:02"))
        assert type(watched.records[-1].event).__name__ == kind


def test_of_a_hot_sku_nothing_is_promised() -> None:
    watched = expecting("1:00")
    watched.say(command_of("reserve ann A 1", "k1"), instant("0:02"))
    watched.adopt(replace(RULE, version=2, hot=(HotSku("A", 1, is_open=True),)), instant("0:03"))
    for fetched in (False, True):
        asked = replace(command_of("reserve bob A 1", f"k{fetched}"), fetched=fetched, to_shop=True)
        refused = watched.say(asked, instant("0:04")).answer.answer
        assert isinstance(refused, Rejection)
    watched.say(command_of("arrive S9:T4", "k3"), instant("0:05"))
    assert watched.ledger.positions["A"].reserved == 1
    assert watched.complaints() == []


def test_what_was_promised_stands_when_the_rule_is_dropped() -> None:
    watched = expecting("1:00")
    watched.say(command_of("reserve ann A 2", "k1"), instant("0:02"))
    watched.adopt(replace(RULE, version=2, promise_in_transit=False), instant("0:03"))
    refused = watched.say(command_of("reserve bob A 2", "k2"), instant("0:03")).answer.answer
    assert refused.reason is Reason.INSUFFICIENT_STOCK
    watched.say(command_of("arrive S9:T4", "k3"), instant("0:04"))
    assert watched.ledger.positions["A"].reserved == 2
    assert watched.complaints() == []


def test_a_part_of_an_order_is_promised_nothing() -> None:
    watched = expecting("1:00")
    refused = watched.say(command_of("claim o1 ann A 2", "k1"), instant("0:02")).answer.answer
    assert refused.reason is Reason.INSUFFICIENT_STOCK
    assert watched.complaints() == []


def test_a_promise_that_is_due_is_out_of_the_way_of_who_asks_for_its_units() -> None:
    watched = expecting("1:00")
    watched.say(command_of("reserve ann A 5 for 5m", "k1"), instant("0:02"))
    asked, now_ms = command_of("reserve bob A 5", "k2"), instant("0:10")
    about = about_of(watched.ledger, asked)
    assert about is not None
    events, is_all = expire_first(watched.ledger, about, now_ms, Budget())
    assert ([type(event) for event in events], is_all) == ([Expired], True)
    assert watched.ledger.in_transit == InTransit()
