"""After a start each ledger is recovered when it is first asked for: who calls a shop does not wait for the others."""

import pytest

from actors.journal.port import Fenced, Record
from actors.protocol.messages import Held, Stopped
from tests.journal.storages import MemoryStorage
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.runtime.shop import Shop, do_nothing_by_themselves

SHOPS = ("S1", "S2", "S3")


@pytest.fixture
def storage() -> MemoryStorage:
    """S1 has two events less than S2, and S3 has most."""
    storage, clock = MemoryStorage(), ManualClock()
    shop = Shop(storage.open(), clock)
    for holds, store_id in ((1, "S1"), (3, "S2"), (5, "S3")):
        shop.say("receive A 10", f"r {store_id}", store_id)
        for number in range(holds):
            shop.say("reserve ann A 1", f"k{number} {store_id}", store_id)
    shop.actor.close()
    return storage.after_crash()


def started(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A successor of whom nobody has asked anything, and which does nothing by itself."""
    do_nothing_by_themselves(monkeypatch)
    return Shop(storage.open(), ManualClock())


def waiting(shop: Shop) -> list[str]:
    return [each for each in SHOPS if shop.actor.host.is_waiting(each)]


def test_a_call_recovers_its_own_shop_alone(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = started(storage, monkeypatch)
    assert waiting(shop) == [*SHOPS]
    assert sorted(shop.actor.ledgers()) == [*SHOPS]
    assert isinstance(shop.say("reserve bob A 1", "k9", "S2"), Held)
    assert waiting(shop) == ["S1", "S3"]
    assert isinstance(shop.say("reserve ann A 1", "k0 S2", "S2"), Held), "a repeat finds its answer"
    assert waiting(shop) == ["S1", "S3"]


def test_one_that_nobody_wrote_is_none_that_waits(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = started(storage, monkeypatch)
    assert not shop.actor.host.has_begun("S9")
    assert shop.actor.stock(["S9"], ["A"], 0) == [([0], -1, [], 0, [])]
    assert waiting(shop) == [*SHOPS]


def test_what_ranks_shops_knows_the_stock_of_one_that_waited(
    storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = started(storage, monkeypatch)
    assert shop.actor.stock(["S1"], ["A"], 0) == [([9], -1, [], 0, [])]
    assert waiting(shop) == ["S2", "S3"]


def test_the_busiest_come_first(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = started(storage, monkeypatch)
    left = []
    while shop.actor.host.recover_next():
        left.append(waiting(shop))
    assert left == [["S1", "S2"], ["S1"]]


def test_a_feed_makes_no_shop_hurry(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = started(storage, monkeypatch)
    assert shop.actor.moved({"S1": 3, "S2": 5, "S3": 7}, 0.0) == {}
    assert waiting(shop) == [*SHOPS]
    shop.say("reserve bob A 1", "k9", "S2")
    assert shop.actor.moved({"S1": 3, "S2": 5, "S3": 7}, 0.0) == {"S2": 6}
    assert shop.actor.moved({"S2": 6}, 0.0) == {"S1": 3, "S3": 7}, "who does not know a shop is told where it stands"


def test_listings_have_all_shops(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = started(storage, monkeypatch)
    assert sorted(shop.actor.host.ledger_ids()) == [*SHOPS]
    assert waiting(shop) == []


def test_a_damaged_one_is_found_when_it_is_asked_for(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = storage.open()
    head = journal.take_over("S2")
    journal.append([Record("S2", head.epoch, head.seq + 1, 1, 0, b"[")])
    shop = started(storage, monkeypatch)
    assert isinstance(shop.say("reserve bob A 1", "k9", "S1"), Held)
    assert shop.actor.host.is_stopped("S2")
    assert isinstance(shop.say("reserve bob A 1", "k9", "S2"), Stopped)
    assert waiting(shop) == ["S3"]
    assert shop.actor.moved({}, 0.0) == {"S1": 4, "S2": -1, "S3": 7}


def test_who_has_recovered_nothing_knows_that_it_was_replaced(
    storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = started(storage, monkeypatch)
    shop.actor.host.recover_next()
    other = started(storage, monkeypatch)
    assert sorted(other.actor.host.ledger_ids()) == [*SHOPS]
    with pytest.raises(Fenced):
        shop.actor.feed([("S9", 0, 0)], skip_stopped=False)


def test_all_are_recovered_by_themselves(storage: MemoryStorage) -> None:
    shop = Shop(storage.open(), ManualClock())
    assert shop.actor.recovered.wait(WAIT_S)
    assert waiting(shop) == []
    shop.actor.close()
    assert shop.ended == []


def test_one_that_closes_while_some_wait_leaves_them_as_they_were(
    storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = started(storage, monkeypatch)
    shop.say("reserve bob A 1", "k9", "S2")
    shop.actor.close()
    later = started(storage, monkeypatch)
    assert later.actor.status("S2")["snapshot_version"] == 6
    assert later.actor.status("S1")["epoch"] == 2, "nobody has taken it over in between"
