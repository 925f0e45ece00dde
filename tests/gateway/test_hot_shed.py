"""A Reserve of a hot SKU under a limit of the chain is shed at one of the ledgers that it goes to: who is told that
nothing was done has nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from actors.core.ids import ledger_of_customer
from actors.protocol.placement import Placement
from holdfast.v1 import admin_service_pb2 as ad
from serve.coordination.grants import Grants
from serve.routing.batcher import Overloaded
from tests.gateway.front import Context, Front
from tests.gateway.hot import OtherGateway, first, promote
from tests.runtime.runtime_fixture import ManualClock

SENDS_MAX: Final = 7


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with Front(tmp_path, ManualClock()) as front:
        front.receive("H", 50)
        policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
        policy.chain_limit_rules.add(sku="H", units_max=2)
        front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
        yield front


def granted(front: Front, customer_id: str) -> list[Any]:
    """What counts for a customer."""
    ledger_id = ledger_of_customer(customer_id)
    actor: Any = front.actors._actors.get(Placement(0).actor_of(ledger_id))
    ledger = actor.host.stale_read(ledger_id) if actor else None
    return [grant for grant in ledger.grants if grant.customer_id == customer_id] if ledger else []


@pytest.mark.parametrize("shed_at", range(SENDS_MAX))
@pytest.mark.parametrize("is_settled", [True, False])
def test_who_is_told_that_nothing_was_done_has_no_grant(
    front: Front, monkeypatch: pytest.MonkeyPatch, shed_at: int, *, is_settled: bool
) -> None:
    """Only the send at that place is shed, by a gateway that does not know of the SKU's promotion and asks its shop
    first; the grant of that is settled at once, or its settling is lost.
    """
    other = OtherGateway(front)
    other.accept("Reserve", first("before", sku="A"))
    promote(front)
    gateway: Any = other.gateway
    sent = 0
    send = gateway._router.send

    async def shedding(*args: Any, **named: Any) -> Any:
        nonlocal sent
        sent += 1
        if sent == shed_at + 1:
            raise Overloaded
        return await send(*args, **named)

    async def lost(*_: Any) -> None:
        pass

    async def reserve() -> str:
        context = Context("300")
        await gateway.Reserve(first("k").SerializeToString(), context)
        return context.code.name

    monkeypatch.setattr(gateway._router, "send", shedding)
    if not is_settled:
        monkeypatch.setattr(Grants, "settle", lost)
    code = front.run(reserve)
    assert (code == "OK") == (sent <= shed_at)
    if code == "RESOURCE_EXHAUSTED":
        assert granted(front, first("k").customer_id) == []
    other.close()
