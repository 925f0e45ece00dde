"""Numbers of orders, and a customers' ledger that was restored from a copy: none is given twice."""

from typing import Any

from actors.core.status import Status
from actors.orders import commands as cm
from actors.orders.state import Order
from tests.gateway.front import Front
from tests.gateway.orders import BUYER, CUSTOMERS, hosted, ordered, settle
from tests.gateway.test_one_key import coordinated
from tests.journal.memory import MemoryDisk


def opened(front: Front, key: str, basket: str) -> Any:
    plans = (cm.Plan("S1", (("A", 2),), 0),)
    return coordinated(front, "open", cm.Open(key, "x", BUYER, "web", 0, plans, (), basket))


def test_a_new_order_lets_nothing_of_a_lost_one_go(front: Front) -> None:
    ordered(front)
    settle(front)
    copy = bytes(front.actors.disks[CUSTOMERS].image)
    lost = opened(front, "k2", "b2")
    assert isinstance(lost, Order)
    settle(front)
    front.actors.kill(CUSTOMERS)
    front.actors.disks[CUSTOMERS] = MemoryDisk(copy)
    another = opened(front, "k3", "b3")
    settle(front)
    assert isinstance(another, Order)
    assert another.number != lost.number
    ledger = hosted(front, "store-S1", "S1")
    (part,) = lost.parts
    assert ledger.reservations[part.reservation].status is Status.HELD
    assert ledger.positions["A"].reserved == 1 + 2 + 2
