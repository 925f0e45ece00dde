"""What falls due is expired while an actor does what takes long."""

from threading import Event

import pytest

from actors.protocol.messages import Held
from actors.runtime import actor_runtime
from tests.journal.storages import MemoryStorage
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.runtime.shop import Shop
from tests.waiting import until


class Gate:
    """Holds whoever comes until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = Event(), Event()

    def passes(self) -> None:
        self.reached.set()
        assert self.opened.wait(WAIT_S)


def held(shop: Shop, store_id: str, more: int = 0) -> None:
    """Stock, a hold of a minute, and more that lasts."""
    shop.say("receive A 10", f"r {store_id}", store_id)
    assert isinstance(shop.say("reserve ann A 1 for 1m", f"k {store_id}", store_id), Held)
    for number in range(more):
        shop.say("reserve bob A 1 for 1h", f"k{number} {store_id}", store_id)


def test_a_hold_ends_while_a_snapshot_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, journal, clock = Gate(), MemoryStorage().open(), ManualClock()
    monkeypatch.setattr(actor_runtime, "SNAPSHOT_EVENTS_MIN", 5)
    monkeypatch.setattr(journal, "write_snapshot", lambda *_: gate.passes())
    shop = Shop(journal, clock)
    held(shop, "S2")
    held(shop, "S1", more=4)
    try:
        assert gate.reached.wait(WAIT_S)
        ledger = shop.actor.host.stale_read("S2")
        version = ledger.version
        clock.move(60_000)  # and nobody calls
        until(lambda: ledger.version > version, within_s=WAIT_S, what="the expiry")
    finally:
        gate.opened.set()
        shop.actor.close()
    assert shop.ended == []
