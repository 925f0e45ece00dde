"""Who waits in line is promised what is in transit, in turn and by the rule; nobody who comes later has it before."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.due import Budget
from actors.core.policy import ChainLimitRule, HotSku, LimitRule, Policy
from actors.core.status import ReleaseReason, Status
from actors.shop.due_first import about_of, expire_first
from actors.shop.events import Served
from actors.shop.lines import decide as deciding
from actors.shop.state import Ledger
from actors.shop.transfers import transfer as move
from actors.shop.transfers.in_transit import Awaits, InTransit
from actors.shop.transfers.unpromised import Coming
from tests.shop.scenario import play
from tests.shop.scenario_text import command_of, instant
from tests.shop.strategies import ONE_PLACE
from tests.shop.test_in_transit import RULE
from tests.shop.transfers_text import sent
from tests.shop.watched import Watched

PAGES: Final = {
    "in turn, as soon as it is known": """
        at   | said                       | answer                           | events                   | stock
        0:00 | receive A 1                | applied 1                        | StockAdjusted            | A 1/0
        0:01 | reserve eve A 1            | #3 HELD A 1 until 2:01           | Reserved                 | A 1/1
        0:02 | reserve ann A 2 waiting 5h | #4 QUEUED A 2 until 5:02 place 1 | Queued                   | A 1/1
        0:03 | reserve bob A 1 waiting 5h | #5 QUEUED A 1 until 5:03 place 2 | Queued                   | A 1/1
        0:04 | advise S9:T4 A 3           | applied 0                        | TransferExpected, Served x2 | A 1/1
        0:05 | reserve cy A 1             | INSUFFICIENT_STOCK A 1 of 0      | Refused                  | A 1/1
        0:06 | confirm #4                 | #4 CONFIRMED A 2 until 2d0:06    | Confirmed                | A 1/1
        0:07 | collect #4                 | AWAITS_TRANSFER #4 CONFIRMED     | Refused                  | A 1/1
        0:08 | restart                    |                                  |                          | A 1/1
        0:09 | arrive S9:T4               | S9:T4 RECEIVED A 3>3             | TransferReceived         | A 4/4
        0:10 | collect #4                 | #4 COLLECTED A 2 -2 sold         | Collected                | A 2/2
        0:11 | collect #5                 | #5 COLLECTED A 1 -1 sold         | Collected                | A 1/1
    """,
    "what is not taken up goes to the next, and keeps its place once": """
        at   | said                              | answer                           | events                   | stock
        0:00 | receive A 1                       | applied 1                        | StockAdjusted            | A 1/0
        0:01 | reserve eve A 1                   | #3 HELD A 1 until 2:01           | Reserved                 | A 1/1
        0:02 | reserve ann A 1 for 5m waiting 5h | #4 QUEUED A 1 until 5:02 place 1 | Queued                   | A 1/1
        0:03 | reserve bob A 1 for 5m waiting 5h | #5 QUEUED A 1 until 5:03 place 2 | Queued                   | A 1/1
        0:04 | advise S9:T4 A 1                  | applied 0                        | TransferExpected, Served | A 1/1
        0:05 | restart                           |                                  |                          | A 1/1
        0:09 | wait                              |                                  | PassedOver, Served       | A 1/1
        0:10 | confirm #5                        | #5 CONFIRMED A 1 until 2d0:10    | Confirmed                | A 1/1
        0:11 | arrive S9:T4                      | S9:T4 RECEIVED A 1>1             | TransferReceived         | A 2/2
        0:12 | release #3                        | #3 RELEASED A 1 -1 back OTHER    | Released OTHER, Served   | A 2/2
        0:17 | wait                              |                                  | Expired                  | A 2/1
    """,
    "what comes in the time of who was served is his": """
        at   | said                              | answer                           | events                   | stock
        0:00 | receive A 1                       | applied 1                        | StockAdjusted            | A 1/0
        0:01 | reserve eve A 1                   | #3 HELD A 1 until 2:01           | Reserved                 | A 1/1
        0:02 | reserve ann A 1 for 5m waiting 5h | #4 QUEUED A 1 until 5:02 place 1 | Queued                   | A 1/1
        0:03 | reserve bob A 1 for 5m waiting 5h | #5 QUEUED A 1 until 5:03 place 2 | Queued                   | A 1/1
        0:04 | advise S9:T4 A 1                  | applied 0                        | TransferExpected, Served | A 1/1
        0:05 | arrive S9:T4                      | S9:T4 RECEIVED A 1>1             | TransferReceived         | A 2/2
        0:09 | wait                              |                                  | PassedOver, Served       | A 2/2
        0:14 | wait                              |                                  | PassedOver, Served       | A 2/2
        0:15 | confirm #4                        | #4 CONFIRMED A 1 until 2d0:15    | Confirmed                | A 2/2
    """,
    "nobody passes whom too little is on the way for": """
        at   | said                       | answer                           | events             | stock
        0:00 | receive A 1                | applied 1                        | StockAdjusted      | A 1/0
        0:01 | reserve ann A 4 waiting 5h | #3 QUEUED A 4 until 5:01 place 1 | Queued             | A 1/0
        0:02 | reserve bob A 1 waiting 5h | #4 QUEUED A 1 until 5:02 place 2 | Queued             | A 1/0
        0:03 | advise S9:T4 A 3           | applied 0                        | TransferExpected   | A 1/0
        0:04 | reserve cy A 1             | INSUFFICIENT_STOCK A 1 of 0      | Refused            | A 1/0
        0:05 | release #3                 | #3 RELEASED A 4 OTHER            | Left OTHER, Served | A 1/1
        0:06 | reserve cy A 2             | #9 HELD A 2 until 2:06           | Promised           | A 1/1
    """,
    "what one who was promised it gives back": """
        at   | said                       | answer                           | events                 | stock
        0:00 | receive A 1                | applied 1                        | StockAdjusted          | A 1/0
        0:01 | reserve eve A 1            | #3 HELD A 1 until 2:01           | Reserved               | A 1/1
        0:02 | advise S9:T4 A 1           | applied 0                        | TransferExpected       | A 1/1
        0:03 | reserve ann A 1 for 5m     | #5 HELD A 1 until 0:08           | Promised               | A 1/1
        0:04 | reserve bob A 1 waiting 5h | #6 QUEUED A 1 until 5:04 place 1 | Queued                 | A 1/1
        0:05 | reserve cy A 1 waiting 5h  | #7 QUEUED A 1 until 5:05 place 2 | Queued                 | A 1/1
        0:08 | wait                       |                                  | Expired, Served        | A 1/1
        0:09 | release #6                 | #6 RELEASED A 1 -1 back OTHER    | Released OTHER, Served | A 1/1
        0:10 | arrive S9:T4               | S9:T4 RECEIVED A 1>1             | TransferReceived       | A 2/2
        0:11 | collect #7                 | #7 COLLECTED A 1 -1 sold         | Collected              | A 1/1
    """,
    "what did not come is lost as by any other": """
        at   | said                       | answer                           | events                   | stock
        0:00 | receive A 1                | applied 1                        | StockAdjusted            | A 1/0
        0:01 | reserve eve A 1            | #3 HELD A 1 until 2:01           | Reserved                 | A 1/1
        0:02 | reserve ann A 2 waiting 5h | #4 QUEUED A 2 until 5:02 place 1 | Queued                   | A 1/1
        0:03 | advise S9:T4 A 2           | applied 0                        | TransferExpected, Served | A 1/1
        0:04 | arrive S9:T4 A 1           | S9:T4 RECEIVED A 2>1 by CARRIER  | TransferReceived, ShortfallDeclared, Released SHORTFALL | A 2/2
    """,  # noqa: E501 a row is one line
    "a basket gives it back for what is there, and nothing of it is there": """
        at   | said                                | answer                           | events                      | stock
        0:00 | receive A 1                         | applied 1                        | StockAdjusted               | A 1/0
        0:01 | reserve eve A 1                     | #3 HELD A 1 until 2:01           | Reserved                    | A 1/1
        0:02 | reserve ann A 1 basket b waiting 5h | #4 QUEUED A 1 until 5:02 place 1 | Queued                      | A 1/1
        0:03 | advise S9:T4 A 2                    | applied 0                        | TransferExpected, Served    | A 1/1
        0:04 | release #3                          | #3 RELEASED A 1 -1 back OTHER    | Released OTHER              | A 1/0
        0:05 | reserve ann A 2 basket b            | INSUFFICIENT_STOCK A 2 of 1      | Refused                     | A 1/0
        0:06 | reserve ann A 1 basket b            | #10 HELD A 1 until 2:06          | Released REPLACED, Reserved | A 1/1
        0:07 | reserve bob A 2                     | #11 HELD A 2 until 2:07          | Promised                    | A 1/1
    """,  # noqa: E501 a row is one line
}


@pytest.mark.parametrize("name", PAGES)
def test_in_transit_lines(name: str) -> None:
    play(PAGES[name], RULE)


def test_without_the_rule_who_waits_is_promised_nothing() -> None:
    page = """
        at   | said                       | answer                           | events           | stock
        0:00 | receive A 1                | applied 1                        | StockAdjusted    | A 1/0
        0:01 | reserve ann A 2 waiting 5h | #3 QUEUED A 2 until 5:01 place 1 | Queued           | A 1/0
        0:02 | advise S9:T4 A 2           | applied 0                        | TransferExpected | A 1/0
    """
    watched = play(page, Policy(version=1))
    watched.adopt(RULE, instant("0:03"))
    assert watched.known(3).status is Status.QUEUED
    watched.wait(instant("0:03"))
    assert watched.known(3).awaits == Awaits(4, "S9:T4", 0), "from then on"
    assert watched.complaints() == []


class Line:
    """A shop without any of A, for which some wait, and to which five are on their way from a time on."""

    def __init__(self, policy: Policy, *waiting: str) -> None:
        self.watched = Watched(policy)
        self.say("receive A 1")
        self.say("sell A 1")
        self.numbers = [self.wait(text) for text in waiting]

    def say(self, text: str, at: str = "0:01") -> Any:
        told = self.watched.say(command_of(text, f"k{len(self.watched.records)}"), instant(at))
        return getattr(told.answer, "answer", told.answer)

    def wait(self, text: str) -> int:
        self.say(f"reserve {text}")
        return len(self.watched.records)

    def advise(self, expected: str, transfer_id: str = "S9:T4", units: int = 5) -> None:
        transfer = replace(sent(transfer_id, (("A", units),)), expected_at_ms=instant(expected))
        self.watched.say(move.AdviseTransfer(transfer), instant("0:02"))

    def statuses(self) -> list[tuple[str, str]]:
        """Each with the transfer that it awaits."""
        found = map(self.watched.known, self.numbers)
        return [(each.status.name, each.awaits.transfer_id if each.awaits else "") for each in found]

    def sound(self) -> None:
        assert self.watched.complaints() == []
        assert self.watched.mistold() == []


def test_a_slot_begins_no_sooner_than_it_is_expected() -> None:
    line = Line(replace(RULE, calendar=ONE_PLACE), "ann A 1 slot 10:00 waiting 11h", "bob A 1 slot 11:00 waiting 11h")
    line.advise("10:30")
    assert line.statuses() == [("QUEUED", ""), ("QUEUED", "")], "bob passes nobody"
    line.say(f"release #{line.numbers[0]}", "0:03")
    assert line.statuses()[1] == ("HELD", "S9:T4")
    line.sound()


def test_of_two_transfers_the_one_that_is_expected_first() -> None:
    line = Line(RULE, "ann A 2 waiting 8h", "bob A 1 waiting 8h")
    line.advise("1d8:00", units=1)
    assert line.statuses() == [("QUEUED", ""), ("QUEUED", "")]
    line.advise("2d8:00", "S9:T7", 3)
    assert line.statuses() == [("HELD", "S9:T7"), ("HELD", "S9:T4")]
    line.sound()


def test_where_a_line_may_be_passed_whoever_it_is_enough_for_is_promised_it() -> None:
    line = Line(replace(RULE, line_may_pass=True), "ann A 9 waiting 8h", "bob A 5 waiting 8h", "cy A 1 waiting 8h")
    line.advise("1d8:00")
    assert line.statuses() == [("QUEUED", ""), ("HELD", "S9:T4"), ("QUEUED", "")]
    line.sound()


def test_limits_count_what_is_promised_and_forbid_it() -> None:
    line = Line(replace(RULE, limit_rules=(LimitRule("", "A", 0, 2),)), "ann A 2 waiting 8h", "bob A 2 waiting 8h")
    line.watched.adopt(replace(RULE, version=2, limit_rules=(LimitRule("", "A", 0, 1),)), instant("0:02"))
    line.advise("1d8:00")
    gone = [line.watched.known(number).release_reason for number in line.numbers]
    assert gone == [ReleaseReason.LIMIT_REACHED] * 2
    line.sound()


@pytest.mark.parametrize(
    "rules",
    [{"chain_limit_rules": (ChainLimitRule("", "A", 0, 9, 0),)}, {"hot": (HotSku("A", 1, is_open=True),)}],
)
def test_nothing_is_promised_in_line_of_a_hot_sku_nor_under_a_limit_of_the_chain(rules: dict[str, Any]) -> None:
    line = Line(RULE, "ann A 1 waiting 8h")
    line.watched.adopt(replace(RULE, version=2, **rules), instant("0:02"))
    line.advise("1d8:00")
    assert line.statuses() == [("QUEUED", "")]
    line.sound()


def test_who_has_lost_an_order_is_promised_it_as_that_and_has_time_from_when_it_comes() -> None:
    line = Line(replace(RULE, losers_wait=True))
    line.say("receive A 1")
    ann = line.wait("ann A 1")
    line.numbers = [ann]
    line.say(f"confirm #{ann}")
    line.say("count A 0")
    assert line.statuses() == [("QUEUED", "")]
    line.advise("3d8:00")
    served = line.watched.known(ann)
    assert served.status is Status.CONFIRMED
    assert served.awaits is not None
    assert served.expires_at_ms == instant("5d8:00")
    (task,) = line.watched.ledger.tasks.rows.values()
    assert task.resolution is not None
    line.sound()


def test_as_others_wait_it_has_to_be_taken_up_also_once_it_has_come() -> None:
    policy = replace(RULE, line_take_up_ms=600_000)
    line = Line(policy, "ann A 5 waiting 8h", "bob A 5 waiting 8h")
    line.advise("1d8:00")
    assert line.statuses() == [("HELD", "S9:T4"), ("QUEUED", "")]
    (ann, _) = line.numbers
    assert line.say(f"extend #{ann} for 1h", "0:03").reason.name == "TTL_TOO_LONG"
    line.say("arrive S9:T4", "0:04")
    assert line.say(f"extend #{ann} for 1h", "0:05").reason.name == "TTL_TOO_LONG"
    line.watched.wait(instant("0:12"))
    assert line.statuses() == [("QUEUED", ""), ("HELD", "")]
    line.sound()


def test_one_that_is_due_is_not_expired_out_of_its_turn() -> None:
    line = Line(RULE, "ann A 5 for 5m waiting 8h")
    line.advise("1d8:00")
    asked = command_of("reserve bob A 5", "k")
    about = about_of(line.watched.ledger, asked)
    assert about is not None
    assert expire_first(line.watched.ledger, about, instant("0:10"), Budget()) == ([], False)


# What a ledger could get wrong about it, and who notices.


def promises_it_twice(ledger: Ledger, sku: str) -> list[Coming]:
    rows = ledger.transfers.live.values()
    return [Coming(each.expected_at_ms, each.number, dict(each.lines).get(sku, 0)) for each in rows]


def promises_nothing(ledger: Ledger, sku: str) -> list[Coming]:
    return []


@pytest.mark.parametrize(
    ("mutant", "caught_by"), [(promises_it_twice, {"audit", "invariants"}), (promises_nothing, {"invariants"})]
)
def test_the_mutant_is_caught(monkeypatch: pytest.MonkeyPatch, mutant: Any, caught_by: set[str]) -> None:
    monkeypatch.setattr(deciding, "unpromised", mutant)
    line = Line(RULE, "ann A 4 waiting 8h", "bob A 4 waiting 8h")
    line.advise("1d8:00")
    assert {each.partition(":")[0] for each in line.watched.complaints()} >= caught_by


@pytest.mark.parametrize("may_pass", [False, True])
def test_a_journal_that_promises_it_to_the_second_is_seen(may_pass: bool) -> None:
    line = Line(replace(RULE, line_may_pass=may_pass), "ann A 4 waiting 8h", "bob A 4 waiting 8h")
    line.advise("1d8:00")
    (place,) = [place for place, each in enumerate(line.watched.records) if isinstance(each.event, Served)]
    served = line.watched.records[place]
    line.watched.records[place] = served._replace(event=replace(served.event, number=line.numbers[1]))
    assert "I18" in {each.invariant for each in line.watched.audited().violations}


def test_one_that_is_passed_over_awaits_nothing_any_more() -> None:
    line = Line(RULE, "ann A 5 for 5m waiting 1h")
    line.advise("1d8:00")
    assert list(line.watched.ledger.in_transit.promised.values()) == [5]
    line.watched.wait(instant("0:07"))
    assert line.statuses() == [("HELD", "S9:T4")], "it is served again, as nobody is behind it"
    line.watched.wait(instant("0:12"))
    assert line.watched.ledger.in_transit == InTransit()
    assert line.statuses() == [("EXPIRED", "S9:T4")]
    line.sound()
