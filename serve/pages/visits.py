"""Pages of customers that are open, and the streams to them (server-sent events): that something of their pickup has
changed, and not what. They have places of their own: however many customers look, no tablet waits for one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from holdfast.client.models.events import Event
from serve.pages.live import BEAT, BEAT_S, GREETING, TooManyStreams, changed

# Of the process. With the streams of tablets it is three quarters of the connections that HAProxy has for browsers:
# each has one while its page is seen, and tablets are to send their forms by the others.
VISITS_MAX: Final = 512
OF_ONE_MAX: Final = 8  # of one reservation, which then has the last ones
VISITED_MAX: Final = 1_024  # shops: one stream of events tells of no more


class _Visit:
    """One page that is open; fields as in `live`."""

    def __init__(self) -> None:
        self.told: int | None = None
        self.is_over = False
        self.woken = asyncio.Event()


class Visits:
    """All that are open, by shop and reservation, the oldest first. They are `following.Pages`."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, list[_Visit]]] = {}
        self._count = 0
        self._joined = asyncio.Event()
        self._numbers = count(1)

    def stores(self) -> set[str]:
        return set(self._open)

    async def joined(self) -> None:
        await self._joined.wait()
        self._joined.clear()

    def left(self) -> None:
        """Nothing is known here of what is followed."""

    def begun(self, store_id: str) -> None:
        """What happened in the shop until now, its pages may not know."""
        for visits in self._open.get(store_id, {}).values():
            self._tell(visits)

    def heard(self, event: Event) -> None:
        """Tell the pages of the reservation that this is about."""
        reservation_id = getattr(event.change, "reservation_id", "")
        self._tell(self._open.get(event.store_id, {}).get(reservation_id, []))

    async def messages(self, store_id: str, reservation_id: str) -> AsyncIterator[bytes]:
        """What a page is sent. Raises TooManyStreams before the first."""
        with self._place(store_id, reservation_id) as mine:
            yield GREETING
            while True:
                mine.woken.clear()  # before it is looked at what there is: more may come while that is being sent
                if mine.is_over:
                    break
                told, mine.told = mine.told, None
                if told is not None:
                    yield changed(told)
                try:
                    async with asyncio.timeout(BEAT_S):
                        await mine.woken.wait()
                except TimeoutError:
                    yield BEAT

    def _tell(self, visits: list[_Visit]) -> None:
        for each in visits:
            each.told = next(self._numbers)
            each.woken.set()

    @contextmanager
    def _place(self, store_id: str, reservation_id: str) -> Iterator[_Visit]:
        is_new = store_id not in self._open
        if self._count >= VISITS_MAX or (is_new and len(self._open) >= VISITED_MAX):
            raise TooManyStreams
        mine, of_shop = _Visit(), self._open.setdefault(store_id, {})
        visits = of_shop.setdefault(reservation_id, [])
        going_on = [each for each in visits if not each.is_over]
        if len(going_on) >= OF_ONE_MAX:
            going_on[0].is_over = True
            going_on[0].woken.set()
        visits.append(mine)
        self._count += 1
        if is_new:
            self._joined.set()
        try:
            yield mine
        finally:
            self._count -= 1
            visits.remove(mine)
            if not visits:
                del of_shop[reservation_id]
            if not of_shop:
                del self._open[store_id]
