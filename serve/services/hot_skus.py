"""PromoteSku, DemoteSku and ListHotSkus: which SKUs have a ledger of their own, by an operator's word."""

from typing import Any, Final

import grpc

from actors.core.chain import ANY_REVISION
from actors.core.policy import HotSku
from holdfast.v1 import admin_service_pb2 as ad
from serve.calls import Call
from serve.coordination.hot_units import have_actor
from serve.routing.router import Router
from serve.wire.fields import fill_instant, instant_ms
from serve.wire.rules import Checked
from serve.wire.statuses import refused


class HotSkus:
    """Serves those three calls. What they change, other gateways and the ledgers hear of by the chain."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self.calls: Final = {
            "PromoteSku": Call(self._promote),
            "DemoteSku": Call(self._demote),
            "ListHotSkus": Call(self._list),
        }

    async def _promote(self, request: ad.PromoteSkuRequest, deadline: float, reply: ad.PromoteSkuResponse) -> None:
        Checked(request).raise_if_faulty()
        starts_ms = instant_ms(request.starts_at)
        if not starts_ms:
            await have_actor(self._router, request.sku, deadline)
        asked = starts_ms, True, _expected(request)
        if not await self._router.change_chain("promote_sku", request.sku, *asked, deadline=deadline):
            await self._router.refresh_chain(deadline)
            if self._router.chain.policy.is_limited_in_shops(request.sku):
                message = (
                    "a limit within single shops applies to this SKU, which each shop counts by itself; limit it over "
                    "the whole chain instead, then promote it"
                )
                raise refused(grpc.StatusCode.FAILED_PRECONDITION, "SKU_LIMITED_IN_SHOPS", message, sku=request.sku)
            self._refuse_changed(request)
            message = (
                "as many SKUs are hot, or were lately, as there may be; demote one, or let this one be promoted later"
            )
            raise refused(grpc.StatusCode.FAILED_PRECONDITION, "TOO_MANY_HOT_SKUS", message, sku=request.sku)
        if starts_ms:  # it may be near, and gateways are to hear of it before
            await have_actor(self._router, request.sku, deadline)
        _fill(self._router.chain.hot[request.sku], reply.hot_sku)
        reply.revision = self._router.chain.hot_revision

    async def _demote(self, request: ad.DemoteSkuRequest, deadline: float, reply: ad.DemoteSkuResponse) -> None:
        Checked(request).raise_if_faulty()
        asked = True, _expected(request)
        if not await self._router.change_chain("demote_sku", request.sku, *asked, deadline=deadline):
            await self._router.refresh_chain(deadline)
            self._refuse_changed(request)
        _fill(self._router.chain.hot.get(request.sku, HotSku(request.sku)), reply.hot_sku)
        reply.revision = self._router.chain.hot_revision

    async def _list(self, _request: ad.ListHotSkusRequest, deadline: float, reply: ad.ListHotSkusResponse) -> None:
        await self._router.refresh_chain(deadline)
        for hot in self._router.chain.hot.values():
            _fill(hot, reply.hot_skus.add())
        reply.revision = self._router.chain.hot_revision

    def _refuse_changed(self, request: Any) -> None:
        """Raises CallRefused where the hot SKUs are not what the call is based on."""
        revision = self._router.chain.hot_revision
        if _expected(request) not in (ANY_REVISION, revision):
            message = f"the hot SKUs have changed since, their revision is {revision}; list them, and decide again"
            raise refused(
                grpc.StatusCode.FAILED_PRECONDITION,
                "HOT_SKUS_CHANGED",
                message,
                sku=request.sku,
                revision=str(revision),
            )


def _expected(request: Any) -> int:
    return int(request.expected_revision) if request.HasField("expected_revision") else ANY_REVISION


def _fill(hot: HotSku, reply: ad.HotSku) -> None:
    reply.sku, reply.open, reply.announced = hot.sku, hot.is_open, hot.announced
    if hot.from_ms:
        fill_instant(hot.from_ms, reply.starts_at)
    if hot.closed_ms:
        fill_instant(hot.closed_ms, reply.closed_at)
