"""Named readers of feeds: what they have not seen stays, an operator sees who keeps it, and may drop one."""

import logging
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import pytest

from actors.core.chain import READERS_MAX
from actors.core.policy import DAY_MS
from actors.customer_actor import CustomerActor
from actors.journal import archive
from actors.journal.port import JournalError, JournalFailed, LedgerBroken
from actors.journal.sqlite import SqliteJournal
from actors.runtime import actor_runtime
from actors.runtime.upkeep import MOVE_AGAIN_MS
from holdfast.v1 import admin_service_pb2 as ad, event_service_pb2 as es
from serve.wire.cursors import pack_cursor
from tests.gateway.front import Answer, Front
from tests.gateway.orders import CUSTOMERS, HERS, customers, ordered
from tests.gateway.test_sealed import VERIFY, Sealing
from tests.runtime.breaking import BreakingJournal
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until

CODE = grpc.StatusCode


class Moving(Sealing):
    """The actor of S2, of whose sealed files none stays beside unless a reader needs it."""

    def open(self) -> None:
        self.away = self.folder / "away"
        self.away.mkdir(exist_ok=True)
        inner = SqliteJournal(self.folder / "S2.db", keep_bytes=1, sealed_events=4, away=self.away)
        self.start(BreakingJournal(inner))

    def move(self) -> int:
        """What the actor does by itself, until there is nothing left to do; how many files are away."""
        for _ in range(40):
            self.actor.host.upkeep.do()
            if self.actor.chain.revision:
                self.actor.host.upkeep.move(self.actor.chain.readers)
        return len(list(self.away.glob("S2.sealed/*")))


@pytest.fixture
def moving(tmp_path: Path, clock: ManualClock) -> Iterator[Moving]:
    """A month of S2, and the reader `warehouse` of all shops, who has seen nothing of S2 but its first events."""
    with Front(tmp_path, clock) as front:
        shop = Moving(front, tmp_path)
        front.receive("A", store_id="S2")
        shop.trade(30)
        assert acknowledged(front, "warehouse", cursor=pack_cursor({"S1": 0})).code is CODE.OK
        shop.tidy()
        yield shop


def acknowledged(front: Front, reader: str, cursor: bytes = b"", **seen: int) -> Answer:
    rows = [{"store_id": store_id, "after_version": version} for store_id, version in seen.items()]
    return front.ask("AcknowledgeEvents", es.AcknowledgeEventsRequest(reader=reader, cursors=rows, cursor=cursor))


def listed(front: Front) -> dict[str, tuple[bool, int, str, int, list[str]]]:
    found = front.accept("ListReaders", ad.ListReadersRequest()).readers
    return {
        each.name: (each.all_stores, each.behind, each.furthest_ledger, each.furthest_behind, list(each.keeps))
        for each in found
    }


def test_files_wait_for_the_slowest_reader_and_who_it_is_is_said(
    moving: Moving, caplog: pytest.LogCaptureFixture
) -> None:
    front, head = moving.front, moving.front.version("S2")
    with caplog.at_level(logging.CRITICAL, "holdfast.host"):
        assert moving.move() == 0
    (said,) = [each.getMessage() for each in caplog.records]
    assert "ledger S2: its sealed files take more than their setting" in said
    assert "that have not seen them: warehouse;" in said
    assert listed(front) == {"warehouse": (True, head, "S2", head, ["S2"])}

    assert acknowledged(front, "search", S2=head).code is CODE.OK
    assert acknowledged(front, "warehouse", cursor=pack_cursor({"S2": 9})).code is CODE.OK
    assert moving.move() == 2, "eight events"
    files = len(moving.files()) + 2
    moving.open()  # after a restart nobody is known to the actor until a gateway tells it
    assert moving.move() == 2
    assert front.reserve("one more", store_id="S2").WhichOneof("result") == "reservation"
    assert listed(front)["search"] == (False, 1, "S2", 1, [])
    assert moving.move() == 2
    assert listed(front)["warehouse"] == (True, head - 8, "S2", head - 8, ["S2"])

    assert dropped(front, named(front)).code is CODE.OK
    assert moving.move() == files
    assert moving.files() == []
    assert front.accept("VerifyLedger", VERIFY).events == head + 1, "all of it is read, wherever it is"
    assert list(listed(front)) == ["search"]


def test_a_name_that_is_given_again_keeps_nothing_of_what_its_former_bearer_did(moving: Moving) -> None:
    moving.move()
    assert listed(moving.front)["warehouse"][-1] == ["S2"]
    assert dropped(moving.front, named(moving.front)).code is CODE.OK
    assert acknowledged(moving.front, "warehouse", cursor=pack_cursor({"S1": 0})).code is CODE.OK
    assert listed(moving.front)["warehouse"][-1] == [], "until its files are looked at again"
    moving.move()
    assert listed(moving.front)["warehouse"][-1] == ["S2"]


def test_nothing_is_acknowledged_that_has_not_happened(moving: Moving) -> None:
    front, head = moving.front, moving.front.version("S2")
    beyond = acknowledged(front, "search", S1=0, S2=head + 1)
    assert (beyond.code, beyond.fields, beyond.metadata["head"]) == (
        CODE.OUT_OF_RANGE,
        ["cursors[1].after_version"],
        str(head),
    )
    beyond = acknowledged(front, "warehouse", cursor=pack_cursor({"S2": head + 1}))
    assert (beyond.code, beyond.fields) == (CODE.OUT_OF_RANGE, ["cursor"])
    assert acknowledged(front, "search", S1=0, S9=1).code is CODE.NOT_FOUND
    assert moving.move() == 0
    assert listed(front)["warehouse"][1] == head


def test_a_reader_is_named_by_its_first_acknowledgement_also_of_nothing(front: Front) -> None:
    assert acknowledged(front, "early").code is CODE.OK
    assert listed(front) == {"early": (True, 2, "S1", 2, [])}, "it has seen nothing of all shops"
    assert acknowledged(front, "early", cursor=pack_cursor({"S1": 1})).code is CODE.OK
    assert acknowledged(front, "early", S1=2).code is CODE.OK, "it stays a reader of all"
    assert listed(front)["early"][0]
    for number in range(1, READERS_MAX):
        assert acknowledged(front, f"reader {number}").code is CODE.OK
    full = acknowledged(front, "one more")
    assert (full.code, full.reason) == (CODE.FAILED_PRECONDITION, "TOO_MANY_READERS")
    front.actors.kill("chain")
    assert len(listed(front)) == READERS_MAX


def test_a_stopped_ledger_and_an_actor_that_is_away_are_left_out(moving: Moving) -> None:
    front, head = moving.front, moving.front.version("S2")
    moving.actor.host._damaged["S2"] = LedgerBroken("S2", "seq 1", "a test")
    del moving.actor.host._hosted["S2"]
    assert acknowledged(front, "warehouse", cursor=pack_cursor({"S1": 0, "S2": head})).code is CODE.OK
    found = front.accept("ListReaders", ad.ListReadersRequest())
    assert list(found.left_out) == ["S2"]
    assert moving.journal.readers() == {}


def test_a_disk_that_is_not_there_is_tried_again_in_a_minute(moving: Moving, caplog: pytest.LogCaptureFixture) -> None:
    acknowledged(moving.front, "warehouse", S2=moving.front.version("S2"))
    moving.away.rename(moving.folder / "unplugged")
    assert moving.move() == 0
    assert sum("no sealed files are moved for a minute" in each.getMessage() for each in caplog.records) == 1
    (moving.folder / "unplugged").rename(moving.away)
    assert moving.move() == 0
    moving.front.clock.move(MOVE_AGAIN_MS)
    assert moving.move() > 5
    assert moving.ended == []


def test_a_move_that_the_journal_could_not_note_ends_the_actor(moving: Moving) -> None:
    moving.journal.fail_call("move_away")
    moving.actor._tidy_every_s = 0.0
    with pytest.raises(JournalFailed):
        moving.actor._move()
    assert len(moving.ended) == 1
    moving.open()
    assert moving.front.accept("VerifyLedger", VERIFY).holds


def test_a_disk_that_hangs_holds_up_nothing_but_moving(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    front, put = moving.front, archive.put_file
    reached, goes_on = Event(), Event()

    def hanging(folder: Path, *rest: Any) -> None:
        if moving.away in folder.parents:
            reached.set()
            assert goes_on.wait(WAIT_S)
        put(folder, *rest)

    monkeypatch.setattr(archive, "put_file", hanging)
    monkeypatch.setattr(actor_runtime, "MOVE_S_MAX", 0.01)
    acknowledged(front, "warehouse", S2=front.version("S2"))
    moving.tidy_every_s = 0.005
    moving.open()
    front.reserve("a hold", store_id="S2")
    try:
        assert reached.wait(WAIT_S)
        held = moving.actor.host.stale_read("S2").version
        front.clock.move(DAY_MS)
        until(lambda: moving.actor.host.stale_read("S2").version > held, within_s=WAIT_S, what="an expiry")
        assert front.accept("VerifyLedger", VERIFY).holds, "sealed files beside the journal are read"
        assert front.reserve("another", store_id="S2").WhichOneof("result") == "reservation"
        moving.actor.close()
    finally:
        goes_on.set()
    moving.actor._mover.join(WAIT_S)
    assert not moving.actor._mover.is_alive()
    assert moving.ended == []


def test_what_is_beside_is_verified_while_the_archive_is_not_there(moving: Moving) -> None:
    front, version = moving.front, moving.front.version("S2")
    acknowledged(front, "warehouse", S2=version)
    assert moving.move() > 5
    archived = max(moving.away.glob("S2.sealed/*.gz"))
    contents = sha256(archived.read_bytes()).hexdigest()
    moving.away.rename(moving.folder / "unplugged")
    moving.away.mkdir()  # a mount point
    moving.trade(5)
    head = front.version("S2")
    reply = front.accept("VerifyLedger", VERIFY)
    assert (reply.holds, reply.version, reply.accepted) == (True, head, 0)
    assert (reply.trusted_version, reply.events) == (version, head - version)
    assert reply.archived_version == int(archived.name.split("-")[2]) < version
    assert reply.archived_sha256 == contents
    # What follows is verified as ever: the records from the archive on, and the state from the snapshot on.
    moving.actor.host.stale_read("S2").source_marks["nobody"] = 7
    contradicted = front.accept("VerifyLedger", VERIFY)
    assert [each.invariant for each in contradicted.discrepancies] == ["I13"]
    moving.open()
    inner = moving.journal._inner
    assert isinstance(inner, SqliteJournal)
    for off_by in (1, -1):
        found = front.ask("VerifyLedger", VERIFY)
        assert found.code is (CODE.OK if off_by == 1 else CODE.DATA_LOSS)
        first = "UPDATE records SET at_ms = at_ms + ? WHERE id = (SELECT MIN(id) FROM records)"
        inner._file.write(first, off_by)
    assert "its checksum does not fit" in found.message
    # All of it is once the disk is back, and then nothing may be missing.
    moving.away.rmdir()
    (moving.folder / "unplugged").rename(moving.away)
    whole = front.accept("VerifyLedger", VERIFY)
    assert (whole.holds, whole.trusted_version, whole.events, whole.accepted) == (True, 0, head, 35)
    archived.unlink()
    assert front.ask("VerifyLedger", VERIFY).code is CODE.DATA_LOSS


def test_orders_are_verified_without_the_archive_too(tmp_path: Path, clock: ManualClock) -> None:
    away = tmp_path / "away"
    away.mkdir()
    with Front(tmp_path, clock) as front:
        inner = SqliteJournal(tmp_path / "c.db", keep_bytes=1, sealed_events=2, away=away)
        failures: list[JournalError] = []
        front.actors._actors[CUSTOMERS] = actor = CustomerActor(CUSTOMERS, inner, clock, failures.append, 3_600.0)
        front.actors.made[CUSTOMERS] += 1
        for number in range(3):
            ordered(front, f"k{number}")
            clock.move(20 * DAY_MS)
        for _ in range(2):
            actor.host.snapshot(HERS, lambda: None)
        for _ in range(4):
            inner.seal(HERS, 1, clock.now_ms())
            inner.move_away(HERS, 1, {})
        ordered(front, "k9")
        verify = ad.VerifyLedgerRequest(store_id=HERS)
        whole = front.accept("VerifyLedger", verify)
        away.rename(tmp_path / "unplugged")
        reply = front.accept("VerifyLedger", verify)
        assert (whole.holds, whole.trusted_version, whole.accepted) == (True, 0, 4)
        assert (reply.holds, reply.state_hash, reply.accepted) == (True, whole.state_hash, 1)
        assert 0 < reply.archived_version <= reply.trusted_version == reply.version - reply.events
        change = customers(front)
        change.orders.clear()
        assert not front.accept("VerifyLedger", verify).holds


def test_a_name_that_is_given_again_has_seen_nothing_in_its_former_life(moving: Moving) -> None:
    front, head = moving.front, moving.front.version("S2")
    former = front.gateway._router.chain.readers["warehouse"].named
    assert acknowledged(front, "warehouse", cursor=pack_cursor({"S2": head})).code is CODE.OK
    assert dropped(front, named(front)).code is CODE.OK
    assert acknowledged(front, "warehouse", cursor=pack_cursor({"S1": 0})).code is CODE.OK
    assert moving.actor.acknowledge("warehouse", former, {"S2": head}) == (1, {}), "late, and by an older gateway"
    assert listed(front) == {"warehouse": (True, head, "S2", head, [])}
    assert moving.move() == 0
    assert acknowledged(front, "warehouse", cursor=pack_cursor({"S2": head})).code is CODE.OK
    assert moving.move() > 5


def test_a_reader_that_was_dropped_by_way_of_another_gateway_is_named_again(moving: Moving) -> None:
    front, head = moving.front, moving.front.version("S2")
    assert front.run(lambda: front.actors.call("chain", "drop_reader", "warehouse", named(front)))
    assert acknowledged(front, "warehouse", cursor=pack_cursor({"S2": head - 1})).code is CODE.OK
    assert listed(front)["warehouse"] == (True, 1, "S2", 1, [])


def named(front: Front, reader: str = "warehouse") -> int:
    """The number of a reader's name."""
    return front.gateway._router.chain.readers[reader].named


def dropped(front: Front, number: int, reader: str = "warehouse") -> Answer:
    return front.ask("DropReader", ad.DropReaderRequest(reader=reader, number=number))


def test_a_drop_that_is_repeated_is_answered_again(front: Front) -> None:
    assert acknowledged(front, "warehouse").code is CODE.OK
    number = named(front)
    front.actors.lose_answers("chain", 1)
    for _ in range(2):
        assert dropped(front, number).code is CODE.OK
    assert listed(front) == {}
    front.actors.kill("chain")
    assert dropped(front, number).code is CODE.OK
    for unknown in (dropped(front, number, "never named"), dropped(front, number + 1)):
        assert (unknown.code, unknown.reason) == (CODE.NOT_FOUND, "READER_UNKNOWN")
    for place in range(READERS_MAX):
        assert acknowledged(front, f"reader {place}").code is CODE.OK
        assert dropped(front, named(front, f"reader {place}"), f"reader {place}").code is CODE.OK
    assert dropped(front, number).reason == "READER_UNKNOWN", "the oldest"


def test_a_drop_that_comes_late_leaves_the_name_that_was_given_again(front: Front) -> None:
    assert acknowledged(front, "warehouse").code is CODE.OK
    former = named(front)
    assert dropped(front, former).code is CODE.OK
    assert acknowledged(front, "warehouse").code is CODE.OK
    assert dropped(front, former).code is CODE.OK, "the very bytes of the first call"
    assert list(listed(front)) == ["warehouse"]
    (reader,) = front.accept("ListReaders", ad.ListReadersRequest()).readers
    assert reader.number == named(front) > former
    assert dropped(front, reader.number + 1).reason == "READER_UNKNOWN"
    assert dropped(front, reader.number).code is CODE.OK
    assert listed(front) == {}


def test_a_refused_acknowledgement_leaves_nothing_behind(front: Front) -> None:
    front.receive("A", store_id="S2")
    refused = acknowledged(front, "new", S2=1, S1=10**9)
    assert refused.code is CODE.OUT_OF_RANGE
    assert list(front.accept("ListReaders", ad.ListReadersRequest()).readers) == []


def test_neither_does_one_of_a_shop_without_a_record(front: Front) -> None:
    front.receive("A", store_id="S1")
    refused = acknowledged(front, "new", S1=1, S2=1)
    assert refused.code is CODE.OUT_OF_RANGE
    assert list(front.accept("ListReaders", ad.ListReadersRequest()).readers) == []
