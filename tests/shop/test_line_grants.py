"""In line under a limit of the whole chain: the customer's ledger is asked for a grant when the units are there. These
are kept meanwhile, for so long and no longer.
"""

from random import Random
from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.policy import HOUR_MS, ChainLimitRule, HotSku, LimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, Status
from actors.shop import commands as ask
from actors.shop.commands import Acknowledge, Command, Grant, ServeGranted, SettleGrant, line_key, void_key
from actors.shop.hot.units import HandUnits
from actors.shop.invariants import check
from actors.shop.lines.decide import GRANT_WAIT_MS
from actors.shop.state import Reservation
from tests.shop.scenario_text import command_of, instant
from tests.shop.watched import Core, Watched

LIMITED: Final = Policy(version=3, chain_limit_rules=(ChainLimitRule("web", "A", 0, 2, 0),))
NO: Final = Rejection(Reason.UNITS_LIMIT, "A", 1, 0, over_all_shops=True)
MINUTE_MS: Final = 60_000


class Line:
    """A shop whose line is watched, and the customers' ledgers, which grant what they are asked for here."""

    def __init__(self, policy: Policy = LIMITED, core: Core | None = None) -> None:
        self.watched = Watched(policy, core)
        self.now_ms = instant("0:00")
        self.said = 0
        self.grants = 100
        self.say("receive A 1, B 1")
        self.number = self.reserve("eve A 1")

    def say(self, text: str) -> list[str]:
        """One line of a table a minute later; the kinds of all its events."""
        self.now_ms += MINUTE_MS
        return self.at_once(text)

    def at_once(self, text: str) -> list[str]:
        """As `say`, without delay."""
        self.said += 1
        command = command_of(text, f"k{self.said}")
        if isinstance(command, ask.Reserve):
            command = replace(command, grant=self.granted())
        return self.events_of(command)

    def events_of(self, command: Command) -> list[str]:
        before = len(self.watched.records)
        self.watched.say(command, self.now_ms)
        return [type(record.event).__name__ for record in self.watched.records[before:]]

    def reserve(self, text: str) -> int:
        """The number of a new reservation."""
        self.say(f"reserve {text}")
        return len(self.watched.records)

    def granted(self) -> Grant:
        self.grants += 1
        return Grant(self.grants, self.watched.ledger.policy.version, 0, ("A", "B"))

    def grant(self, number: int, said: Grant | Rejection | None = None, version: int = 0) -> list[str]:
        """What comes of the answer of its customer's ledger."""
        found = self.of(number)
        return self.events_of(ServeGranted(number, version or found.version, said or self.granted()))

    def of(self, number: int) -> Reservation:
        return self.watched.known(number)

    def status(self, *numbers: int) -> list[str]:
        return [self.of(number).status.name for number in numbers]

    def later(self, ms: int) -> list[str]:
        before = len(self.watched.records)
        self.now_ms += ms
        self.watched.wait(self.now_ms)
        return [type(record.event).__name__ for record in self.watched.records[before:]]

    def sound(self) -> None:
        assert self.watched.complaints() == []
        assert self.watched.mistold() == []


def test_a_grant_is_asked_for_when_the_units_come_and_the_time_of_the_hold_begins_then() -> None:
    line = Line()
    ann = line.reserve("ann A 1 for 30m waiting 5h")
    assert (line.status(ann), line.of(ann).grant) == (["QUEUED"], 0)
    assert line.say(f"release #{line.number}") == ["Released", "GrantAwaited"]
    assert list(line.watched.ledger.awaiting) == [ann]
    refused = line.watched.say(replace(command_of("reserve dan A 1", "d"), grant=line.granted()), line.now_ms)
    assert refused.answer.answer.reason is Reason.INSUFFICIENT_STOCK, "they are kept"
    line.sound()
    line.watched.restart()
    assert line.grant(ann, Grant(7, 3, 0, ("A",))) == ["Served"]
    served = line.of(ann)
    assert (served.status, served.grant) == (Status.HELD, 7)
    assert served.expires_at_ms == line.now_ms + 30 * MINUTE_MS
    assert not line.watched.ledger.awaiting
    line.sound()


@pytest.mark.parametrize("is_late", [False, True])
def test_who_needs_no_grant_any_more_as_the_limit_was_lifted_is_served_in_turn(is_late: bool) -> None:
    line = Line()
    ann = line.reserve("ann A 1 waiting 5h")
    assert line.say(f"release #{line.number}") == ["Released", "GrantAwaited"]
    if is_late:
        assert line.later(GRANT_WAIT_MS) == ["GrantAwaited"]
    line.watched.adopt(Policy(version=4), line.now_ms)
    assert line.later(1) == ["GrantAwaited", "Served"]
    assert (line.status(ann), line.of(ann).grant) == (["HELD"], 0)
    assert not line.watched.ledger.awaiting
    line.sound()


def test_whom_the_limit_forbids_the_units_leaves_and_the_next_is_asked_about() -> None:
    line = Line()
    ann, bob = line.reserve("ann A 1 waiting 5h"), line.reserve("bob A 1 waiting 5h")
    line.say(f"release #{line.number}")
    assert line.grant(ann, NO) == ["Left", "GrantAwaited"]
    assert (line.of(ann).status, line.of(ann).release_reason) == (Status.RELEASED, ReleaseReason.LIMIT_REACHED)
    assert list(line.watched.ledger.awaiting) == [bob]
    line.sound()


def test_all_for_whom_there_are_units_are_asked_about_at_once() -> None:
    line = Line()
    waiting = [line.reserve(f"{who} A {units} waiting 5h") for who, units in (("ann", 2), ("bob", 1), ("cy", 2))]
    assert line.say("receive A 4") == ["StockAdjusted", "GrantAwaited", "GrantAwaited"]
    assert line.grant(waiting[1]) == ["Served"], "whose customer's ledger is sooner"
    assert line.at_once("receive A 1") == ["StockAdjusted", "GrantAwaited"], "one was left over"
    assert [line.grant(waiting[place]) for place in (2, 0)] == [["Served"], ["Served"]]
    line.sound()


def test_after_so_long_the_next_has_the_units_and_the_place_stays() -> None:
    """By another channel there is no limit. The late grant finds none left; when some come it is asked for again."""
    line = Line()
    ann, bob = line.reserve("ann A 1 waiting 5h"), line.reserve("bob A 1 via app waiting 5h")
    line.say(f"release #{line.number}")
    assert line.later(GRANT_WAIT_MS - 1) == []
    line.sound()
    line.watched.restart()
    assert line.later(1) == ["GrantAwaited", "Served"]
    assert line.status(ann, bob) == ["QUEUED", "HELD"]
    assert list(line.watched.ledger.awaiting) == [ann], "it is asked for all the same"
    line.sound()
    assert line.grant(ann) == ["GrantAwaited"]
    assert not line.watched.ledger.awaiting
    assert line.say("receive A 1") == ["StockAdjusted", "GrantAwaited"]
    assert line.grant(ann) == ["Served"]
    line.sound()


def test_who_comes_later_does_not_wait_for_ever_behind_a_ledger_that_is_away() -> None:
    line = Line()
    ann = line.reserve("ann A 1 waiting 5h")
    line.say("receive A 1")
    line.later(GRANT_WAIT_MS)
    dan = line.reserve("dan A 1")
    assert line.status(ann, dan) == ["QUEUED", "HELD"]
    line.sound()
    line.say("receive A 1")
    assert line.grant(ann) == ["Served"], "units are there, and nobody is before it"
    line.sound()


def test_behind_one_whose_grant_is_late_a_hot_skus_ledger_is_handed_what_is_free() -> None:
    """Nobody keeps it for him, and others are not told that it is sold out."""
    line = Line()
    ann = line.reserve("ann A 1 waiting 5h")
    hot = HotSku("A", 1, is_open=True)
    line.watched.adopt(replace(LIMITED, version=4, hot=(hot,), hot_revision=1), line.now_ms)
    assert line.say("receive A 1") == ["StockAdjusted", "GrantAwaited"]
    assert line.events_of(HandUnits("A")) == [], "it is kept for her"
    line.later(GRANT_WAIT_MS)
    assert line.events_of(HandUnits("A")) == ["UnitsHanded"]
    assert line.grant(ann) == ["GrantAwaited"], "she waits on"
    line.sound()


def test_a_late_grant_serves_nobody_past_who_stands_before() -> None:
    line = Line()
    ann, bob = line.reserve("ann A 1 waiting 5h"), line.reserve("bob A 1 waiting 5h")
    line.say("receive A 1")
    line.later(GRANT_WAIT_MS)
    assert list(line.watched.ledger.awaiting) == [ann, bob], "bob is asked about in ann's place"
    line.later(GRANT_WAIT_MS)
    assert line.grant(ann) == ["Served"]
    assert line.grant(bob) == ["GrantAwaited"]
    line.sound()


def test_each_answer_is_heard_once() -> None:
    line = Line()
    ann = line.reserve("ann A 1 waiting 5h")
    line.say("receive A 1")
    version = line.of(ann).version
    assert line.grant(ann, version=version - 1) == []
    assert line.grant(ann, version=version) == ["Served"]
    for said in (line.granted(), NO):
        assert line.grant(ann, said, version) == []
    assert line.events_of(ServeGranted(99, version, NO)) == []
    line.sound()


def test_a_grant_that_does_not_fit_or_is_void_serves_nobody() -> None:
    line = Line()
    ann = line.reserve("ann A 1 waiting 5h")
    line.say("receive A 1")
    waiting = line.of(ann)
    key = line_key(ann, waiting.version)
    settle = SettleGrant(void_key("ann", 7), key, 7)
    assert line.watched.say(settle, line.now_ms).answer.answer.reason is Reason.CLAIM_ABANDONED
    for grant in (Grant(7, 3, 0, ("A",)), Grant(8, 2, 0, ("A",)), Grant(8, 3, 5, ("A",)), Grant(8, 3, 0, ("B",))):
        told = line.watched.say(ServeGranted(ann, waiting.version, grant), line.now_ms)
        assert (told.answer.answer.reason, told.events) == (Reason.GRANT_REQUIRED, ())
    assert line.grant(ann, Grant(9, 3, 0, ("A",))) == ["Served"]
    settle = SettleGrant(void_key("ann", 9), key, 9)
    assert line.watched.say(settle, line.now_ms).answer.answer == line.of(ann)
    line.sound()


def test_who_does_not_take_the_units_up_keeps_the_place_once_and_the_grant_is_given_back() -> None:
    line = Line()
    ann, bob = line.reserve("ann A 1 for 5m waiting 5h"), line.reserve("bob A 1 for 5m waiting 5h")
    line.say("receive A 1")
    line.grant(ann, Grant(7, 3, 0, ("A",)))
    assert line.later(5 * MINUTE_MS) == ["PassedOver", "GrantAwaited"]
    waiting = line.of(ann)
    assert (waiting.status, waiting.grant, set(waiting.held())) == (Status.QUEUED, 7, {0})
    assert list(line.watched.ledger.outbox) == [ann]
    line.grant(bob)
    line.sound()
    line.watched.restart()
    line.events_of(Acknowledge(((ann, waiting.version),)))
    assert (list(line.watched.ledger.outbox), line.status(ann)) == ([], ["QUEUED"])
    assert line.say(f"release #{bob}") == ["Released", "GrantAwaited"]
    line.grant(ann, Grant(8, 3, 0, ("A",)))
    assert line.of(ann).grant == 8
    assert line.later(5 * MINUTE_MS) == ["Expired"], "the second time it is out"
    assert list(line.watched.ledger.outbox) == [ann, bob]
    line.sound()


def test_who_leaves_the_line_stays_known_until_the_grant_is_given_back() -> None:
    line = Line()
    ann = line.reserve("ann A 1 for 5m waiting 5h")
    line.say("receive A 1")
    line.grant(ann)
    line.say("allot till:7 A 1")  # there are none for the head
    line.later(5 * MINUTE_MS)
    assert line.say(f"release #{ann}")[-1] == "Left"
    assert line.watched.ledger.reservations[ann].status is Status.RELEASED
    line.sound()
    line.watched.restart()
    line.events_of(Acknowledge(((ann, line.of(ann).version),)))
    assert ann not in line.watched.ledger.reservations
    assert line.status(ann) == ["RELEASED"]
    line.sound()


def test_who_loses_granted_units_waits_first_and_is_granted_them_again() -> None:
    line = Line(replace(LIMITED, losers_wait=True))
    ann = line.reserve("ann A 1 waiting 5h")
    line.say(f"release #{line.number}")
    line.grant(ann, Grant(7, 3, 0, ("A",)))
    line.say(f"confirm #{ann}")
    assert line.say("count A 0")[-1] == "Requeued"
    assert ann in line.watched.ledger.outbox
    assert line.say("receive A 1") == ["StockAdjusted", "GrantAwaited"]
    line.grant(ann, Grant(8, 3, 7, ("A",)))
    assert (line.of(ann).status, line.of(ann).grant) == (Status.CONFIRMED, 8)
    line.sound()


def test_limits_that_come_or_go_while_somebody_waits() -> None:
    line = Line(Policy(version=1))
    ann, bob = line.reserve("ann A 1 waiting 5h"), line.reserve("bob A 2 waiting 5h")
    line.watched.adopt(LIMITED, line.now_ms)
    assert line.say("receive A 1") == ["StockAdjusted", "GrantAwaited"]
    line.watched.adopt(replace(LIMITED, version=4, limit_rules=(LimitRule("", "A", 0, 1),)), line.now_ms)
    assert line.grant(ann, Grant(7, 3, 0, ("A",))) == [], "under limits from before"
    assert line.grant(ann) == ["Served"]
    assert line.say("receive A 2") == ["StockAdjusted", "Left"], "bob, by the shop's own limit"
    cy = line.reserve("cy A 1 waiting 5h")
    line.watched.adopt(Policy(version=5), line.now_ms)
    assert line.status(bob, cy) == ["RELEASED", "HELD"]
    line.sound()


def test_a_line_that_may_be_passed_keeps_what_is_asked_for() -> None:
    line = Line(replace(LIMITED, line_may_pass=True))
    ann = line.reserve("ann A 2 waiting 5h")
    line.say("receive A 3")
    line.at_once("reserve dan A 1")
    dan = len(line.watched.records)
    refused = line.watched.say(replace(command_of("reserve di A 1", "d"), grant=line.granted()), line.now_ms)
    assert refused.answer.answer.reason is Reason.INSUFFICIENT_STOCK
    assert line.grant(ann) == ["Served"]
    assert line.status(ann, dan) == ["HELD", "HELD"]
    line.sound()


def test_units_that_are_gone_when_the_grant_comes_are_not_held() -> None:
    line = Line()
    ann, bob = line.reserve("ann A 1 waiting 5h"), line.reserve("bob A 1 waiting 5h")
    line.say("receive A 2")
    line.say("count A 2")
    assert line.grant(ann) == ["Served"], "who stands before has what is left"
    assert line.grant(bob) == ["GrantAwaited"]
    line.sound()


def test_a_channels_quota_serves_by_a_grant_as_well() -> None:
    line = Line()
    line.say("receive A 2")
    line.say("allot channel:web A 2")
    ann, bob = line.reserve("ann A 3 waiting 5h"), line.reserve("bob A 1 via app waiting 5h")
    assert line.say("receive A 1") == ["StockAdjusted", "GrantAwaited"]
    assert line.grant(ann) == ["QuotaDrawn", "Served"]
    assert line.status(ann, bob) == ["HELD", "QUEUED"]
    line.sound()


def test_a_service_of_an_earlier_format_asks_for_no_grants() -> None:
    line = Line(Policy(version=1))
    line.watched.ledger.whole_lines = False
    ann = line.reserve("ann A 1 waiting 5h")
    line.watched.adopt(LIMITED, line.now_ms)
    refused = line.watched.say(
        replace(command_of("reserve bob A 1 waiting 5h", "b"), grant=line.granted()), line.now_ms
    )
    assert refused.answer.answer.reason is Reason.LINE_NOT_OFFERED
    assert line.say("receive A 1") == ["StockAdjusted", "Left"]
    assert line.status(ann) == ["RELEASED"]
    line.sound()


@pytest.mark.parametrize("seed", range(25))
def test_by_chance_nothing_is_promised_twice(seed: int) -> None:
    random = Random(f"line grants {seed}")
    line = Line(replace(LIMITED, line_may_pass=random.random() < 0.3, losers_wait=random.random() < 0.5))
    for turn in range(50):
        numbers = [each.number for each in line.watched.ledger.reservations.values()]
        number = random.choice(numbers) if numbers else 1
        units, channel = random.randint(1, 3), random.choice(("web", "web", "app"))
        wait = random.choice(("", " waiting 2h", " waiting 4h"))
        happens = "reserve", "reserve", "grant", "grant", "refuse", "receive", "count", "end", "time", "own", "rules"
        match what := random.choice(happens):
            case "reserve":
                line.say(f"reserve c{turn % 7} A {units} via {channel} for 20m{wait}")
            case "grant" | "refuse":
                for each in list(line.watched.ledger.awaiting)[: random.randint(1, 3)]:
                    line.grant(each, NO if what == "refuse" and random.random() < 0.5 else None)
            case "receive":
                line.say(f"receive A {units}")
            case "count":
                line.say(f"count A {random.randint(0, 5)}")
            case "end":
                line.say(f"{random.choice(('release', 'confirm', 'collect'))} #{number}")
            case "own":
                line.say(f"allot channel:{channel} A 1 for 1h")
            case "rules":
                now = line.watched.ledger.policy
                rules = () if now.chain_limit_rules else LIMITED.chain_limit_rules
                paused = random.random() < 0.3
                line.watched.adopt(
                    replace(now, version=now.version + 1, chain_limit_rules=rules, paused=paused), line.now_ms
                )
            case _:
                ms = random.choice((1, GRANT_WAIT_MS, GRANT_WAIT_MS, 20 * MINUTE_MS, HOUR_MS))
                line.later(ms)
        if random.random() < 0.1:
            line.watched.restart()
        found = check(line.watched.ledger)
        assert not found, (turn, what, found)
    line.sound()
