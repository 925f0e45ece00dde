"""The shops that calls name."""

import grpc

from actors.core.ids import is_hot, sku_of_ledger
from serve.routing.batcher import DeadlinePassed
from serve.routing.router import Router
from serve.wire import statuses
from serve.wire.rules import STORE_ID, BadField, InvalidRequest
from serve.wire.statuses import CallRefused


class StoreDirectory:
    """The shops of the chain, as this gateway knows them."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def require(self, store_id: str, field: str = "store_id", *, deadline: float) -> None:
        """Raises as `refuse_unknown`, after a look for a shop that may just have been added."""
        if self.may_be_new(store_id):
            await self.look_again(deadline)
        self.refuse_unknown(store_id, field)

    async def require_of_reservation(self, ledger_id: str, *, deadline: float) -> None:
        """Likewise, of the ledger that a reservation's id names. That of a hot SKU is looked up where it is asked."""
        if not is_hot(ledger_id):
            await self.require(ledger_id, "reservation_id", deadline=deadline)

    def may_be_new(self, store_id: str) -> bool:
        """Whether this gateway does not know the shop, which another one may just have added."""
        return store_id not in self._router.chain.stores and STORE_ID.fullmatch(store_id) is not None

    async def look_again(self, deadline: float) -> None:
        """Learn of the shops that other gateways added. Raises CallRefused where the chain's actor does not answer."""
        try:
            await self._router.refresh_chain(deadline)
        except DeadlinePassed as error:
            raise chain_away() from error

    async def has_hot_ledger(self, ledger_id: str, *, deadline: float) -> bool:
        """Whether the ledger of a hot SKU has begun: that is not asked of the ledger itself, which would begin by it.
        Raises CallRefused with NOT_FOUND where neither a journal nor the chain knows it.
        """
        begun: list[str] = await self._router.ask(ledger_id, "ledgers", deadline=deadline)
        if ledger_id in begun:
            return True
        await self._router.refresh_chain(deadline)
        if sku_of_ledger(ledger_id) not in self._router.chain.hot:
            raise statuses.unknown_hot(ledger_id)
        return False

    def refuse_unknown(self, store_id: str, field: str) -> None:
        """Raises InvalidRequest where the id is malformed, CallRefused with NOT_FOUND where no such shop is known."""
        if store_id not in self._router.chain.stores:
            if not STORE_ID.fullmatch(store_id):
                mend = "is not a shop's id: 1 to 64 of A-Z a-z 0-9 . _ -" if store_id else "is required: the shop's id"
                raise InvalidRequest([BadField(field, mend)])
            raise statuses.unknown_store(field, store_id)


def chain_away() -> CallRefused:
    """Why a call for a shop that is not known is not decided where nobody can say whether there is one."""
    message = "this gateway does not know the shop, and the chain's actor did not answer, and nothing was done"
    return statuses.refused(grpc.StatusCode.UNAVAILABLE, "CHAIN_AWAY", f"{message}; ask again")
