"""MoveStore: an operator has a shop move to another actor."""

from typing import Final

import grpc

from holdfast.v1 import admin_service_pb2 as ad
from serve.calls import Call
from serve.coordination.moves import Mover
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.wire.rules import Checked
from serve.wire.statuses import refused


class StoreMoves:
    """Serves that call."""

    def __init__(self, router: Router, stores: StoreDirectory, mover: Mover) -> None:
        self._router = router
        self._stores = stores
        self._mover = mover
        self.calls: Final = {"MoveStore": Call(self._move)}

    async def _move(self, request: ad.MoveStoreRequest, deadline: float, reply: ad.MoveStoreResponse) -> None:
        Checked(request).raise_if_faulty()
        store_id, actor = request.store_id, request.actor
        await self._stores.require(store_id, deadline=deadline)
        if not self._mover.has_actor(actor):
            message = (
                f"actor: no shops lie with one named {actor}; GetLedgerStatus names the actor of a shop, and how many "
                "there are is store_actors, which is set where the service is started"
            )
            raise refused(grpc.StatusCode.FAILED_PRECONDITION, "ACTOR_UNKNOWN", message, actor=actor)
        move = await self._mover.move(store_id, actor, deadline)
        if move is None:
            await self._router.refresh_chain(deadline)
            under_way = self._router.chain.moves[store_id].actor
            message = f"store_id: {store_id} is on its way to {under_way}; have it move on once it is there"
            raise refused(grpc.StatusCode.FAILED_PRECONDITION, "STORE_MOVING", message, actor=under_way)
        reply.store_id, reply.actor, reply.source, reply.move = store_id, move.actor, move.source, move.move
