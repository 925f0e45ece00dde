"""When an order that is placed now is ready, for every shop of one revision of the chain: what ranking asks of hours.

Calendars are asked once a minute, which decides all of it: hours, holidays and cut-offs are in whole minutes. Within
the minute a time either stands, as that of a shop that opens tomorrow, or goes with the clock, as that of an open one.
So what is told is exact to the millisecond, and costs a ranking some microseconds. Only at the very millisecond of a
cut-off an order counts as too late here, where the shop would still take it as in time.

Shops with the same hours are asked as one, and shops that are always open and need no time to pick are not asked.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

import numpy as np
from msgspec.structs import replace

from actors.calendar.hours import ALWAYS_OPEN, DAY_MINUTES, Calendar
from actors.calendar.zones import DAY_MS, MINUTE_MS
from serve.sourcing.ranking import NEVER_MS
from serve.sourcing.store_index import Flags, Ints

SLICE: Final = 64  # calendars between which other calls have their turn: a new day costs each some tens of microseconds


class ReadyTimes:
    """Of shops by row, as their index counts them. One for each revision of the chain, in one event loop."""

    def __init__(self, calendars: Iterable[Calendar]) -> None:
        self._shops = list(calendars)
        self._asked: list[Calendar] = []  # each that differs, once
        self._place: Ints = np.zeros(0, np.int64)  # of each row that has hours, which of them
        self._rows: Ints = np.zeros(0, np.int64)
        self._day = self._minute = -1
        self._at_end: Ints = np.zeros(0, np.int64)  # by row: for an order placed in the minute's last millisecond
        self._moves: Flags = np.zeros(0, np.bool_)
        self._work = asyncio.Lock()

    async def at(self, now_ms: int) -> Ints:
        """When an order placed at this instant is ready, by row; NEVER_MS where the shop stays closed."""
        async with self._work:
            minute = now_ms // MINUTE_MS
            if minute != self._minute:
                await self._ask(minute * MINUTE_MS)
                self._minute = minute
            left_ms = (minute + 1) * MINUTE_MS - 1 - now_ms
            ready: Ints = np.where(self._moves, self._at_end - left_ms, self._at_end)
            return ready

    async def _ask(self, begin_ms: int) -> None:
        if begin_ms // DAY_MS != self._day:
            await self._gather()
            self._day = begin_ms // DAY_MS
        end_ms = begin_ms + MINUTE_MS - 1
        at_end = np.full(len(self._asked), NEVER_MS, np.int64)
        moves = np.zeros(len(self._asked), np.bool_)
        for place, calendar in enumerate(self._asked):
            if place % SLICE == 0:
                await asyncio.sleep(0)
            first_ms, last_ms = calendar.earliest_ready_ms(begin_ms), calendar.earliest_ready_ms(end_ms)
            if last_ms is not None:
                at_end[place] = last_ms
                moves[place] = first_ms is not None and last_ms - first_ms == end_ms - begin_ms
        self._at_end = np.full(len(self._shops), end_ms, np.int64)
        self._moves = np.ones(len(self._shops), np.bool_)
        self._at_end[self._rows] = at_end[self._place]
        self._moves[self._rows] = moves[self._place]

    async def _gather(self) -> None:
        """Calendars of our own, without slots and made anew each day: else the days they compile would add up here."""
        places: dict[Calendar, int] = {}
        rows: list[tuple[int, int]] = []
        for row, calendar in enumerate(self._shops):
            if row % SLICE == 0:
                await asyncio.sleep(0)
            if calendar.always_open and not calendar.lead_minutes and calendar.cutoff_minute == DAY_MINUTES:
                continue
            hours = replace(calendar, slot_minutes=0, staff=ALWAYS_OPEN.staff, pickups_per_staff_hour=0)
            rows.append((row, places.setdefault(hours, len(places))))
        self._asked = list(places)
        self._rows = np.array([row for row, _ in rows], np.int64)
        self._place = np.array([place for _, place in rows], np.int64)
