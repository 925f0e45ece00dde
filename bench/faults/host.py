"""A service of the run's own behind a proxy, that can be killed whole and started again under the same address."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Final, Self

import psutil

from bench.faults.callers import CHAIN_FILE as CHAIN
from bench.faults.proxy import Proxy
from bench.service import CHAIN_FILE, Service, marked, serving
from holdfast.client import ChannelClient

STORE_ACTORS: Final = 2
GATEWAYS: Final = 2
PARENT: Final = ["-m", "serve"]
SERVING_MS: Final = 60_000


class Host:
    """The service, whose data lies in `folder`, and the proxy. Used as an async context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()
        self._closing = AsyncExitStack()
        self.proxy = Proxy("")
        self.service = Service("", "")

    async def __aenter__(self) -> Self:
        (self._folder / CHAIN_FILE).write_text(CHAIN, encoding="utf-8")
        try:
            await self._start()
            await self._closing.enter_async_context(self.proxy)
        except BaseException:
            self._running.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()
        await asyncio.to_thread(self._running.close)

    async def kill_and_start(self) -> None:
        """Kill -9 every process of the service at once, and start it again over the same data."""
        await asyncio.to_thread(self._kill)
        await self.stop_and_start()

    async def kill_parent_and_start(self) -> None:
        """Kill -9 the process that started all others, and start the service again, which ends what is left of it."""
        for process in await asyncio.to_thread(marked, self.service.mark):
            with suppress(psutil.Error, ProcessLookupError):
                if process.cmdline()[1:3] == PARENT:
                    process.kill()
        before = self._running.pop_all()
        try:
            await self._start()
        finally:
            await asyncio.to_thread(before.close)

    async def stop_and_start(self) -> None:
        """Stop the service in order, and start it again over the same data, as for an upgrade."""
        await asyncio.to_thread(self._running.close)
        await self._start()

    def journal_of(self, actor: str) -> Path:
        return self._folder / "data" / "journal" / f"{actor}.db"

    async def _start(self) -> None:
        more = ("--gateways", str(GATEWAYS))
        serves = serving(self._folder, STORE_ACTORS, *more)
        starting = asyncio.ensure_future(asyncio.to_thread(self._running.enter_context, serves))
        try:
            self.service = await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])  # only what has begun can be ended
            raise
        self.proxy.target = self.service.target
        async with ChannelClient(self.service.target) as client:
            await client.wait_until_serving(timeout_ms=SERVING_MS)

    def _kill(self) -> None:
        while doomed := marked(self.service.mark):
            for process in doomed:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
