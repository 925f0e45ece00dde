"""The page of a run beside the peers, and its headlines. Figures are made up."""

from typing import Any

from bench import record
from bench.peers.kills import Findings
from bench.peers.report import ASKED, WRONG, page
from bench.record import Conservation, Counts, Outcome, Row
from bench.scenarios.peers import BAR, LOADS, OF_CLIENT, OURS, compared

RATES = {"per_s": 300.0, "cpu_us": 8.0, "p50_ms": 2.0, "p99_ms": 4.0, "ours_to_it": 1.0}
SERVICES = ("echo", "valkey", "postgres update", OURS)


def figures() -> dict[str, dict[str, float]]:
    return {f"{whose}: {name}": dict(RATES) for name in (*LOADS, OF_CLIENT) for whose in SERVICES}


def line(**killed: Findings) -> dict[str, Any]:
    rows = [Row(name, found) for name, found in figures().items()]
    rows += [Row(f"killed: {name}", found.figures()) for name, found in killed.items()]
    told = {"skipped": {"redis": "no redis-server"}, "conservation": {"valkey": "conservation holds"}, "quick": True}
    told |= {"versions": {"valkey": "Valkey 9"}}
    return record.line("peers", "python -m bench peers", Outcome(told, rows, [], Conservation(Counts(1), 1)))


def test_the_page_has_each_service_who_is_skipped_and_what_was_found_under_kills() -> None:
    text = page(line(valkey=Findings(calls=5, kills=8), holdfast=Findings(calls=5, oversold=3)))
    for said in ("redis: SKIPPED: no redis-server", "MEASURES NOTHING", *LOADS, *WRONG.values(), *ASKED.values()):
        assert said in text
    assert "<td>valkey</td><td>correct</td>" in text
    assert "<td>holdfast</td><td>WRONG</td>" in text
    assert "<script" not in text


def test_the_page_names_all_that_can_be_wrong() -> None:
    assert set(WRONG) == set(Findings.WRONG)
    assert set(Findings().figures()) == {*ASKED, *WRONG}


def test_our_rate_is_compared_with_that_of_each_who_reserves() -> None:
    rows = figures()
    rows[f"{OURS}: Reserve, 128 in flight"]["per_s"] = 600.0
    rows[f"{BAR}: Reserve, 128 in flight"] = dict(RATES)
    found = {each.name: each for each in compared(rows, dict.fromkeys(SERVICES))}
    unary = found["Reserve, 128 in flight, to postgres update"]
    assert (unary.value, unary.target, unary.met) == (2.0, 1.0, True)
    assert unary.detail == "per_s 600 to 300; p50_ms 2 to 2; cpu_us 8 to 8"
    batches = found["ReserveBatch of 256, 8 in flight, to postgres update"]
    assert (batches.value, batches.target, batches.met) == (1.0, 3.0, False)
    assert found["Reserve, 128 in flight, to valkey"].target is None
    assert not [name for name in found if "echo" in name or name.endswith(OURS)]
