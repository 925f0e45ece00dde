"""Lines of a SKU of which channels have quotas, beside a model that goes through all who wait and all who hold.

Each has what all may have where nobody waits before him, and what is left of his channel's quota where nobody of his
channel does; or, where a line may be passed, whoever there is enough for.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from actors.core.policy import DAY_MS, HOUR_MS, Policy
from actors.core.status import ReleaseReason, Status
from actors.shop.allotments import quotas
from actors.shop.allotments.allotment import HolderKind
from actors.shop.allotments.quotas import left_by_channel
from actors.shop.commands import (
    AdjustmentKind,
    AdjustStock,
    AllotStock,
    Command,
    Movement,
    Release,
    Reserve,
    ReturnAllotment,
)
from actors.shop.invariants import check
from actors.shop.lines import decide as decide_line
from actors.shop.state import Ledger, Reservation
from tests.mutating import run_mutant
from tests.shop.watched import DAY_ZERO_MS, Watched

CHANNELS: Final = ("web", "app", "shop")
EXAMPLES: Final = 60
STEPS: Final = 40


class Caller:
    """One who waits, or holds, of which so much was drawn from this quota of his channel."""

    def __init__(self, number: int, channel: str, units: int) -> None:
        self.number, self.channel, self.units = number, channel, units
        self.waits, self.drawn, self.of = True, 0, 0


class QuotaLineMachine(RuleBasedStateMachine):
    """One SKU; each channel has one quota at most."""

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched()
        self.clock_ms = DAY_ZERO_MS + HOUR_MS
        self.may_pass, self.on_hand, self.keys, self.policies = False, 0, 0, 0
        self.callers: list[Caller] = []
        self.quotas: dict[str, list[int]] = {}  # number, left, and whether it is drawn first, by channel

    def say(self, command: Command) -> Any:
        self.clock_ms += 1
        answer = self.watched.say(command, self.clock_ms).answer
        return answer if isinstance(answer, Reservation) else answer.answer

    def key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def free(self) -> int:
        held = sum(each.units for each in self.callers if not each.waits)
        return self.on_hand - held - sum(left for _, left, _ in self.quotas.values())

    def hold(self, caller: Caller, before: list[Caller]) -> bool:
        """Give him his units if they are there, behind these."""
        ahead = [] if self.may_pass else before
        quota = self.quotas.get(caller.channel, [0, 0, 0])
        own = 0 if any(each.channel == caller.channel for each in ahead) else quota[1]
        free = 0 if ahead else self.free()
        if caller.units > free + own:
            return False
        caller.drawn = max(min(caller.units, own) if quota[2] else 0, caller.units - free)
        caller.waits, caller.of = False, quota[0]
        quota[1] -= caller.drawn
        return True

    def serve(self) -> None:
        """All whom there are units for."""
        waiting = [each for each in self.callers if each.waits]
        while any(self.hold(each, waiting[:place]) for place, each in enumerate(waiting)):
            waiting = [each for each in waiting if each.waits]

    @initialize(units=st.integers(2, 9))
    def open_the_shop(self, units: int) -> None:
        self.receive(units)

    @rule(units=st.integers(1, 4))
    def receive(self, units: int) -> None:
        self.say(AdjustStock(self.key(), "wms", (Movement("A", units, 0, AdjustmentKind.RECEIPT, 0),)))
        self.on_hand += units
        self.serve()

    @rule(channel=st.sampled_from(CHANNELS), units=st.integers(1, 4), wait=st.booleans(), all_of_it=st.booleans())
    def reserve(self, channel: str, units: int, wait: bool, all_of_it: bool) -> None:
        """Somebody comes, and may wait; or one takes all that there is, so that the next ones have to."""
        if all_of_it:
            units = max(1, self.free() + self.quotas.get(channel, [0, 0, 0])[1])
        wait_ms = DAY_MS if wait else 0
        answer = self.say(Reserve(self.key(), f"c{self.keys}", channel, "", (("A", units),), DAY_MS, wait_ms=wait_ms))
        caller = Caller(getattr(answer, "number", 0), channel, units)
        has = self.hold(caller, [each for each in self.callers if each.waits])
        assert isinstance(answer, Reservation) is (has or wait), "what is there can be had, and nobody passes a line"
        if has or wait:
            assert answer.status is (Status.HELD if has else Status.QUEUED)
            self.callers.append(caller)

    @rule(pick=st.integers(0, 20), units=st.integers(0, 2))
    def release(self, pick: int, units: int) -> None:
        """A part, or all of it; who waits leaves."""
        if not self.callers:
            return
        caller = self.callers[pick % len(self.callers)]
        units = 0 if caller.waits or units >= caller.units else units
        self.say(Release(self.key(), caller.number, ReleaseReason.OTHER, (("A", units),) if units else ()))
        back = units or caller.units
        caller.units -= back
        quota = self.quotas.get(caller.channel, [0, 0, 0])
        if quota[0] == caller.of:
            quota[1] += min(back, caller.drawn)
            caller.drawn -= min(back, caller.drawn)
        if not caller.units:
            self.callers.remove(caller)
        self.serve()

    @rule(channel=st.sampled_from(CHANNELS), units=st.integers(1, 4), first=st.booleans())
    def give_or_end_a_quota(self, channel: str, units: int, first: bool) -> None:
        if channel in self.quotas:
            self.say(ReturnAllotment(self.key(), self.quotas.pop(channel)[0], settled=False))
            self.serve()
            return
        kept = any(each.waits for each in self.callers) and not self.may_pass
        of = HolderKind.CHANNEL, channel, (("A", units),), (), 6 * DAY_MS, "", first
        answer = self.say(AllotStock(self.key(), *of))
        assert hasattr(answer, "lines") is (units <= (0 if kept else self.free()))
        if hasattr(answer, "lines"):
            self.quotas[channel] = [answer.number, units, first]
            self.serve()

    @rule(channel=st.sampled_from(CHANNELS), units=st.integers(1, 3), behind=st.sampled_from(CHANNELS))
    def line_up(self, channel: str, units: int, behind: str) -> None:
        """All is held, of a quota too, and some wait for it."""
        if channel not in self.quotas and self.free() > 0:
            self.give_or_end_a_quota(channel, self.free(), first=False)
        self.reserve(channel, 1, wait=False, all_of_it=True)
        self.reserve(channel, units, wait=True, all_of_it=False)
        self.reserve(behind, 1, wait=True, all_of_it=False)

    @rule()
    def change_the_rule(self) -> None:
        self.may_pass, self.policies = not self.may_pass, self.policies + 1
        self.watched.adopt(Policy(version=self.policies, line_may_pass=self.may_pass), self.clock_ms)
        self.watched.wait(self.clock_ms)
        self.serve()

    @rule()
    def restart(self) -> None:
        self.watched.restart()

    @invariant()
    def those_hold_who_shall(self) -> None:
        assert check(self.watched.ledger) == []
        rows = self.watched.ledger.reservations
        waiting = {each.number for each in self.callers if each.waits}
        assert {number for number, each in rows.items() if each.status is Status.QUEUED} == waiting
        assert {number for number, each in rows.items() if each.status is Status.HELD} == {
            each.number for each in self.callers if not each.waits
        }
        if self.on_hand:
            left = left_by_channel(self.watched.ledger.allotments, "A")
            assert left == {channel: of[1] for channel, of in self.quotas.items() if of[1]}
            assert self.watched.ledger.positions["A"].available == self.free()

    def teardown(self) -> None:
        complaints = self.watched.complaints() or self.watched.mistold()
        assert not complaints, "\n".join(complaints)


@pytest.mark.timeout(300)
def test_who_waits_has_his_channels_quota_before_who_comes_later() -> None:
    limits = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, report_multiple_bugs=False)
    run_state_machine_as_test(QuotaLineMachine, settings=limits)


def keeps_it_for_everybody(ledger: Ledger, _: str, sku: str) -> bool:
    return sku in ledger.lines and not ledger.policy.line_may_pass


MUTANTS: Final[dict[str, tuple[Any, str, Callable[..., Any]]]] = {
    "quota passes the line": (quotas, "is_kept", lambda *_: False),
    "serves nobody by a quota": (decide_line, "left_by_channel", lambda *_: {}),
    "keeps a quota also where nobody of the channel waits": (quotas, "is_kept", keeps_it_for_everybody),
    "draws nothing for who is served": (decide_line, "drawn_in_line", lambda *_: ()),
}


SEEDS: Final[dict[str, int]] = {
    "quota passes the line": 5,
    "serves nobody by a quota": 7,
    "keeps a quota also where nobody of the channel waits": 7,
    "draws nothing for who is served": 7,
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_core_with_one_thing_wrong_is_caught(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[mutant])
    with pytest.raises(AssertionError):
        run_mutant(QuotaLineMachine, SEEDS.get(mutant, 0), steps=STEPS)


def test_the_audit_alone_sees_who_passes_by_a_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> set[str]:
        watched, line = Watched(), (("A", 1),)
        for command in (
            AdjustStock("s", "wms", (Movement("A", 1, 0, AdjustmentKind.RECEIPT, 0),)),
            AllotStock("q", HolderKind.CHANNEL, "web", line, (), DAY_MS, ""),
            Reserve("a", "ann", "web", "", line, 0),
            Reserve("b", "bob", "web", "", (("A", 2),), 0, wait_ms=DAY_MS),
            Release("r", 4, ReleaseReason.OTHER, ()),
            Reserve("l", "late", "web", "", line, 0),
        ):
            watched.say(command, DAY_ZERO_MS)
        return {violation.invariant for violation in watched.audited().violations}

    assert found() == set()
    monkeypatch.setattr(quotas, "is_kept", lambda *_: False)
    assert found() == {"I18"}
