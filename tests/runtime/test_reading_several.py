"""Questions about many ledgers cost the journal what one ledger costs it: each way to it may be behind a flush."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest

from actors.core.ids import ledger_of_customer
from actors.core.policy import HOUR_MS
from actors.customer_actor import CustomerActor
from actors.journal.port import Fenced, JournalError
from actors.runtime.kinds import CUSTOMERS
from tests.journal.storages import Storage
from tests.runtime.breaking import BreakingJournal
from tests.runtime.runtime_fixture import ManualClock, entries
from tests.runtime.shop import Shop

SHOPS: Final = ["S1", "S2", "S3"]
QUESTIONS: Final[dict[str, Callable[[Any], object]]] = {
    "outbox": lambda actor: actor.outbox(0, {}),
    "availability": lambda actor: actor.availability(SHOPS, ["A"]),
    "slots_taken": lambda actor: actor.slots_taken(SHOPS),
}


@pytest.fixture
def journal(storage: Storage) -> BreakingJournal:
    """Its log has every call."""
    return BreakingJournal(storage.open())


@pytest.fixture
def shops(journal: BreakingJournal, clock: ManualClock) -> Iterator[Shop]:
    """An actor of three shops with a hold each, none of which it expires by itself."""
    shops = Shop(journal, clock)
    shops.actor._closing.set()
    shops.actor._tidier.join()
    for store_id in SHOPS:
        shops.say("receive A 10", "r1", store_id)
        shops.say("reserve ann A 2", "k1", store_id)
    journal.log.clear()
    yield shops
    with suppress(JournalError):  # it has failed
        shops.actor.close()


@pytest.mark.parametrize("question", QUESTIONS)
def test_all_that_is_due_is_one_write_and_that_it_is_still_the_owner_one_question(
    shops: Shop, journal: BreakingJournal, clock: ManualClock, question: str
) -> None:
    clock.move(3 * HOUR_MS)
    for _ in range(2):
        QUESTIONS[question](shops.actor)
    assert entries(journal.log, "durable") == ["durable S1:4-4 S2:4-4 S3:4-4"]
    assert entries(journal.log, "check_owner") == ["check_owner S1 S2 S3"] * 2


@pytest.mark.parametrize("question", QUESTIONS)
def test_nothing_is_said_by_who_was_replaced_for_one_of_them(
    shops: Shop, journal: BreakingJournal, storage: Storage, question: str
) -> None:
    storage.open().take_over("S2")
    with pytest.raises(Fenced):
        QUESTIONS[question](shops.actor)
    assert [type(failure) for failure in shops.ended] == [Fenced]


def test_customers_ledgers_are_asked_for_deliveries_with_one_question(
    journal: BreakingJournal, clock: ManualClock
) -> None:
    actor = CustomerActor("customers-0000-of-0001", journal, clock, lambda _: None)
    ledger_ids = sorted({ledger_of_customer(f"c{number}") for number in range(200)})
    actor.host.step([(each, CUSTOMERS.nothing) for each in ledger_ids])
    journal.log.clear()
    assert actor.outbox(0, {}) == []
    assert len(ledger_ids) == 64
    assert entries(journal.log, "check_owner") == [f"check_owner {' '.join(ledger_ids)}"]
    actor.close()
