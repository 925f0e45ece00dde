"""The pick tasks of shops that have a page open: listed once for all of a shop's pages, and again once something has
changed, which one stream of events tells of all these shops.
"""

import asyncio
import logging
from itertools import count
from typing import Final, NamedTuple

from holdfast.client import ChannelClient, HoldfastError, PickStatus, PickTask
from holdfast.client.models.events import Event, MoveRefused, ShortfallResolved
from serve.pages.following import AGAIN_S, Following
from serve.pages.live import Streams

TASKS_MAX: Final = (
    1_000  # of a shop that are shown, and as many of those that somebody has or had, where there are more
)
BEGUN: Final = (PickStatus.PICKING, PickStatus.PICKED, PickStatus.READY, PickStatus.TO_PUT_BACK)
GATHER_S: Final = 0.2  # what happens in that time is told together

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
        self._following = Following(client, self)
        self._known: dict[str, Board] = {}
        self._asked: dict[str, int] = {}  # the number of the question to which that is the answer
        self._changed: dict[str, int] = {}  # the number of what has happened last
        self._untold: set[str] = set()  # those of which another board is known than their pages were told of
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._numbers = count(1)

    async def of(self, store_id: str) -> Board:
        """A shop's, as it is now. Raises HoldfastError."""
        if self._following.follows(store_id) and self._is_fresh(store_id):
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
        await self._following.close()
        running = list(self._refreshing.values())
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def follow(self) -> None:
        """Hear of what happens in the shops that have a page open, until cancelled."""
        await self._following.run()

    def stores(self) -> set[str]:
        """See `following.Pages`, as the next ones."""
        return self._streams.stores()

    async def joined(self) -> None:
        await self._streams.joined()

    def left(self) -> None:
        """What is not followed is not known either: pages are drawn without it, and told once it is there again."""
        for gone in [each for each in self._known if not self._following.follows(each)]:
            del self._known[gone], self._asked[gone]

    def begun(self, store_id: str) -> None:
        self.changed(store_id)

    def heard(self, event: Event) -> None:
        if isinstance(event.change, ShortfallResolved | MoveRefused):  # what others are asked for is on no board
            self._untold.add(event.store_id)
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
                if self._is_fresh(store_id) or not self._following.follows(store_id):
                    return
        finally:
            del self._refreshing[store_id]

    async def _list(self, store_id: str) -> Board:
        """What is there. It is kept for who looks next, but where what is known was asked for later."""
        asked = next(self._numbers)
        tasks = await self._listed(store_id)
        has_more = len(tasks) == TASKS_MAX
        if has_more:  # what is to be picked comes first in a list, and customers wait for what is ready
            known = {task.reservation_id for task in tasks}
            tasks += [each for each in await self._listed(store_id, *BEGUN) if each.reservation_id not in known]
        board = Board(tuple(tasks), has_more)
        if self._following.follows(store_id) and asked > self._asked.get(store_id, 0):
            if board != self._known.get(store_id):
                self._untold.add(store_id)
            self._asked[store_id], self._known[store_id] = asked, board
        return board

    async def _listed(self, store_id: str, *statuses: PickStatus) -> list[PickTask]:
        """The first tasks of these statuses, of all where none is named."""
        tasks: list[PickTask] = []
        async for task in self._client.list_pick_tasks(store_id, statuses=statuses, page_size=TASKS_MAX):
            tasks.append(task)
            if len(tasks) == TASKS_MAX:
                break
        return tasks
