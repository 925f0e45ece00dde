"""What a team would write by hand over a Redis or a Valkey: redis-py, and the rules of a reservation in a Lua script.

A batch is one pipeline. `python -m bench.peers.hand_written DATA_DIR PORT DATABASE_PORT`, started by
`bench.peers.peer`.
"""

import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import redis.asyncio
import uvloop
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as ConnectionLost, NoScriptError, TimeoutError as TooLate

from bench.peers.serving import EXPIRED_MAX, Asked, Audit, Held, Short, serve

CONNECTIONS_MAX: Final = 32  # to Redis; with 128, or with 8, a call took more CPU
RETRY: Final = Retry(ExponentialBackoff(), 15)  # some 5 s, in which Redis comes up
SHOPS: Final = "shops"  # the set of all
_HERE: Final = Path(__file__).parent

T = TypeVar("T")


class RedisStock:
    """Reservations in one Redis."""

    lost: tuple[type[Exception], ...] = (ConnectionLost, TooLate)

    def __init__(self, client: Any) -> None:
        self._redis = client  # redis.asyncio.Redis, whose stubs give every command two types
        self._scripts: dict[str, str] = {}

    async def open(self) -> None:
        """Load the scripts; a server that was started again has forgotten them."""
        for name in ("reserve", "receive", "verify", "expire"):
            self._scripts[name] = await self._redis.script_load((_HERE / f"{name}.lua").read_text(encoding="utf-8"))

    async def reserve(self, asked: Asked) -> Held | Short:
        return _said(await self._scripted(lambda: self._redis.evalsha(*self._arguments(asked))))

    async def reserve_batch(self, batch: Sequence[Asked]) -> Sequence[Held | Short]:
        def piped() -> Coroutine[Any, Any, list[str]]:
            pipeline = self._redis.pipeline(transaction=False)
            for each in batch:
                pipeline.evalsha(*self._arguments(each))
            said: Coroutine[Any, Any, list[str]] = pipeline.execute()
            return said

        return list(map(_said, await self._scripted(piped)))

    async def receive(self, store_id: str, rows: dict[str, int]) -> None:
        flat = [each for row in rows.items() for each in row]
        await self._scripted(lambda: self._redis.evalsha(self._scripts["receive"], 2, store_id, SHOPS, *flat))

    async def verify(self, store_id: str) -> Audit:
        return Audit(*await self._scripted(lambda: self._redis.evalsha(self._scripts["verify"], 1, store_id)))

    async def expire(self) -> None:
        stores = await self._redis.smembers(SHOPS)

        def piped() -> Coroutine[Any, Any, list[int]]:
            pipeline = self._redis.pipeline(transaction=False)
            for store_id in stores:
                pipeline.evalsha(self._scripts["expire"], 1, store_id, EXPIRED_MAX)
            given_back: Coroutine[Any, Any, list[int]] = pipeline.execute()
            return given_back

        await self._scripted(piped)

    async def _scripted(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The call, and once more where the scripts were forgotten: a key makes that safe."""
        try:
            return await call()
        except NoScriptError:
            await self.open()
            return await call()

    def _arguments(self, asked: Asked) -> Sequence[str | int]:
        """What reserve.lua is called with."""
        lines = [each for line in asked.lines for each in line]
        return self._scripts["reserve"], 1, asked.store_id, asked.key, asked.hold_ms, asked.customer_id, *lines


def _said(text: str) -> Held | Short:
    word, first, second, third = text.split(" ", 3)
    if word == "short":
        return Short(third, int(first), int(second))
    return Held(int(first), int(second), int(third))


async def run(data_dir: Path, port: int, redis_port: int) -> None:
    """Serve from the Redis at that port until SIGTERM."""
    pool = redis.asyncio.BlockingConnectionPool(
        max_connections=CONNECTIONS_MAX, timeout=None, retry=RETRY, port=redis_port, decode_responses=True
    )
    async with redis.asyncio.Redis.from_pool(pool) as client:
        await serve(data_dir, port, RedisStock(client))


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
