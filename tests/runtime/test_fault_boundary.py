"""What a ledger's own rules raise stays within that ledger, and a command that raises again is refused by its key."""

from typing import Any

import pytest

from actors.core.policy import HOUR_MS
from actors.journal.port import JournalDamaged, LedgerBroken
from actors.protocol.messages import Stopped
from actors.runtime import ledger_host
from actors.shop.commands import Acknowledge
from tests.runtime.runtime_fixture import ActorRuntime, entries
from tests.shop.scenario_text import answer_text


class Planted(Exception):
    """A bug that no ledger has."""


class Bug:
    """Replaces a function of the core: it does its work, then raises while `strikes` is above zero."""

    def __init__(self, runtime: ActorRuntime, function: str, customer: str = "", ledger_id: str = "") -> None:
        self.strikes = 1_000
        self.struck = 0
        core = runtime.host._core
        original, self._customer, self._ledger_id = getattr(core, function), customer, ledger_id

        def planted(ledger: Any, *arguments: Any) -> Any:
            result = original(ledger, *arguments)
            is_meant = self._customer in str(arguments[0]) and self._ledger_id in ledger.ledger_id
            if self.strikes and is_meant:
                self.strikes -= 1
                self.struck += 1
                raise Planted
            return result

        runtime.host._core = core._replace(**{function: planted})  # type: ignore[arg-type]  # one of the functions


@pytest.fixture
def stocked(runtime: ActorRuntime) -> ActorRuntime:
    """Ten of A in each of two shops, and a hold in one."""
    runtime.host.step([(store_id, runtime.command("receive A 10")) for store_id in ("S1", "S2")])
    runtime.deliver("k0: reserve zoe A 1")
    runtime.journal.log.clear()
    return runtime


def batch_over_both(runtime: ActorRuntime) -> list[str]:
    """One batch, with eve's command in the middle; the answers as text."""
    texts = [("S1", "k1: reserve ann A 1"), ("S2", "k1: reserve ann A 2"), ("S1", "k2: reserve eve A 1")]
    texts += [("S1", "k3: reserve bob A 1"), ("S2", "k3: reserve bob A 2")]
    answers = runtime.host.step([(store_id, runtime.command(text)) for store_id, text in texts])
    return [answer.why if isinstance(answer, Stopped) else answer_text(answer) for answer in answers]


def test_a_command_that_raises_twice_is_refused_and_all_others_are_decided(stocked: ActorRuntime) -> None:
    bug = Bug(stocked, "transact", "eve")
    first, other, refused, second, another = batch_over_both(stocked)
    assert "the Reserve under the key 'k2' fails: Planted()" in refused
    assert [each.split()[1] for each in (first, other, second, another)] == ["HELD"] * 4
    assert bug.struck == 2
    assert stocked.failures == []
    assert (stocked.stock("S1"), stocked.stock("S2")) == ("A 10/3", "A 10/4")
    assert entries(stocked.journal.log, "durable") == ["durable S1:3-4 S2:2-3"]
    later = stocked.successor()
    assert (later.stock("S1"), later.stock("S2")) == ("A 10/3", "A 10/4")
    assert later.deliver("k1: reserve ann A 1") == first


def test_a_refused_key_is_not_decided_again_and_others_are_served(stocked: ActorRuntime) -> None:
    bug = Bug(stocked, "transact", "eve")
    batch_over_both(stocked)
    assert "under the key 'k2' fails" in stocked.deliver("k2: reserve eve A 1")
    assert bug.struck == 2
    assert stocked.deliver("k4: reserve cid A 1").startswith("#5 HELD")


def test_a_command_that_raises_once_is_decided_over_what_the_journal_has(stocked: ActorRuntime) -> None:
    Bug(stocked, "transact", "eve").strikes = 1
    assert [each.split()[1] for each in batch_over_both(stocked)] == ["HELD"] * 5
    live = stocked.state_hash()
    assert live == stocked.successor().state_hash()
    assert stocked.failures == []


def test_what_fails_before_any_command_stops_its_ledger_alone(stocked: ActorRuntime) -> None:
    Bug(stocked, "expire", ledger_id="S1")
    stocked.clock.move(3 * HOUR_MS)
    first, other, _, _, another = batch_over_both(stocked)
    assert "its own rules fail" in first
    assert [each.split()[1] for each in (other, another)] == ["HELD"] * 2
    assert stocked.failures == []
    assert stocked.host.is_stopped("S1")
    assert stocked.stock("S2") == "A 10/4"
    with pytest.raises(LedgerBroken):
        stocked.stock("S1")


def test_a_sweep_that_cannot_go_on_with_one_ledger_expires_the_others(stocked: ActorRuntime) -> None:
    stocked.deliver("reserve ann A 1", "S2")
    Bug(stocked, "expire", ledger_id="S1")
    stocked.clock.move(3 * HOUR_MS)
    assert stocked.host.sweep() == 1
    assert stocked.host.ledger_ids() == ["S2"]
    assert stocked.successor().stock("S1") == "A 10/0"


def test_a_ledger_that_cannot_be_read_anew_is_stopped_with_all_that_its_batch_did(
    stocked: ActorRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in memory is half of an event, and no answer may rest on it."""
    Bug(stocked, "transact", "eve")

    def damaged(*_: Any) -> Any:
        raise JournalDamaged("S1", "seq 2", "planted")

    monkeypatch.setattr(ledger_host, "recovered", damaged)
    first, other, broken, second, another = batch_over_both(stocked)
    assert all("planted" in each for each in (first, broken, second))
    assert [each.split()[1] for each in (other, another)] == ["HELD"] * 2
    assert stocked.failures == []
    assert stocked.host.is_stopped("S1")
    assert entries(stocked.journal.log, "durable") == ["durable S2:2-3"]


def test_a_message_without_a_key_that_raises_is_refused_by_its_content(stocked: ActorRuntime) -> None:
    bug = Bug(stocked, "transact", "Acknowledge")
    for _ in range(3):
        (answer,) = stocked.host.step([("S1", Acknowledge(((1, 1),)))])
        assert isinstance(answer, Stopped)
    assert bug.struck == 2
