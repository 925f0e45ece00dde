"""The result for people, as tables, and for machines, as one JSON document. Both are made of the same figures."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.demo.calls import ORDER_KINDS, PLACING, SHOP_KINDS, Answers, Kind
from bench.demo.orders import OrderFindings
from bench.demo.plan import LIMITED_CHANNEL, LIMITS, ORDER_LIMIT, UNIT_LIMIT
from bench.demo.proof import HOLDS, Proof, Verdict
from bench.demo.run import Told, ToldAcross
from bench.workload import Workload
from holdfast.client import Status

PERCENTILES: Final = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
FINDINGS_TOLD: Final = 5
WORDS: Final = {
    "partly_placed": "orders partly placed",
    "limit_exceeded": "customers over a chain limit",
    "slots_over_capacity": "slots over capacity",
    "slot_contests_wrong": "slot contests wrong",
    "answers_lost": "answers about orders lost",
    "repeats_differing": "order repeats differing",
    "unasked": "order effects nobody was told of",
    "unanswered": "order calls without an answer",
    "disagreeing": "orders and shops that disagree",
}
"""Of the findings over orders; each must be zero."""


def document(
    workload: Workload, told: Told, proof: Proof, verdict: Verdict, *, machine: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """Everything, as plain values. Latencies are in ms, as callers saw them."""
    answers, audits = told.answers, proof.audits
    across = _across(told.across, proof.orders) if told.across and proof.orders else None
    return {
        "seed": workload.seed,
        "source": workload.source,
        "notes": list(workload.notes),
        "machine": dict(machine),
        "orders": len(workload.orders),
        "lines": sum(len(order.lines) for order in workload.orders),
        "shops": len(workload.shops),
        "accepted": answers.accepted[Kind.RESERVE],
        "refused": dict(answers.refused.most_common()),
        "steps_accepted": {kind.value: answers.accepted[kind] for kind in SHOP_KINDS},
        "reservations_at_the_end": {status.name: proof.ended[status] for status in Status if proof.ended.get(status)},
        "latency_ms": _latency_ms(answers, SHOP_KINDS),
        "rates": {
            "replay_seconds": round(told.replay_s, 2),
            "orders_per_second": round(len(workload.orders) / told.replay_s, 1),
            "calls_per_second": round(told.replayed_calls / told.replay_s, 1),
        },
        "calls": answers.calls,
        "repeats": {
            **_repeats(answers),
            # What the ledgers counted since their actors started: the client's own retries are among them.
            "answered_from_memory": sum(status.repeats_answered for status in proof.statuses.values()),
        },
        "contests": [contest._asdict() for contest in told.contests],
        "recoveries": [
            {
                "actor": recovery.role,
                "store_id": recovery.store_id,
                "shops": len(recovery.store_ids),
                "ms": recovery.ms,
                "replayed_events": recovery.replayed_events,
            }
            for recovery in told.recoveries
        ],
        "journal": {
            name: sum(getattr(audit, name) for audit in audits) for name in ("events", "units_sold", "units_reserved")
        },
        "across": across,
        "verdict": {"holds": verdict.holds and (across is None or across["holds"]), **asdict(verdict)},
        "seconds": round(seconds, 1),
    }


def _across(told: ToldAcross, found: OrderFindings) -> dict[str, Any]:
    """Everything about orders over several shops, as plain values."""
    answers = told.answers
    calls = [call for call, _ in answers.log if call.kind in PLACING]
    by_policy = Counter(call.asked["policy"].name if call.kind is Kind.NEAR else "NAMED_SHOP" for call in calls)
    return {
        **{name: value for name, value in asdict(found).items() if name != "sentences"},
        "holds": found.holds,
        "placings": len(calls),
        "placings_by_policy": dict(by_policy),
        "with_slot": sum("slot_start_ms" in call.asked for call in calls),
        "steps_accepted": {kind.value: answers.accepted[kind] for kind in ORDER_KINDS},
        "refused": dict(answers.refused.most_common()),
        "limits": [limit._asdict() for limit in LIMITS],
        "seekers": {
            "customers": len(told.plan.seekers),
            "calls": sum(len(seeker.first) + len(seeker.second) for seeker in told.plan.seekers),
        },
        "slot_contests": [contest._asdict() for contest in told.contests],
        "repeats": _repeats(answers),
        "killed": [{"role": killed.role, "ms": killed.ms, **killed.outage._asdict()} for killed in told.kills],
        "latency_ms": _latency_ms(answers, ORDER_KINDS),
        "orders_per_second": round(len(calls) / told.seconds, 1),
        "seconds": round(told.seconds, 2),
        "findings": [*found.sentences, *answers.errors],
    }


def _latency_ms(answers: Answers, kinds: Iterable[Kind]) -> dict[str, dict[str, float]]:
    """By kind in its own sequence, with the number of calls."""
    histograms = {kind.value: answers.latencies[kind] for kind in kinds if kind in answers.latencies}
    return {
        name: {
            "calls": histogram.get_total_count(),
            **{key: round(histogram.get_value_at_percentile(at) / 1000, 2) for key, at in PERCENTILES.items()},
        }
        for name, histogram in histograms.items()
    }


def _repeats(answers: Answers) -> dict[str, int]:
    same = sum(repeated.same_content for repeated in answers.repeats)
    return {"same_content": same, "other_content": len(answers.repeats) - same}


def tell(result: Mapping[str, Any], console: Console) -> None:
    """Tables, then the verdict."""
    across, verdict = result["across"], result["verdict"]
    console.print()
    for table in (_outcomes(result), _latencies(result), _circumstances(result), _verdict(verdict, across)):
        console.print(table)
    for each in (verdict, across or {"findings": []}):
        for sentence in each["findings"][:FINDINGS_TOLD]:
            console.print(f"  {sentence}", style="red", highlight=False, markup=False)
    if verdict["holds"]:
        console.print("[bold green]HOLDS[/]: nothing was sold twice, and nothing that was answered is missing.")
    else:
        console.print("[bold red]BROKEN[/]: see above, and the findings under --json.")


def _table(title: str, *columns: str, rows: Iterable[Sequence[str] | None] = (), right: bool = True) -> Table:
    """A table of these rows, the first column to the left; None begins a new section."""
    table = Table(title=title, title_justify="left", title_style="bold", min_width=78)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number and right else "left")
    for row in rows:
        if row is None:
            table.add_section()
        else:
            table.add_row(*row)
    return table


def _outcomes(result: Mapping[str, Any]) -> Table:
    steps, across = result["steps_accepted"], result["across"]
    rows: list[tuple[str, str] | None] = [
        ("orders (baskets) / lines / shops", f"{result['orders']:,} / {result['lines']:,} / {result['shops']:,}"),
        ("reservations accepted", f"{result['accepted']:,}"),
        *((f"refused: {reason}", f"{count:,}") for reason, count in result["refused"].items()),
        None,
        *((f"accepted: {kind.value}", f"{steps[kind.value]:,}") for kind in SHOP_KINDS[2:]),
        None,
        *((f"at the end: {status}", f"{count:,}") for status, count in result["reservations_at_the_end"].items()),
    ]
    if across:
        steps, policies = across["steps_accepted"], sorted(across["placings_by_policy"].items())
        rows += [
            None,
            ("orders asked for / with a pickup slot", f"{across['placings']:,} / {across['with_slot']:,}"),
            ("  by policy", ", ".join(f"{name} {count:,}" for name, count in policies)),
            ("orders placed / over two shops or more", f"{across['orders']:,} / {across['split_orders']:,}"),
            *((f"refused: {reason}", f"{count:,}") for reason, count in across["refused"].items()),
            *((f"accepted: {kind.value}", f"{steps[kind.value]:,}") for kind in ORDER_KINDS if kind not in PLACING),
        ]
    return _table("What was asked, and what became of it", "what", "count", rows=rows)


def _latencies(result: Mapping[str, Any]) -> Table:
    def cells(latencies: Mapping[str, Mapping[str, float]]) -> Iterable[Sequence[str]]:
        for kind, row in latencies.items():
            yield kind, f"{row['calls']:,}", *(f"{row[name]:,.1f}" for name in PERCENTILES)

    title = "Latency in ms, as callers saw it (retries and the kill included)"
    rows = [*cells(result["latency_ms"]), None, *cells(result["across"]["latency_ms"] if result["across"] else {})]
    return _table(title, "what", "calls", *PERCENTILES, rows=rows)


def _circumstances(result: Mapping[str, Any]) -> Table:
    rates, repeats, journal, machine = result["rates"], result["repeats"], result["journal"], result["machine"]
    rate = f"{rates['orders_per_second']:,.0f} orders/s, {rates['calls_per_second']:,.0f} calls/s"
    rows = [
        ("rate", f"{rate} over {rates['replay_seconds']:.1f} s"),
        ("calls repeated", _said_again(repeats)),
        *(
            ("contest", f"{each['callers']} callers for {each['units']} units: {each['accepted']} accepted")
            for each in result["contests"]
        ),
    ]
    for each in result["recoveries"]:
        back = f"back after {each['ms'] / 1000:.2f} s, {each['replayed_events']:,} events replayed"
        rows.append(("actor killed (-9)", f"{each['actor']}, {each['shops']} shops: {back}"))
    if result["across"]:
        rows += _circumstances_across(result["across"])
    units = f"{journal['units_sold']:,} units sold, {journal['units_reserved']:,} reserved"
    versions = f"Python {machine['python']}, Ray {machine['ray']}"
    about = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}"
    rows += [
        ("journal", f"{journal['events']:,} events, {units}"),
        ("orders from", result["source"]),
        *(("", note) for note in result["notes"]),
        ("seed", str(result["seed"])),
        ("machine", f"{about}, {versions}, {machine['date']}"),
        ("seconds in all", f"{result['seconds']:.1f}"),
    ]
    return _table("How", "what", "", rows=rows, right=False)


def _said_again(repeats: Mapping[str, int]) -> str:
    return f"{repeats['same_content']:,} with the same content, {repeats['other_content']:,} with other content"


def _circumstances_across(across: Mapping[str, Any]) -> list[tuple[str, str]]:
    seekers = across["seekers"]
    allowed = f"{UNIT_LIMIT.units_max} of a hot SKU, {ORDER_LIMIT.open_reservations_max} open orders"
    rows = [
        ("orders over shops", f"{across['orders_per_second']:,.0f} orders/s over {across['seconds']:.1f} s"),
        ("  repeated", _said_again(across["repeats"])),
        ("limits per customer", f"{seekers['customers']} customers ask for more, with {seekers['calls']} calls:"),
        ("", f"{allowed} by {LIMITED_CHANNEL}"),
    ]
    for each in across["slot_contests"]:
        row = f"{each['callers']} callers for {each['places']} places: {each['accepted']} accepted"
        rows.append(("slot contest", row))
    return rows + [
        ("killed (-9)", f"{each['role']}: back after {each['ms'] / 1000:.2f} s") for each in across["killed"]
    ]


def _verdict(verdict: Mapping[str, Any], across: Mapping[str, Any] | None) -> Table:
    def row(name: str, found: object, *, good: object, must_be: str) -> Sequence[str]:
        return name, f"[{'green' if good else 'bold red'}]{found}[/]", must_be

    rows: list[Sequence[str] | None] = []
    for name, value in verdict.items():
        if name not in ("holds", "findings"):
            wanted = HOLDS if name == "conservation" else 0
            rows.append(row(name.replace("_", " "), value, good=value == wanted, must_be=str(wanted)))
    if across is not None:
        split = across["split_orders"]
        rows += [None, row("orders split over shops", f"{split:,}", good=split, must_be="more than 0")]
        rows += [row(words, across[name], good=not across[name], must_be="0") for name, words in WORDS.items()]
    return _table("Verdict, from the journal", "what", "found", "must be", rows=rows)
