"""The result for people, as tables, and for machines, as one JSON document. Both are made of the same figures."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple, TypeAlias

from rich.console import Console, JustifyMethod
from rich.table import Table

from bench.demo.calls import ORDER_KINDS, SHOP_KINDS, Answers, Kind
from bench.demo.flash import FlashSale
from bench.demo.line import WAITING, in_line
from bench.demo.messages import Messages
from bench.demo.pickups import Pickups
from bench.demo.plan import LIMITS, Across
from bench.demo.proof import HOLDS, Proof, conservation_of
from bench.demo.run import Act
from bench.demo.tills import HAND_OUTS, SALES, OfflineTill
from bench.demo.transfers import TRANSFERS, Moved
from bench.demo.walk_plan import HANDED_OVER, SIZES
from bench.record import MACHINE, percentile
from bench.workload import Workload
from holdfast.client import ChainLimitRule, Status

PERCENTILES: Final = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
FINDINGS_TOLD: Final = 5
CONTEST: Final = ("store_id", "sku", "callers", "units", "accepted")
SLOT_CONTEST: Final = ("store_id", "slot_start_ms", "callers", "places", "accepted")
OF_SHOPS: Final = (
    "oversold",
    "answers_lost",
    "repeats_differing",
    "expired_late",
    "contests_wrong",
    "effects_nobody_was_told_of",
    "calls_without_an_answer",
)
"""Of the findings in single shops; each must be zero, as those of `WORDS`."""

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
"""Of the findings over orders."""


OF_PICKUP: Final = (
    *("tasks_owned_twice", "tasks_left", "double_taps_differing", "steps_twice", "steps_missing", "refused"),
    *("codes_used_twice", "repeats_differing", "till_events_missing", "units_missing"),
    *("messages_twice", "messages_missing"),
)
"""What must not be at the counter, and behind it."""


class Beside(NamedTuple):
    """What was done beside the baskets and orders."""

    till: OfflineTill
    moved: Moved
    flash: FlashSale
    pickups: Pickups
    messages: Messages

    @property
    def is_right(self) -> bool:
        others = self.moved.holds, self.flash.holds, self.pickups.holds, self.messages.holds
        return self.till.is_right and all(others)

    def document(self) -> dict[str, Any]:
        till, moved, flash, pickups, messages = self
        of_pickups = {"messages_twice": messages.twice, "messages_missing": messages.missing, "holds": pickups.holds}
        return {
            "offline_till": till._asdict(),
            "transfers": {**asdict(moved), "holds": moved.holds, "seconds": round(moved.seconds, 2)},
            "pickup": {**asdict(pickups), **of_pickups},
            "messages": {**asdict(messages), "holds": messages.holds},
            "flash_sale": {**asdict(flash), "holds": flash.holds, "seconds": round(flash.seconds, 2)},
        }


def document(
    workload: Workload,
    plan: Across,
    told: Act,
    told_across: Act,
    beside: Beside,
    proof: Proof,
    *,
    machine: Mapping[str, Any],
    seconds: float,
) -> dict[str, Any]:
    """Everything, as plain values. Latencies are in ms, as callers saw them."""
    answers, audits, found = told.answers, proof.audits, proof.check.of_shops
    line = in_line(proof.check.turns)
    conservation, across = conservation_of(audits, proof.check.faults), _across(plan, told_across, proof)
    sound = conservation == HOLDS, not any(found.values()), across["holds"], beside.is_right, line["holds"]
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
            "replay_seconds": round(told.seconds, 2),
            "orders_per_second": round(len(workload.orders) / told.seconds, 1),
            "calls_per_second": round(told.calls / told.seconds, 1),
        },
        "calls": answers.calls,
        # The client's own retries are among those that were answered from memory.
        "repeats": {**_repeats(answers), "answered_from_memory": proof.repeats_answered},
        "contests": [dict(zip(CONTEST, contest, strict=True)) for contest in told.contests],
        "recoveries": [
            {"actor": each.role, "store_id": each.store_id, "shops": len(each.store_ids)}
            | {"ms": each.ms, "replayed_events": each.replayed_events}
            for each in told.kills
        ],
        "journal": {
            name: sum(getattr(audit, name) for audit in audits) for name in ("events", "units_sold", "units_reserved")
        },
        "across": across,
        "line": line,
        **beside.document(),
        "verdict": {
            "holds": all(sound),
            **{name: found[name] for name in OF_SHOPS},
            "conservation": conservation,
            "findings": [*proof.check.faults, *found.sentences, *answers.unanswered[:FINDINGS_TOLD]],
        },
        "seconds": round(seconds, 1),
    }


def _across(plan: Across, told: Act, proof: Proof) -> dict[str, Any]:
    """Everything about orders over several shops, as plain values."""
    answers, found = told.answers, proof.check.of_orders
    split_orders = sum(shops > 1 for shops in proof.shops_of.values())
    calls = [call for call, _ in answers.log if call.kind is Kind.RESERVE_NEAR]
    by_policy = Counter(call.asked["policy"].name if call.kind is Kind.RESERVE_NEAR else "NAMED_SHOP" for call in calls)
    return {
        "orders": len(proof.shops_of),
        "split_orders": split_orders,
        **{name: found[name] for name in WORDS},
        "holds": split_orders > 0 and not any(found.values()),
        "placings": len(calls),
        "placings_by_policy": dict(by_policy),
        "with_slot": sum("slot_start_ms" in call.asked for call in calls),
        "steps_accepted": {kind.value: answers.accepted[kind] for kind in ORDER_KINDS},
        "refused": dict(answers.refused.most_common()),
        "limits": [_limit(rule) for rule in LIMITS],
        "seekers": {
            "customers": len(plan.seekers),
            "calls": sum(len(seeker.first) + len(seeker.second) for seeker in plan.seekers),
        },
        "slot_contests": [dict(zip(SLOT_CONTEST, contest, strict=True)) for contest in told.contests],
        "repeats": _repeats(answers),
        "killed": [{"role": killed.role, "ms": killed.ms, **killed.outage._asdict()} for killed in told.kills],
        "latency_ms": _latency_ms(answers, ORDER_KINDS),
        "orders_per_second": round(len(calls) / told.seconds, 1),
        "seconds": round(told.seconds, 2),
        "findings": [*found.sentences, *answers.unanswered[:FINDINGS_TOLD]],
    }


def _limit(rule: ChainLimitRule) -> dict[str, Any]:
    limit = asdict(rule)
    limit["collected_counts"] = limit.pop("collected_for_ms") > 0
    return limit


def _latency_ms(answers: Answers, kinds: Iterable[Kind]) -> dict[str, dict[str, float]]:
    """By kind in its own sequence, with the number of calls."""
    found = {}
    for kind in kinds:
        if took := answers.latencies.get(kind):
            values = {name: round(percentile(took, quantile), 2) for name, quantile in PERCENTILES.items()}
            found[kind.value] = {"calls": len(took), **values}
    return found


def _repeats(answers: Answers) -> dict[str, int]:
    same = sum(repeated.same_content for repeated in answers.repeats)
    return {"same_content": same, "other_content": len(answers.repeats) - same}


def tell(result: Mapping[str, Any], console: Console) -> None:
    """Tables, then the verdict."""
    across, verdict = result["across"], result["verdict"]
    latencies = "Latency in ms, as callers saw it (retries and the kill included)"
    console.print()
    console.print(_table("What was asked, and what became of it", ("what", "count"), _outcomes(result)))
    console.print(_table(latencies, ("what", "calls", *PERCENTILES), _latencies(result)))
    console.print(_table("How", ("what", ""), _circumstances(result), justify="left"))
    rows = _verdict(result)
    console.print(_table("Verdict, from the journal", ("what", "found", "must be"), rows))
    for each in (
        verdict,
        across,
        *(result[name] for name in ("transfers", "line", "flash_sale", "pickup", "messages")),
    ):
        for sentence in each["findings"][:FINDINGS_TOLD]:
            console.print(f"  {sentence}", style="red", highlight=False, markup=False)
    if verdict["holds"]:
        console.print("[bold green]HOLDS[/]: nothing was sold twice, and nothing that was answered is missing.")
    else:
        console.print("[bold red]BROKEN[/]: see above, and the findings under --json.")


Rows: TypeAlias = Iterator[tuple[str, ...]]


def _table(title: str, columns: Sequence[str], rows: Rows, justify: JustifyMethod = "right") -> Table:
    """A table of these rows, the first column to the left; an empty row begins a new section."""
    table = Table(title=title, title_justify="left", title_style="bold", min_width=78)
    for number, column in enumerate(columns):
        table.add_column(column, justify=justify if number else "left")
    for row in rows:
        if row:
            table.add_row(*row)
        else:
            table.add_section()
    return table


def _counted(what: str, counts: Mapping[str, int], names: Iterable[str]) -> Rows:
    for name in names:
        yield f"{what}: {name}", f"{counts[name]:,}"


def _outcomes(result: Mapping[str, Any]) -> Rows:
    across, ended = result["across"], result["reservations_at_the_end"]
    yield "orders (baskets) / lines / shops", f"{result['orders']:,} / {result['lines']:,} / {result['shops']:,}"
    yield "reservations accepted", f"{result['accepted']:,}"
    yield from _counted("refused", result["refused"], result["refused"])
    yield ()
    yield from _counted("accepted", result["steps_accepted"], (kind.value for kind in SHOP_KINDS[2:]))
    yield ()
    yield from _counted("at the end", ended, ended)
    yield ()
    yield "orders asked for / with a pickup slot", f"{across['placings']:,} / {across['with_slot']:,}"
    yield from _counted("  by policy", across["placings_by_policy"], sorted(across["placings_by_policy"]))
    yield "orders placed / over two shops or more", f"{across['orders']:,} / {across['split_orders']:,}"
    yield from _counted("refused", across["refused"], across["refused"])
    yield from _counted("accepted", across["steps_accepted"], (kind.value for kind in ORDER_KINDS[2:]))


def _latencies(result: Mapping[str, Any]) -> Rows:
    for act in (result, result["across"]):
        for kind, row in act["latency_ms"].items():
            yield kind, f"{row['calls']:,}", *(f"{row[name]:,.1f}" for name in PERCENTILES)
        yield ()


def _circumstances(result: Mapping[str, Any]) -> Rows:
    rates, journal, across = result["rates"], result["journal"], result["across"]
    rate = f"{rates['orders_per_second']:,.0f} orders/s, {rates['calls_per_second']:,.0f} calls/s"
    yield "rate", f"{rate} over {rates['replay_seconds']:.1f} s"
    yield "calls repeated", _said_again(result["repeats"])
    for each in result["contests"]:
        yield "contest", f"{each['callers']} callers for {each['units']} units: {each['accepted']} accepted"
    for each in result["recoveries"]:
        back = f"back after {each['ms'] / 1000:.2f} s, {each['replayed_events']:,} events replayed"
        yield "actor killed (-9)", f"{each['actor']}, {each['shops']} shops: {back}"
    yield "orders over shops", f"{across['orders_per_second']:,.0f} orders/s over {across['seconds']:.1f} s"
    yield "  repeated", _said_again(across["repeats"])
    yield "limits per customer", "{customers} customers ask for more, with {calls} calls".format(**across["seekers"])
    for each in across["slot_contests"]:
        yield "slot contest", f"{each['callers']} callers for {each['places']} places: {each['accepted']} accepted"
    yield (
        "transfers",
        "{transfers}, {short} of them short; {units_sent} units sent, {units_received} came".format(
            **result["transfers"]
        ),
    )
    line = "{customers} customers for {skus} SKUs, {served} served; {passed_over} passed over; {kept_out} refused"
    yield "line", line.format(**result["line"])
    flash = result["flash_sale"]
    asked = "{requests:,} calls for {units} units: {requests_per_s:,.0f} calls/s, {refusals_per_s:,.0f} refusals/s"
    yield "flash sale", asked.format(**flash)
    yield "  from its instant to its first unit", f"{flash['hot_after_ms']:,.0f} ms"
    ordinary = "p99 {p99_before_ms:,.1f} ms before, {p99_during_ms:,.1f} ms meanwhile"
    yield "  ordinary calls beside it", ordinary.format(**flash)
    walked = "{orders} orders, {steps} steps; {tasks_contested} tasks wanted twice at once, {double_taps} double taps"
    yield "walked over the counter", walked.format(**result["pickup"])
    shorts = ", ".join(f"{units} {choice.lower()}" for choice, units in result["pickup"]["shorts"].items())
    yield "  short picks", shorts
    back = "{no_shows} not collected, {returns} brought back; the actor was killed {actor_kills} times"
    yield "  came back", back.format(**result["pickup"])
    messages = (
        "{sent} of {due} messages known to be sent, of {unknown} nobody knows; the notifier was killed {kills} times"
    )
    yield "messages", messages.format(**result["messages"])
    yield "a till knows what is ready", "p99 {ready_to_till_ms_p99:,.1f} ms after its call".format(**result["pickup"])
    for each in across["killed"]:
        yield "killed (-9)", f"{each['role']}: back after {each['ms'] / 1000:.2f} s"
    units = f"{journal['units_sold']:,} units sold, {journal['units_reserved']:,} reserved"
    yield "journal", f"{journal['events']:,} events, {units}"
    yield "orders from", result["source"]
    for note in result["notes"]:
        yield "", note
    till = "{online_accepted} of {online_asked} accepted online beside it, {returned} units returned"
    yield "till cut off", till.format(**result["offline_till"])
    yield "seed", str(result["seed"])
    yield "machine", f"{MACHINE.format_map(result['machine'])} {result['machine']['date']}"
    yield "seconds in all", f"{result['seconds']:.1f}"


def _said_again(repeats: Mapping[str, int]) -> str:
    return f"{repeats['same_content']:,} with the same content, {repeats['other_content']:,} with other content"


def _verdict(result: Mapping[str, Any]) -> Rows:
    verdict, across, till = result["verdict"], result["across"], result["offline_till"]
    transfers, line, flash, pickup = (result[name] for name in ("transfers", "line", "flash_sale", "pickup"))

    def row(name: str, found: object, must_be: object, *, good: bool) -> tuple[str, ...]:
        return name, f"[{'green' if good else 'bold red'}]{found}[/]", str(must_be)

    for name, value in verdict.items():
        if name not in ("holds", "findings"):
            wanted = HOLDS if name == "conservation" else 0
            yield row(name.replace("_", " "), value, wanted, good=value == wanted)
    yield ()
    split = across["split_orders"]
    yield row("orders split over shops", f"{split:,}", "more than 0", good=split > 0)
    for name, words in WORDS.items():
        yield row(words, across[name], 0, good=not across[name])
    yield ()
    yield row("sold at a till cut off", till["sold"], SALES, good=till["sold"] == SALES)
    yield row("handed out there", till["handed_out"], HAND_OUTS, good=till["handed_out"] == HAND_OUTS)
    yield row("oversold by it or beside it", till["oversold"], 0, good=not till["oversold"])
    received = transfers["transfers"]
    yield row("transfers received", received, TRANSFERS, good=received == TRANSFERS)
    yield row("units of transfers missing", transfers["units_missing"], 0, good=not transfers["units_missing"])
    yield row("transfer repeats differing", transfers["repeats_differing"], 0, good=not transfers["repeats_differing"])
    yield row("served in line", line["served"], WAITING, good=line["served"] == WAITING)
    yield row("served out of turn", line["out_of_turn"], 0, good=not line["out_of_turn"])
    yield ()
    yield row("units sold in the flash sale", flash["sold"], flash["units"], good=flash["sold"] == flash["units"])
    yield row("customers with more than one", flash["over_limit"], 0, good=not flash["over_limit"])
    yield ()
    served, wanted = pickup["handed_over"], sum(SIZES.endings[ending] for ending in HANDED_OVER)
    yield row("handed over at the counter", served, wanted, good=served == wanted)
    for name in OF_PICKUP:
        yield row(f"  {name.replace('_', ' ')}", pickup[name], 0, good=not pickup[name])
    for name in ("unasked", "lost"):
        found = result["messages"][name]
        yield row(f"  messages {name}", found, 0, good=not found)
