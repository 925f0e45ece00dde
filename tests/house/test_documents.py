"""The texts: one entry for each reason and status, an index of decisions, and no link that leads nowhere."""

import ast
from pathlib import Path
from typing import Final

import grpc
import pytest

from actors.telemetry import metrics
from holdfast.client.limits import Failure
from holdfast.client.statuses import REASONS as CLIENT_REASONS, Fault
from holdfast.v1 import error_pb2
from tests.house import documents
from tests.house.sources import ROOT

ERRORS: Final = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
OPERATIONS: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PAGES: Final = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
REASONS: Final = [value.name for value in error_pb2.Reason.DESCRIPTOR.values if value.number]
# Those that the wire's comments promise, and the two that any gRPC server gives.
STATUSES: Final = {
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "FAILED_PRECONDITION",
    "DATA_LOSS",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "INTERNAL",
    "UNIMPLEMENTED",
    "OUT_OF_RANGE",
}
CODES: Final = {code.name: code for code in grpc.StatusCode}
# The same call may be answered later; any other reason stands until the call, or what it is about, is another.
ASKED_AGAIN: Final = {
    *("OVERLOADED", "TOO_MANY_STREAMS", "READER_TOO_SLOW", "GATEWAY_DRAINING"),
    *("SHOP_AWAY", "SHORTFALL_MOVING", "CHAIN_AWAY", "CONTACTS_AWAY", "PICKUP_CODE_GUESSED", "PICKUP_NAME_GUESSED"),
    *("ORDER_UNDECIDED", "OUTCOME_UNKNOWN", "DEADLINE_PASSED"),
    "SERVICE_FAULT",  # a few times
}


def test_errors_has_one_entry_for_each_reason_in_their_precedence() -> None:
    assert [name for name in documents.entry_names(ERRORS) if name.startswith("REASON_")] == REASONS


def test_errors_has_one_entry_for_each_status() -> None:
    names = [name for name in documents.entry_names(ERRORS) if not name.startswith("REASON_")]
    assert sorted(names) == sorted(STATUSES)


def test_errors_has_each_reason_of_a_status_under_it_and_no_other() -> None:
    given = set()
    for path in (ROOT / "serve").rglob("*.py"):
        given |= documents.reasons_given(ast.parse(path.read_text(encoding="utf-8")))
    assert ("FAILED_PRECONDITION", "CLAIM_KNOWN") in given
    assert documents.documented_reasons(ERRORS) == given
    assert {reason for code, reason in given if code == "FAILED_PRECONDITION"} <= CLIENT_REASONS.keys()


def test_clients_ask_again_where_that_is_the_mend_and_nowhere_else() -> None:
    again = {
        (code, reason)
        for code, reason in documents.documented_reasons(ERRORS)
        if Fault(CODES[code], "", reason=reason).failure is not Failure.FINAL
    }
    assert {reason for _, reason in again} == ASKED_AGAIN


def test_each_metric_has_a_row_for_operators_and_is_counted_somewhere() -> None:
    assert documents.documented_metrics(OPERATIONS) == [metric.name for metric in metrics.METRICS]
    told = {name for name, value in vars(metrics).items() if isinstance(value, metrics.Metric)}
    assert len(told) == len(metrics.METRICS)
    texts = [path.read_text(encoding="utf-8") for top in ("actors", "serve") for path in (ROOT / top).rglob("*.py")]
    assert documents.named_nowhere(told, [text for text in texts if "class Metric(" not in text]) == []


def test_each_entry_has_a_cause_and_a_mend() -> None:
    assert documents.incomplete_entries(ERRORS) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_leads_nowhere(page: Path) -> None:
    assert documents.dangling_links(page.read_text(encoding="utf-8"), page.parent) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_file_that_is_named_is_there(page: Path) -> None:
    assert documents.absent_paths(page.read_text(encoding="utf-8"), ROOT) == []


def test_the_index_of_decisions_is_complete() -> None:
    folder = ROOT / "docs" / "adr"
    names = [page.name for page in sorted(folder.glob("[0-9]*.md"))]
    assert documents.unlisted((folder / "README.md").read_text(encoding="utf-8"), names) == []


def test_decisions_are_numbered_in_sequence() -> None:
    numbers = [int(page.name[:4]) for page in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_checkers_can_fail(tmp_path: Path) -> None:
    assert documents.incomplete_entries("### `A_B`\n\n**Cause.** One.\n\n### `C`\n\n**Cause.** x **Mend.** y") == [
        "A_B"
    ]
    made = ast.parse(
        'def f():\n    code, why = g.StatusCode.A, "B_C"\n    raise refused(code, why, "")\nx = Status(g.D, "", "E")'
    )
    assert documents.reasons_given(made) == {("A", "B_C"), ("D", "E")}
    assert documents.documented_reasons("### `A`\n\n`B_C` `d`\n\n### `REASON_X`\n\n`Y_Z`") == {("A", "B_C")}
    assert documents.documented_metrics("| `holdfast_a_total` | x |\n| `other` |") == ["holdfast_a_total"]
    assert documents.named_nowhere({"CALLS", "CALL"}, ["figures.counter(CALLS)"]) == ["CALL"]
    assert documents.entry_names("### `A`\n\n### `A`\n") == ["A", "A"]
    assert documents.dangling_links("[a](gone.md) [b](https://x.org) ```\n", tmp_path) == ["gone.md"]
    (tmp_path / "serve").mkdir()
    assert documents.absent_paths("`serve/` `serve/gone.py` `serve`", tmp_path) == ["serve/gone.py"]
    assert documents.unlisted("[0001](0001-a.md)", ["0001-a.md", "0002-b.md"]) == ["0002-b.md"]
