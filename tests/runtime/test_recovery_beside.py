"""A shop with much to be read after a start is recovered beside the others of its actor, which do not wait for it."""

from threading import Event
from typing import Any, Final

import pytest

from actors.core.transact import Deferred
from actors.journal.port import Journal, JournalFailed, Record
from actors.protocol.messages import Answer, Held, LedgerAway, Stopped, pack_batch, unpack_answers
from actors.runtime import ledger_host, read_anew
from actors.runtime.kinds import Core
from actors.runtime.recovery import recovered
from tests.journal.storages import MemoryStorage
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.runtime.shop import Shop, do_nothing_by_themselves
from tests.runtime.test_recovery_on_demand import storage
from tests.shop.scenario_text import command_of
from tests.waiting import until

__all__ = ["storage"]
LARGE: Final = ("S2", "S3")  # with 5 and 7 events; S1 has 3


class Gates:
    """Ledgers are read once their gates are opened."""

    def __init__(self) -> None:
        self.opened = {ledger_id: Event() for ledger_id in LARGE}
        self.reached = {ledger_id: Event() for ledger_id in LARGE}

    def recovered(self, core: Core, journal: Journal, ledger_id: str, *more: Any) -> Any:
        self.reached[ledger_id].set()
        assert self.opened[ledger_id].wait(WAIT_S)
        return recovered(core, journal, ledger_id, *more)

    def wait(self, ledger_id: str) -> None:
        assert self.reached[ledger_id].wait(WAIT_S)

    def open(self, shop: Shop) -> None:
        for gate in self.opened.values():
            gate.set()
        until(lambda: not shop.actor.host.is_reading(), within_s=WAIT_S, what="the ledgers")


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> Gates:
    gates = Gates()
    monkeypatch.setattr(ledger_host, "AT_ONCE_EVENTS_MAX", 4)
    monkeypatch.setattr(read_anew, "recovered", gates.recovered)
    return gates


@pytest.fixture
def shop(storage: MemoryStorage, gates: Gates, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A successor that does nothing by itself."""
    del gates
    do_nothing_by_themselves(monkeypatch)
    return Shop(storage.open(), ManualClock())


def step(shop: Shop, *texts: str, alone: bool = False) -> list[Answer]:
    """`S2 k1: reserve ann A 1` for each command."""
    entries = []
    for text in texts:
        head, said = text.split(": ", 1)
        store_id, key = head.split(maxsplit=1)
        entries.append((store_id, command_of(said, key)))
    return unpack_answers(shop.actor.step(pack_batch(1, entries), alone))


def test_neighbours_are_decided_read_searched_and_fed_while_a_large_shop_is_read(shop: Shop, gates: Gates) -> None:
    actor = shop.actor
    assert step(shop, "S3 k9: reserve bob A 1") == [Deferred()]
    gates.wait("S3")
    away, held = step(shop, "S3 k9: reserve bob A 1", "S1 k9: reserve bob A 1")
    assert (type(away), type(held)) == (Deferred, Held)
    assert actor.availability(["S3", "S1"], ["A"])[0] == ""
    assert [type(row) for row in actor.availability(["S3", "S1"], ["A"])] == [str, tuple]
    assert actor.stock(["S3", "S1"], ["A"], 0) == ["", ([8], -1, [], 0, [])]
    assert [ledger_id for ledger_id, _ in actor.feed([("S3", 0, 0), ("S1", 0, 0)], skip_stopped=True)] == ["S1"]
    assert actor.moved({"S1": 0, "S3": 0}, 0.0)["S3"] == 7
    assert actor.outbox(0, {}) == []
    assert shop.actor.host.sweep() == 0
    for ask in (lambda: actor.status("S3"), lambda: actor.reservation("S3", 3), lambda: actor.availability(["S3"], [])):
        with pytest.raises(LedgerAway):
            ask()
    assert (actor.host.has_begun("S3"), actor.host.is_stopped("S3")) == (True, False)
    gates.open(shop)
    [repeat, held] = step(shop, "S3 k0 S3: reserve ann A 1", "S3 k9: reserve bob A 1")
    assert [type(each) for each in (repeat, held)] == [Held, Held]
    assert actor.status("S3")["version"] == 8, "the repeat found its answer"
    assert (actor.status("S3")["epoch"], actor.status("S3")["snapshot_version"]) == (2, 7)
    assert shop.ended == []


def test_what_is_asked_for_does_not_wait_for_what_nobody_asks_for(shop: Shop, gates: Gates) -> None:
    while shop.actor.host.recover_next():  # by itself, the largest first
        pass
    gates.wait("S3")
    assert not gates.reached["S2"].is_set()
    assert isinstance(step(shop, "S1 k9: reserve bob A 1")[0], Held)
    assert step(shop, "S2 k9: reserve bob A 1") == [Deferred()]
    gates.wait("S2")
    gates.opened["S2"].set()
    until(lambda: not shop.actor.host.is_read_anew("S2"), within_s=WAIT_S, what="S2")
    assert isinstance(step(shop, "S2 k9: reserve bob A 1")[0], Held)
    assert shop.actor.host.is_read_anew("S3")
    gates.open(shop)


def test_an_actor_has_recovered_once_all_are_served(storage: MemoryStorage, gates: Gates) -> None:
    shop = Shop(storage.open(), ManualClock())
    gates.wait("S3")
    assert not shop.actor.recovered.is_set()
    gates.open(shop)
    assert shop.actor.recovered.wait(WAIT_S)
    assert sorted(shop.actor.host.recovered_ids()) == ["S1", *LARGE]
    shop.actor.close()
    assert shop.ended == []


def test_a_large_shop_that_is_damaged_is_stopped_alone(
    storage: MemoryStorage, gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    do_nothing_by_themselves(monkeypatch)
    journal = storage.open()
    head = journal.take_over("S2")
    journal.append([Record("S2", head.epoch, head.seq + 1, 1, 0, b"[")])
    shop = Shop(storage.open(), ManualClock())
    assert step(shop, "S2 k9: reserve bob A 1") == [Deferred()]
    gates.open(shop)
    [stopped, held] = step(shop, "S2 k9: reserve bob A 1", "S1 k9: reserve bob A 1")
    assert (type(stopped), type(held)) == (Stopped, Held)
    assert shop.ended == []


def test_one_that_closes_while_a_ledger_is_read_leaves_it_as_it_was(
    shop: Shop, storage: MemoryStorage, gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert step(shop, "S3 k9: reserve bob A 1") == [Deferred()]
    gates.wait("S3")
    shop.actor.close()
    gates.opened["S3"].set()
    monkeypatch.setattr(read_anew, "recovered", recovered)
    later = Shop(storage.open(), ManualClock())
    until(lambda: type(step(later, "S3 k9: reserve bob A 1")[0]) is Held, within_s=WAIT_S, what="the next process")
    assert shop.ended == []


def test_a_journal_that_fails_while_a_ledger_is_read_ends_the_actor(shop: Shop, gates: Gates) -> None:
    def fails(*_: Any) -> Any:
        raise JournalFailed("the disk is gone")

    shop.actor._journal.newest_snapshot = fails  # type: ignore[method-assign, assignment]
    assert step(shop, "S3 k9: reserve bob A 1") == [Deferred()]
    gates.opened["S3"].set()
    until(lambda: bool(shop.ended), within_s=WAIT_S, what="the end")


def test_a_command_that_may_end_its_process_is_noted_once_its_shop_is_read(shop: Shop, gates: Gates) -> None:
    assert step(shop, "S3 k9: reserve bob A 1", alone=True) == [Deferred()]
    gates.open(shop)
    noted: list[Any] = []
    note = shop.actor._journal.note_attempt
    shop.actor._journal.note_attempt = lambda *row: [noted.append(row), note(*row)][1]  # type: ignore[method-assign, func-returns-value]
    assert isinstance(step(shop, "S3 k9: reserve bob A 1", alone=True)[0], Held)
    assert [(ledger_id, attempt.key, attempt.times) for ledger_id, _, attempt, _ in noted] == [
        ("S3", "k9", 1),
        ("S3", "k9", 0),
    ]


def test_time_goes_on_where_a_shop_that_was_read_beside_others_had_come(shop: Shop, gates: Gates) -> None:
    shop.clock.move(-3_600_000)
    assert step(shop, "S3 k9: reserve bob A 1") == [Deferred()]
    gates.open(shop)
    before_ms = shop.actor.status("S3")["ledger_time_ms"]
    [held] = step(shop, "S3 k9: reserve bob A 1")
    assert isinstance(held, Held)
    assert held.created_at_ms == before_ms


def test_a_shop_with_little_behind_it_is_recovered_within_the_call(shop: Shop) -> None:
    assert isinstance(step(shop, "S1 k9: reserve bob A 1")[0], Held)
    assert not shop.actor.host.is_reading()
