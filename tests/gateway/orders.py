"""Orders over two shops of a gateway under test, and their ledgers in its hands."""

from typing import Any, Final

from actors.core.ids import ledger_of_customer
from actors.orders import commands as cm
from actors.orders.state import Order, OrderLedger
from actors.shop import commands as shop
from tests.gateway.front import Front
from tests.runtime.runtime_fixture import WAIT_S

BUYER: Final = "ann"
HERS: Final = ledger_of_customer(BUYER)
CUSTOMERS: Final = "customers-0000-of-0001"
SHOPS: Final = ("S1", "S2")


def ordered(front: Front, key: str = "k1") -> Order:
    """One of A from S1 and one from S2, held."""
    for store_id in SHOPS:
        front.receive("A", store_id=store_id)
    plans = tuple(cm.Plan(store_id, (("A", 1),), 0) for store_id in SHOPS)

    async def main() -> Any:
        coordinator = front.gateway._reconciler._coordinator
        return await coordinator.open(cm.Open(key, "x", BUYER, "web", 0, plans, (), ""), _deadline(front))

    order = front.run(main)
    front.settle_orders()
    assert isinstance(order, Order)
    return order


def say(front: Front, store_id: str, command: shop.Command) -> None:
    """In the shop alone: no order hears of it."""

    async def main() -> None:
        entry = (store_id, (command))
        [(future, _)] = front.gateway._router.submit([store_id], [entry], _deadline(front), promise=True)
        await future

    front.run(main)


def settle(front: Front) -> None:
    """Everyone hears."""

    async def main() -> None:
        await front.gateway._reconciler.deliver()
        await front.gateway._reconciler.collect_reports()

    front.settle_orders()
    front.run(main)


def customers(front: Front) -> OrderLedger:
    """Her ledger, as it is in memory."""
    found = hosted(front, CUSTOMERS, HERS)
    assert isinstance(found, OrderLedger)
    return found


def hosted(front: Front, actor: str, ledger_id: str) -> Any:
    """A ledger, as it is in memory."""
    process: Any = front.actors._actors[actor]
    return process.host._hosted[ledger_id].ledger


def _deadline(front: Front) -> float:
    return front._runner.get_loop().time() + WAIT_S
