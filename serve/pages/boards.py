"""The pick tasks of shops that have a page open: listed once for all of a shop's pages, and again once something has
changed, which one stream of events tells of all these shops.
"""

import asyncio
import logging
from contextlib import suppress
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
        self._known: dict[str, Board] = {}
        self._stale: set[str] = set()
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._numbers = count(1)

    async def of(self, store_id: str) -> Board:
        """A shop's, as it is now. Raises HoldfastError."""
        board = self._known.get(store_id)
        if board is None or store_id in self._stale or store_id not in self._cursors:
            board = await self._list(store_id)
        return board

    def changed(self, store_id: str) -> None:
        """Something has happened in the shop that concerns its tasks: its pages are told in a moment."""
        self._stale.add(store_id)
        if store_id not in self._refreshing:
            self._refreshing[store_id] = asyncio.create_task(self._refresh(store_id))

    async def close(self) -> None:
        """Tell nobody any more."""
        for each in list(self._refreshing.values()):
            each.cancel()
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)

    async def follow(self) -> None:
        """Hear of what happens in the shops that have a page open, until cancelled."""
        while True:
            joining = asyncio.create_task(self._streams.joined())
            reading = asyncio.create_task(self._read())
            try:
                await asyncio.wait({joining, reading}, return_when=asyncio.FIRST_COMPLETED)
                if reading.done() and (error := reading.exception()) is not None:
                    if not isinstance(error, HoldfastError):
                        raise error
                    log.warning("what happens in shops is not heard: %s", error)
                    self._cursors.clear()
                    await asyncio.sleep(AGAIN_S)
            finally:
                for each in (joining, reading):
                    each.cancel()
                    with suppress(asyncio.CancelledError, HoldfastError):
                        await each

    async def _read(self) -> None:
        """Until a shop has a page open that had none."""
        wanted = self._streams.stores()
        self._cursors = {each: version for each, version in self._cursors.items() if each in wanted}
        for gone in self._known.keys() - wanted:
            del self._known[gone]
        for store_id in wanted - self._cursors.keys():
            self._cursors[store_id] = (await self._client.ledger_status(store_id)).version
            self.changed(store_id)
        if not wanted:
            await asyncio.Event().wait()
        async with self._client.watch_events(self._cursors) as events:
            async for event in events:
                self._cursors[event.store_id] = event.version
                if not isinstance(event.change, _CONCERN_NO_TASK):
                    self.changed(event.store_id)

    async def _refresh(self, store_id: str) -> None:
        try:
            while store_id in self._stale:
                await asyncio.sleep(GATHER_S)
                before = self._known.get(store_id)
                try:
                    after = await self._list(store_id)
                except HoldfastError as error:
                    log.warning("the tasks of shop %s are not known: %s", store_id, error)
                    return  # its pages ask by themselves
                if after != before:
                    await self._streams.tell(store_id, next(self._numbers))
        finally:
            del self._refreshing[store_id]

    async def _list(self, store_id: str) -> Board:
        self._stale.discard(store_id)
        tasks: list[PickTask] = []
        listed = self._client.list_pick_tasks(store_id, page_size=TASKS_MAX)
        async for task in listed:
            if len(tasks) == TASKS_MAX:
                break
            tasks.append(task)
        board = Board(tuple(tasks), len(tasks) == TASKS_MAX)
        if store_id in self._cursors:
            self._known[store_id] = board
        return board
