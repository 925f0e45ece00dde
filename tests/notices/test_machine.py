"""Customers, a provider that takes letters and loses answers, and a notifier that ends at any step.

The provider is the judge: it has what really arrived. Where nobody knows a second copy, no letter arrives twice, and of
what is known to be sent one has arrived, wherever the notifier ended meanwhile.
"""

from collections import Counter
from typing import Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from actors.notices.audit import Auditor
from actors.notices.commands import EndAttempt, Repeat, Skip, StartAttempt
from actors.notices.events import AttemptStarted
from actors.notices.occasion import REPEATABLE, Dropped, NoticeStatus, Occasion, Outcome
from actors.notices.rules import Rule
from tests.notices.desk import DAY_MS, EMAIL, HOUR_MS, RULES, SMS, Told, by_snapshot, fact, read_events, same

CHANNELS = (EMAIL, SMS)  # the provider of the second one knows copies
QUIET = replace(
    RULES,
    rules=tuple(Rule(occasion, CHANNELS) for occasion in Occasion),
    knows_copies=(SMS,),
    quiet_from=22 * 60,
    quiet_to=6 * 60,
    retry_ms=1_000,
    attempts_max=3,
)


class Machine(RuleBasedStateMachine):
    """One desk over its lives. `arrived` is what came to the provider, `copies` what a key told it to be one."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Told(QUIET)
        self.arrived: Counter[int] = Counter()
        self.copies: Counter[int] = Counter()
        self.by_operator: Counter[int] = Counter()
        self.under_way: list[tuple[int, int]] = []

    @rule(
        occasion=st.sampled_from([None, *Occasion]),
        reservation=st.integers(1, 3),
        is_over=st.booleans(),
        is_told_always=st.booleans(),
        hours=st.integers(0, 48),
    )
    def happen(self, hours: int, **given: Any) -> None:
        expires_at_ms = self.desk.at_ms + hours * HOUR_MS
        self.desk.observe(fact(given.pop("occasion"), at_ms=self.desk.at_ms, expires_at_ms=expires_at_ms, **given))

    @rule(ms=st.sampled_from([1, 1_000, HOUR_MS, DAY_MS]))
    def wait(self, ms: int) -> None:
        self.desk.at_ms += ms

    @rule(place=st.integers(0, 9))
    def begin(self, place: int) -> None:
        due = self.desk.due()
        if due:
            notice = due[place % len(due)]
            for event in self.desk.say(StartAttempt(notice.number, notice.attempts + 1)):
                if isinstance(event, AttemptStarted):
                    self.under_way.append((event.number, event.attempt))

    @precondition(lambda self: self.under_way)
    @rule(
        place=st.integers(0, 9),
        arrives=st.booleans(),
        outcome=st.sampled_from([Outcome.NOT_SENT, Outcome.REFUSED, Outcome.UNKNOWN]),
        is_away=st.booleans(),
        ends_here=st.booleans(),
    )
    def send(self, place: int, arrives: bool, outcome: Outcome, is_away: bool, ends_here: bool) -> None:
        """It arrives, and that is known or not; or it does not, and that is known or not. Or the notifier ends."""
        number, attempt = self.under_way.pop(place % len(self.under_way))
        if arrives:
            is_copy = self.desk.ledger.notices[number].channel == SMS and self.arrived[number]
            (self.copies if is_copy else self.arrived)[number] += 1
            outcome = Outcome.UNKNOWN if outcome is Outcome.UNKNOWN else Outcome.SENT
        if ends_here:
            self.crash()
            return
        self.desk.say(EndAttempt(number, attempt, outcome, "", is_away))

    @rule()
    def crash(self) -> None:
        """Its successor has what the journal has, and says of what was under way that nobody knows."""
        before, self.desk.ledger = self.desk.ledger, self.desk.replayed()
        assert same(before, self.desk.ledger)
        self.under_way.clear()
        for number in sorted(self.desk.ledger.under_way):
            self.desk.say(EndAttempt(number, self.desk.ledger.notices[number].attempts, Outcome.UNKNOWN))

    @rule(place=st.integers(0, 9), reason=st.sampled_from(Dropped))
    def skip(self, place: int, reason: Dropped) -> None:
        due = self.desk.due()
        if due:
            self.desk.say(Skip(due[place % len(due)].number, reason))

    @rule(number=st.integers(1, 20))
    def repeat(self, number: int) -> None:
        if self.desk.say(Repeat(number, "eve")):
            self.by_operator[number] += 1

    @invariant()
    def nothing_arrives_twice_that_nobody_asked_for(self) -> None:
        for number, count in self.arrived.items():
            assert count <= 1 + self.by_operator[number]

    @invariant()
    def nothing_waits_that_is_overtaken_unless_an_operator_asked_for_it(self) -> None:
        for number, notice in self.desk.ledger.notices.items():
            if notice.status is NoticeStatus.WAITING and notice.is_overtaken:
                assert self.by_operator[number]

    @invariant()
    def what_is_known_to_be_sent_has_arrived(self) -> None:
        for number, notice in self.desk.ledger.notices.items():
            if notice.status is NoticeStatus.SENT:
                assert self.arrived[number]

    @invariant()
    def the_journal_says_so_too(self) -> None:
        auditor = Auditor()
        for _, payload in self.desk.journal:
            auditor.take(read_events(payload))
        waiting = [number for numbers in self.desk.ledger.of.values() for number in numbers]
        found = auditor.result(waiting)
        assert (found.twice, found.missing, found.untold) == (0, 0, 0)
        assert found.unknown == self.desk.ledger.counts["unknown"]
        assert found.attempts == self.desk.ledger.counts["attempts"]

    @invariant()
    def indexes_hold(self) -> None:
        ledger = self.desk.ledger
        waits = {each.number for each in ledger.notices.values() if each.status is NoticeStatus.WAITING}
        again = {each.number for each in ledger.notices.values() if each.status in REPEATABLE}
        assert {number for numbers in ledger.of.values() for number in numbers} == waits | again | ledger.under_way
        for channel in CHANNELS:
            mine = {number for number in waits if ledger.notices[number].channel == channel}
            assert {number for _, number in ledger.due.get(channel, [])} >= mine
        assert same(by_snapshot(ledger), ledger)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=30, stateful_step_count=30)
