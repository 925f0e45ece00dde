"""200,000 deadlines at one instant over 1,000 SKUs: who asks about one of these is answered by looking at what is due
of that one, and not behind all others. Likewise in a customers' ledger.
"""

from typing import Any, Final

import pytest

from actors.core.due import EXPIRED_FIRST_MAX, LOOKED_AT_FIRST_MAX, Budget
from actors.core.policy import HOUR_MS
from actors.core.rejection import Reason
from actors.core.transact import Deferred
from actors.orders import commands as cm
from actors.orders.state import OrderLedger
from actors.protocol.messages import Entry
from actors.runtime.kinds import CUSTOMERS, EXPIRED_AT_ONCE_MAX, SHOP
from actors.runtime.ledger_host import LedgerHost
from actors.shop.commands import AdjustmentKind, Command, Confirm, Movement, Reserve
from actors.shop.events import Reserved, StockAdjusted
from actors.shop.evolve import evolve
from actors.shop.invariants import check
from actors.shop.state import Ledger, Reservation
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.runtime.runtime_fixture import ManualClock
from tests.shop.watched import DAY_ZERO_MS

SKUS: Final = 1_000
HOLDS: Final = 200  # of each
DUE_MS: Final = DAY_ZERO_MS + HOUR_MS


class Counted(dict[int, Reservation]):
    """Reservations that count how often one is looked up."""

    looked = 0

    def get(self, number: int, default: Any = None) -> Any:
        self.looked += 1
        return super().get(number, default)


@pytest.fixture(name="shop", scope="module")
def made_shop() -> Ledger:
    """All holds of a shop are due."""
    ledger = Ledger("S1")
    reservations = ledger.reservations = Counted()
    rows = tuple(Movement(f"A{sku}", HOLDS, sku + 1, AdjustmentKind.RECEIPT, 0) for sku in range(SKUS))
    evolve(ledger, StockAdjusted("stock", "", "wms", SKUS, rows, 0, 0, ()), DAY_ZERO_MS)
    for index in range(SKUS * HOLDS):
        lines = ((f"A{index % SKUS}", 1),)
        evolve(ledger, Reserved(Reserve(f"k{index}", f"c{index}", "web", "", lines, HOUR_MS), DUE_MS), DAY_ZERO_MS)
    reservations.looked = 0
    return ledger


def decided(ledger: Ledger, command: Command) -> tuple[Any, int]:
    """As the host decides it, behind a wave: the answer, and how many reservations were looked up."""
    reservations: Any = ledger.reservations
    before = reservations.looked
    about = SHOP.about_of(ledger, command)
    assert about is not None
    _, is_whole = SHOP.expire_first(ledger, about, DUE_MS, Budget())
    told = SHOP.transact(ledger, command, DUE_MS, not is_whole)
    return told.answer, reservations.looked - before


def test_one_sku_of_a_wave_is_free_at_once(shop: Ledger) -> None:
    held, looked = decided(shop, Reserve("x1", "dan", "web", "", (("A7", HOLDS),), HOUR_MS))
    assert isinstance(held, Reservation)
    assert looked <= HOLDS + 10
    no, looked = decided(shop, Reserve("x2", "eve", "web", "", (("A8", HOLDS + 1),), HOUR_MS))
    assert no.answer.reason is Reason.INSUFFICIENT_STOCK, "and what is refused is refused at once"
    assert looked <= HOLDS + 10
    (last,) = (number for number in (max(shop.reservations) - 2 * HOLDS - 1,) if number in shop.reservations)
    no, looked = decided(shop, Confirm("x3", last, 0))
    assert no.answer.reason is Reason.RESERVATION_EXPIRED
    assert looked <= 10
    assert len(shop.reservations) == SKUS * HOLDS - 2 * HOLDS, "two SKUs and one hold fell due, and one is held"
    assert check(shop) == []


def test_what_a_step_looks_at_for_it_is_bounded(shop: Ledger) -> None:
    budget, count = Budget(), 0
    for sku in range(20, 40):
        about = SHOP.about_of(shop, Reserve("y", "dan", "web", "", ((f"A{sku}", 1),), HOUR_MS))
        assert about is not None
        events, is_whole = SHOP.expire_first(shop, about, DUE_MS, budget)
        count += len(events)
        assert is_whole == (sku == 20)
    assert count == EXPIRED_FIRST_MAX
    assert LOOKED_AT_FIRST_MAX - budget.looked <= LOOKED_AT_FIRST_MAX


ORDERS: Final = 3 * EXPIRED_AT_ONCE_MAX
HERS: Final = "customers/0007"


@pytest.fixture(name="host")
def made_host() -> LedgerHost:
    """As many orders of as many customers, all of them due."""
    clock = ManualClock()
    host = LedgerHost(CUSTOMERS, MemoryJournal(MemoryDisk()), clock, lambda _: None, lambda _: None)
    host.step([place(number, f"c{number}") for number in range(1, ORDERS + 1)])
    clock.move(HOUR_MS)
    return host


def place(number: int, customer_id: str) -> Entry:
    plan = cm.Plan("S1", (("A", 1),), 0)
    asked = cm.Open(f"k{number}", "x" * 24, customer_id, "web", HOUR_MS, (plan,), (), f"b{customer_id}")
    return HERS, cm.Place(number, asked, (number,))


def left_due(host: LedgerHost) -> int:
    ledger: OrderLedger = host.stale_read(HERS)
    return sum(order.expires_at_ms <= DUE_MS and order.reason is None for order in ledger.orders.values()) - sum(
        order.standing.name == "EXPIRED" for order in ledger.orders.values()
    )


def test_a_step_of_a_customers_ledger_expires_a_part_of_much_that_is_due(host: LedgerHost) -> None:
    host.step([place(10**6, "new")])
    assert left_due(host) == ORDERS - EXPIRED_AT_ONCE_MAX


def test_an_order_that_is_due_is_gone_for_who_asks_for_it_though_others_are_not(host: LedgerHost) -> None:
    last, hers = ORDERS, f"c{ORDERS - 1}"
    confirmed, renewed = host.step(
        [(HERS, cm.Confirm("s1", last, 0, cm.Hours(0, ()))), place(10**6, hers)],
    )
    assert confirmed.answer.reason is Reason.RESERVATION_EXPIRED
    assert not isinstance(renewed, Deferred)
    assert left_due(host) == ORDERS - EXPIRED_AT_ONCE_MAX - 2, "what they asked about, and no more"
