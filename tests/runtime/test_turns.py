"""What one more ledger costs a step, and what its turn need not look at again."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from actors.core.policy import HOUR_MS, Policy
from actors.journal.sqlite import SqliteJournal
from actors.runtime.ledger_host import LedgerHost
from actors.store_actor import StoreActor
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.runtime.shop import chain_document
from tests.shop.scenario_text import command_of

LEDGERS = [f"S{number}" for number in range(40)]
NUMBERS = count(1)  # of keys


@pytest.fixture
def actor(tmp_path: Path) -> Iterator[StoreActor]:
    """Of shops that have enough, and that have all decided something before."""
    actor = StoreActor("store", SqliteJournal(tmp_path / "j.db"), ManualClock(), lambda _: None, tidy_every_s=WAIT_S)
    actor.adopt(chain_document(1))
    assert actor.recovered.wait(WAIT_S)
    for text in ("receive A 100", "reserve ann A 1 for 30m"):
        reserved(actor, LEDGERS, text)
    yield actor
    actor.close()


def reserved(actor: StoreActor, ledgers: list[str], text: str = "reserve bob A 1 for 1h") -> list[Any]:
    """A step of one command for each."""
    return actor.host.step([(each, command_of(text, f"k{next(NUMBERS)}")) for each in ledgers])


def calls_in(act: Callable[[], Any]) -> int:
    """How many functions of Python's it calls in this thread."""
    counted = 0

    def called(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event == "call"

    sys.setprofile(called)
    try:
        act()
    finally:
        sys.setprofile(None)
    return counted


def test_one_more_ledger_costs_a_step_few_calls(actor: StoreActor) -> None:
    """Its turn, and its next deadline; 18 when each turn asked for the policy and looked for deadlines twice, 9 when it
    began and ended by calls of its own.
    """
    over_one = calls_in(lambda: reserved(actor, ["S0"] * len(LEDGERS)))
    over_many = calls_in(lambda: reserved(actor, LEDGERS))
    assert (over_many - over_one) / (len(LEDGERS) - 1) < 4


def test_a_turn_after_new_rules_adopts_them(actor: StoreActor) -> None:
    reserved(actor, ["S1"])
    actor.adopt(chain_document(2, Policy(version=2)))
    reserved(actor, ["S1"])
    assert actor.host.read("S1", lambda hosted, _: hosted.ledger.policy.version) == 2


def test_a_sweep_looks_at_no_ledger_that_is_as_it_was(actor: StoreActor, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = LedgerHost._expire_due

    def watched(host: LedgerHost, ledger_id: str, *asked: Any) -> Any:
        looked.append(ledger_id)
        return real(host, ledger_id, *asked)

    monkeypatch.setattr(LedgerHost, "_expire_due", watched)
    assert actor.host.sweep() == 0
    assert looked == []
    actor.host._clock.move(HOUR_MS // 2)  # type: ignore[attr-defined]
    assert actor.host.sweep() == len(LEDGERS)
