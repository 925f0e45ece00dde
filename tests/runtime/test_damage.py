"""A ledger that does not verify is stopped by name; the others of the same journal are served."""

from pathlib import Path

import pytest

from actors.core.message import to_json
from actors.customer_actor import CustomerActor
from actors.journal.codec import encode
from actors.journal.open import open_journal, sqlite_setting
from actors.journal.port import Journal, JournalDamaged, JournalError, Record
from actors.protocol.messages import Stopped
from actors.runtime import recovery
from actors.runtime.clock import SystemClock
from actors.shop.commands import Reserve
from actors.shop.events import Collected, Event, Reserved
from actors.store_actor import StoreActor
from tests.journal.storages import SqliteStorage
from tests.runtime.runtime_fixture import ActorRuntime, ManualClock, entries


@pytest.fixture
def stocked(runtime: ActorRuntime) -> ActorRuntime:
    """Two shops."""
    runtime.deliver("receive A 10", "S1")
    runtime.deliver("receive A 10", "S2")
    runtime.deliver("k1: reserve ann A 1", "S2")
    return runtime


def forge(journal: Journal, payload: bytes, event_count: int = 1) -> None:
    """Append to S2 what no ledger decided: a record that is whole, and wrong."""
    epoch, seq = journal.take_over("S2")
    journal.append([Record("S2", epoch, seq + event_count, event_count, 1, payload)])


def reserved(quantity: int) -> list[Event]:
    """A reservation that was never decided."""
    return [Reserved(Reserve("forged", "ann", "web", "", (("A", quantity),), 0), 2**50)]


DAMAGED, LATER = "the journal is damaged at", "was written by a later version"
WRONG = {
    "a kind of event from the future": (b'[["teleported","k"]]', 1, LATER, "'teleported'"),
    "an event with a field from the future": (b'[["expired",2,[],null,"why"]]', 1, LATER, "at most length 3"),
    "a value from the future": (b'[["refused","k","f","Reserve",["rejection",99]]]', 1, LATER, "enum value 99"),
    "an event of another shape": (b'[["reserved","k"]]', 1, DAMAGED, "not what this version writes"),
    "a kind that is no text": (b"[[null]]", 1, DAMAGED, "not what this version writes"),
    "not a payload": (b"{}", 1, DAMAGED, "not what this version writes"),
    "not even text": (b"[", 1, DAMAGED, "truncated"),
    "fewer events than the record says": (encode(reserved(1)), 2, DAMAGED, "its events end at 3"),
    "more than there is": (encode(reserved(99)), 1, DAMAGED, "an invariant does not hold"),
    "a step of what there never was": (encode([Collected("k", "f", 9, (), "")]), 1, DAMAGED, "KeyError(9)"),
    "a number without end": (encode(reserved(2**70)), 1, DAMAGED, "OverflowError"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_record_stops_its_ledger_alone(stocked: ActorRuntime, case: str) -> None:
    payload, event_count, told, why = WRONG[case]
    forge(stocked.journal, payload, event_count)
    later = stocked.successor()

    answers = later.host.step(
        [
            ("S2", later.command("k1: reserve ann A 1")),
            ("S1", later.command("k2: reserve ann A 1")),
            ("S2", later.command("k3: reserve bob A 1")),
        ]
    )
    stopped = [answer.why for answer in answers if isinstance(answer, Stopped)]
    assert len(stopped) == 2
    assert all(why in text and text.startswith("ledger S2: ") and told in text for text in stopped)
    assert all(("Start that version" in text) == (told == LATER) for text in stopped)
    assert all(("Restore the file" in text) == (told == DAMAGED) for text in stopped)
    assert later.stock("S1") == "A 10/1"
    with pytest.raises(JournalDamaged, match="ledger S2") as raised:
        later.stock("S2")
    assert str(raised.value) == stopped[0]
    assert later.failures == []
    assert later.host.ledger_ids() == ["S1"]
    assert later.host.sweep() == 0


def test_a_stopped_ledger_is_not_tried_again_at_each_call(stocked: ActorRuntime) -> None:
    forge(stocked.journal, b"[")
    later = stocked.successor()
    taken = entries(later.journal.log, "take_over")
    for _ in range(3):
        later.deliver("k9: reserve ann A 1", "S2")
    assert entries(later.journal.log, "take_over") == taken


def test_a_flipped_bit_stops_the_ledger_that_it_is_in(tmp_path: Path, clock: ManualClock) -> None:
    storage = SqliteStorage(tmp_path)
    runtime = ActorRuntime(storage, clock)
    for store_id in ("S1", "S2"):
        runtime.deliver("receive A 10", store_id)
        runtime.deliver(f"k1: reserve {store_id} A 1", store_id)
    (record,) = runtime.journal.read("S2", 1, 1)
    damaged = ActorRuntime(storage.flipped(record.payload), clock)
    assert damaged.deliver("k1: reserve S1 A 1", "S1") == "#2 HELD A 1 until 2:00"
    assert "damaged at seq 2: its checksum does not fit" in damaged.deliver("k1: reserve S2 A 1", "S2")
    storage.close()


def test_snapshots_are_given_up_where_they_are_damaged_and_the_ledgers_go_on(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "QUIET_TAIL_EVENTS", 0)
    storage = SqliteStorage(tmp_path)
    runtime = ActorRuntime(storage, clock)
    for store_id in ("S1", "S2"):
        runtime.deliver("receive A 10", store_id)
        runtime.snapshot(store_id)
        runtime.deliver("k1: reserve ann A 1", store_id)
    damaged = ActorRuntime(storage.page_damaged("chunks"), clock)
    clock.move(recovery.QUIET_MS + 1)
    assert damaged.host.snapshots_due(9) == ["S1", "S2"]
    damaged.snapshot("S1")
    assert "no more snapshots are written: ledger (all): the journal is damaged" in caplog.text
    assert damaged.host.snapshots_due(9) == []
    damaged.host.snapshot_if_moved("S2")
    assert entries(damaged.journal.log, "write_snapshot") == ["write_snapshot S1:2"]
    assert damaged.deliver("k2: reserve ann A 1").startswith("#3 HELD A 1")
    assert damaged.failures == []
    storage.close()


def test_every_ledger_of_a_file_that_cannot_be_read_is_stopped(tmp_path: Path, clock: ManualClock) -> None:
    """None of them is answered for as one that has never been written."""
    for name in ("S1", "customers"):
        (tmp_path / f"{name}.db").write_bytes(b"no journal" * 99)
    ended: list[JournalError] = []
    shop = StoreActor("S1", open_journal(sqlite_setting(tmp_path), "S1"), clock, ended.append)
    hers = CustomerActor("customers", open_journal(sqlite_setting(tmp_path), "customers"), clock, ended.append)
    for question in (
        lambda: shop.feed([("S1", 0, 0)], skip_stopped=False),
        lambda: shop.parts("S1", 0, 9),
        lambda: shop.parts_of("S1", ["0001/1.1"]),
        lambda: hers.orders_of("customers/0001", "ann", [], 0, 9),
        lambda: hers.orders("customers/0001", [1]),
        lambda: hers.status("customers/0001"),
        lambda: hers.live_state("customers/0001"),
        hers.ledgers,
    ):
        with pytest.raises(JournalDamaged):
            question()
    assert (hers.outbox(0, {}), shop.outbox(0, {}), shop.feed([("S1", 0, 0)], skip_stopped=True)) == ([], [], [])
    assert (shop.stock(["S1"], ["A"], 0), shop.slots_taken(["S1"])) == ([None], [None])
    for actor in (shop, hers):
        actor.close()
    assert ended == []


UNREADABLE = {
    "of a format from the future": [["ledger", 99, "S2"]],
    "with a row of an unknown kind": [["ledger", 1, "S2", 2, 0, None, []], ["portal", 1]],
    "without a row": [],
    "with rows cut short": [["ledger", 1, "S2"]],
    "with a number without end": [
        ["ledger", 1, "S2", 2, 0, [], {}],
        ["position", "A", *[0] * 9, [0, [0, 2**70]], None],
    ],
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_snapshot_that_cannot_be_read_is_passed_over(stocked: ActorRuntime, case: str) -> None:
    """All of the records say the same; it takes longer."""
    before = stocked.state_hash("S2")
    stocked.journal.write_snapshot("S2", 1, 2, [to_json(UNREADABLE[case])])
    later = stocked.successor()
    assert later.state_hash("S2") == before
    assert later.deliver("k1: reserve ann A 1", "S2") == "#2 HELD A 1 until 2:00"


def test_a_snapshot_beyond_the_records_stops_the_ledger(stocked: ActorRuntime) -> None:
    """Records that were there once are missing, or it is not what it says."""
    stocked.snapshot("S2")
    snapshot = stocked.journal.newest_snapshot("S2")
    assert snapshot is not None
    ahead = [chunk.replace(b'"S2",2,', b'"S2",7,') for chunk in snapshot.chunks]
    stocked.journal.write_snapshot("S2", 1, 2, ahead)
    assert "the records end at 2" in stocked.successor().deliver("k1: reserve ann A 1", "S2")


def test_the_snapshot_of_another_ledger_stops_the_ledger(stocked: ActorRuntime) -> None:
    stocked.snapshot("S1")
    snapshot = stocked.journal.newest_snapshot("S1")
    assert snapshot is not None
    stocked.journal.write_snapshot("S2", 1, snapshot.seq, snapshot.chunks)
    assert "it is of S1 at 1" in stocked.successor().deliver("k1: reserve ann A 1", "S2")


def test_an_actor_without_a_readable_journal_stays(tmp_path: Path) -> None:
    """It answers that its ledgers are stopped, instead of being started again for ever."""
    (tmp_path / "store-S1.db").write_bytes(b"no database" * 1_000)
    ended: list[JournalError] = []
    journal = open_journal(sqlite_setting(tmp_path), "store-S1")
    actor = StoreActor("store-S1", journal, SystemClock(journal.kept_clock()), ended.append, tidy_every_s=3_600)
    try:
        actor.host.upkeep.do()
        assert actor.host.is_stopped("S1")
        assert ended == []
    finally:
        actor._closing.set()
        actor._tidier.join()
