"""A ledger that leaves one host and arrives at another: the steps, repeated, late, and beside what is decided."""

from pathlib import Path
from typing import Any

import pytest

from actors.journal.port import Attempt, Fenced, JournalDamaged, Phase
from actors.protocol.messages import Elsewhere, LedgerElsewhere, MoveRefused
from actors.runtime import moving
from actors.runtime.moving import Left
from tests.journal.storages import MemoryStorage, SqliteStorage, Storage
from tests.runtime.runtime_fixture import ActorRuntime, ManualClock

MOVE, SOURCE, TARGET = 7, "stores-0000-of-0002", "stores-0001-of-0002"


class Both:
    """A source that has a shop S1 and another, and a target."""

    def __init__(self, source: Storage, target: Storage) -> None:
        self.clock = ManualClock()
        self.source, self.target = ActorRuntime(source, self.clock), ActorRuntime(target, self.clock)
        self.source.deliver("receive A 9")
        self.source.deliver("k1: reserve ann A 3")
        self.source.deliver("receive A 9", store_id="S2")

    def copy(self, after: int, move: int = MOVE) -> int:
        """Carry the records behind a sequence."""
        records = self.source.journal.read("S1", after, 1_000)
        return self.target.host.receive("S1", move, records)

    def arrive(self, move: int = MOVE) -> Left:
        """All steps but the last."""
        here = self.target.host.take_in("S1", SOURCE, move)
        assert here is not None
        self.copy(here, move)
        self.target.host.prepare("S1", move)
        left = self.source.host.leave("S1", TARGET, move)
        self.copy(here, move)
        return left

    def move(self) -> Left:
        """All of it."""
        left = self.arrive()
        self.target.host.settle("S1", MOVE, left)
        return left


def sent_on(runtime: ActorRuntime, text: str) -> str:
    """The actor that a command is to be sent to."""
    (answer,) = list[Any](runtime.say(text))
    assert isinstance(answer, Elsewhere)
    return answer.actor


@pytest.fixture(params=["memory", "sqlite"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Both:
    if request.param == "memory":
        return Both(MemoryStorage(), MemoryStorage())
    for each in ("source", "target"):
        (tmp_path / each).mkdir()
    return Both(SqliteStorage(tmp_path / "source"), SqliteStorage(tmp_path / "target"))


def test_a_ledger_moves_with_its_state_and_its_answers(both: Both) -> None:
    both.move()

    assert (
        both.target.deliver("k1: reserve ann A 3")
        == both.target.deliver("k1: reserve ann A 3")
        == "#2 HELD A 3 until 2:00"
    )
    assert sent_on(both.source, "k2: reserve bob A 1") == TARGET
    assert both.source.deliver("reserve bob A 1", store_id="S2") == "#2 HELD A 1 until 2:00"
    assert not both.source.failures
    assert not both.target.failures


def test_who_reads_a_ledger_that_has_left_is_told_where_it_is(both: Both) -> None:
    both.move()
    host = both.source.host

    for question in (host.version_of, host.stale_read, host.has_begun, host.is_stopped, host.head_of):
        with pytest.raises(LedgerElsewhere) as told:
            question("S1")
        assert (told.value.ledger_id, told.value.actor) == ("S1", TARGET)
    with pytest.raises(LedgerElsewhere), host.reading("S1"):
        pass
    with pytest.raises(LedgerElsewhere), host.captured("S1"):
        pass
    assert host.begun_ids() == ["S2"]


def test_every_step_may_be_repeated(both: Both) -> None:
    left = both.arrive()

    assert both.source.host.leave("S1", TARGET, MOVE) == left
    assert both.target.host.take_in("S1", SOURCE, MOVE) == left.seq
    assert both.copy(0) == left.seq
    for _ in range(2):
        both.target.host.settle("S1", MOVE, left)
    assert both.target.host.take_in("S1", SOURCE, MOVE) is None
    assert both.target.deliver("k2: reserve bob A 1") == "#3 HELD A 1 until 2:00"


def test_it_is_nobodys_between_both(both: Both) -> None:
    both.arrive()

    assert sent_on(both.source, "reserve bob A 1") == TARGET
    assert sent_on(both.target, "reserve bob A 1") == SOURCE
    assert sent_on(both.source.successor(), "reserve bob A 1") == TARGET
    assert sent_on(both.target.successor(), "reserve bob A 1") == SOURCE


def test_what_has_not_arrived_whole_is_not_served(both: Both) -> None:
    here = both.target.host.take_in("S1", SOURCE, MOVE)
    assert here == 0
    both.copy(here)
    both.source.deliver("k2: reserve bob A 1")
    left = both.source.host.leave("S1", TARGET, MOVE)
    with pytest.raises(MoveRefused, match="is here up to 2, of 3"):
        both.target.host.settle("S1", MOVE, left)
    both.copy(2)
    both.target.host.settle("S1", MOVE, left)
    assert both.target.deliver("k2: reserve bob A 1") == "#3 HELD A 1 until 2:00"


def test_steps_of_a_move_that_is_over_do_nothing(both: Both) -> None:
    left = both.move()
    back = MOVE + 2
    both.source, both.target = both.target, both.source
    here = both.target.host.take_in("S1", TARGET, back)
    assert here == left.seq
    assert both.source.host.take_in("S1", SOURCE, MOVE) is None
    with pytest.raises(MoveRefused):
        both.target.host.take_in("S1", SOURCE, MOVE)
    for host in (both.source.host, both.target.host):
        with pytest.raises(MoveRefused):
            host.leave("S1", TARGET, MOVE)
        with pytest.raises(MoveRefused):
            host.receive("S1", MOVE, [])
        with pytest.raises(MoveRefused):
            host.prepare("S1", MOVE)
    with pytest.raises(MoveRefused):
        both.target.host.settle("S1", MOVE, left)
    both.source.deliver("k2: reserve bob A 1")
    again = both.source.host.leave("S1", SOURCE, back)
    both.copy(here, back)
    both.target.host.settle("S1", back, again)
    assert both.target.deliver("k2: reserve bob A 1") == "#3 HELD A 1 until 2:00"


def test_a_ledger_that_is_here_is_not_taken_in(both: Both) -> None:
    with pytest.raises(MoveRefused):
        both.source.host.take_in("S1", TARGET, MOVE)
    assert both.source.deliver("k2: reserve bob A 1") == "#3 HELD A 1 until 2:00"


def test_a_process_before_the_source_is_fenced(both: Both) -> None:
    before, both.source = both.source, both.source.successor()
    both.source.deliver("k1: reserve ann A 3")
    both.move()

    with pytest.raises(Fenced):
        before.say("k2: reserve bob A 1")
    assert len(before.failures) == 1
    assert both.target.deliver("k2: reserve bob A 1") == "#3 HELD A 1 until 2:00"


def test_an_answer_that_rests_on_a_ledger_that_leaves_meanwhile_is_not_given(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.target.host.take_in("S1", SOURCE, MOVE)
    journal, check = both.source.journal, both.source.journal.check_owner

    def leaves_first(epochs: dict[str, int]) -> None:
        monkeypatch.setattr(journal, "check_owner", check)
        both.source.host.leave("S1", TARGET, MOVE)
        check(epochs)

    monkeypatch.setattr(journal, "check_owner", leaves_first)
    with pytest.raises(LedgerElsewhere):
        both.source.say("k1: reserve ann A 3")  # a repeat, which appends nothing
    assert not both.source.failures, "its other shops are served on"
    assert both.source.deliver("reserve bob A 1", store_id="S2") == "#2 HELD A 1 until 2:00"


def test_what_is_beside_its_records_goes_with_a_ledger(both: Both) -> None:
    source, target = both.source.journal, both.target.journal
    epochs = {each: hosted.epoch for each, hosted in both.source.host._hosted.items()}
    source.note_attempt("S1", epochs["S1"], Attempt("k9", 2, both.clock.at_ms), 0)
    source.note_reader("erp", 3, {"S1": 2, "S2": 1}, epochs)
    both.move()

    assert target.attempts("S1") == [Attempt("k9", 2, both.clock.at_ms)]
    assert target.readers() == {"S1": {("erp", 3): 2}}


def test_upkeep_goes_on_beside_a_ledger_that_leaves(both: Both) -> None:
    both.target.host.take_in("S1", SOURCE, MOVE)
    host = both.source.host
    hosted = dict(host._hosted)
    host.leave("S1", TARGET, MOVE)
    host._hosted.update(hosted)  # as one sees them who looked before
    host.upkeep._seal("S1", hosted["S1"])
    del host._hosted["S1"]
    with pytest.raises(LedgerElsewhere):
        host.upkeep._commits.check_owner({"S1": hosted["S1"].epoch})
    host.upkeep.do()
    host.sweep()
    assert not both.source.failures


def test_a_large_ledger_has_a_snapshot_when_it_arrives(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "TAIL_EVENTS_MAX", 1)
    both.arrive()
    snapshot = both.target.journal.newest_snapshot("S1")
    assert snapshot is not None
    assert snapshot.seq == 2


def test_records_that_make_no_ledger_are_found_before_the_source_lets_go(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = both.target.host.take_in("S1", SOURCE, MOVE)
    assert here == 0
    records = both.source.journal.read("S1", 0, 1_000)
    both.target.host.receive("S1", MOVE, [record._replace(payload=b'[["nonsense"]]') for record in records])
    with pytest.raises(JournalDamaged):
        both.target.host.prepare("S1", MOVE)
    assert both.source.deliver("k2: reserve bob A 1") == "#3 HELD A 1 until 2:00"


def test_a_journal_that_fails_as_a_ledger_leaves_ends_its_owner_and_the_successor_has_it(both: Both) -> None:
    both.target.host.take_in("S1", SOURCE, MOVE)
    both.source.journal.fail_call("put_whereabouts")
    with pytest.raises(Exception, match="asked for a failure"):
        both.source.host.leave("S1", TARGET, MOVE)
    assert len(both.source.failures) == 1
    successor = both.source.successor()
    assert successor.journal.whereabouts() == {}
    assert successor.deliver("k2: reserve bob A 1") == "#3 HELD A 1 until 2:00"


def test_where_a_ledger_is_outlives_its_owner(both: Both) -> None:
    both.move()
    assert both.source.successor().host.begun_ids() == ["S2"]
    later = both.target.successor()
    assert later.journal.whereabouts()["S1"].phase is Phase.HERE
    assert later.deliver("k1: reserve ann A 3") == "#2 HELD A 3 until 2:00"
