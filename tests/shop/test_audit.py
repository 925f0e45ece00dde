"""The second opinion: clean journals pass, and each way of cooking one is caught under the rule that it breaks."""

import ast
import inspect

import pytest
from msgspec.structs import replace

from actors.core.policy import DAY_MS, HOUR_MS, LimitRule, Policy
from actors.core.rejection import Violation
from actors.core.status import ReleaseReason, Status
from actors.core.transact import PolicyAdopted
from actors.shop.audit import (
    allotments as audit_allotments,
    books as audit_books,
    journal as audit_module,
    line as audit_line,
    sales as audit_sales,
    stock as audit_stock,
    transfers as audit_transfers,
)
from actors.shop.audit.books import VIOLATIONS_MAX, AuditResult, compare
from actors.shop.audit.journal import Audit
from actors.shop.events import Event, Expired, Released, SafetyStockSet, StockCounted
from tests.shop.scenario import play
from tests.shop.scenario_text import instant
from tests.shop.tampered import BOB, TAMPERED, Alteration, adopted, applied, claimed, cut, ending, journal, reserved
from tests.shop.watched import Record


def audited(records: list[Record]) -> AuditResult:
    audit = Audit()
    for record in records:
        audit.add(*record)
    return audit.result()


@pytest.mark.parametrize(("invariant", "subject", "alter"), TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_journal_is_caught(invariant: str, subject: str, alter: Alteration) -> None:
    result = audited(alter(journal()))
    caught = {(violation.invariant, violation.subject) for violation in result.violations}
    assert any(found == invariant and named.startswith(subject) for found, named in caught), caught


def test_the_clean_journal_holds() -> None:
    result = audited(journal())
    assert result.violations == ()
    assert (result.version, result.events, result.accepted, result.units_sold) == (13, 13, 3, 4)
    assert (result.units_reserved, result.units_oversold) == (1, 0)
    assert result.positions == {"A": (2, 1, 0, 0), "B": (5, 0, 0, 0)}


LIMITED: dict[str, tuple[Event, ...]] = {
    "a limit of another channel": (
        adopted(LimitRule("app", "", 1, 1)),
        reserved("x", ("B", 2)),
        reserved("y", ("B", 1)),
    ),
    "a limit of another SKU": (adopted(LimitRule("", "A", 1, 1)), reserved("x", ("B", 2)), reserved("y", ("B", 1))),
    "a limit of each customer": (
        adopted(LimitRule("", "", 1, 1)),
        reserved("x", ("B", 1)),
        reserved("y", ("B", 1), customer="eve"),
    ),
    "a limit that came later": (reserved("x", ("B", 3)), adopted(LimitRule("", "", 1, 1))),
    "a limit that was lifted": (adopted(LimitRule("", "", 0, 1)), adopted(), reserved("x", ("B", 3))),
    "a hold given back": (
        adopted(LimitRule("", "", 1, 2)),
        reserved("x", ("B", 2)),
        Released("z", "", 15, (("B", 2),), ReleaseReason.OTHER),
        reserved("y", ("B", 2)),
    ),
    "a whole in place of what its order has": (
        adopted(LimitRule("web", "", 0, 3)),
        claimed("x", 2),
        applied(1, 15, Status.HELD, 0),
        replace(claimed("y"), command=replace(claimed("y", 1, whole=3).command, holder="o1.2")),
    ),
    "a channel that a part has no more": (
        adopted(LimitRule("web", "", 0, 1)),
        claimed("x"),
        applied(1, 15, Status.HELD, 0, channel="app"),
        reserved("y", ("B", 1)),
    ),
    "a hold replaced": (
        adopted(LimitRule("", "", 1, 2)),
        reserved("x", ("B", 2)),
        Released("", "", 15, (("B", 2),), ReleaseReason.REPLACED),
        reserved("y", ("B", 1)),
    ),
}


@pytest.mark.parametrize("events", LIMITED.values(), ids=LIMITED)
def test_limits_that_are_kept(events: tuple[Event, ...]) -> None:
    assert audited(ending("3:03", *events)(journal())).violations == ()


def test_oversold_units_are_counted_once_a_sku_at_their_worst() -> None:
    records = cut(BOB, reserved("x", ("A", 2)), reserved("y", ("A", 1), ("B", 9)))(journal())
    assert audited(records).units_oversold == 3 + 5


def test_chunks_of_any_size_come_to_the_same() -> None:
    records = journal()
    for size in range(1, len(records) + 1):
        audit = Audit()
        for start in range(0, len(records), size):
            for record in records[start : start + size]:
                audit.add(*record)
        assert audit.result() == audited(records)
        assert audit.result() == audited(records), "asking twice changes nothing"


def test_a_hundred_violations_are_told() -> None:
    records = ending("3:03", *(Expired(1_000 + number, ()) for number in range(250)))(journal())
    assert len(audited(records).violations) == VIOLATIONS_MAX


def test_compare() -> None:
    result = audited(journal())
    live = {"A": (2, 1, 0, 0), "B": (5, 0, 0, 0)}
    assert compare(result, live) == []
    assert compare(result, live | {"Z": (0, 0, 0, 0)}) == [], "a position that holds nothing is none"
    told = "on_hand 5, reserved 0, allotted 0, safety_stock 0"
    assert compare(result, live | {"B": (4, 0, 0, 0)}) == [Violation("I1", "B", told, told.replace("5", "4", 1))]
    assert [row.subject for row in compare(result, {"C": (1, 0, 0, 0)})] == ["A", "B", "C"]
    assert len(compare(result, {f"S{number}": (1, 0, 0, 0) for number in range(300)})) == VIOLATIONS_MAX


def test_a_fold_that_forgets_is_found_by_its_own_books() -> None:
    class Forgetful(Audit):
        def add(self, version: int, epoch: int, at_ms: int, event: Event) -> None:
            super().add(version, epoch, at_ms, event)
            if isinstance(event, StockCounted):
                for sku, correction in event.corrections:
                    self._books[sku].on_hand -= correction

    audit = Forgetful()
    for record in play("at | said\n 0:00 | receive A 5\n 0:01 | count A 4").records:
        audit.add(*record)
    assert [violation.invariant for violation in audit.result().violations] == ["I1"]


def test_the_audit_shares_no_code_with_what_it_audits() -> None:
    modules = (audit_module, audit_books, audit_allotments, audit_line, audit_sales, audit_stock, audit_transfers)
    trees = [ast.parse(inspect.getsource(module)) for module in modules]
    ours = {
        (node.module, alias.name)
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("actors")
        for alias in node.names
        if not node.module.startswith("actors.shop.audit")  # the audit's own other modules, which are walked as well
    }
    assert ours == {
        ("actors.shop", "events"),
        ("actors.shop.transfers", "events"),
        ("actors.shop.transfers.events", "TransferCancelled"),
        ("actors.shop.events", "Collected"),
        ("actors.shop.events", "Served"),
        ("actors.shop.returns.events", "Returned"),
        ("actors.shop.transfers.events", "Promised"),
        ("actors.shop.lines.events", "GrantAwaited"),
        ("actors.shop.lines.events", "PassedOver"),
        ("actors.shop.shortfalls.events", "MoveBegun"),
        ("actors.shop.shortfalls.events", "MoveRefused"),
        ("actors.shop.shortfalls.shortfall", "ShortfallCause"),
        ("actors.shop.shortfalls.events", "Requeued"),
        ("actors.shop.shortfalls.events", "ShortfallDeclared"),
        ("actors.shop.shortfalls.events", "ShortfallResolved"),
        ("actors.shop.shortfalls.shortfall", "Resolution"),
        ("actors.core.policy", "LosesFirst"),
        ("actors.core.status", "TransferStatus"),
        # A shop's hours are a rule that it was given, like a limit: `decide` reads them and makes none of them. Their
        # own exam is test_calendar, against the wall clock; to write them twice would audit time zones, not the ledger.
        ("actors.calendar.hours", "ALWAYS_OPEN"),
        ("actors.calendar.hours", "Calendar"),
        ("actors.shop.commands", "AdjustmentKind"),
        ("actors.shop.commands", "Lines"),
        ("actors.shop.commands", "Movement"),
        ("actors.shop.allotments.allotment", "HolderKind"),
        ("actors.core.transact", "PolicyAdopted"),
        ("actors.core.transact", "Refused"),
        ("actors.core.status", "ReleaseReason"),
        ("actors.core.status", "Status"),
        ("actors.core.rejection", "Violation"),
    }


@pytest.mark.parametrize(
    ("ttl_ms_max", "later", "found"),
    [(7 * DAY_MS, "8d0:00", ["I5"]), (7 * DAY_MS, "9d0:00", []), (HOUR_MS, "1d1:00", ["I5"]), (HOUR_MS, "2d0:00", [])],
)
def test_a_key_may_be_used_again_once_its_answer_is_forgotten(ttl_ms_max: int, later: str, found: list[str]) -> None:
    policy = Policy(version=1, ttl_ms_max=ttl_ms_max, collect_within_ms=HOUR_MS)
    audit = Audit()
    audit.add(1, 1, instant("0:00"), PolicyAdopted(policy))
    audit.add(2, 1, instant("0:00"), SafetyStockSet("k", "", ()))
    audit.add(3, 1, instant(later), SafetyStockSet("k", "", ()))
    assert [violation.invariant for violation in audit.result().violations] == found
