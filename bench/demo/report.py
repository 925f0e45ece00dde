"""The result for people, as tables, and for machines, as one JSON document. Both are made of the same figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.demo.across import ToldAcross
from bench.demo.across_plan import LIMITED_CHANNEL, LIMITS
from bench.demo.answers import PERCENTILES
from bench.demo.calls import PLACING, Kind, OrderKind
from bench.demo.evidence import Proof
from bench.demo.recovery import Recovery
from bench.demo.run import Told
from bench.demo.verdict import (
    HOLDS,
    OrderFindings,
    Verdict,
    accepted_in,
    conservation_of,
    contests_wrong,
    repeats_differing,
)
from bench.workload import Workload
from holdfast.client import Status

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


def verdict_of(told: Told, proof: Proof, more_faults: tuple[str, ...] = ()) -> Verdict:
    """The verdict over all the evidence; `more_faults` are those of a restart."""
    answers, findings = told.answers, proof.findings
    differing = repeats_differing(answers.repeats)
    wrong = contests_wrong(told.contests, answers.log)
    sentences = [
        *findings.faults,
        *more_faults,
        *findings.sentences,
        *(f"repeated {each.call.key}: first {each.first}, then {each.second}" for each in differing),
        *(
            f"{contest.callers} callers for {contest.units} of {contest.sku}: {accepted} accepted"
            for contest, accepted in wrong
        ),
        *answers.errors,
    ]
    return Verdict(
        oversold=sum(each.units_oversold for each in proof.verifications),
        answers_lost=findings.answers_lost,
        conservation=conservation_of(proof.verifications, [*findings.faults, *more_faults]),
        repeats_differing=len(differing),
        expired_late=findings.expired_late,
        contests_wrong=len(wrong),
        unasked=findings.unasked,
        unanswered=len(answers.unanswered),
        findings=tuple(sentences),
    )


def document(
    workload: Workload, told: Told, proof: Proof, verdict: Verdict, *, machine: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """Everything, as plain values."""
    answers, audits = told.answers, proof.verifications
    across = across_document(told.across, proof.orders) if told.across and proof.orders else None
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
        "steps_accepted": {kind.value: answers.accepted[kind] for kind in Kind},
        "reservations_at_the_end": {status.name: proof.ended[status] for status in Status if proof.ended.get(status)},
        "latency_ms": answers.latencies.in_ms(Kind),
        "rates": {
            "replay_seconds": round(told.replay_s, 2),
            "orders_per_second": round(len(workload.orders) / told.replay_s, 1),
            "calls_per_second": round(told.replayed_calls / told.replay_s, 1),
        },
        "calls": len(answers.log) + len(answers.repeats),
        "repeats": _repeats(told, proof),
        "contests": _contests(told),
        "recoveries": [_recovery(each) for each in told.recoveries],
        "journal": {
            "events": sum(each.events for each in audits),
            "units_sold": sum(each.units_sold for each in audits),
            "units_reserved": sum(each.units_reserved for each in audits),
        },
        "across": across,
        "verdict": _verdict_document(verdict, across),
        "seconds": round(seconds, 1),
    }


def _repeats(told: Told, proof: Proof) -> dict[str, int]:
    repeats = told.answers.repeats
    same = sum(1 for repeated in repeats if repeated.same_content)
    return {
        "same_content": same,
        "other_content": len(repeats) - same,
        # What the ledgers counted since their actors started: the client's own retries are among them.
        "answered_from_memory": sum(status.repeats_answered for status in proof.statuses.values()),
    }


def _contests(told: Told) -> list[dict[str, Any]]:
    accepted = accepted_in(told.contests, told.answers.log)
    return [{**contest._asdict(), "accepted": accepted[contest]} for contest in told.contests]


def _recovery(recovery: Recovery) -> dict[str, Any]:
    return {
        "actor": recovery.actor,
        "store_id": recovery.store_id,
        "shops": recovery.ledgers,
        "ms": recovery.ms,
        "replayed_events": recovery.replayed_events,
    }


def _verdict_document(verdict: Verdict, across: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "holds": verdict.holds and (across is None or across["holds"]),
        "oversold": verdict.oversold,
        "answers_lost": verdict.answers_lost,
        "conservation": verdict.conservation,
        "repeats_differing": verdict.repeats_differing,
        "expired_late": verdict.expired_late,
        "contests_wrong": verdict.contests_wrong,
        "effects_nobody_was_told_of": verdict.unasked,
        "calls_without_an_answer": verdict.unanswered,
        "findings": list(verdict.findings),
    }


def tell(result: Mapping[str, Any], console: Console) -> None:
    """Tables, then the verdict."""
    console.print()
    console.print(_outcomes(result))
    console.print(_latencies(result))
    console.print(_circumstances(result))
    across = result["across"]
    console.print(_verdict(result["verdict"], across))
    findings = [
        *result["verdict"]["findings"][:FINDINGS_TOLD],
        *(across or {"findings": []})["findings"][:FINDINGS_TOLD],
    ]
    for sentence in findings:
        console.print(f"  {sentence}", style="red", highlight=False, markup=False)
    if result["verdict"]["holds"]:
        console.print("[bold green]HOLDS[/]: nothing was sold twice, and nothing that was answered is missing.")
    else:
        console.print("[bold red]BROKEN[/]: see above, and the findings under --json.")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", min_width=78)
    for column in columns:
        table.add_column(column, justify="left" if column in ("", "what") else "right")
    return table


def _outcomes(result: Mapping[str, Any]) -> Table:
    steps, ended = result["steps_accepted"], result["reservations_at_the_end"]
    table = _table("What was asked, and what became of it", "what", "count")
    table.add_row(
        "orders (baskets) / lines / shops", f"{result['orders']:,} / {result['lines']:,} / {result['shops']:,}"
    )
    table.add_row("reservations accepted", f"{result['accepted']:,}")
    for reason, count in result["refused"].items():
        table.add_row(f"refused: {reason}", f"{count:,}")
    table.add_section()
    for kind in (Kind.CONFIRM, Kind.READY, Kind.COLLECT, Kind.RELEASE, Kind.EXTEND):
        table.add_row(f"accepted: {kind.value}", f"{steps[kind.value]:,}")
    table.add_section()
    for status, count in ended.items():
        table.add_row(f"at the end: {status}", f"{count:,}")
    if result["across"]:
        table.add_section()
        for row in outcome_rows(result["across"]):
            table.add_row(*row)
    return table


def _latencies(result: Mapping[str, Any]) -> Table:
    table = _table("Latency in ms, as callers saw it (retries and the kill included)", "what", "calls", *PERCENTILES)
    for kind, row in result["latency_ms"].items():
        table.add_row(kind, f"{row['calls']:,}", *(f"{row[name]:,.1f}" for name in PERCENTILES))
    if result["across"]:
        table.add_section()
        for cells in latency_rows(result["across"]):
            table.add_row(*cells)
    return table


def _circumstances(result: Mapping[str, Any]) -> Table:
    table = _table("How", "what", "")
    table.columns[1].justify = "left"
    rates, repeats, machine = result["rates"], result["repeats"], result["machine"]
    table.add_row(
        "rate",
        f"{rates['orders_per_second']:,.0f} orders/s, {rates['calls_per_second']:,.0f} calls/s "
        f"over {rates['replay_seconds']:.1f} s",
    )
    table.add_row(
        "calls repeated",
        f"{repeats['same_content']:,} with the same content, {repeats['other_content']:,} with other content",
    )
    for each in result["contests"]:
        table.add_row("contest", f"{each['callers']} callers for {each['units']} units: {each['accepted']} accepted")
    for each in result["recoveries"]:
        table.add_row(
            "actor killed (-9)",
            f"{each['actor']}, {each['shops']} shops: back after {each['ms'] / 1000:.2f} s, "
            f"{each['replayed_events']:,} events replayed",
        )
    if result["across"]:
        for row in circumstance_rows(result["across"]):
            table.add_row(*row)
    journal = result["journal"]
    table.add_row(
        "journal",
        f"{journal['events']:,} events, {journal['units_sold']:,} units sold, {journal['units_reserved']:,} reserved",
    )
    table.add_row("orders from", result["source"])
    for note in result["notes"]:
        table.add_row("", note)
    table.add_row("seed", str(result["seed"]))
    table.add_row(
        "machine",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}, "
        f"Python {machine['python']}, Ray {machine['ray']}, {machine['date']}",
    )
    table.add_row("seconds in all", f"{result['seconds']:.1f}")
    return table


def _verdict(verdict: Mapping[str, Any], across: Mapping[str, Any] | None) -> Table:
    table = _table("Verdict, from the journal", "what", "found", "must be")
    for name, value in verdict.items():
        if name in ("holds", "findings"):
            continue
        wanted = HOLDS if name == "conservation" else 0
        style = "green" if value == wanted else "bold red"
        table.add_row(name.replace("_", " "), f"[{style}]{value}[/]", str(wanted))
    if across is not None:
        table.add_section()
        split = across["split_orders"]
        table.add_row("orders split over shops", f"[{'green' if split else 'bold red'}]{split:,}[/]", "more than 0")
        for name, words in WORDS.items():
            style = "bold red" if across[name] else "green"
            table.add_row(words, f"[{style}]{across[name]}[/]", "0")
    return table


def across_document(told: ToldAcross, found: OrderFindings) -> dict[str, Any]:
    """Everything about orders over several shops, as plain values."""
    answers = told.answers
    placings = [(call, outcome) for call, outcome in answers.log if call.kind in PLACING]
    by_policy = Counter(call.policy.name if call.kind is OrderKind.NEAR else "NAMED_SHOP" for call, outcome in placings)
    same = sum(1 for repeated in answers.repeats if repeated.same_content)
    return {
        **{name: value for name, value in asdict(found).items() if name != "sentences"},
        "holds": found.holds,
        "placings": len(placings),
        "placings_by_policy": dict(by_policy),
        "with_slot": sum(1 for call, _ in placings if call.slot_start_ms is not None),
        "steps_accepted": {kind.value: answers.accepted[kind] for kind in OrderKind},
        "refused": dict(answers.refused.most_common()),
        "limits": [limit._asdict() for limit in LIMITS],
        "seekers": {
            "customers": len(told.plan.seekers),
            "calls": sum(len(seeker.first) + len(seeker.second) for seeker in told.plan.seekers),
        },
        "slot_contests": [contest._asdict() for contest in told.contests],
        "repeats": {"same_content": same, "other_content": len(answers.repeats) - same},
        "killed": [{"role": killed.role, "ms": killed.ms, **killed.outage._asdict()} for killed in told.kills],
        "latency_ms": answers.latencies.in_ms(OrderKind),
        "orders_per_second": round(len(placings) / told.seconds, 1),
        "seconds": round(told.seconds, 2),
        "findings": [*found.sentences, *answers.errors],
    }


def outcome_rows(across: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked, and what became of it."""
    steps, policies = across["steps_accepted"], across["placings_by_policy"]
    rows = [
        ("orders asked for / with a pickup slot", f"{across['placings']:,} / {across['with_slot']:,}"),
        ("  by policy", ", ".join(f"{name} {count:,}" for name, count in sorted(policies.items()))),
        ("orders placed / over two shops or more", f"{across['orders']:,} / {across['split_orders']:,}"),
    ]
    rows += [(f"refused: {reason}", f"{count:,}") for reason, count in across["refused"].items()]
    rows += [(f"accepted: {kind.value}", f"{steps[kind.value]:,}") for kind in OrderKind if kind not in PLACING]
    return rows


def latency_rows(across: Mapping[str, Any]) -> list[Sequence[str]]:
    """How long calls about orders took."""
    return [
        (kind, f"{row['calls']:,}", *(f"{row[name]:,.1f}" for name in PERCENTILES))
        for kind, row in across["latency_ms"].items()
    ]


def circumstance_rows(across: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How it was asked."""
    seekers, repeats = across["seekers"], across["repeats"]
    rows = [
        ("orders over shops", f"{across['orders_per_second']:,.0f} orders/s over {across['seconds']:.1f} s"),
        ("", f"repeated {repeats['same_content']:,} times with the same content, {repeats['other_content']:,} other"),
        ("limits per customer", f"{seekers['customers']} customers ask for more, with {seekers['calls']} calls:"),
        ("", f"{LIMITS[0].units_max} of a hot SKU, {LIMITS[1].open_reservations_max} open orders by {LIMITED_CHANNEL}"),
    ]
    rows += [
        ("slot contest", f"{each['callers']} callers for {each['places']} places: {each['accepted']} accepted")
        for each in across["slot_contests"]
    ]
    rows += [("killed (-9)", f"{each['role']}: back after {each['ms'] / 1000:.2f} s") for each in across["killed"]]
    return rows
