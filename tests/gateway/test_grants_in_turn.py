"""Old grants have their turn beside however many orders wait for their shops: each kind goes round by itself."""

import pytest

from actors import customer_actor
from actors.orders import commands as cm
from serve.coordination.reconciler import CLAIM_AGE_MS
from tests.gateway.front import Front
from tests.gateway.orders import BUYER, CUSTOMERS, HERS, customers, ordered
from tests.gateway.test_orphaned_claims import to_customers

ROUNDS = 20


def test_grants_have_their_turn_beside_orders(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of both are of shops that are away, but for the last grant's."""
    monkeypatch.setattr(customer_actor, "OUTBOX_MAX", 2)
    front.gateway._reconciler.close()
    ordered(front)
    plans = (cm.Plan("S9", (("A", 1),), 0),)
    for index in range(3):
        number = 180_000_000_000_000_000 + index
        to_customers(front, cm.Place(number, cm.Open(f"o{index}", "x", BUYER, "web", 0, plans, (), ""), (5,)))

    async def grants() -> None:
        router = front.gateway._router
        for index in range(4):
            lines = (("A", 1),)
            asked = cm.RequestGrant(BUYER, "web", "S9", f"g{index}", "", lines, lines)
            await router.send((HERS, asked), front._runner.get_loop().time() + 5, promise=True)

    front.run(grants)
    front.clock.move(CLAIM_AGE_MS + 5_000)
    wanted = set(customers(front).grants.unsettled)
    assert len(wanted) == 4
    named: set[int] = set()
    after: dict[str, tuple[int, int]] = {}
    for _ in range(ROUNDS):
        actor = front.actors._actors[CUSTOMERS]
        assert isinstance(actor, customer_actor.CustomerActor)
        for ledger_id, _orders, old, resume in actor.outbox(CLAIM_AGE_MS, after) or []:
            after = {ledger_id: resume} if resume else {}
            named |= {grant.number for grant in old}
    assert named == wanted
