"""What became of the orders over several shops, for people and for machines; a part of `report`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from bench.demo.across import ToldAcross
from bench.demo.across_plan import LIMITED_CHANNEL, LIMITS
from bench.demo.latencies import PERCENTILES
from bench.demo.order_calls import PLACING, OrderKind
from bench.demo.order_verdict import OrderFindings

COUNTS: Final = (
    "partly_placed",
    "limit_exceeded",
    "slots_over_capacity",
    "slot_contests_wrong",
    "answers_lost",
    "repeats_differing",
    "unasked",
    "unanswered",
    "disagreeing",
)
"""Of the findings; each must be zero."""

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
