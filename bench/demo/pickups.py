"""The counter of a shop: what is scanned there is scanned at two tills at once, each of which says a hand-over twice; a
third till only listens. What came of it, and of the tasks behind it.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

from bench.demo.feed import Sentences
from bench.demo.walk_plan import HANDED_OVER, SIZES, Ending, WalkSizes
from bench.record import percentile
from holdfast.client import PickupChange, PickupChangeKind, Reservation, TillClient

TILLS: Final = ("till-1", "till-2")
ACTOR_KILLS: Final = 2  # while it is picked, and while it is handed over
HEARD_S_MAX: Final = 30.0  # the listening till hears of what is long done, over a kill


@dataclass(slots=True)
class Pickups:
    """What came of it. `codes_used_twice` are those by which two tills handed out; `till_events_missing` are changes
    that the listening till did not hear of, or heard of twice. Of `steps` in the feed some are there `twice` or
    `missing`, against what callers were told; `units_missing` are those by which the books are wrong, either way;
    `refused` is whatever should have been done and was not.
    """

    orders: int = 0
    handed_over: int = 0
    refused: int = 0
    codes_scanned: int = 0
    codes_used_twice: int = 0
    repeats_differing: int = 0
    till_events_missing: int = 0
    ready_to_till_ms_p99: float = 0.0
    tasks: int = 0
    tasks_contested: int = 0
    tasks_owned_twice: int = 0
    tasks_left: int = 0
    shorts: dict[str, int] = field(default_factory=dict)
    double_taps: int = 0
    double_taps_differing: int = 0
    steps: int = 0
    steps_twice: int = 0
    steps_missing: int = 0
    arrivals: int = 0
    no_shows: int = 0
    put_back: int = 0
    returns: int = 0
    actor_kills: int = 0
    units_missing: int = 0
    holds_in_ledger: bool = False
    findings: Sentences = field(default_factory=Sentences)

    @property
    def wrong(self) -> int:
        at_tills = self.codes_used_twice + self.repeats_differing + self.till_events_missing
        at_tablets = self.tasks_owned_twice + self.tasks_left + self.double_taps_differing
        return at_tills + at_tablets + self.steps_twice + self.steps_missing + self.units_missing + self.refused

    def holds_for(self, sizes: WalkSizes) -> bool:
        """True where all of it was done, once, and nothing of what must not be has happened."""
        endings = sizes.endings
        wanted = {
            "orders": sum(endings.values()),
            "tasks": sum(endings.values()),
            "handed_over": sum(count for ending, count in endings.items() if ending in HANDED_OVER),
            "codes_scanned": endings[Ending.BY_CODE],
            "no_shows": endings[Ending.NO_SHOW] + endings[Ending.LATE],
            "returns": sizes.returns,
            "double_taps": sum(sizes.taps.values()),
            "actor_kills": ACTOR_KILLS,
        }
        whole = all(getattr(self, name) == count for name, count in wanted.items())
        are_short = sum(self.shorts.values()) == sum(sizes.shorts.values()) + endings[Ending.NOTHING_LEFT]
        return whole and are_short and self.holds_in_ledger and not self.wrong

    @property
    def holds(self) -> bool:
        return self.holds_for(SIZES)


class Desk:
    """The counter: two tills, one that listens, and what was heard of orders by it."""

    def __init__(self, tills: Sequence[TillClient], came: Pickups) -> None:
        self._tills = tills
        self.came = came
        self.ready_at: dict[str, float] = {}
        self.expected: Counter[tuple[PickupChangeKind, str]] = Counter()
        self.heard: list[tuple[float, PickupChange]] = []
        self._hears = asyncio.Event()

    async def serve(self, code: str) -> Reservation | None:
        """Both tills scan it at once, and say each hand-over twice; what was handed out."""
        said = await asyncio.gather(*(self._scan(till, code) for till in self._tills))
        handed_out = [answer for answer in said if isinstance(answer, Reservation)]
        self.came.codes_scanned += 1
        if len(handed_out) != 1:
            self.came.codes_used_twice += len(handed_out) > 1
            self.came.findings.add(f"{len(handed_out)} tills handed out for one code: {said}")
        return handed_out[0] if handed_out else None

    async def _scan(self, till: TillClient, code: str) -> Any:
        [found] = await till.scanned(code)
        payment = f"paid at {till.till} for {found.reservation_id}"
        first = await till.collect(found.reservation_id, payment_reference=payment)
        again = await till.collect(found.reservation_id, payment_reference=payment)
        self.compare_said(first, again)
        return first

    def compare_said(self, first: object, again: object) -> None:
        if first != again:
            self.came.repeats_differing += 1
            self.came.findings.add(f"first {first}, then {again}")

    async def listen(self, till: TillClient) -> None:
        """Hear of changes until nobody waits for more."""
        async with till.watch_pickups() as changes:
            async for change in changes:
                self.heard.append((perf_counter(), change))
                self._hears.set()

    async def hear_the_last(self) -> None:
        """Wait until as much was heard as was done."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARD_S_MAX):
                while len(self.heard) < self.expected.total():
                    self._hears.clear()
                    await self._hears.wait()

    def compare(self) -> None:
        """What was heard with what was done."""
        heard = Counter((change.kind, change.reservation.reservation_id) for _, change in self.heard)
        for of in sorted(self.expected | heard):
            if (times := heard[of]) != self.expected[of]:
                self.came.till_events_missing += abs(times - self.expected[of])
                kind, reservation_id = of
                why = f"a till heard {times} times, not {self.expected[of]}, {kind.name} of {reservation_id}"
                self.came.findings.add(why)
        took = [
            (at - self.ready_at[change.reservation.reservation_id]) * 1_000
            for at, change in self.heard
            if change.kind is PickupChangeKind.READY and change.reservation.reservation_id in self.ready_at
        ]
        self.came.ready_to_till_ms_p99 = round(percentile(took, 0.99), 1) if took else 0.0
