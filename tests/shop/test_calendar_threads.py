"""One calendar is read by several threads: rankings ask for slots while the ledger decides."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from actors.calendar.hours import DAYS_COMPILED_MAX, Calendar, Duty, Interval
from actors.calendar.zones import DAY_MS

MINUTE_MS = 60_000
DAYS = 3 * DAYS_COMPILED_MAX  # days are evicted all the time
READS = 6_000


@pytest.fixture(autouse=True)
def _threads_switch_often() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_threads_that_evict_each_others_days_all_get_their_slots() -> None:
    calendar = Calendar(
        weekly=((Interval(540, 1_200),),) * 7,
        slot_minutes=330,
        staff=((Duty(540, 1_200, 1),),) * 7,
        pickups_per_staff_hour=60,
    )

    def read(first: int) -> int:
        starts = ((20_000 + (first + 7 * number) % DAYS) * DAY_MS + 540 * MINUTE_MS for number in range(READS))
        return sum(calendar.slot_at(start_ms) is not None for start_ms in starts)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(4))) == [READS] * 4
