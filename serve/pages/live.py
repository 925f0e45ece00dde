"""Streams to pages that are open (server-sent events): that something has changed, and that a device is let in no more.

What has changed is not said here: the page asks for it, and is let in or not. A stream that has nothing to tell says so
every `BEAT_S`, so that both ends and what stands between know that it lives.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from holdfast.client import HoldfastError
from serve.pages.doorkeeper import Admitted

STREAMS_MAX: Final = 1_024  # of the process
DEVICE_STREAMS_MAX: Final = 16  # of one device, which then has the last ones: a lost network leaves some behind
BEAT_S: Final = 20.0
LOOK_S: Final = 1.0  # how often it is asked who is still let in
GREETING: Final = b"retry: 2000\n\n"  # after so many ms a browser connects again
BEAT: Final = b"event: beat\ndata: 1\n\n"
GONE: Final = b"event: gone\ndata: 1\n\n"

log = logging.getLogger("holdfast.pages")


def changed(number: int) -> bytes:
    """That something has changed."""
    return f"event: changed\nid: {number}\ndata: {number}\n\n".encode()


class TooManyStreams(Exception):
    """As many pages are open as may be."""


async def streamed(messages: AsyncIterator[bytes]) -> Response:
    """The answer with a stream to a page."""
    try:
        first = await anext(messages)
    except TooManyStreams:
        return PlainTextResponse("too many pages are open", HTTPStatus.SERVICE_UNAVAILABLE)

    async def stream() -> AsyncIterator[bytes]:
        yield first
        async for message in messages:
            yield message

    return StreamingResponse(stream(), media_type="text/event-stream")


class _Open:
    """One page that is open. `told` is the number that it is to be told next, None where it knows the last one."""

    def __init__(self, admitted: Admitted) -> None:
        self.store_id, self.digest = admitted.device.store_id, admitted.digest
        self.told: int | None = None
        self.is_gone = self.is_over = False
        self.woken = asyncio.Event()


class Streams:
    """All that are open. `let_in` says which of some digests are still let in, and may raise HoldfastError."""

    def __init__(self, let_in: Callable[[Sequence[bytes]], Awaitable[set[bytes]]]) -> None:
        self._let_in = let_in
        self._open: dict[_Open, None] = {}  # the oldest first
        self._joined = asyncio.Event()

    async def watch(self) -> None:
        """Look who is still let in, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look(list(self._open))

    async def look(self, some: Sequence[_Open]) -> None:
        """End those of devices that are let in no more; nobody is told that while the service does not answer."""
        if not some:
            return
        try:
            let_in = await self._let_in(sorted({each.digest for each in some}))
        except HoldfastError as error:
            log.warning("it is not known who is still let in: %s", error)
            return
        for each in some:
            if each.digest not in let_in:
                each.is_gone = True
                each.woken.set()

    async def tell(self, store_id: str, number: int) -> None:
        """Tell the pages of a shop that something has changed, but for those of devices that are let in no more."""
        concerned = [each for each in self._open if each.store_id == store_id]
        await self.look(concerned)
        for each in concerned:
            each.told = number
            each.woken.set()

    async def joined(self) -> None:
        """Wait until a shop has a page open that had none."""
        await self._joined.wait()
        self._joined.clear()

    def stores(self) -> set[str]:
        """The shops that have a page open."""
        return {each.store_id for each in self._open}

    async def messages(self, admitted: Admitted) -> AsyncIterator[bytes]:
        """What a page is sent, until its device is let in no more. Raises TooManyStreams before the first."""
        with self._place(admitted) as mine:
            yield GREETING
            while True:
                mine.woken.clear()  # before it is looked at what there is: more may come while that is being sent
                if mine.is_gone or mine.is_over:
                    break
                told, mine.told = mine.told, None
                if told is not None:
                    yield changed(told)
                try:
                    async with asyncio.timeout(BEAT_S):
                        await mine.woken.wait()
                except TimeoutError:
                    yield BEAT
            if mine.is_gone:
                yield GONE

    @contextmanager
    def _place(self, admitted: Admitted) -> Iterator[_Open]:
        if len(self._open) >= STREAMS_MAX:
            raise TooManyStreams
        mine = _Open(admitted)
        others = [each for each in self._open if each.digest == mine.digest and not each.is_over]
        if len(others) >= DEVICE_STREAMS_MAX:
            others[0].is_over = True
            others[0].woken.set()
        if mine.store_id not in self.stores():
            self._joined.set()
        self._open[mine] = None
        try:
            yield mine
        finally:
            del self._open[mine]
