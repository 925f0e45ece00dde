"""What is held by grants is reported behind the answers, of one ledger together, and before a customer's next call."""

import asyncio
from typing import Any, Final

import pytest

from actors.core.ids import ledger_of_customer
from actors.orders.commands import ReportGrant, RequestGrant
from actors.runtime.kinds import CUSTOMERS as CORE
from holdfast.v1 import error_pb2
from serve.coordination import grants
from serve.coordination.grants import Reports
from serve.coordination.reconciler import CLAIM_AGE_MS
from serve.routing.batcher import DeadlinePassed, Overloaded
from tests.gateway.front import Front
from tests.gateway.orders import BUYER, CUSTOMERS, HERS, customers, settle
from tests.gateway.test_limits import asked, limit, stocked
from tests.runtime.runtime_fixture import WAIT_S
from tests.waiting import until_async

__all__ = ["stocked"]
OTHERS: Final = tuple(name for name in map("C{}".format, range(2_000)) if ledger_of_customer(name) == HERS)[:9]


class Steps:
    """What the customers' actor is sent, step by step."""

    def __init__(self, front: Front) -> None:
        self.kinds: list[list[type]] = []
        call = front.actors.call

        async def noting(actor: str, method: str, *args: Any) -> Any:
            if (actor, method) == (CUSTOMERS, "step"):
                self.kinds.append([type(command) for _, _, command in CORE.read_batch(args[0])[1]])
            return await call(actor, method, *args)

        front.actors.call = noting  # type: ignore[method-assign]

    def of(self, kind: type) -> list[int]:
        """How many each of the steps has that have any."""
        return [kinds.count(kind) for kinds in self.kinds if kind in kinds]


@pytest.fixture
def limited(stocked: Front) -> Front:
    """One of A for each customer, over all shops."""
    limit(stocked, 1)
    stocked.accept("Reserve", asked("w1"))  # every actor has adopted it
    settle(stocked)
    return stocked


def reserve(front: Front, key: str, customer_id: str) -> Any:
    request = asked(key)
    request.customer_id = customer_id
    return front.accept("Reserve", request)


def test_one_ledger_hears_together_what_is_held_by_the_grants_of_many(limited: Front) -> None:
    steps, before = Steps(limited), len(limited.actors.disks[CUSTOMERS].records[HERS])
    for name in OTHERS:
        assert reserve(limited, f"k {name}", name).reservation.reservation_id
    assert steps.of(ReportGrant) == []
    settle(limited)
    assert steps.of(ReportGrant) == [len(OTHERS)]
    assert len(limited.actors.disks[CUSTOMERS].records[HERS]) == before + len(OTHERS) + 1
    assert not list(customers(limited).grants.unsettled)


def test_it_is_reported_in_time_where_nothing_else_comes(limited: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "NOTE_S", 0.01)
    reserve(limited, "k1", OTHERS[0])

    async def are_settled() -> bool:
        return not list(customers(limited).grants.unsettled)

    limited.run(lambda: until_async(are_settled, within_s=WAIT_S, what="a report"))


def test_no_more_wait_together_than_go_between_others(limited: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "REPORTS_MAX", 4)
    steps = Steps(limited)
    for name in OTHERS:
        reserve(limited, f"k {name}", name)
    settle(limited)
    assert steps.of(ReportGrant) == [4, 4, 1]


@pytest.mark.parametrize("goes_before", [True, False])
def test_a_customers_next_call_comes_behind_it(
    limited: Front, monkeypatch: pytest.MonkeyPatch, goes_before: bool
) -> None:
    """Else it would have to wait for it: whether a limit stands is not known before."""
    if not goes_before:
        monkeypatch.setattr(Reports, "send_of", lambda *_: None)
    customer_id = OTHERS[0]
    reserve(limited, "k1", customer_id)
    steps = Steps(limited)
    assert reserve(limited, "k2", customer_id).rejection.reason == error_pb2.REASON_UNITS_LIMIT
    assert (steps.kinds == [[ReportGrant, RequestGrant]]) == goes_before


@pytest.mark.parametrize("loss", ["overloaded", "late"])
def test_what_is_lost_a_reconciler_settles(limited: Front, monkeypatch: pytest.MonkeyPatch, loss: str) -> None:

    def losing(*_: Any, **__: Any) -> Any:
        if loss == "overloaded":
            raise Overloaded
        answers = asyncio.get_running_loop().create_future()
        answers.set_exception(DeadlinePassed(sent=True))
        return [(answers, [0])]

    reserve(limited, "k1", OTHERS[0])
    with monkeypatch.context() as patch:
        patch.setattr(limited.gateway._router, "submit", losing)
        limited.run(limited.gateway._reconciler._grants.finish)
    assert len(list(customers(limited).grants.unsettled)) == 1
    limited.clock.move(CLAIM_AGE_MS + 1)
    settle(limited)
    assert not list(customers(limited).grants.unsettled)
    assert reserve(limited, "k2", BUYER).rejection.reason == error_pb2.REASON_UNITS_LIMIT
