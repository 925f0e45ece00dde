"""The pick tasks of shops that have a page open: listed once for all of a shop's pages, and again once something has
changed, which one stream of events tells of all these shops.
"""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Final, NamedTuple

from holdfast.client import ChannelClient, HoldfastError, PickTask
from holdfast.client.models.events import Refused, Reserved, StockAdjusted, StockCounted
from serve.pages.live import Streams

TASKS_MAX: Final = 1_000  # of a shop that are shown
GATHER_S: Final = 0.2  # what happens in that time is told together
AGAIN_S: Final = 1.0  # after a failure
_CONCERN_NO_TASK: Final = (Reserved, Refused, StockAdjusted, StockCounted)

log = logging.getLogger("holdfast.pages")


class Board(NamedTuple):
    """The tasks of a shop by status, each in the sequence of its queue; `has_more` where there are more than are
    shown.
    """

    tasks: tuple[PickTask, ...]
    has_more: bool


class Boards:
    """All that are shown somewhere."""

    def __init__(self, client: ChannelClient, streams: Streams) -> None:
        self._client = client
        self._streams = streams
        self._cursors: dict[str, int] = {}  # of the shops that are followed, the version up to which that is so
        self._finding: dict[str, asyncio.Task[None]] = {}  # those of which that version is not known yet
        self._known: dict[str, Board] = {}
        self._asked: dict[str, int] = {}  # the number of the question to which that is the answer
        self._changed: dict[str, int] = {}  # the number of what has happened last
        self._untold: set[str] = set()  # those of which another board is known than their pages were told of
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._numbers = count(1)

    async def of(self, store_id: str) -> Board:
        """A shop's, as it is now. Raises HoldfastError."""
        if store_id in self._cursors and self._is_fresh(store_id):
            return self._known[store_id]
        return await self._list(store_id)

    def _is_fresh(self, store_id: str) -> bool:
        """Whether what is known was asked for after all that has happened."""
        return self._asked.get(store_id, 0) > self._changed.get(store_id, 0)

    def changed(self, store_id: str) -> None:
        """Something has happened in the shop that concerns its tasks: its pages are told in a moment."""
        self._changed[store_id] = next(self._numbers)
        if store_id not in self._refreshing:
            self._refreshing[store_id] = asyncio.create_task(self._refresh(store_id))

    async def close(self) -> None:
        """Tell nobody any more."""
        running = [*self._refreshing.values(), *self._finding.values()]
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def follow(self) -> None:
        """Hear of what happens in the shops that have a page open, until cancelled. One that is away keeps the others'
        pages from nothing.
        """
        while True:
            self._begin(self._streams.stores())
            finding = set(self._finding.values())
            joining = asyncio.create_task(self._streams.joined())
            reading = asyncio.create_task(self._read())
            try:
                await asyncio.wait({joining, reading, *finding}, return_when=asyncio.FIRST_COMPLETED)
                if reading.done() and (error := reading.exception()) is not None:
                    if not isinstance(error, HoldfastError):
                        raise error
                    log.warning("what happens in shops is not heard: %s", error)
                    self._cursors.clear()
                    self._known.clear()  # pages are drawn without them now, and told once they are there again
                    self._asked.clear()
                    await asyncio.sleep(AGAIN_S)
                elif not joining.done():
                    await asyncio.sleep(GATHER_S)  # others that are found in that time are read of from then on as well
            finally:
                for each in (joining, reading):
                    each.cancel()
                    with suppress(asyncio.CancelledError, HoldfastError):
                        await each

    def _begin(self, wanted: set[str]) -> None:
        """Find those that are not followed, and follow no others."""
        self._cursors = {each: version for each, version in self._cursors.items() if each in wanted}
        for gone in self._known.keys() - wanted:
            del self._known[gone], self._asked[gone]
        for store_id in wanted - self._cursors.keys() - self._finding.keys():
            self._finding[store_id] = finding = asyncio.create_task(self._find(store_id))
            finding.add_done_callback(partial(self._end_finding, store_id))

    def _end_finding(self, store_id: str, _: asyncio.Task[None]) -> None:
        del self._finding[store_id]

    async def _find(self, store_id: str) -> None:
        """Where a shop stands, so that it is followed from there on; until it has nobody's page open."""
        while store_id in self._streams.stores():
            try:
                version = (await self._client.ledger_status(store_id)).version
            except HoldfastError as error:
                log.warning("what happens in shop %s is not heard: %s", store_id, error)
                await asyncio.sleep(AGAIN_S)
            else:
                self._cursors[store_id] = version
                self.changed(store_id)
                return

    async def _read(self) -> None:
        """Hear of the shops that were found."""
        if not self._cursors:
            await asyncio.Event().wait()
        async with self._client.watch_events(self._cursors) as events:
            async for event in events:
                self._cursors[event.store_id] = event.version
                if not isinstance(event.change, _CONCERN_NO_TASK):
                    self.changed(event.store_id)

    async def _refresh(self, store_id: str) -> None:
        try:
            while True:
                await asyncio.sleep(GATHER_S)
                try:
                    await self._list(store_id)
                except HoldfastError as error:
                    log.warning("the tasks of shop %s are not known: %s", store_id, error)
                    if store_id not in self._streams.stores():
                        return
                    await asyncio.sleep(AGAIN_S)
                    continue
                if store_id in self._untold:
                    self._untold.discard(store_id)
                    await self._streams.tell(store_id, next(self._numbers))
                if self._is_fresh(store_id) or store_id not in self._cursors:
                    return
        finally:
            del self._refreshing[store_id]

    async def _list(self, store_id: str) -> Board:
        """What is there. It is kept for who looks next, but where what is known was asked for later."""
        asked = next(self._numbers)
        tasks: list[PickTask] = []
        async for task in self._client.list_pick_tasks(store_id, page_size=TASKS_MAX):
            if len(tasks) == TASKS_MAX:
                break
            tasks.append(task)
        board = Board(tuple(tasks), len(tasks) == TASKS_MAX)
        if store_id in self._cursors and asked > self._asked.get(store_id, 0):
            if board != self._known.get(store_id):
                self._untold.add(store_id)
            self._asked[store_id], self._known[store_id] = asked, board
        return board
