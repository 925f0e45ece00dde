"""The report of a run under faults, from made-up evidence, and the proxy that cuts, delays and loses."""

import asyncio
import time
from dataclasses import replace
from typing import Any, cast

import orjson
from rich.console import Console

from bench import record
from bench.demo.calls import Call, Kind
from bench.demo.feed import Outage
from bench.faults.histories import Clocks, Examined, WallOffset
from bench.faults.judge import Invariant, Judgement
from bench.faults.linearizability import Operation, check
from bench.faults.page import page
from bench.faults.proxy import Proxy
from bench.faults.recorder import Entry, Recorder
from bench.faults.report import ALL_THE_TIME, ELSEWHERE, document, tell
from bench.faults.run import FAULTS, Evidence
from bench.faults.stock import POSITION, Look, Receive, Units
from bench.faults.strikes import Strike
from holdfast.client import ChannelClient, Overloaded, StockChange

MACHINE = {**record.describe(), "date": "2026-11-30", "file_system": "ext4", "commit": ""}


def evidence() -> Evidence:
    """Two kills, one of them never healed, and some calls."""
    found = Evidence(7)
    began = found.recorder.began_ns
    for second, name, count in ((0, "accepted", 5), (1, "refused", 2), (2, "accepted", 1)):
        found.recorder.per_second[second, name] = count
    found.strikes = [
        Strike("F1", "kill -9 of a shop's actor", ("S1",), began, began + 10, began + 800_000_000),
        Strike("F1", "kill -9 of a shop's actor", ("S2",), began + 2 * 10**9, began + 2 * 10**9, None, note="<b>"),
    ]
    return found


def judgement() -> Judgement:
    """One that holds, one that does not, and a position that no sequence explains."""
    positions = Examined("position")
    history = [Operation("w", 0, 10**6, Receive(2)), Operation("r", 2 * 10**6, 3 * 10**6, Look(), Units(0, 0))]
    verdict = check(history, POSITION)
    positions.add("S1/apple", verdict)
    held = Invariant("I1", "stock adds up", "VerifyLedger", 10)
    broken = Invariant("I10", "every position is linearizable", "histories", 2, positions.violated)
    return Judgement([held, broken], [positions], 8, 20, {"HELD": 1})


def reported() -> dict[str, Any]:
    result = document(evidence(), judgement(), minutes=0.1, machine=MACHINE)
    read: dict[str, Any] = orjson.loads(orjson.dumps(result))
    return read


def test_the_document_has_every_fault_how_often_it_struck_and_when_the_service_was_back() -> None:
    result = reported()
    assert not result["holds"]
    [kills] = [each for each in result["faults"] if each["fault"] == "F1"]
    assert (kills["struck"], kills["back_s"], kills["within_allowed"]) == (2, [0.8], 1)
    assert result["calls_per_second"] == {"accepted": [5, 0, 1], "refused": [0, 2, 0]}
    assert [each["back_s"] for each in result["strikes"]] == [0.8, None]
    [broken] = [each for each in result["invariants"] if not each["holds"]]
    told = "r asked Look() and was told 0 on hand, 0 reserved; before: 2 on hand, 0 reserved"
    assert broken["broken"] == [f"S1/apple: {told}"]


def test_a_clock_that_jumped_is_told_and_deadlines_are_allowed_it() -> None:
    found, began_ns = evidence(), 10**18
    assert "wall clock moved" not in page(reported(), [])
    outage = found.strikes[0].outage = Outage(50_000, 51_000)
    found.wall = WallOffset(began_ns, began_ns)
    still = Clocks(found.wall, {"S1": [found.wall.around(outage)]})
    early, late = still.expiry("S1", 45_000)
    found.wall.see(began_ns + 12 * 10**9)
    moved = Clocks(found.wall, {"S1": [found.wall.around(outage)]})
    assert found.wall.around(outage) == Outage(38_000, 63_000)
    # Due before the outage by the callers' clock, and in it by that of a ledger which did not follow.
    assert moved.expiry("S1", 45_000) == (early - 12 * 10**9, late + 18 * 10**9)
    result = document(found, judgement(), minutes=0.1, machine=MACHINE)
    assert result["wall_clock_moved_ms"] == 12_000
    assert "wall clock moved by 12,000 ms" in page(result, [])


def test_no_fault_of_the_list_is_left_out() -> None:
    assert {*FAULTS, *ALL_THE_TIME, *ELSEWHERE} == {f"F{number}" for number in range(1, 20)}
    missing = [test for tests in ELSEWHERE.values() for test in tests if not (record.ROOT / test).is_file()]
    assert missing == []


def test_the_page_has_no_scripts_and_says_what_broke() -> None:
    found = judgement()
    text = page(reported(), found.examined[0].drawings)
    assert text.count("<svg") == 3
    for said in ("BROKEN", "kill -9 of a shop&#x27;s actor", "&lt;b&gt;", "S1/apple"):
        assert said in text
    assert "<script" not in text
    assert "http-equiv" not in text


def test_the_terminal_is_told_the_same() -> None:
    console = Console(width=200, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as captured:
        tell(reported(), console)
    text = captured.get()
    assert "BROKEN" in text
    assert "I10: S1/apple" in text


class Crowded:
    """A service that refuses the first of two calls early, and answers the second before that."""

    def __init__(self, answer: StockChange) -> None:
        self.answer, self.calls, self.answered = answer, 0, asyncio.Event()

    async def adjust_stock(self, *_: object, **__: object) -> StockChange:
        self.calls += 1
        if self.calls == 1:
            await self.answered.wait()
            raise Overloaded("AdjustStock")
        self.answered.set()
        return self.answer


def test_a_call_is_known_to_have_done_nothing_only_where_it_was_asked_once() -> None:
    async def main() -> None:
        recorder, call = Recorder(), Call(Kind.ADJUST_STOCK, "key", {})
        client = cast("ChannelClient", Crowded(StockChange(1, 1, 0, 0, ())))
        await asyncio.gather(*(recorder.ask(client, "caller", call, 1) for _ in range(2)))
        assert not recorder.entries["key"].never
        assert recorder.entries["key"].outcome == StockChange(1, 1, 0, 0, ())
        crowded = cast("ChannelClient", Crowded(StockChange(1, 1, 0, 0, ())))
        cast("Crowded", crowded).answered.set()
        await recorder.ask(crowded, "caller", replace(call, key="other"), 1)
        assert recorder.entries["other"].never
        assert recorder.open() == []

    asyncio.run(main())


class Answering:
    """A service that answers each call, and writes down which."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def adjust_stock(self, *_: object, idempotency_key: str, **__: object) -> StockChange:
        self.keys.append(idempotency_key)
        return StockChange(1, 1, 0, 0, ())


def test_what_is_open_is_asked_again_once_it_is_old_enough_and_all_of_it_in_the_end() -> None:
    async def main() -> None:
        recorder, client = Recorder(), Answering()
        now_ns = time.monotonic_ns()
        for key, called_ns in (("old", now_ns - 120 * 10**9), ("young", now_ns)):
            recorder.entries[key] = Entry(Call(Kind.ADJUST_STOCK, key, {}), "caller", called_ns)
        service = cast("ChannelClient", client)
        assert await recorder.settle(service, 60.0) == 1
        assert client.keys == ["old"]
        assert await recorder.settle(service) == 0
        assert client.keys == ["old", "young"]

    asyncio.run(main())


def test_the_proxy_passes_cuts_and_loses() -> None:
    async def main() -> None:
        heard: list[bytes] = []
        came = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                heard.append(line)
                came.set()
                writer.write(b"said " + line)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Proxy(f"127.0.0.1:{port}") as proxy:
            reader, writer = await _connect(proxy)
            writer.write(b"one\n")
            assert await reader.readline() == b"said one\n"
            proxy.loses_answers = True
            came.clear()
            writer.write(b"two\n")
            await came.wait()
            proxy.break_all()
            assert await _rest(reader, writer) == b""
            proxy.loses_answers, proxy.is_cut = False, True
            reader, writer = await _connect(proxy)
            assert await _rest(reader, writer) == b""
            proxy.is_cut = False
            reader, writer = await _connect(proxy)
            writer.write(b"three\n")
            assert await reader.readline() == b"said three\n"
            writer.transport.abort()
            assert heard == [b"one\n", b"two\n", b"three\n"]

    asyncio.run(main())


async def _connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = proxy.address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What still comes, until the connection ends one way or the other."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()
