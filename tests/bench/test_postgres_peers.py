"""The three shapes over PostgreSQL keep their promises: beside one that loses holds, no figure would count."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bench import service as processes
from bench.peers.peer import KINDS, running_peer
from bench.peers.postgres_server import USER, absent, postgres_up
from bench.peers.serving import Asked, Held, Short
from bench.record import Counts
from bench.service import receive, verdict
from holdfast.client import BlockingChannelClient, Rejection, Reservation

if absent():
    pytest.skip(absent(), allow_module_level=True)

import asyncpg

from bench.peers.postgres import PostgresStock

SHAPES = ("conditional_update", "for_update", "skip_locked")
Use = Callable[[PostgresStock], Awaitable[None]]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with postgres_up(tmp_path_factory.mktemp("postgres")) as database:
        asyncio.run(awaited(PostgresStock(database.port, SHAPES[0], connections=1)))
        yield database.port


@pytest.fixture(params=SHAPES)
def with_stock(request: pytest.FixtureRequest, port: int) -> Callable[..., None]:
    """Ask a shape whose shop has so many units of each SKU, in a schema of its own."""

    def run(use: Use, **on_hand: int) -> None:
        async def main() -> None:
            stock = PostgresStock(port, request.param, connections=6)
            await emptied(port)
            await stock.open()
            try:
                await stock.receive("S1", on_hand)
                await use(stock)
            finally:
                await stock.close()

        asyncio.run(main())

    return run


async def awaited(stock: PostgresStock) -> None:
    await stock.open()
    await stock.close()


async def emptied(port: int) -> None:
    connection = await asyncpg.connect(host="127.0.0.1", port=port, user=USER, database="postgres")
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()


def ask(key: str, hold_ms: int = 60_000, **lines: int) -> Asked:
    return Asked("S1", key, "C1", hold_ms, sorted(lines.items()))


async def free(stock: PostgresStock) -> dict[str, int]:
    rows = await stock._fetch("SELECT sku, units FROM free WHERE store_id = 'S1'")
    return {sku: int(units) for sku, units in rows}


def test_all_lines_are_held_or_none(with_stock: Callable[..., None]) -> None:
    async def use(stock: PostgresStock) -> None:
        refused = await stock.reserve(ask("k1", a=1, b=3))
        assert isinstance(refused, Short)
        assert (refused.sku, refused.asked, refused.available) == ("b", 3, 2)
        assert await free(stock) == {"a": 9, "b": 2}
        assert isinstance(await stock.reserve(ask("k2", a=1, b=2)), Held)
        assert await free(stock) == {"a": 8, "b": 0}
        assert await stock.reserve(ask("k3", unknown=1)) == Short("unknown", 1, 0)

    with_stock(use, a=9, b=2)


def test_a_key_is_answered_as_before(with_stock: Callable[..., None]) -> None:
    async def use(stock: PostgresStock) -> None:
        first, refused = await stock.reserve(ask("k1", a=1)), await stock.reserve(ask("k2", a=9))
        again, second, short, twice, still = await stock.reserve_batch(
            [ask("k1", a=1), ask("k3", a=1), ask("k4", a=1), ask("k3", a=1), ask("k2", a=9)]
        )
        assert again == first
        assert isinstance(second, Held)
        assert second == twice, "twice in one batch"
        assert short == Short("a", 1, 0)
        assert still == refused
        assert await free(stock) == {"a": 0}

    with_stock(use, a=2)


def test_what_suffices_for_some_of_a_batch_goes_to_some_of_it(with_stock: Callable[..., None]) -> None:
    async def use(stock: PostgresStock) -> None:
        said = await stock.reserve_batch([ask(f"k{number}", a=1, b=1) for number in range(5)])
        assert sorted(type(each).__name__ for each in said) == ["Held", "Held", "Held", "Short", "Short"]
        assert await free(stock) == {"a": 6, "b": 0}
        assert (await stock.verify("S1"))[:3] == (3, 6, 0)

    with_stock(use, a=9, b=3)


def test_callers_at_once_get_what_is_there_and_no_more(with_stock: Callable[..., None]) -> None:
    async def use(stock: PostgresStock) -> None:
        calls = [stock.reserve(ask(f"k{number // 2}", a=1, b=2)) for number in range(60)]
        said = await asyncio.gather(*calls)
        assert len({each for each in said if isinstance(each, Held)}) == 20
        assert said[::2] == said[1::2], "the same key"
        audit = await stock.verify("S1")
        assert (audit.accepted, audit.units_held, audit.units_oversold, audit.broken) == (20, 60, 0, [])
        assert await free(stock) == {"a": 480, "b": 0}

    with_stock(use, a=500, b=40)


def test_a_hold_that_is_over_is_given_back_and_its_key_still_answered(with_stock: Callable[..., None]) -> None:
    async def use(stock: PostgresStock) -> None:
        first = await stock.reserve(ask("k1", 0, a=2))
        await stock.expire()
        assert await free(stock) == {"a": 2}
        assert await stock.reserve(ask("k1", 0, a=2)) == first
        assert isinstance(await stock.reserve(ask("k2", a=2)), Held)
        assert (await stock.verify("S1"))[:3] == (2, 2, 0)

    with_stock(use, a=2)


def test_a_delivery_that_comes_again_changes_nothing(with_stock: Callable[..., None]) -> None:
    async def use(stock: PostgresStock) -> None:
        await stock.reserve(ask("k1", a=1))
        await stock.receive("S1", {"a": 2})
        assert await free(stock) == {"a": 1}

    with_stock(use, a=2)


def test_more_units_than_there_are_rows_for_are_had(with_stock: Callable[..., None]) -> None:
    async def use(stock: PostgresStock) -> None:
        assert isinstance(await stock.reserve(ask("k1", a=2_500)), Held)
        assert await stock.reserve(ask("k2", a=501)) == Short("a", 501, 500)
        assert await free(stock) == {"a": 500}

    with_stock(use, a=3_000)


@pytest.mark.parametrize(
    ("lose", "oversold"),
    [
        ("DELETE FROM reservations WHERE idempotency_key = 'k1'", 0),
        ("UPDATE stock SET available = available + 1", 0),
        ("UPDATE stock SET on_hand = 1", 2),
    ],
)
def test_a_lost_hold_is_caught(with_stock: Callable[..., None], lose: str, oversold: int) -> None:
    async def use(stock: PostgresStock) -> None:
        for key in ("k1", "k2", "k3"):
            await stock.reserve(ask(key, a=1))
        assert (await stock.verify("S1")).broken == []
        await stock._fetch(lose)
        broken = await stock.verify("S1")
        assert [each[0] for each in broken.broken] == ["a"]
        assert broken.units_oversold == oversold

    with_stock(use, a=9)


def test_each_commit_is_flushed_before_it_is_answered(with_stock: Callable[..., None]) -> None:
    async def use(stock: PostgresStock) -> None:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert (await stock._fetch(f"SHOW {name}"))[0][0] == "on"

    with_stock(use, a=1)


def test_the_client_speaks_to_it_and_its_processes_are_found(tmp_path: Path) -> None:
    kind = next(each for each in KINDS if each.name == "postgres update")
    with running_peer(kind, tmp_path) as peer:
        receive(peer.service.target, ["S1"], ["a"], units=2)
        with BlockingChannelClient(peer.service.target) as client:
            answers = [client.reserve("S1", [("a", 1)], customer_id="C1", channel="web") for _ in range(3)]
        assert [type(each) for each in answers] == [Reservation, Reservation, Rejection]
        assert verdict(peer.service.target, ["S1"], [Counts(2)]).holds
        assert {"hand written", "postgres"} == set(processes.marked(peer.mark).values())
        assert list(processes.marked(peer.mark).values()).count("postgres") > 5, "its children too"
    assert processes.marked(peer.mark) == {}
