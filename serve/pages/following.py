"""Hears what happens in the shops that have a page open, by one stream of events for all of them."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from holdfast.client import ChannelClient, HoldfastError
from holdfast.client.models.events import Event, Refused, Reserved, StockAdjusted, StockCounted

GATHER_S: Final = 0.2  # shops that are found within it are read of from then on together
AGAIN_S: Final = 1.0  # after a failure
_CONCERN_NO_PAGE: Final = (Reserved, Refused, StockAdjusted, StockCounted)

log = logging.getLogger("holdfast.pages")


class Pages(Protocol):
    """Those that are open, and what they want to know."""

    def stores(self) -> set[str]:
        """The shops that have one."""

    async def joined(self) -> None:
        """Wait until a shop has one that had none."""

    def left(self) -> None:
        """Some of the shops are followed no more, or none is for a while."""

    def begun(self, store_id: str) -> None:
        """What happens in the shop is heard from here on."""

    def heard(self, event: Event) -> None:
        """Something has happened that pages may show."""


class Following:
    """For these pages."""

    def __init__(self, client: ChannelClient, pages: Pages) -> None:
        self._client = client
        self._pages = pages
        self._cursors: dict[str, int] = {}  # of the shops that are followed, the version up to which that is so
        self._finding: dict[str, asyncio.Task[None]] = {}  # those of which that version is not known yet

    def follows(self, store_id: str) -> bool:
        """Whether what happens there is heard."""
        return store_id in self._cursors

    async def close(self) -> None:
        """Find nothing any more."""
        running = list(self._finding.values())
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def run(self) -> None:
        """Hear of what happens in the shops that have a page open, until cancelled. One that is away keeps the others'
        pages from nothing.
        """
        while True:
            self._begin(self._pages.stores())
            finding = set(self._finding.values())
            joining = asyncio.create_task(self._pages.joined())
            reading = asyncio.create_task(self._read())
            try:
                await asyncio.wait({joining, reading, *finding}, return_when=asyncio.FIRST_COMPLETED)
                if reading.done() and (error := reading.exception()) is not None:
                    if not isinstance(error, HoldfastError):
                        raise error
                    log.warning("what happens in shops is not heard: %s", error)
                    self._cursors.clear()
                    self._pages.left()
                    await asyncio.sleep(AGAIN_S)
                elif not joining.done():
                    await asyncio.sleep(GATHER_S)
            finally:
                for each in (joining, reading):
                    each.cancel()
                    with suppress(asyncio.CancelledError, HoldfastError):
                        await each

    def _begin(self, wanted: set[str]) -> None:
        """Find those that are not followed, and follow no others."""
        self._cursors = {each: version for each, version in self._cursors.items() if each in wanted}
        self._pages.left()
        for store_id in wanted - self._cursors.keys() - self._finding.keys():
            self._finding[store_id] = finding = asyncio.create_task(self._find(store_id))
            finding.add_done_callback(partial(self._end_finding, store_id))

    def _end_finding(self, store_id: str, _: asyncio.Task[None]) -> None:
        del self._finding[store_id]

    async def _find(self, store_id: str) -> None:
        """Where a shop stands, so that it is followed from there on; until it has nobody's page open."""
        level = logging.WARNING
        while store_id in self._pages.stores():
            try:
                version = (await self._client.ledger_status(store_id)).version
            except HoldfastError as error:
                log.log(level, "what happens in shop %s is not heard: %s", store_id, error)
                level = logging.DEBUG  # once: all shops are away while no gateway is up
                await asyncio.sleep(AGAIN_S)
            else:
                self._cursors[store_id] = version
                self._pages.begun(store_id)
                return

    async def _read(self) -> None:
        """Hear of the shops that were found."""
        if not self._cursors:
            await asyncio.Event().wait()
        async with self._client.watch_events(self._cursors) as events:
            async for event in events:
                self._cursors[event.store_id] = event.version
                if not isinstance(event.change, _CONCERN_NO_PAGE):
                    self._pages.heard(event)
