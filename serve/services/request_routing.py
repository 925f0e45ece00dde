"""Which ledger a call is for: the shop that it names, or, of some Reserve calls, its customer's ledger of orders."""

import asyncio
from typing import Final

import grpc

from actors.core.ids import ledger_of_customer
from actors.core.policy import Policy
from actors.orders.commands import customer_key
from holdfast.v1 import reservation_service_pb2 as rs
from serve.routing.batcher import DeadlinePassed
from serve.routing.router import Router
from serve.wire import statuses
from serve.wire.rules import STORE_ID, InvalidRequest, Violation

PREVIOUS_LIMITS_S: Final = 900.0  # no call is repeated for longer: it has at most ten minutes, see `admission`


class StoreDirectory:
    """The shops of the chain, as this gateway knows them."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def require(self, store_id: str, field: str = "store_id", *, deadline: float) -> None:
        """Raises as `refuse_unknown`, after a look for a shop that may just have been added."""
        if self.may_be_new(store_id):
            await self.look_again(deadline)
        self.refuse_unknown(store_id, field)

    def may_be_new(self, store_id: str) -> bool:
        """Whether this gateway does not know the shop, which another one may just have added."""
        return store_id not in self._router.chain.stores and STORE_ID.fullmatch(store_id) is not None

    async def look_again(self, deadline: float) -> None:
        """Learn of the shops that other gateways added. Raises Refused where the chain's actor does not answer."""
        try:
            await self._router.refresh_chain(deadline)
        except DeadlinePassed as error:
            message = "this gateway does not know the shop, and the chain's actor did not answer; nothing was done"
            raise statuses.refused(grpc.StatusCode.UNAVAILABLE, "CHAIN_AWAY", f"{message}, ask again") from error

    def refuse_unknown(self, store_id: str, field: str) -> None:
        """Raises InvalidRequest where the id is malformed, Refused with NOT_FOUND where the chain has no such shop."""
        if store_id not in self._router.chain.stores:
            if not STORE_ID.fullmatch(store_id):
                mend = "is not a shop's id: 1 to 64 of A-Z a-z 0-9 . _ -" if store_id else "is required: the shop's id"
                raise InvalidRequest([Violation(field, mend)])
            raise statuses.unknown_store(field, store_id)


class OrderRouting:
    """Decides whether a Reserve becomes an order: it looks for shops, or a limit of the whole chain applies to it.

    Its key is remembered by the ledger that decided: the shop's, or its customer's. A repeat after a change of the
    chain's limits must go where the call went first. A gateway that has just started knows of no change.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._policy: Policy | None = None
        self._before: Policy | None = None
        self._until = 0.0

    def _previous(self) -> Policy | None:
        """The policy before the last change of the chain's limits, for PREVIOUS_LIMITS_S after it."""
        policy, now_s = self._router.chain.policy, asyncio.get_running_loop().time()
        if policy is not self._policy:
            if self._policy is not None and policy.chain_limit_rules != self._policy.chain_limit_rules:
                self._before, self._until = self._policy, now_s + PREVIOUS_LIMITS_S
            self._policy = policy
        return self._before if now_s < self._until else None

    def limits_apply(self) -> bool:
        """Whether limits of the whole chain, of now or before, may make an order of a Reserve without sourcing."""
        return self._previous() is not None or bool(self._router.chain.policy.chain_limit_rules)

    async def becomes_order(self, request: rs.ReserveRequest, deadline: float) -> bool:
        """Asks a ledger only where a change of limits concerns this call: the one that does not decide such calls now
        may know its key, and then decides it still.
        """
        if request.HasField("sourcing"):
            return True
        policy, previous = self._router.chain.policy, self._previous()
        if previous is None and not policy.chain_limit_rules:
            return False
        skus = tuple(line.sku for line in request.lines)
        now = _is_limited(policy, request.channel, skus)
        if previous is None or _is_limited(previous, request.channel, skus) == now:
            return now
        key, store_id, customer_id = request.idempotency_key, request.store_id, request.customer_id
        if not (key and customer_id and store_id in self._router.chain.stores):
            return now
        ledger_id = store_id if now else ledger_of_customer(customer_id)
        remembered_as = key if now else customer_key(customer_id, key)
        is_known: bool = await self._router.ask(ledger_id, "knows", ledger_id, remembered_as, deadline=deadline)
        return now != is_known


def _is_limited(policy: Policy, channel: str, skus: tuple[str, ...]) -> bool:
    """Whether a limit of the whole chain applies to these SKUs through this channel."""
    return bool(policy.chain_limit_rules) and any(policy.chain_limits_for(channel, sku) for sku in ("", *skus))
