"""What came of a run: one JSON document, and the same told on a terminal. `page` draws it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench import record
from bench.faults.histories import CLOCKS_APART_MS
from bench.faults.judge import Judgement
from bench.faults.run import Evidence
from bench.faults.strikes import Strike

FORMAT: Final = 1
FINDINGS_TOLD: Final = 5

ALL_THE_TIME: Final = {
    "F11": "calls doubled at once and later, on purpose",
}
ELSEWHERE: Final = {
    "F3": ("tests/cluster/test_nodes.py",),
    "F6": ("tests/journal/test_faulty.py", "tests/simulation/test_seeds.py"),
    "F7": ("tests/journal/test_torn_batches.py", "tests/journal/test_sqlite_damage.py", "tests/journal/test_wal.py"),
    "F8": ("tests/journal/test_redis.py",),
    "F9": ("tests/runtime/test_clock.py", "tests/simulation/test_seeds.py"),
    "F12": ("tests/runtime/test_rpc_client.py", "tests/runtime/test_router.py"),
    "F16": ("tests/simulation/test_order_crashes.py", "tests/simulation/test_transfer_crashes.py"),
    "F17": ("tests/simulation/test_seeds.py",),
    "F18": ("tests/gateway/test_bad_bytes.py", "tests/gateway/test_bad_fields.py", "tests/fuzz/test_fuzz.py"),
    "F19": ("tests/bench/test_month.py",),
}
"""Faults that do not strike here, and the tests in which they do."""


def document(evidence: Evidence, judgement: Judgement, *, minutes: float, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the run found. Times are seconds of the run, or durations in seconds."""
    began_ns = evidence.recorder.began_ns
    histories = "of", "objects", "operations", "pairs_looked_at", "violated", "undecided"
    return {
        "format": FORMAT,
        "seed": evidence.seed,
        "machine": dict(machine),
        "minutes_asked": minutes,
        "seconds": round(evidence.seconds, 1),
        "wall_clock_moved_ms": evidence.wall.moved_ms,
        "holds": judgement.holds,
        "faults": faults_of(evidence),
        "elsewhere": {fault: list(tests) for fault, tests in ELSEWHERE.items()},
        "kills": evidence.kills,
        "processes_killed": sum(each.killed for each in evidence.strikes),
        "operations": evidence.operations,
        "strikes": [_strike(each, began_ns) for each in evidence.strikes],
        "not_struck": list(evidence.failed),
        "calls": {**evidence.recorder.outcomes, "errors": dict(evidence.recorder.errors)},
        "calls_per_second": _per_second(evidence),
        "answers": judgement.calls_answered,
        "events": judgement.events,
        "reservations_at_the_end": dict(judgement.ended),
        "invariants": [
            {"id": each.name, **_values(each, "says", "checked_by", "checks", "holds", "broken")}
            for each in judgement.invariants
        ],
        "histories": [_values(each, *histories) for each in judgement.examined],
    }


def faults_of(evidence: Evidence) -> list[dict[str, Any]]:
    """Each fault, by what was done: how often it struck, and how long it took until something was accepted again."""
    by_what: defaultdict[tuple[str, str], list[Strike]] = defaultdict(list)
    for strike in evidence.strikes:
        by_what[strike.fault, strike.what].append(strike)
    rows = []
    for (fault, what), strikes in sorted(by_what.items(), key=lambda row: (int(row[0][0][1:]), row[0][1])):
        back = sorted(each.back_s for each in strikes if each.back_s is not None)
        rows.append(
            {
                "fault": fault,
                "what": what,
                "struck": len(strikes),
                "back_s": back,
                "allowed_s": strikes[0].allowed_s,
                "within_allowed": sum(each <= strikes[0].allowed_s for each in back),
                "notes": dict(Counter(each.note for each in strikes if each.note).most_common(3)),
            }
        )
    rows += [
        {"fault": fault, "what": what, "struck": evidence.doubled, "back_s": [], "allowed_s": None, "notes": {}}
        for fault, what in ALL_THE_TIME.items()
    ]
    return rows


def tell(result: Mapping[str, Any], console: Console) -> None:
    """Tables, then the verdict."""
    console.print()
    faults = _table("What struck", ("fault", "what was done", "times", "accepted again after, s", "allowed, s"))
    for each in result["faults"]:
        allowed = "" if each["allowed_s"] is None else f"{each['allowed_s']:g}"
        faults.add_row(each["fault"], each["what"], f"{each['struck']:,}", _range(each["back_s"]), allowed)
    console.print(faults)
    console.print(
        "Faults of other tiers: " + "; ".join(f"{name} {where}" for name, where in result["elsewhere"].items())
    )
    calls = result["calls"]
    told = ", ".join(f"{calls[name]:,} {name}" for name in calls if name != "errors")
    console.print(f"Calls: {told}, in {result['seconds']:,.0f} s", highlight=False)
    killed = f"{result['kills']:,} kills, of {result['processes_killed']:,} processes"
    console.print(f"{killed}; {result['operations']:,} operations, those of the flood among them", highlight=False)
    if told := clock_told(result):
        console.print(told, style="yellow", highlight=False)
    table = _table("What held", ("", "invariant", "checks", "checked by", ""))
    for each in result["invariants"]:
        verdict = "[green]holds[/]" if each["holds"] else "[bold red]BROKEN[/]"
        table.add_row(each["id"], each["says"], f"{each['checks']:,}", each["checked_by"], verdict)
    console.print(table)
    for each in result["invariants"]:
        for sentence in each["broken"][:FINDINGS_TOLD]:
            console.print(f"  {each['id']}: {sentence}", style="red", highlight=False, markup=False)
    if result["holds"]:
        console.print("[bold green]HOLDS[/]: every invariant held through every fault.")
    else:
        console.print("[bold red]BROKEN[/]: see above.")


def clock_told(result: Mapping[str, Any]) -> str:
    """What a clock that jumped means for the verdict; empty where it did not."""
    moved_ms = result["wall_clock_moved_ms"]
    if moved_ms <= CLOCKS_APART_MS:
        return ""
    return f"The machine's wall clock moved by {moved_ms:,} ms against its monotonic one; deadlines were allowed that."


def _values(of: object, *names: str) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}


def _strike(strike: Strike, began_ns: int) -> dict[str, Any]:
    return {
        **_values(strike, "fault", "what"),
        "at_s": round((strike.struck_ns - began_ns) / 1e9, 3),
        "lasted_s": round((strike.over_ns - strike.struck_ns) / 1e9, 3) if strike.over_ns else None,
        "back_s": strike.back_s,
        "stores": list(strike.store_ids),
        **_values(strike, "killed", "note", "wrong"),
    }


def _per_second(evidence: Evidence) -> dict[str, list[int]]:
    """By outcome, calls in each second of the run."""
    counts = evidence.recorder.per_second
    last = max((second for second, _ in counts), default=0)
    names = sorted({name for _, name in counts})
    return {name: [counts[second, name] for second in range(last + 1)] for name in names}


def _range(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle = record.percentile(values, 0.5)
    return f"{values[0]:.2f}" if len(values) == 1 else f"{values[0]:.2f} .. {middle:.2f} .. {values[-1]:.2f}"


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in ("times", "checks") else "left")
    return table
