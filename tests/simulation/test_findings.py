"""Each finding has its fault, and something that sees it: a mutant of a world, or a fault that is planted here."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

from tests.simulation import mutants, test_chain_mutants
from tests.simulation.findings import ELSEWHERE, FINDINGS, OfWorld, Planted
from tests.simulation.further_findings import MORE

ROOT: Final = Path(__file__).parents[2]
OF_WORLDS: Final = {name: each for name, each in FINDINGS.items() if isinstance(each, OfWorld)}
PLANTED: Final = {name: each for name, each in FINDINGS.items() if isinstance(each, Planted)} | MORE
MUTANTS: Final = {*mutants.MUTANTS, *mutants.PATCHES, *test_chain_mutants.MUTANTS, *test_chain_mutants.CUT_OFF}


def test_every_finding_has_its_place() -> None:
    assert {*FINDINGS, *ELSEWHERE} == {f"{section}{number}" for section in "LO" for number in range(1, 21)}
    assert {name.partition(":")[0] for name in MORE} <= {*FINDINGS}


@pytest.mark.parametrize("name", OF_WORLDS)
def test_a_world_has_the_fault(name: str) -> None:
    """There it is caught, or that test fails; also where its causes do not strike."""
    assert OF_WORLDS[name].mutants
    assert OF_WORLDS[name].mutants.keys() <= MUTANTS
    assert all(OF_WORLDS[name].mutants.values())


class _Failures:
    """Which tests failed in their body; one that was never run sees nothing."""

    def __init__(self) -> None:
        self.count = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.count += report.failed and report.when == "call"


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted, failures = PLANTED[name], _Failures()
    planted.plant(monkeypatch)
    monkeypatch.chdir(ROOT)
    with redirect_stdout(StringIO()) as printed:
        pytest.main(["-q", "-x", "-p", "no:cacheprovider", *planted.test.split()], plugins=[failures])
    assert failures.count == 1, printed.getvalue()
