"""The server's clock: at the pace of the monotonic one, drawn towards the wall clock, shared by threads."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import count

import pytest

from actors.journal.port import ClockMark, JournalError
from actors.protocol.messages import pack_batch
from actors.runtime.clock import MARK_NS, SystemClock
from actors.shop.commands import AdjustmentKind, AdjustStock, Movement
from actors.store_actor import StoreActor
from tests.journal.storages import Storage
from tests.runtime.runtime_fixture import STILL_S, WAIT_S
from tests.shop.scenario_text import command_of
from tests.shop.watched import DAY_ZERO_MS

SECOND_NS = 1_000_000_000
HOUR_S = 3_600


class Wall:
    """Both sources of a clock, in a test's hands."""

    def __init__(self) -> None:
        self.wall_ns = self.steady_ns = 1_000 * SECOND_NS
        self.boot = "first"
        self.clock = self.started()

    def started(self, mark: ClockMark | None = None) -> SystemClock:
        """The clock of a process that starts now."""
        return SystemClock(mark, lambda: self.wall_ns, lambda: self.steady_ns, self.boot)

    def replaced(self, mark: ClockMark | None, dead_s: int = 2) -> int:
        """The process ends, and its successor starts a little later; by how much time went on, in milliseconds."""
        before_ms = self.clock.now_ms()
        self.steady_ns += dead_s * SECOND_NS
        self.wall_ns += dead_s * SECOND_NS
        self.clock = self.started(mark)
        return self.clock.now_ms() - before_ms

    def move(self, steady_s: int, wall_s: int) -> int:
        """Time passes, and the wall clock says that so much did; what our clock says of it, in milliseconds."""
        before_ms = self.clock.now_ms()
        self.steady_ns += steady_s * SECOND_NS
        self.wall_ns += wall_s * SECOND_NS
        return self.clock.now_ms() - before_ms


def test_it_goes_with_the_wall_clock() -> None:
    assert Wall().move(10, 10) == 10_000


def test_a_jump_ahead_is_caught_up_with_at_one_percent() -> None:
    assert Wall().move(10, 3_600) == 10_100


def test_a_jump_back_does_not_make_it_stand() -> None:
    assert Wall().move(10, -3_600) == 9_900


def test_threads_read_it_one_at_a_time() -> None:
    """One that overtook another would be followed by an earlier instant, or the time between be counted twice."""
    with ThreadPoolExecutor(1) as pool:
        others: list[Future[int]] = []
        overtaken: list[bool] = []

        def wall_ns() -> int:
            if began and not others:
                others.append(pool.submit(clock.now_ms))
                overtaken.append(bool(wait(others, timeout=STILL_S).done))
            return SECOND_NS

        began = False
        clock = SystemClock(None, wall_ns, lambda: SECOND_NS)
        began = True
        clock.now_ms()
        others[0].result(WAIT_S)
    assert overtaken == [False]


def test_a_kill_changes_nothing_of_a_clock_that_was_set_ahead() -> None:
    wall = Wall()
    wall.move(10, 3_600)
    mark = wall.clock.mark_due()
    wall.move(9, 9)
    assert 1_980 <= wall.replaced(mark) <= 2_020 + 90  # the whole time since the mark is drawn again, at 1 %


def test_a_kill_changes_nothing_of_a_clock_that_was_set_back() -> None:
    wall = Wall()
    wall.move(10, -3_600)
    mark = wall.clock.mark_due()
    wall.move(9, 9)
    assert 1_800 <= wall.replaced(mark) <= 2_020


def test_a_clock_that_is_set_while_nobody_runs_is_followed_at_one_percent() -> None:
    for jump_s in (-HOUR_S, HOUR_S):
        wall = Wall()
        mark = wall.clock.mark_due()
        wall.move(59, 59)
        wall.wall_ns += jump_s * SECOND_NS
        assert 1_000 < wall.replaced(mark) < 3_000


def test_after_a_start_of_the_machine_it_is_the_wall_clock_but_never_earlier_than_before() -> None:
    for jump_s, expected_at_ms in ((-HOUR_S, 0), (HOUR_S, 1_000 * HOUR_S + 2_000)):
        wall = Wall()
        mark = wall.clock.mark_due()
        wall.boot, wall.steady_ns, wall.wall_ns = "second", 0, wall.wall_ns + jump_s * SECOND_NS
        before_ms = 1_000_000
        assert mark is not None
        assert mark.said_ns == before_ms * 1_000_000
        wall.clock = wall.started()  # what follows is of the new boot
        wall.replaced(mark)
        assert wall.clock.now_ms() - before_ms == expected_at_ms


def test_where_the_boot_is_not_known_nothing_is_concluded_from_the_steady_clock() -> None:
    wall = Wall()
    wall.boot = ""
    wall.clock = wall.started()
    mark = wall.clock.mark_due()
    wall.wall_ns += 7 * SECOND_NS
    assert wall.replaced(mark) > 7_000


def test_a_mark_is_due_at_once_then_once_a_minute_and_more_often_while_it_is_drawn() -> None:
    wall = Wall()
    marked = [wall.clock.mark_due() is not None]
    for _ in range(60):
        wall.move(1, 1)
        marked.append(wall.clock.mark_due() is not None)
    assert [second for second, is_due in enumerate(marked) if is_due] == [0, MARK_NS // SECOND_NS]
    wall.move(1, HOUR_S)
    marked = []
    for _ in range(30):
        wall.move(1, 1)
        marked.append(wall.clock.mark_due() is not None)
    assert sum(marked) == 3


class Process:
    """A shop's actor and its successors on one storage, with the clock in a test's hands."""

    def __init__(self, storage: Storage) -> None:
        self.wall = Wall()
        self.wall.wall_ns = DAY_ZERO_MS * 1_000_000
        self._storage = storage
        self._made: list[StoreActor] = []
        self._keys = count(1)
        self.start()

    def start(self) -> None:
        """The predecessor says nothing more: it was killed."""
        journal = self._storage.open()
        self.wall.clock = self.wall.started(journal.kept_clock())
        self.actor = StoreActor("store-S1", journal, self.wall.clock, self._end, tidy_every_s=WAIT_S)
        self._made.append(self.actor)

    def _end(self, failure: JournalError) -> None:
        raise AssertionError from failure

    def say(self, *texts: str) -> None:
        """Commands."""
        self.actor.step(pack_batch(0, [("S1", command_of(text, f"k{next(self._keys)}")) for text in texts]))

    def sell(self, age_s: int) -> None:
        """One, so long ago."""
        row = Movement("A", -1, 0, AdjustmentKind.SALE, 1_000 * age_s)
        self.actor.step(pack_batch(0, [("S1", AdjustStock(f"k{next(self._keys)}", "till", (row,)))]))

    def stock(self) -> tuple[int, ...]:
        """On hand and reserved."""
        [said] = self.actor.availability(["S1"], ["A"])
        assert not isinstance(said, str)
        [stock] = said[2]
        assert stock is not None
        return stock[:2]

    def close(self) -> None:
        """End the threads."""
        for each in self._made:
            each._closing.set()
            each._tidier.join()


@pytest.fixture
def process(storage: Storage) -> Iterator[Process]:
    """One that runs."""
    process = Process(storage)
    yield process
    process.close()


def test_holds_do_not_expire_early_after_a_kill_under_a_clock_that_was_set_ahead(process: Process) -> None:
    process.say("receive A 3", "reserve ann A 1 for 2h")
    process.wall.move(1, 3 * HOUR_S)
    process.actor.host.upkeep.do()
    process.start()
    assert process.stock() == (3, 1)


def test_a_sale_after_a_count_is_one_after_it_also_where_the_clock_is_behind_the_ledger(process: Process) -> None:
    process.say("receive A 9")
    process.wall.boot = "second"  # and so the mark does not help, and it may be older than the ledger
    process.wall.wall_ns -= 3 * HOUR_S * SECOND_NS
    process.start()
    process.say("count A 7")
    process.wall.move(60, 60)
    process.sell(age_s=10)
    assert process.stock() == (6, 0)
    process.sell(age_s=120)
    assert process.stock() == (6, 0)
