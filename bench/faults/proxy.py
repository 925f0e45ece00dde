"""A TCP proxy between clients and the service: it can cut all connections, delay what passes, or lose answers."""

import asyncio
from contextlib import suppress
from typing import Final, Self

CHUNK: Final = 1 << 16
CONNECT_S: Final = 5.0
HOST: Final = "127.0.0.1"


class Proxy:
    """Listens at `address` and passes everything to `target`, which may change. Used as an async context manager.

    `is_cut`: nothing passes, and no connection is taken. `delay_s`: each piece waits so long, either way.
    `loses_answers`: what the service says is thrown away; what it is told arrives.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.address = ""
        self.is_cut = False
        self.delay_s = 0.0
        self.loses_answers = False
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        port = self._server.sockets[0].getsockname()[1]
        self.address = f"{HOST}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.break_all()
        if self._tasks:  # each ends by itself, now that nobody is at either end
            await asyncio.wait(self._tasks, timeout=2 * CONNECT_S)

    def break_all(self) -> None:
        """Reset every connection that is open."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or self.is_cut:
            writer.transport.abort()
            return
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._pass_on(reader, writer)
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        try:
            async with asyncio.timeout(CONNECT_S):
                their_reader, their_writer = await asyncio.open_connection(host, int(port))
        except (OSError, TimeoutError):
            return  # nobody is there: the client hears of a connection that was reset
        self._writers.add(their_writer)
        ways = [
            asyncio.ensure_future(self._pump(reader, their_writer, is_answer=False)),
            asyncio.ensure_future(self._pump(their_reader, writer, is_answer=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(their_writer)
            their_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with suppress(OSError):
            while piece := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.is_cut or (is_answer and self.loses_answers):
                    continue
                writer.write(piece)
                await writer.drain()
