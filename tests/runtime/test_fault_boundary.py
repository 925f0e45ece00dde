"""What a ledger's own rules raise stays within that ledger, and a command that raises again is refused by its key."""

from threading import Event
from typing import Any

import pytest

from actors.core.policy import HOUR_MS
from actors.core.transact import Deferred
from actors.journal.port import Fenced, JournalDamaged, LedgerBroken
from actors.protocol.messages import LedgerAway, Stopped
from actors.runtime import read_anew
from actors.runtime.recovery import recovered
from actors.shop.commands import Acknowledge
from tests.runtime.runtime_fixture import WAIT_S, ActorRuntime, entries
from tests.shop.scenario_text import answer_text
from tests.waiting import until


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
    answers = decided(runtime, [(store_id, runtime.command(text)) for store_id, text in texts])
    return [answer.why if isinstance(answer, Stopped) else answer_text(answer) for answer in answers]


def decided(runtime: ActorRuntime, batch: list[tuple[str, Any]]) -> list[Any]:
    """The answers to a batch, of which what is deferred is sent again, as gateways do, once the ledger is there."""
    answers = runtime.host.step(batch)
    for _ in range(3):
        places = [place for place, answer in enumerate(answers) if answer == Deferred()]
        if not places:
            return answers
        whole(runtime)
        for place, answer in zip(places, runtime.host.step([batch[place] for place in places]), strict=True):
            answers[place] = answer
    raise AssertionError(f"deferred over and over: {answers}")


def whole(runtime: ActorRuntime) -> None:
    """Wait until nothing is read anew."""
    until(lambda: not runtime.host._anew, within_s=WAIT_S, what="the ledgers")


def test_a_command_that_raises_twice_is_refused_and_all_others_are_decided(stocked: ActorRuntime) -> None:
    bug = Bug(stocked, "transact", "eve")
    first, other, refused, second, another = batch_over_both(stocked)
    assert "the Reserve under the key 'k2' fails: Planted()" in refused
    assert [each.split()[1] for each in (first, other, second, another)] == ["HELD"] * 4
    assert bug.struck == 2
    assert stocked.failures == []
    assert (stocked.stock("S1"), stocked.stock("S2")) == ("A 10/3", "A 10/4")
    assert entries(stocked.journal.log, "durable") == ["durable S1:3-3 S2:2-3", "durable S1:4-4"]
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
    whole(stocked)
    assert stocked.host.sweep() == 0
    assert stocked.host.ledger_ids() == ["S2"]
    assert stocked.successor().stock("S1") == "A 10/0"


def test_a_ledger_that_cannot_be_read_anew_is_stopped_behind_what_stood_before(
    stocked: ActorRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in memory is half of an event, and no answer rests on it; what was decided before is in the journal."""
    Bug(stocked, "transact", "eve")

    def damaged(*_: Any) -> Any:
        raise JournalDamaged("S1", "seq 2", "planted")

    monkeypatch.setattr(read_anew, "recovered", damaged)
    first, other, broken, second, another = batch_over_both(stocked)
    assert all("planted" in each for each in (broken, second))
    assert [each.split()[1] for each in (first, other, another)] == ["HELD"] * 3
    assert stocked.failures == []
    assert stocked.host.is_stopped("S1")
    assert entries(stocked.journal.log, "durable") == ["durable S1:3-3 S2:2-3"]
    assert stocked.successor().deliver("k1: reserve ann A 1") == first


def test_a_message_without_a_key_that_raises_is_refused_by_its_content(stocked: ActorRuntime) -> None:
    bug = Bug(stocked, "transact", "Acknowledge")
    for _ in range(3):
        (answer,) = decided(stocked, [("S1", Acknowledge(((1, 1),)))])
        assert isinstance(answer, Stopped)
    assert bug.struck == 2


class Gate:
    """Ledgers are read anew once it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._reached, self._opened = Event(), Event()
        monkeypatch.setattr(read_anew, "recovered", self)

    def __call__(self, *arguments: Any) -> Any:
        self._reached.set()
        assert self._opened.wait(WAIT_S)
        return recovered(*arguments)

    def reached(self) -> None:
        assert self._reached.wait(WAIT_S)

    def open(self) -> None:
        self._opened.set()


def test_neighbours_are_decided_read_and_swept_while_a_ledger_is_read_anew(
    stocked: ActorRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    Bug(stocked, "transact", "eve").strikes = 1
    gate = Gate(monkeypatch)
    assert stocked.say("k2: reserve eve A 1") == [Deferred()]
    gate.reached()
    told = [stocked.deliver(f"n{number}: reserve ann A 1", "S2") for number in range(9)]
    assert [each.split()[1] for each in told] == ["HELD"] * 9
    assert stocked.stock("S2") == "A 10/9"
    stocked.clock.move(3 * HOUR_MS)
    assert stocked.host.sweep() == 9
    stocked.snapshot("S2")
    both = [("S1", stocked.command("k3: reserve bob A 1")), ("S2", stocked.command("k3: reserve bob A 1"))]
    away, held = stocked.host.step(both)
    assert (away, answer_text(held).split()[1]) == (Deferred(), "HELD")
    for ask in (stocked.stock, stocked.version, stocked.snapshot, stocked.host.whole_ids):
        with pytest.raises(LedgerAway):
            ask()
    assert (stocked.host.has_begun("S1"), stocked.host.is_stopped("S1")) == (True, False)
    assert (stocked.host.head_of("S1"), sorted(stocked.host.begun_ids())) == (2, ["S1", "S2"])
    gate.open()
    whole(stocked)
    assert stocked.deliver("k2: reserve eve A 1").startswith("#4 HELD"), "behind the hold that has expired"
    live = stocked.state_hash()
    assert live == stocked.successor().state_hash()


def test_what_a_batch_had_decided_before_stands_and_is_read_anew_with_the_rest(
    stocked: ActorRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is durable: what a kill leaves behind has it, too."""
    Bug(stocked, "transact", "eve").strikes = 1
    gate = Gate(monkeypatch)
    texts = ("k1: reserve ann A 1", "k0: reserve zoe A 1", "k2: reserve eve A 1", "k3: reserve bob A 1")
    first, repeat, failed, later = stocked.say(*texts)
    assert [answer_text(each).split()[:2] for each in (first, repeat)] == [["#3", "HELD"], ["#2", "HELD"]]  # type: ignore[arg-type]
    assert (failed, later) == (Deferred(), Deferred())
    gate.reached()
    assert stocked.host.head_of("S1") == 3
    assert stocked.successor().stock() == "A 10/2"
    gate.open()
    whole(stocked)


def test_two_ledgers_are_read_anew_one_after_the_other(stocked: ActorRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    Bug(stocked, "transact", "eve").strikes = 2
    gate = Gate(monkeypatch)
    batch = [(store_id, stocked.command("k2: reserve eve A 1")) for store_id in ("S1", "S2")]
    assert stocked.host.step(batch) == [Deferred(), Deferred()]
    gate.reached()
    gate.open()
    assert [answer_text(each).split()[1] for each in decided(stocked, batch)] == ["HELD", "HELD"]


def test_an_owner_that_was_replaced_says_nothing_of_a_ledger_that_it_reads_anew(
    stocked: ActorRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    Bug(stocked, "transact", "eve").strikes = 1
    gate = Gate(monkeypatch)
    assert stocked.say("k2: reserve eve A 1") == [Deferred()]
    gate.reached()
    later = stocked.successor()
    assert later.deliver("k2: reserve eve A 1").startswith("#3 HELD")
    gate.open()
    whole(stocked)
    with pytest.raises(Fenced):
        stocked.say("k2: reserve eve A 1")


def test_a_journal_that_fails_while_a_ledger_is_read_anew_ends_the_owner(stocked: ActorRuntime) -> None:
    Bug(stocked, "transact", "eve").strikes = 1
    stocked.journal.fail_call("read")
    assert stocked.say("k2: reserve eve A 1") == [Deferred()]
    until(lambda: len(stocked.failures) == 1, within_s=WAIT_S, what="the end")
    assert stocked.successor().deliver("k2: reserve eve A 1").startswith("#3 HELD")
