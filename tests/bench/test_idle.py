"""What the measurement of tills and tablets makes of pages: too few tasks on a board are no board."""

import asyncio
import gzip

import pytest

from bench.scenarios.idle import A_TASK, Tablet


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A board of two tasks, or a page that is told of a change."""
    asked = await reader.readuntil(b"\r\n\r\n")
    board = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(A_TASK + b"> one" + A_TASK + b"> two")
    live = b"HTTP/1.1 200 OK\r\n\r\n17\r\nretry: 2000\n\n\r\n20\r\nevent: changed\nid: 1\ndata: 1\n\n\r\n"
    writer.write(live if asked.startswith(b"GET /live ") else board)
    await writer.drain()
    writer.close()


def test_a_board_has_all_tasks_and_a_page_is_told() -> None:
    async def main() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            tablet = Tablet(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "token")
            assert await tablet.open(2) > 0
            with pytest.raises(ValueError, match="2 of 3 tasks are shown"):
                await tablet.open(3)
            async with tablet.live() as heard:
                await heard.wait()

    asyncio.run(main())
