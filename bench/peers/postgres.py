"""What a team would write by hand over PostgreSQL: asyncpg, and the rules of a reservation as functions of the
database.

A call is one prepared statement and one commit, so is a batch. How units are taken is the shape: `conditional_update`,
`for_update` or `skip_locked`, each a file beside this one, which comes on top of `stock.sql`.
`python -m bench.peers.postgres DATA_DIR PORT DATABASE_PORT SHAPE`, started by `bench.peers.peer`.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import uvloop

from bench.peers.postgres_server import USER
from bench.peers.serving import EXPIRED_MAX, Asked, Audit, Held, Short, serve

CONNECTIONS: Final = 16  # on two cores
OPEN_TRIES: Final = 300
OPEN_PAUSE_S: Final = 0.1
TRIES_MAX: Final = 10  # where two calls wait for each other, one of which is ended by the database then
_HERE: Final = Path(__file__).parent
_ANSWER: Final = "status, number, created_ms, expires_ms, short_sku, short_asked, short_available"
RESERVE: Final = f"SELECT {_ANSWER} FROM reserve($1, $2, $3, $4, $5, $6)"  # noqa: S608  # constants
RESERVE_MANY: Final = f"SELECT {_ANSWER} FROM reserve_many($1, $2, $3, $4, $5, $6, $7)"  # noqa: S608
ACCEPTED: Final = "SELECT count(*) FROM reservations WHERE store_id = $1 AND status <> 'r'"
# By SKU: units on hand, held, and free.
POSITIONS: Final = """
SELECT sku, on_hand, coalesce(held.units, 0), coalesce(free.units, 0)
    FROM stock LEFT JOIN held USING (store_id, sku) LEFT JOIN free USING (store_id, sku) WHERE store_id = $1 ORDER BY
    sku
"""


class PostgresStock:
    """Reservations in one database."""

    # Connection lost or refused, the server starting or stopping, and asyncpg's own word that a connection is closed.
    lost: tuple[type[Exception], ...] = (
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.InterfaceError,
        OSError,
    )

    def __init__(self, port: int, shape: str, connections: int = CONNECTIONS) -> None:
        self._port = port
        self._connections = connections
        self._shape = shape
        self._pool: Any = None

    async def open(self) -> None:
        for tries_left in reversed(range(OPEN_TRIES)):
            try:
                self._pool = await asyncpg.create_pool(
                    host="127.0.0.1",
                    port=self._port,
                    user=USER,
                    database="postgres",
                    ssl=False,
                    min_size=self._connections,
                    max_size=self._connections,
                    # The default asks the server after each call to put back what a session may have set: none does.
                    reset=_as_it_is,
                )
                break
            except self.lost:
                if not tries_left:
                    raise
                await asyncio.sleep(OPEN_PAUSE_S)
        if await self._pool.fetchval("SELECT to_regclass('stock')") is None:
            both = [(_HERE / f"{name}.sql").read_text(encoding="utf-8") for name in ("stock", self._shape)]
            await self._pool.execute("\n".join(both))  # one transaction

    async def close(self) -> None:
        await self._pool.close()

    async def reserve(self, asked: Asked) -> Held | Short:
        skus, units = zip(*asked.lines, strict=True)
        return _said((await self._fetch(RESERVE, *asked[:4], skus, units))[0])

    async def reserve_batch(self, batch: Sequence[Asked]) -> Sequence[Held | Short]:
        whose = [(place, *line) for place, each in enumerate(batch, start=1) for line in each.lines]
        columns = [*zip(*(each[:4] for each in batch), strict=True), *zip(*whose, strict=True)]
        return list(map(_said, await self._fetch(RESERVE_MANY, *columns)))

    async def receive(self, store_id: str, rows: dict[str, int]) -> None:
        await self._fetch("SELECT receive($1, $2, $3)", store_id, list(rows), list(rows.values()))

    async def verify(self, store_id: str) -> Audit:
        accepted = (await self._fetch(ACCEPTED, store_id))[0][0]
        rows = [(row[0], *map(int, row[1:])) for row in await self._fetch(POSITIONS, store_id)]
        broken = [(sku, str(on_hand - held), str(free)) for sku, on_hand, held, free in rows if on_hand - held != free]
        oversold = sum(max(0, held - on_hand) for _, on_hand, held, _ in rows)
        return Audit(accepted, sum(held for _, _, held, _ in rows), oversold, broken)

    async def expire(self) -> None:
        await self._fetch("SELECT expire($1)", EXPIRED_MAX)

    async def _fetch(self, statement: str, *arguments: Any) -> Any:
        """Its rows. It is done again where the database has ended it for another's sake, and has changed nothing."""
        for tries_left in reversed(range(TRIES_MAX)):
            try:
                return await self._pool.fetch(statement, *arguments)
            except asyncpg.DeadlockDetectedError:
                if not tries_left:
                    raise
        raise AssertionError("unreachable")


async def _as_it_is(_connection: Any) -> None:
    """Leave a connection as it is."""


def _said(row: Any) -> Held | Short:
    status, number, created_ms, expires_ms, *short = row
    return Short(*short) if status == b"r" else Held(number, created_ms, expires_ms)


async def run(data_dir: Path, port: int, database_port: int, shape: str) -> None:
    """Serve from the PostgreSQL at that port until SIGTERM."""
    stock = PostgresStock(database_port, shape)
    await serve(data_dir, port, stock)
    await stock.close()


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
