"""What reviewers found in shops' ledgers and clients (L) and in orders, limits and gateways (O), and what sees it.

A fault that a world can have is a mutant there, which is caught in worlds in which its causes have struck. Another is
planted for the time of one test, which must fail by it (`test_findings`).
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest

from actors.calendar.hours import Calendar
from actors.core import answers
from actors.core.policy import Policy
from actors.orders import limits
from actors.orders.answers import OrderAnswers
from actors.rpc import backoff
from actors.runtime.actor_runtime import LedgerActor
from actors.runtime.group_commit import GroupCommit
from actors.runtime.ledger_host import LedgerHost
from actors.shop import expiry
from actors.shop.decide_stock import decide_adjust_stock
from actors.shop.events import Amended, touched_skus
from holdfast.client.till_journal import TillJournal
from serve.coordination.reconciler import Reconciler
from serve.routing.heads import Heads
from serve.routing.router import Router
from serve.services import events, verification
from serve.sourcing import search
from serve.sourcing.ranking import Known
from serve.wire import reservations
from tests.shop import watched

Plant = Callable[[pytest.MonkeyPatch], None]


class OfWorld(NamedTuple):
    """Mutants of the worlds by name, each with the causes that have struck in a world where it is caught."""

    mutants: dict[str, tuple[str, ...]]


class Planted(NamedTuple):
    """What is exchanged, and the test that fails by it."""

    plant: Plant
    test: str


def exchanged(where: Any, name: str, wrong: Any) -> Plant:
    """One thing in place of another."""
    return lambda patch: patch.setattr(where, name, wrong)


def _gaps_are_passed_over(patch: pytest.MonkeyPatch) -> None:
    def wrong(ledger: Any, command: Any, now_ms: int) -> Any:
        first = command.movements[0].sequence
        if first > ledger.source_marks.get(command.source, 0) + 1:
            ledger.source_marks[command.source] = first - 1
        return decide_adjust_stock(ledger, command, now_ms)

    patch.setattr("actors.shop.decide.decide_adjust_stock", wrong)


def _days_are_evicted_by_whoever_comes(patch: pytest.MonkeyPatch) -> None:
    def of(calendar: Calendar) -> Callable[[int], Any]:
        days = calendar.__dict__.setdefault("days", OrderedDict())

        def used(number: int) -> Any:
            days.move_to_end(number)
            return days[number]

        def day(number: int) -> Any:
            if number not in days:
                days[number] = calendar._compile(number)
            if len(days) > 2:
                days.popitem(last=False)
            return used(number)

        return day

    patch.setattr(Calendar, "_day", property(of))


def all_that_is_due_expires_at_once(patch: pytest.MonkeyPatch) -> None:
    real = LedgerHost.__init__

    def wrong(host: LedgerHost, core: Any, *rest: Any) -> None:
        real(host, core._replace(expired_at_once_max=None), *rest)

    patch.setattr(LedgerHost, "__init__", wrong)


def _each_ledger_is_written_by_itself(patch: pytest.MonkeyPatch) -> None:
    real = GroupCommit.enqueue

    def wrong(commits: GroupCommit, records: Any) -> int:
        ticket = real(commits, records)
        commits.wait(ticket)
        return ticket

    patch.setattr(GroupCommit, "enqueue", wrong)


def _all_is_looked_at_for_deadlines(patch: pytest.MonkeyPatch) -> None:
    real = expiry.drop_stale

    def wrong(ledger: Any, looked_at_max: int = 0) -> None:
        list(ledger.reservations.values())
        real(ledger, looked_at_max)

    patch.setattr(expiry, "drop_stale", wrong)


def _calls_are_decided_whenever_they_come(patch: pytest.MonkeyPatch) -> None:
    real = LedgerActor.step_all

    def wrong(actor: LedgerActor, batches: Any, alone: bool = False) -> Any:
        return real(actor, [(batch, 0) for batch, _ in batches], alone)

    patch.setattr(LedgerActor, "step_all", wrong)


def _a_stream_waits_for_all_actors(patch: pytest.MonkeyPatch) -> None:
    real = Heads.are_elsewhere

    def wrong(heads: Heads, actor: str, cursors: dict[str, int]) -> bool:
        return real(heads, actor, cursors) and len(heads._known) == len(heads._tasks)

    patch.setattr(Heads, "are_elsewhere", wrong)


def _keys_go_before_their_orders(patch: pytest.MonkeyPatch) -> None:
    real = OrderAnswers.forget

    def wrong(remembered: OrderAnswers, at_ms: int, memory_ms: int) -> None:
        real(remembered, at_ms, memory_ms)
        remembered.by_key.clear()
        remembered.forget_at_ms = at_ms

    patch.setattr(OrderAnswers, "forget", wrong)


class _Unbounded(int):
    """Nothing is more."""

    def __lt__(self, _: int) -> bool:
        return False


def _every_grant_is_looked_at(patch: pytest.MonkeyPatch) -> None:
    def wrong(ledger: Any, *asked: Any, **more: Any) -> Any:
        for grant in ledger.grants:
            limits.share_of(grant)
        return limits.over_limit(ledger, *asked, **more)

    patch.setattr("actors.orders.decide.over_limit", wrong)


def _rules_are_looked_through(patch: pytest.MonkeyPatch) -> None:
    def wrong(policy: Policy, channel: str, sku: str) -> Any:
        return tuple(rule for rule in policy.chain_limit_rules if rule.sku == sku and rule.channel in ("", channel))

    patch.setattr(Policy, "chain_limits_for", wrong)


def _the_first_have_every_turn(patch: pytest.MonkeyPatch) -> None:
    def wrong(_after: int, count_max: int, *outboxes: Any) -> tuple[list[int], int]:
        return sorted({number for each in outboxes for number in each.turn(0, count_max)})[:count_max], 0

    patch.setattr("actors.customer_actor.in_turn", wrong)


def _reports_have_a_time_of_their_own(patch: pytest.MonkeyPatch) -> None:
    real = Reconciler.report_answers

    async def wrong(reconciler: Reconciler, answered: Any, deadline: float) -> None:
        await real(reconciler, answered, deadline + 60)

    patch.setattr(Reconciler, "report_answers", wrong)


async def _one_after_another(router: Router, entries: Any, deadline: float) -> list[Any]:
    return [await router.send(entry, deadline, promise=True) for entry in entries]


_RULES_CHANGE: Final = ("rules changed", "gateway behind the chain", "gateway lost the chain")
_SAID_AGAIN: Final = ("asked long after", "every gateway restarted between call and retry")

FINDINGS: Final[dict[str, OfWorld | Planted]] = {
    "L1": Planted(
        exchanged(watched, "touched_skus", lambda event: () if isinstance(event, Amended) else touched_skus(event)),
        "tests/shop/test_touched.py::test_every_kind_of_event_tells_what_it_changed",
    ),
    "L2": Planted(
        exchanged(answers.Answers, "forget", lambda *_: None),
        "tests/shop/test_repeats.py::test_whoever_is_refused_all_day_fills_nothing",
    ),
    "L3": OfWorld({"a checkpoint fails in silence": ("checkpoint failed",)}),
    "L4": Planted(_gaps_are_passed_over, "tests/shop/test_adjust.py"),
    "L5": OfWorld({"a passing no lasts": ("placed over several",)}),
    "L6": Planted(
        exchanged(TillJournal, "_first_of", lambda *_: 0), "tests/clients/test_till.py::test_a_receipt_is_sold_once"
    ),
    "L7": Planted(
        exchanged(answers, "_content", lambda value, _apart=(): [repr(value)]),
        "tests/runtime/test_messages.py::"
        "test_a_field_that_is_added_changes_no_fingerprint_of_a_call_that_does_not_use_it",
    ),
    "L8": OfWorld(
        {
            "ends with one ledger": ("rules failed",),
            "goes on half way": ("rules failed",),
            "what ends an actor is forgotten with it": ("call that ends an actor", "actor ended by a command"),
        }
    ),
    "L9": Planted(
        _a_stream_waits_for_all_actors,
        "tests/gateway/test_idle_streams.py::test_a_shop_that_is_away_keeps_back_only_its_own_events",
    ),
    "L10": OfWorld({"keeps no clock": ("clock set ahead", "recovery")}),
    "L11": Planted(_days_are_evicted_by_whoever_comes, "tests/shop/test_calendar_threads.py"),
    "L12": OfWorld({"nobody asks who the owner is": ("stopped actor asked",), "keeps the epoch": ("zombie",)}),
    "L13": OfWorld({"forgets the key of a hold that lives": ("repeat",)}),
    "L14": Planted(
        exchanged(backoff, "start_pause_s", lambda *_: 0.2),
        "tests/runtime/test_rpc_server.py::"
        "test_pauses_between_starts_double_and_are_bounded_and_others_for_another_name",
    ),
    "L15": Planted(
        _all_is_looked_at_for_deadlines,
        "tests/shop/test_unwalked.py::test_stale_deadlines_are_dropped_beside_those_of_what_is_live",
    ),
    "L16": Planted(
        all_that_is_due_expires_at_once,
        "tests/runtime/test_expiry.py::test_before_a_batch_a_part_of_much_that_is_due_is_expired",
    ),
    "L17": Planted(
        exchanged(LedgerHost, "snapshots_due", lambda host, _: list(host._hosted)),
        "tests/runtime/test_recovery.py::test_snapshots_are_due_by_their_tail",
    ),
    "L18": Planted(
        _each_ledger_is_written_by_itself,
        "tests/runtime/test_expiry.py::test_a_sweep_writes_once_for_all_ledgers",
    ),
    "L19": Planted(
        exchanged(Known, "asked", property(lambda _: None, lambda *_: None)),
        "tests/gateway/test_sourcing.py::test_a_shop_that_nobody_asked_is_not_said_to_have_nothing",
    ),
    "L20": Planted(
        _calls_are_decided_whenever_they_come,
        "tests/runtime/test_store_actor.py::test_what_nobody_waits_for_any_more_is_not_decided",
    ),
    "O1": OfWorld({"an amendment asks the shop's limits alone": ("amend in a shop", "refused UNITS_LIMIT")}),
    "O2": OfWorld({"the gateway decides whose a key is": (*_RULES_CHANGE, *_SAID_AGAIN)}),
    "O3": OfWorld(
        {
            "a gateway with old rules is trusted": _RULES_CHANGE,
            "the rules of who is cut off are handed over": ("gateway behind the chain",),
            "a ledger takes older rules than it has": ("gateway behind the chain",),
            "a shop takes an older pause than it has": ("shop paused",),
        }
    ),
    "O5": OfWorld({"an order's overload is passed on": ("queue full",)}),
    "O7": Planted(
        exchanged(OrderAnswers, "forget", lambda *_: None),
        "tests/orders/test_history.py::test_a_month_of_orders_leaves_memory_flat",
    ),
    "O8": Planted(
        exchanged(verification, "over_limits", lambda *_: iter(())),
        "tests/gateway/test_verify_limits.py::test_more_than_the_chain_allows_is_named",
    ),
    "O9": OfWorld(
        {"a part is collected after its lease": ("came at the deadline",), "nobody settles": ("answer lost",)}
    ),
    "O10": Planted(_keys_go_before_their_orders, "tests/orders/test_open.py"),
    "O11": Planted(
        exchanged(events, "MESSAGE_BYTES_MAX", _Unbounded(events.MESSAGE_BYTES_MAX)),
        "tests/gateway/test_feeds.py::test_messages_are_bounded_by_bytes_too",
    ),
    "O12": Planted(
        _rules_are_looked_through,
        "tests/orders/test_many_holds.py::test_a_line_does_not_look_at_the_rules_of_other_skus",
    ),
    "O13": Planted(
        _every_grant_is_looked_at,
        "tests/orders/test_many_holds.py::test_a_decision_does_not_look_at_what_counts",
    ),
    "O14": Planted(
        exchanged(Policy, "of_shops", lambda policy, _: policy),
        "tests/runtime/test_rules_by_content.py::test_rules_of_other_shops_are_not_a_shops_to_write",
    ),
    "O15": Planted(
        exchanged(search, "Overloaded", KeyError),
        "tests/gateway/test_order_refusals.py::test_a_shop_with_a_full_queue_keeps_no_order_from_the_others",
    ),
    "O16": Planted(
        exchanged(Router, "send_all", _one_after_another),
        "tests/gateway/test_costs_of_calls.py::test_what_a_call_costs_before_its_answer",
    ),
    "O17": Planted(
        _the_first_have_every_turn,
        "tests/simulation/test_reconciler.py::test_orders_behind_many_whose_shop_is_away_have_their_turn",
    ),
    "O18": Planted(
        exchanged(reservations, "LINES_MAX", 1 << 30),
        "tests/gateway/test_bad_fields.py::test_a_list_of_too_many_is_not_looked_into",
    ),
    "O19": Planted(
        _reports_have_a_time_of_their_own,
        "tests/gateway/test_one_deadline.py::test_what_a_call_sends_is_not_decided_after_its_deadline",
    ),
    "O20": OfWorld({"a confirmed order's parts are told as held": ("confirm",)}),
}
ELSEWHERE: Final = {"O4": "L1", "O6": "L11"}


def causes_of(mutant: str) -> set[str]:
    """What must have struck in worlds in which a mutant is caught, by the findings that it stands for."""
    rows = (each.mutants.get(mutant, ()) for each in FINDINGS.values() if isinstance(each, OfWorld))
    return {cause for causes in rows for cause in causes}
