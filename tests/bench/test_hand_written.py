"""The hand-written peer keeps its promises in a real Redis: beside one that loses holds, no figure would count."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bench import service as processes
from bench.peers import redis_server as server
from bench.peers.redis_server import absent, redis_server
from bench.record import Counts
from bench.scenarios import service as scenario
from bench.service import receive, verdict
from holdfast.client import BlockingChannelClient, Rejection, Reservation
from holdfast.v1 import (
    admin_service_pb2,
    reservation_pb2,
    reservation_service_pb2 as service_pb2,
    stock_pb2,
    stock_service_pb2,
)

if absent():
    pytest.skip(absent(), allow_module_level=True)

import redis.asyncio

from bench.peers.hand_written import RedisStock
from bench.peers.peer import by_hand, running_peer
from bench.peers.serving import Servicer

Verify = Callable[[Servicer, Any], Awaitable[None]]


def ask(key: str, **lines: int) -> service_pb2.ReserveRequest:
    asked = [reservation_pb2.LineQuantity(sku=sku, quantity=units) for sku, units in lines.items()]
    return service_pb2.ReserveRequest(idempotency_key=key, store_id="S1", customer_id="C1", channel="web", lines=asked)


def with_stock(folder: Path, then: Verify, **on_hand: int) -> None:
    """Ask a peer whose shop has so many units of each SKU."""

    async def run(port: int) -> None:
        async with redis.asyncio.Redis(port=port, decode_responses=True) as client:
            stock = RedisStock(client)
            await stock.open()
            peer = Servicer(stock)
            rows = [stock_pb2.Adjustment(sku=sku, delta=units) for sku, units in on_hand.items()]
            await peer.AdjustStock(stock_service_pb2.AdjustStockRequest(store_id="S1", adjustments=rows), None)
            await then(peer, client)

    with redis_server(folder) as port:
        asyncio.run(run(port))


async def audit(peer: Servicer) -> admin_service_pb2.VerifyLedgerResponse:
    return await peer.VerifyLedger(admin_service_pb2.VerifyLedgerRequest(store_id="S1"), None)


def test_all_lines_are_held_or_none(tmp_path: Path) -> None:
    async def then(peer: Servicer, client: Any) -> None:
        refused = (await peer.Reserve(ask("k1", a=1, b=3), None)).rejection
        assert (refused.sku, refused.asked, refused.available) == ("b", 3, 2)
        assert await client.hgetall("S1:available") == {"a": "9", "b": "2"}
        assert (await peer.Reserve(ask("k2", a=1, b=2), None)).reservation.reservation_id == "S1:1"
        assert await client.hgetall("S1:available") == {"a": "8", "b": "0"}
        twice = ask("k3", a=5)
        twice.lines.extend(list(twice.lines))
        assert (await peer.Reserve(twice, None)).rejection.asked == 10, "lines of one SKU count together"
        assert (await peer.Reserve(ask("k4", unknown=1), None)).rejection.available == 0

    with_stock(tmp_path, then, a=9, b=2)


def test_a_key_is_answered_as_before(tmp_path: Path) -> None:
    async def then(peer: Servicer, client: Any) -> None:
        first = await peer.Reserve(ask("k1", a=1), None)
        batch = service_pb2.ReserveBatchRequest(requests=[ask("k1", a=1), ask("k2", a=1), ask("k3", a=1)])
        again, second, refused = (await peer.ReserveBatch(batch, None)).outcomes
        assert again == first
        assert second.reservation.reservation_id == "S1:2"
        assert refused.WhichOneof("result") == "rejection"
        assert await client.hgetall("S1:available") == {"a": "0"}

    with_stock(tmp_path, then, a=2)


def test_a_hold_has_an_instant_to_end_and_is_found_by_it(tmp_path: Path) -> None:
    async def then(peer: Servicer, client: Any) -> None:
        request = ask("k1", a=1)
        request.ttl.FromMilliseconds(1_500)
        held = (await peer.Reserve(request, None)).reservation
        expires_ms = held.expires_at.ToMilliseconds()
        assert expires_ms - held.created_at.ToMilliseconds() == 1_500
        assert await client.zrange("S1:expiry", 0, -1, withscores=True) == [("1", expires_ms)]

    with_stock(tmp_path, then, a=1)


def test_a_hold_that_is_over_is_given_back_and_its_key_still_answered(tmp_path: Path) -> None:
    async def then(peer: Servicer, client: Any) -> None:
        request = ask("k1", a=2)
        request.ttl.FromMilliseconds(1)
        first = await peer.Reserve(request, None)
        stock = RedisStock(client)
        await stock.open()
        while await client.zcard("S1:expiry"):
            await stock.expire()
        assert await client.hgetall("S1:available") == {"a": "2"}
        assert (await peer.Reserve(request, None)) == first
        found = await audit(peer)
        assert (found.holds, found.accepted, found.units_reserved) == (True, 1, 0)

    with_stock(tmp_path, then, a=2)


def test_a_delivery_that_comes_again_changes_nothing(tmp_path: Path) -> None:
    async def then(peer: Servicer, client: Any) -> None:
        await peer.Reserve(ask("k1", a=1), None)
        again = [stock_pb2.Adjustment(sku="a", delta=2)]
        await peer.AdjustStock(stock_service_pb2.AdjustStockRequest(store_id="S1", adjustments=again), None)
        assert await client.hgetall("S1:available") == {"a": "1"}

    with_stock(tmp_path, then, a=2)


def test_scripts_that_the_server_has_forgotten_are_loaded_again(tmp_path: Path) -> None:
    async def then(peer: Servicer, client: Any) -> None:
        await client.script_flush()
        assert (await peer.Reserve(ask("k1", a=1), None)).reservation.reservation_id == "S1:1"
        await client.script_flush()
        batch = service_pb2.ReserveBatchRequest(requests=[ask("k1", a=1), ask("k2", a=1)])
        first, second = (await peer.ReserveBatch(batch, None)).outcomes
        assert (first.reservation.reservation_id, second.reservation.reservation_id) == ("S1:1", "S1:2")

    with_stock(tmp_path, then, a=2)


def test_each_write_is_flushed_before_it_is_answered(tmp_path: Path) -> None:
    async def then(peer: Servicer, client: Any) -> None:
        del peer
        assert await client.config_get("append*") | {"appendonly": "yes", "appendfsync": "always"} == (
            await client.config_get("append*")
        )

    with_stock(tmp_path, then, a=1)


@pytest.mark.parametrize(
    ("lose", "found", "discrepancy"),
    [
        (("DEL", "S1:hold:1"), 2, ("a", "7", "6")),
        (("ZREM", "S1:expiry", "1"), 2, ("a", "7", "6")),
        (("HINCRBY", "S1:available", "a", "1"), 3, ("a", "6", "7")),
        (("HDEL", "S1:available", "a"), 3, ("a", "6", "nil")),
        (("HSET", "S1:on_hand", "a", "10"), 3, ("a", "7", "6")),
    ],
)
def test_a_lost_hold_is_caught(
    tmp_path: Path, lose: tuple[str, ...], found: int, discrepancy: tuple[str, str, str]
) -> None:
    async def then(peer: Servicer, client: Any) -> None:
        for key in ("k1", "k2", "k3"):
            await peer.Reserve(ask(key, a=1), None)
        sound = await audit(peer)
        assert (sound.holds, sound.accepted, sound.units_reserved, sound.units_oversold) == (True, 3, 3, 0)
        await client.execute_command(*lose)
        broken = await audit(peer)
        assert (broken.holds, broken.accepted) == (False, found)
        (told,) = broken.discrepancies
        assert (told.subject, told.expected, told.found) == discrepancy

    with_stock(tmp_path, then, a=9)


def test_what_is_held_beyond_what_is_on_hand_is_caught(tmp_path: Path) -> None:
    async def then(peer: Servicer, client: Any) -> None:
        await peer.Reserve(ask("k1", a=2), None)
        await client.hset("S1:on_hand", "a", 1)
        assert (await audit(peer)).units_oversold == 1

    with_stock(tmp_path, then, a=2)


def test_the_client_speaks_to_it_and_its_verdict_counts_what_callers_were_told(tmp_path: Path) -> None:
    with running_peer(by_hand(), tmp_path) as peer:
        service = peer.service
        receive(service.target, ["S1"], ["a"], units=2)
        with BlockingChannelClient(service.target) as client:
            answers = [client.reserve("S1", [("a", 1)], customer_id="C1", channel="web") for _ in range(3)]
            peer.kill_database()
            peer.kill_service()
            answers.append(client.reserve("S1", [("a", 1)], customer_id="C1", channel="web", timeout_ms=60_000))
        assert [type(each) for each in answers] == [Reservation, Reservation, Rejection, Rejection]
        assert sorted(processes.marked(service.mark).values()) == ["hand written", "redis"]
        assert verdict(service.target, ["S1"], [Counts(2)]).holds
        assert not verdict(service.target, ["S1"], [Counts(3)]).holds, "told of a hold that Redis does not have"
        assert not verdict(service.target, ["S1"], [Counts(1)]).holds
    assert processes.marked(service.mark) == {}


def test_where_there_is_no_redis_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(server, "UNPACKED", Path("/nowhere"))
    monkeypatch.setattr(server, "find_spec", lambda _: None)
    assert server.binary() == ""
    assert "not installed" in absent()


def test_rates_are_compared_where_the_peer_was_measured() -> None:
    ours = {name: {"per_s": 90.0, "cpu_us": 8.0, "p50_ms": 2.0} for _, name, _ in scenario.COMPARED}
    by_hand = {f"hand-written {name}": {"per_s": 100.0, "cpu_us": 4.0, "p50_ms": 1.0} for name in ours}
    alone, unary, *_ = scenario.compared(ours | by_hand)
    assert (alone.value, alone.met, unary.met) == (0.9, True, False)
    assert alone.detail == "per_s 90 to 100, 0.9; p50_ms 2 to 1, 2; cpu_us 8 to 4, 2"
    assert not [each.name for each in scenario.compared(ours) if each.detail]
