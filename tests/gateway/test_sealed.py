"""A shop most of whose records are sealed: its feed, its verification and its recovery from the beginning."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from actors.core.policy import DAY_MS, HOUR_MS
from actors.journal.port import JournalError, JournalFailed
from actors.journal.sqlite import SqliteJournal
from actors.store_actor import StoreActor
from holdfast.v1 import admin_service_pb2 as ad, event_service_pb2 as es
from tests.gateway.front import Front, reserve_request
from tests.gateway.streams import Stream, events_of, events_request
from tests.runtime.breaking import BreakingJournal
from tests.runtime.runtime_fixture import ManualClock, entries

VERIFY = ad.VerifyLedgerRequest(store_id="S2")


class Sealing:
    """The actor of S2 over files that seal what they can; a test says when."""

    tidy_every_s = 3_600.0  # by itself, of an actor that is started

    def __init__(self, front: Front, folder: Path) -> None:
        self.front, self.folder = front, folder
        self.ended: list[JournalError] = []
        self.open()

    def open(self) -> None:
        """Start the actor, again where it is there."""
        self.start(BreakingJournal(SqliteJournal(self.folder / "S2.db", keep_bytes=1, sealed_events=4)))

    def start(self, journal: BreakingJournal) -> None:
        """Start the actor over a journal."""
        self.journal = journal
        self.actor = StoreActor("store-S2", self.journal, self.front.clock, self.ended.append, self.tidy_every_s)
        self.front.actors._actors["store-S2"] = self.actor
        self.front.actors.made["store-S2"] += 1

    def trade(self, days: int) -> None:
        """A hold a day, which expires."""
        for day in range(days):
            self.front.reserve(f"day {day} at {self.front.clock.at_ms}", store_id="S2")
            self.front.clock.move(DAY_MS)
        self.actor.host.sweep()

    def tidy(self) -> None:
        """What the actor does by itself, until there is nothing left to do."""
        for _ in range(3):
            self.actor.host.snapshot("S2", lambda: None)
        for _ in range(20):
            self.actor.host.upkeep.do()

    def files(self) -> list[Path]:
        """What is sealed, the oldest first."""
        return sorted((self.folder / "S2.sealed").glob("*.gz"))


@pytest.fixture
def sealing(tmp_path: Path, clock: ManualClock) -> Iterator[Sealing]:
    """A month of S2, sealed as far as it may be."""
    with Front(tmp_path, clock) as front:
        shop = Sealing(front, tmp_path)
        front.receive("A", store_id="S2")
        shop.trade(30)
        shop.tidy()
        yield shop


def test_what_a_repeated_call_may_ask_for_is_not_sealed(sealing: Sealing) -> None:
    ledger = sealing.actor.host.stale_read("S2")
    memory_ms = ledger.policy.answer_memory_ms
    assert len(sealing.files()) > 5
    newest_sealed = int(sealing.files()[-1].name.split("-")[2])
    status = sealing.front.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S2"))
    assert status.sealed_version == newest_sealed
    (first_kept,) = sealing.journal.read("S2", newest_sealed, 1)
    (last_sealed,) = sealing.journal.read("S2", newest_sealed - 1, 1)
    assert last_sealed.at_ms < sealing.front.clock.at_ms - memory_ms < first_kept.at_ms + 3 * DAY_MS


def test_a_feed_from_the_beginning_goes_through_sealed_files(sealing: Sealing) -> None:
    version = sealing.front.version("S2")
    events = sealing.front.run(lambda: events_of(sealing.front, version, S2=0))
    assert [event.version for event in events] == list(range(1, version + 1))
    events = sealing.front.run(lambda: events_of(sealing.front, version - 6, S2=6))
    assert [event.version for event in events] == list(range(7, version + 1))


def test_a_sealed_shop_is_verified_from_its_beginning(sealing: Sealing) -> None:
    reply = sealing.front.accept("VerifyLedger", VERIFY)
    assert (reply.holds, reply.events, reply.accepted) == (True, sealing.front.version("S2"), 30)


def test_a_sealed_file_that_is_gone_is_named_and_the_shop_goes_on(sealing: Sealing) -> None:
    gone = sealing.files()[2]
    away = gone.rename(gone.with_suffix(".away"))
    verified = sealing.front.ask("VerifyLedger", VERIFY)
    assert verified.code is grpc.StatusCode.DATA_LOSS
    assert gone.name in verified.message

    async def read() -> str:
        stream = Stream(sealing.front, "WatchEvents", events_request(S2=0))
        return (await stream.end()).message

    assert gone.name in sealing.front.run(read)
    assert sealing.front.reserve("goes on", store_id="S2").WhichOneof("result") == "reservation"
    sealing.open()
    assert sealing.front.reserve("also anew", store_id="S2").WhichOneof("result") == "reservation"
    away.rename(gone)
    assert sealing.front.accept("VerifyLedger", VERIFY).holds


def test_a_sealed_file_that_is_gone_keeps_no_other_shop_from_a_feed_of_all(sealing: Sealing) -> None:
    """It is as with a stopped shop, whose events come once it is mended."""
    sealing.front.receive("A", store_id="S3")
    gone = sealing.files()[0]
    away = gone.rename(gone.with_suffix(".away"))
    request = es.WatchEventsRequest(all_stores=True, cursors=[{"store_id": "S2"}])

    async def main() -> None:
        stream = Stream(sealing.front, "WatchEvents", request)
        told = set()
        while "S3" not in told:
            told |= {event.store_id for event in (await stream.take()).events}
        for number in range(5):  # also what happens later, with the shop's own turn each time
            await sealing.front.asked("Reserve", reserve_request(f"s3 {number}", store_id="S3"))
            assert {event.store_id for event in (await stream.take()).events} == {"S3"}
        away.rename(gone)
        [first, *_] = (await stream.take()).events
        assert (first.store_id, first.version) == ("S2", 1)
        await stream.close()

    sealing.front.run(main)


def test_a_ledger_without_a_snapshot_is_recovered_from_sealed_files(sealing: Sealing) -> None:
    state = sealing.actor.live_state("S2")
    inner = sealing.journal._inner
    assert isinstance(inner, SqliteJournal)
    inner._file.write("DELETE FROM snapshots")
    sealing.open()
    assert sealing.actor.live_state("S2") == state
    assert sealing.actor.status("S2")["replayed_events"] == state[0]


def test_sealing_goes_on_with_the_shop(sealing: Sealing) -> None:
    sealed = len(sealing.files())
    for _ in range(2):
        sealing.open()
        sealing.trade(20)
        sealing.tidy()
        assert len(sealing.files()) > sealed
        sealed = len(sealing.files())
        assert sealing.front.accept("VerifyLedger", VERIFY).holds


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), None])
def test_what_cannot_be_sealed_costs_nothing(sealing: Sealing, error: OSError | None) -> None:
    """Or, where a commit failed on the way, what any failed commit does."""
    sealing.trade(20)
    sealing.actor.host.snapshot("S2", lambda: None)
    sealing.journal.fail_call("seal", error or JournalFailed("the disk is full"))
    sealing.journal.log.clear()
    if error is None:
        with pytest.raises(JournalFailed):
            sealing.actor.host.upkeep.do()
        assert len(sealing.ended) == 1
        sealing.open()
    else:
        sealing.actor.host.upkeep.do()
        sealing.journal._finished = None  # a file of its own failed, not the journal
        sealing.actor.host.upkeep.do()
        assert sealing.ended == []
        assert len(entries(sealing.journal.log, "seal")) == 1, "not tried again before the next start"
    sealing.front.clock.move(HOUR_MS)
    sealing.front.reserve("goes on", store_id="S2")
    assert sealing.front.accept("VerifyLedger", VERIFY).holds
