"""RESOURCE_EXHAUSTED says that nothing was done: it is never said of a call that had done something."""

from collections.abc import Callable
from typing import Any, Final

import grpc
import pytest
from google.protobuf.message import Message

from holdfast.v1 import admin_service_pb2 as ad, shortfall_service_pb2 as sf, store_pb2
from serve.routing.batcher import Batcher, Overloaded
from serve.routing.router import Router
from tests.gateway.front import Front
from tests.gateway.orders import ordered, settle
from tests.gateway.test_barred_claims import ORDER
from tests.gateway.test_barred_grants import lost
from tests.gateway.test_limits import limit
from tests.gateway.test_shortfalls import MOVED, count, tasks

DURING_MAX: Final = 8  # messages of one call


def _put_stores(front: Front) -> Message:
    front.reserve("k0")
    return ad.PutStoresRequest(stores=[store_pb2.Store(store_id="S1", name="another name", paused=True)])


def _set_policy(front: Front) -> Message:
    front.reserve("k0")
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="A", units_max=4)
    return ad.SetPolicyRequest(policy=policy)


def _bar_claim(front: Front) -> Message:
    ordered(front)
    settle(front)
    return ad.BarClaimRequest(order_id=ORDER, attempt=1, operator="eve", why="it is lost")


def _bar_grant(front: Front) -> Message:
    limit(front, 2)
    return ad.BarGrantRequest(grant_id=lost(front), operator="eve", why="restored")


def _resolve(front: Front) -> Message:
    front.receive("A", 5, "S2")
    front.reserve("bob", units=2)
    count(front, "c1", 0)
    (task,) = tasks(front)
    return sf.ResolveShortfallRequest(idempotency_key="m1", task_id=task.task_id, resolution=MOVED, to_store_id="S2")


SEVERAL: Final[dict[str, Callable[[Front], Message]]] = {
    "PutStores": _put_stores,
    "SetPolicy": _set_policy,
    "BarClaim": _bar_claim,
    "BarGrant": _bar_grant,
    "ResolveShortfall": _resolve,
}


def _versions(front: Front) -> dict[str, int]:
    """Of the chain and of all ledgers, whoever decided in them."""
    hosts = {name: process.host for name, process in front.actors._actors.items() if hasattr(process, "host")}
    found = {each: host.stale_read(each).version for host in hosts.values() for each in host.ledger_ids()}
    return found | {"chain": front.gateway._router.chain.revision}


@pytest.mark.parametrize("refused", range(DURING_MAX))
@pytest.mark.parametrize("method", SEVERAL)
def test_a_call_that_met_a_full_queue_in_its_middle_does_not_say_that_nothing_was_done(
    front: Front, monkeypatch: pytest.MonkeyPatch, method: str, refused: int
) -> None:
    front.receive("A")
    request = SEVERAL[method](front)
    front.run(front.gateway._router.actor_names)  # what is under way has arrived
    before, sent = _versions(front), 0

    def take_place() -> None:
        nonlocal sent
        sent += 1
        if sent == refused + 1:
            raise Overloaded

    submit, ask_actor = Batcher.submit, Router.ask_actor

    def submitted(*args: Any, **options: Any) -> Any:
        take_place()
        return submit(*args, **options)

    async def asked(*args: Any, **options: Any) -> Any:
        take_place()
        return await ask_actor(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Batcher, "submit", submitted)
        patch.setattr(Router, "ask_actor", asked)
        answer = front.ask(method, request, timeout_ms="2000")
    if answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        assert _versions(front) == before
    if answer.code is grpc.StatusCode.UNAVAILABLE:
        assert front.ask(method, request).code in {grpc.StatusCode.OK, grpc.StatusCode.FAILED_PRECONDITION}
