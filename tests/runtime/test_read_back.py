"""What was refused is remembered by its version alone, and a repeat is answered by what the journal says."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from actors.core.policy import DAY_MS, Policy
from actors.core.transact import Deferred
from actors.journal.port import SealedAway
from actors.protocol.messages import Stopped
from actors.runtime import read_back
from actors.runtime.kinds import SHOP
from tests.journal.storages import SqliteStorage
from tests.runtime.runtime_fixture import WAIT_S, ActorRuntime, ManualClock, entries
from tests.shop.scenario_text import answer_text
from tests.waiting import until

AGAIN = "held: reserve ann A 1 for 50d"
SOLD_OUT = "INSUFFICIENT_STOCK A 9 of 1"


@pytest.fixture
def stocked(runtime: ActorRuntime) -> ActorRuntime:
    """One of A, which is too little for four callers; then there is enough."""
    runtime.deliver("receive A 1")
    runtime.say(*(f"k{number}: reserve ann A 9" for number in range(4)))
    runtime.deliver("receive A 99")
    runtime.journal.log.clear()
    return runtime


def test_repeats_of_a_batch_are_read_at_once(stocked: ActorRuntime) -> None:
    told = stocked.say("k0: reserve ann A 9", "new: reserve ann A 1", "k1: reserve ann A 9", "k2: reserve ann A 8")
    assert [
        answer_text(answer).split(" until")[0] for answer in told if not isinstance(answer, Stopped | Deferred)
    ] == [
        SOLD_OUT,
        "#7 HELD A 1",
        SOLD_OUT,
        "IDEMPOTENCY_KEY_REUSED",
    ]
    assert len(entries(stocked.journal.log, "read")) == 1


def test_what_is_new_is_decided_without_reading(stocked: ActorRuntime) -> None:
    stocked.say("a: reserve ann A 1", "b: reserve bob A 999", "c: confirm #7")
    assert entries(stocked.journal.log, "read") == []


def test_a_repeat_within_the_batch_is_no_second_decision(stocked: ActorRuntime) -> None:
    told = stocked.say("k8: reserve ann A 999", "k9: reserve ann A 999", "k8: reserve ann A 999", "k9: reserve ann A 1")
    assert [answer_text(answer) for answer in told if not isinstance(answer, Stopped | Deferred)] == [
        "INSUFFICIENT_STOCK A 999 of 100",
        "INSUFFICIENT_STOCK A 999 of 100",
        "INSUFFICIENT_STOCK A 999 of 100",
        "IDEMPOTENCY_KEY_REUSED",
    ]
    assert stocked.version() == 8


def test_a_repeat_of_what_is_being_written_waits_for_it(stocked: ActorRuntime) -> None:
    with ThreadPoolExecutor(2) as pool:
        gate = stocked.journal.hold_before()
        first = pool.submit(stocked.say, "k8: reserve ann A 999", "k9: reserve ann A 999")
        gate.wait_reached()
        second = pool.submit(stocked.say, "k8: reserve ann A 999", "k9: reserve ann A 999")
        gate.release()
        assert first.result(WAIT_S) == second.result(WAIT_S)
    assert stocked.version() == 8


@pytest.mark.parametrize("by_snapshot", [True, False])
def test_a_successor_gives_the_same_answers(stocked: ActorRuntime, by_snapshot: bool) -> None:
    if by_snapshot:
        stocked.snapshot()
    later = stocked.successor()
    assert [later.deliver(f"k{number}: reserve ann A 9") for number in range(4)] == [SOLD_OUT] * 4
    assert later.version() == 6
    assert later.state_hash() == stocked.successor().state_hash()


EACH = (
    "reserve: reserve ann A 2",
    "receipt: receive A 7",
    "count: count A 90",
    "safety: safety A 3",
    "claim: claim o1 bob A 1",
)


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_accepted_is_told_again_word_for_word(stocked: ActorRuntime, restarted: bool) -> None:
    told = stocked.say(*EACH)
    stocked.say("confirm #7", "sell A 3", "apply o1 1 HELD until 3:00", "extend #7 for 5h")
    version = stocked.version()
    if restarted:
        stocked.snapshot()
        stocked = stocked.successor()
    assert stocked.say(*EACH) == told
    assert stocked.version() == version
    assert len(entries(stocked.journal.log, "read")) == 1
    assert stocked.deliver("reserve: reserve ann A 3") == "IDEMPOTENCY_KEY_REUSED"


def test_the_key_of_a_hold_that_lives_on_is_answered_from_what_is_sealed(tmp_path: Path, clock: ManualClock) -> None:
    storage = SqliteStorage(tmp_path, keep_bytes=1, sealed_events=1)
    runtime = ActorRuntime(storage, clock, lambda _: Policy(version=1, ttl_ms_max=60 * DAY_MS))
    got = runtime.deliver("got: receive A 9")
    told = runtime.deliver("held: reserve ann A 1 for 50d")
    runtime.deliver("safety A 1")
    runtime.snapshot()
    runtime.snapshot()
    assert runtime.journal.seal("S1", runtime.epoch(), clock.now_ms() + 1)
    assert runtime.journal.seal("S1", runtime.epoch(), clock.now_ms() + 1)
    assert runtime.deliver("held: reserve ann A 1 for 50d") == told

    # While the file is away that key alone has no answer; it is not refused for good, and nothing is read anew.
    successor = runtime.successor()
    storage.sealed_path.rename(tmp_path / "unplugged")
    ledger = successor.host.stale_read("S1")
    lost, sold = successor.say("held: reserve ann A 1 for 50d", "sell A 1")
    assert isinstance(lost, Stopped)
    assert "cannot be read in" in lost.why
    assert not isinstance(sold, Stopped)
    assert successor.host.stale_read("S1") is ledger
    (tmp_path / "unplugged").rename(storage.sealed_path)
    gone = max(storage.sealed_path.glob("*.gz"))
    gone.rename(tmp_path / "gone")
    known, lost = successor.say("got: receive A 9", "held: reserve ann A 1 for 50d")
    assert isinstance(lost, Stopped)
    assert not isinstance(known, Stopped | Deferred), "the batch is read at once, and each is answered by its own file"
    assert answer_text(known) == got
    (tmp_path / "gone").rename(gone)
    assert successor.deliver("held: reserve ann A 1 for 50d") == told
    storage.close()


class Away:
    """A shop with a hold whose key is answered in the archive, of which nothing has been read; what was `told`."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder = folder / "away"
        self.folder.mkdir()
        self.storage = SqliteStorage(folder, keep_bytes=1, sealed_events=1, away=self.folder)
        runtime = ActorRuntime(self.storage, clock, lambda _: Policy(version=1, ttl_ms_max=60 * DAY_MS))
        runtime.deliver("receive A 9")
        self.told = runtime.deliver(AGAIN)
        runtime.deliver("safety A 1")
        for _ in range(2):
            runtime.snapshot()
        for _ in range(2):
            runtime.journal.seal("S1", runtime.epoch(), clock.now_ms() + 1)
            runtime.journal.move_away("S1", runtime.epoch(), {})
        assert len(list(self.folder.glob("*/*.gz"))) == 2
        self.runtime = runtime.successor()

    def is_told_again(self) -> bool:
        """Whether the repeat is answered, as soon as it was fetched."""
        until(lambda: self.runtime.say(AGAIN) != [Deferred()], within_s=WAIT_S, what="the read")
        return self.runtime.deliver(AGAIN) == self.told


@pytest.fixture
def archived(tmp_path: Path, clock: ManualClock) -> Iterator[Away]:
    found = Away(tmp_path, clock)
    yield found
    found.storage.close()


def test_an_archive_that_hangs_holds_only_the_repeat_that_is_answered_there(
    archived: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, runtime = archived.folder, archived.runtime
    goes_on, read = Event(), Path.read_bytes

    def hanging(path: Path) -> bytes:
        assert away not in path.parents or goes_on.wait(WAIT_S)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", hanging)
    with ThreadPoolExecutor(1) as pool:  # where a step hangs, the test does not
        try:
            for number in range(3):
                repeat, sold = pool.submit(runtime.say, AGAIN, f"s{number}: sell A 1").result(WAIT_S / 4)
                assert repeat == Deferred()
                assert not isinstance(sold, Stopped | Deferred)
                assert runtime.version("S2") == 0, "another shop of the actor"
        finally:
            goes_on.set()
    assert archived.is_told_again()
    # One that is not there says so, each time anew.
    away.rename(away.with_name("unplugged"))
    archived.runtime = runtime.successor()
    for _ in range(2):
        until(lambda: isinstance(archived.runtime.say(AGAIN)[0], Stopped), within_s=WAIT_S, what="why not")
    away.with_name("unplugged").rename(away)
    assert archived.is_told_again()


def test_what_fails_unforeseen_in_one_fetch_is_said_and_the_next_one_is_made(
    archived: Away, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*_: Any, may_wait: bool = True) -> Any:
        if may_wait:
            raise RuntimeError("unforeseen")
        raise SealedAway("S1", "its file", "is in the archive")

    with monkeypatch.context() as planted:
        planted.setattr(read_back, "events_at", failing)
        until(lambda: isinstance(archived.runtime.say(AGAIN)[0], Stopped), within_s=WAIT_S, what="why not")
    assert [each.getMessage() for each in caplog.records if each.exc_info] == ["ledger S1: event 3 cannot be fetched"]
    assert archived.is_told_again()


def test_where_no_thread_is_to_be_had_the_next_repeat_is_fetched(
    archived: Away, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as planted:
        planted.setattr(Thread, "start", failing)
        assert archived.runtime.say(AGAIN) == [Deferred()]
    assert "nothing is fetched from the archive: can't start new thread" in caplog.text
    assert archived.is_told_again()


def test_a_repeat_whose_rules_failed_while_its_archive_was_away_is_answered_once_it_is_back(archived: Away) -> None:
    strikes = [None]

    def failing(*turn: Any) -> Any:
        if strikes:
            raise KeyError(strikes.pop())
        return SHOP.transact(*turn)

    archived.folder.rename(archived.folder.with_name("unplugged"))
    archived.runtime.host._core = SHOP._replace(transact=failing)
    assert archived.runtime.say(AGAIN) == [Deferred()]
    until(lambda: isinstance(archived.runtime.say(AGAIN)[0], Stopped), within_s=WAIT_S, what="why not")
    archived.folder.with_name("unplugged").rename(archived.folder)
    assert archived.is_told_again()
