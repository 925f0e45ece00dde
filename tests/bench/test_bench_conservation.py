"""A run whose stock does not add up must not count."""

from collections.abc import Callable
from pathlib import Path

import pytest

from actors.core.rejection import Violation
from actors.shop.state import Ledger
from actors.shop.transact import transact
from bench.record import Counts, Options, Outcome, judged, of_ledger
from bench.samples import NOW_MS, reserves, stocked
from bench.scenarios.gateway import run_gateway, run_sourcing
from bench.scenarios.ledger import run_core, run_journal

HOLDS = 50


def loaded() -> Ledger:
    ledger = stocked(20)
    for command in reserves(HOLDS, 20, 2, seed=1):
        transact(ledger, command, NOW_MS)
    return ledger


def test_an_honest_count_holds() -> None:
    verdict = of_ledger(loaded(), Counts(HOLDS))
    assert verdict.holds
    assert verdict.sentence() == "conservation holds: 50 accepted, 50 in the ledgers"


@pytest.mark.parametrize("accepted", [HOLDS - 1, HOLDS + 1])
def test_a_doctored_count_is_caught(accepted: int) -> None:
    verdict = of_ledger(loaded(), Counts(accepted))
    assert not verdict.holds
    assert verdict.sentence().startswith("CONSERVATION BROKEN")


def test_doctored_stock_is_caught() -> None:
    ledger = loaded()
    next(iter(ledger.positions.values())).reserved -= 1
    verdict = of_ledger(ledger, Counts(HOLDS))
    assert not verdict.holds
    assert verdict.discrepancies[0].startswith("I1 SKU-")


def test_a_call_of_unknown_outcome_may_have_been_accepted_or_not() -> None:
    assert judged(Counts(10, unknown=2), 10, ()).holds
    assert judged(Counts(10, unknown=2), 12, ()).holds
    assert not judged(Counts(10, unknown=2), 9, ()).holds
    assert not judged(Counts(10, unknown=2), 13, ()).holds


def test_a_broken_rule_is_told() -> None:
    verdict = judged(Counts(1), 1, [Violation("I2", "SKU-1", "at most 4", "5")])
    assert not verdict.holds
    assert verdict.discrepancies == ["I2 SKU-1: expected at most 4, found 5"]


@pytest.mark.parametrize("run", [run_core, run_journal, run_gateway, run_sourcing])
def test_the_scenarios_that_need_no_process_run(run: Callable[[Options], Outcome], tmp_path: Path) -> None:
    said: list[str] = []
    outcome = run(Options(scratch=tmp_path, say=said.append, quick=True, rounds=1))
    assert outcome.rows
    assert outcome.headlines
    assert said
    assert outcome.conservation is None or outcome.conservation.holds
