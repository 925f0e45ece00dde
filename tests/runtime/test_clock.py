"""The server's clock: at the pace of the monotonic one, drawn towards the wall clock, shared by threads."""

from concurrent.futures import Future, ThreadPoolExecutor, wait

from actors.runtime.clock import SystemClock
from tests.runtime.runtime_fixture import STILL_S, WAIT_S

SECOND_NS = 1_000_000_000


class Wall:
    """Both sources of a clock, in a test's hands."""

    def __init__(self) -> None:
        self.wall_ns = self.steady_ns = 1_000 * SECOND_NS
        self.clock = SystemClock(lambda: self.wall_ns, lambda: self.steady_ns)

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
        clock = SystemClock(wall_ns, lambda: SECOND_NS)
        began = True
        clock.now_ms()
        others[0].result(WAIT_S)
    assert overtaken == [False]
