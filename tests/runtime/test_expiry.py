"""Holds fall due at the decision, exactly; the sweep gives them back for those who only look, some at a time."""

from typing import Final

import pytest

from actors.core.due import EXPIRED_FIRST_MAX
from actors.core.policy import HOUR_MS
from actors.core.transact import Deferred
from actors.runtime.kinds import EXPIRED_AT_ONCE_MAX
from actors.shop.state import Reservation
from tests.journal.storages import Storage
from tests.runtime.runtime_fixture import ActorRuntime, ManualClock, entries
from tests.shop.scenario_text import stock_text
from tests.shop.watched import DAY_ZERO_MS

WAVE: Final = EXPIRED_AT_ONCE_MAX + EXPIRED_FIRST_MAX + 5


class TickingClock(ManualClock):
    """A millisecond passes between two looks at it."""

    ticks = False

    def now_ms(self) -> int:
        self.at_ms += self.ticks
        return self.at_ms


@pytest.fixture
def held(runtime: ActorRuntime) -> ActorRuntime:
    """Three holds of one, two and three hours."""
    runtime.deliver("receive A 3")
    for hours in (1, 2, 3):
        runtime.deliver(f"k{hours}: reserve c{hours} A 1 for {hours}h")
    runtime.journal.log.clear()
    return runtime


def test_the_sweep_gives_back_what_is_due_and_no_more(held: ActorRuntime, clock: ManualClock) -> None:
    clock.move(2 * HOUR_MS - 1)
    assert held.host.sweep() == 1
    clock.move(1)
    assert held.host.sweep() == 1
    assert held.host.sweep() == 0
    assert entries(held.journal.log, "durable") == ["durable S1:5-5", "durable S1:6-6"]
    assert held.stock() == "A 3/1"


def test_a_read_counts_what_is_due_as_gone(held: ActorRuntime, clock: ManualClock) -> None:
    clock.move(HOUR_MS)
    assert held.stock() == "A 3/2"
    assert entries(held.journal.log, "durable") == ["durable S1:5-5"]


def test_a_decision_finds_what_is_due_gone(held: ActorRuntime, clock: ManualClock) -> None:
    clock.move(3 * HOUR_MS)
    assert held.deliver("reserve dan A 3") == "#8 HELD A 3 until 5:00"
    assert held.stock() == "A 3/3"


def test_a_sweep_is_bounded(runtime: ActorRuntime, clock: ManualClock) -> None:
    runtime.deliver(f"receive A {WAVE}")
    runtime.say(*(f"reserve c{number} A 1 for 1h" for number in range(WAVE)))
    clock.move(HOUR_MS)
    assert [runtime.host.sweep() for _ in range(3)] == [EXPIRED_AT_ONCE_MAX, EXPIRED_AT_ONCE_MAX, 5]
    assert runtime.stock() == f"A {WAVE}/0"


@pytest.fixture
def wave(runtime: ActorRuntime, clock: ManualClock) -> ActorRuntime:
    """More holds of A are due than are expired at once; B is free."""
    runtime.deliver(f"receive A {WAVE}")
    runtime.deliver("receive B 1")
    runtime.say(*(f"reserve c{number} A 1 for 1h" for number in range(WAVE)))
    clock.move(HOUR_MS)
    return runtime


def test_before_a_batch_a_part_of_much_that_is_due_is_expired(wave: ActorRuntime) -> None:
    """Commands that the rest is in the way of are deferred; they are decided when they come again."""
    before = wave.host.stale_read("S1").version
    held, *deferred = wave.say("reserve dan B 1", f"reserve eve A {WAVE}", f"reserve fay A {WAVE}")
    assert isinstance(held, Reservation)
    assert held.number == before + EXPIRED_AT_ONCE_MAX + 1
    assert deferred == [Deferred()] * 2
    assert wave.host.stale_read("S1").version == held.number + EXPIRED_FIRST_MAX, "nothing was recorded"
    assert wave.host.sweep() == WAVE - EXPIRED_AT_ONCE_MAX - EXPIRED_FIRST_MAX
    assert "HELD" in wave.deliver(f"reserve eve A {WAVE}")


def test_a_step_of_what_is_due_is_refused_before_it_has_its_turn(wave: ActorRuntime) -> None:
    last = wave.host.stale_read("S1").version
    for text in (f"confirm #{last}", f"collect #{last - 1}"):
        assert "RESERVATION_EXPIRED" in wave.deliver(text)
    assert wave.host.stale_read("S1").earliest_deadline_ms() is not None, "others are still due"
    assert wave.host.read("S1", lambda hosted, _: hosted.ledger.positions["A"].reserved) == 0


def test_a_count_takes_nothing_from_holds_while_units_are_due(wave: ActorRuntime) -> None:
    assert wave.say("k1: count A 3") == [Deferred()]
    assert wave.stock() == f"A {WAVE}/0, B 1/0"
    wave.deliver("k1: count A 3")
    assert wave.stock() == "A 3/0, B 1/0"


def test_a_count_without_holds_counts_none_that_are_due(wave: ActorRuntime) -> None:
    """Else the units of holds that are gone would come on top of what was counted, to be sold without being there."""
    (answer,) = wave.say("k1: count A 3 without holds")
    while wave.host.sweep():
        pass
    if answer == Deferred():
        wave.deliver("k1: count A 3 without holds")
    assert wave.stock() == "A 3/0, B 1/0"


@pytest.mark.parametrize("swept", [True, False])
def test_a_count_of_an_instant_does_not_depend_on_when_was_swept(
    held: ActorRuntime, clock: ManualClock, *, swept: bool
) -> None:
    """The hold of one hour is gone at 1:10, also where its actor was away until 1:20."""
    clock.move(HOUR_MS)
    if swept:
        held.host.sweep()
    clock.move(HOUR_MS // 3)
    held.host.sweep()
    held.deliver("count A 1 as of 1:10 without holds")
    assert held.stock() == "A 3/2"


def test_a_read_waits_until_nothing_is_due(wave: ActorRuntime) -> None:
    assert wave.stock() == f"A {WAVE}/0, B 1/0"


def test_each_ledger_is_swept(runtime: ActorRuntime, clock: ManualClock) -> None:
    for store_id in ("S1", "S2", "S3"):
        runtime.deliver("receive A 1", store_id)
        runtime.deliver("reserve ann A 1 for 1h", store_id)
    clock.move(HOUR_MS)
    assert runtime.host.sweep() == 3
    assert [runtime.stock(store_id) for store_id in ("S1", "S2", "S3")] == ["A 1/0"] * 3


def test_what_was_extended_or_ended_is_not_swept(held: ActorRuntime, clock: ManualClock) -> None:
    held.deliver("extend #2 for 5h")
    held.deliver("collect #3")
    clock.move(2 * HOUR_MS)
    assert held.host.sweep() == 0
    assert held.stock() == "A 2/2"


def test_a_read_shows_nothing_that_is_due_at_the_instant_it_names(storage: Storage) -> None:
    clock = TickingClock()
    runtime = ActorRuntime(storage, clock)
    runtime.deliver("receive A 1")
    runtime.deliver("reserve ann A 1 for 1h")
    clock.ticks = True
    for at_ms in range(DAY_ZERO_MS + HOUR_MS - 3, DAY_ZERO_MS + HOUR_MS + 1):
        clock.at_ms = at_ms
        as_of_ms, reserved = runtime.host.read("S1", lambda hosted, now_ms: (now_ms, stock_text(hosted.ledger)))
        assert reserved == ("A 1/1" if as_of_ms < DAY_ZERO_MS + HOUR_MS else "A 1/0")


def test_a_sweep_writes_once_for_all_ledgers(runtime: ActorRuntime, clock: ManualClock) -> None:
    for store_id in ("S1", "S2", "S3"):
        runtime.deliver("receive A 1", store_id)
        runtime.deliver("reserve ann A 1", store_id)
    clock.move(2 * HOUR_MS)
    runtime.journal.log.clear()
    assert runtime.host.sweep() == 3
    assert entries(runtime.journal.log, "append") == ["append S1:3-3 S2:3-3 S3:3-3"]
