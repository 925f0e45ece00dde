"""Shops, policy, ledgers and health: the calls of those who run Holdfast."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from google.protobuf.wrappers_pb2 import StringValue

from holdfast.client.blocking import BlockingClient, blocking, iterating
from holdfast.client.connection import CHECK_HEALTH
from holdfast.client.errors import Overloaded, Unavailable
from holdfast.client.internals import Client, pages, read
from holdfast.client.limits import NO_RETRY
from holdfast.client.models import administration as models
from holdfast.client.wire_types import to_message
from holdfast.v1 import admin_service_pb2 as service_pb2

_HEALTH_ATTEMPT_MS = 2_000
_HEALTH_PAUSE_S = 0.1


class AdministrationCalls(Client, Protocol):
    """Calls of those who run the service."""

    async def put_stores(self, stores: Iterable[models.Store], *, timeout_ms: int | None = None) -> models.StoresPut:
        """Add shops, 1 to 1,024, or replace what is known of them, and return the pickups that new hours broke.

        Safe to repeat. Only the call that made the change returns the pickups: where its answer was lost and it
        was retried, they may be missing.
        """
        request = service_pb2.PutStoresRequest(stores=map(models.to_store, stores))
        # The same shops put twice are the same chain: it needs no key to be retried.
        return models.stores_put_from(
            await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")
        )

    def list_stores(self, *, page_size: int = 100, timeout_ms: int | None = None) -> AsyncIterator[models.Store]:
        """The chain's shops by id, page by page as they are consumed; `timeout_ms` is the deadline of each page."""
        request = service_pb2.ListStoresRequest(page_size=page_size)
        return pages(self, request, "stores", models.store_from, timeout_ms)

    async def get_policy(self, *, timeout_ms: int | None = None) -> models.Policy:
        """The policy in force."""
        return models.policy_from((await read(self, service_pb2.GetPolicyRequest(), timeout_ms)).policy)

    async def set_policy(self, policy: models.Policy, *, timeout_ms: int | None = None) -> models.PolicySet:
        """Replace the policy; what is in force after it, for whom not yet. Raises Conflict where another version
        than `policy.version` is in force.

        It has no key, so it is sent once: a retry could not tell its own first success from another's change.
        """
        request = service_pb2.SetPolicyRequest(policy=models.to_policy(policy))
        timeout = self.internals.caller.timeouts.call_ms if timeout_ms is None else timeout_ms
        return models.policy_set_from(
            await self.internals.caller.ask(
                request, timeout_ms=timeout, attempt_ms=timeout, idempotency_key="", retry=NO_RETRY
            )
        )

    async def ledger_status(self, store_id: str, *, timeout_ms: int | None = None) -> models.LedgerStatus:
        """Where a ledger stands and who writes it: a shop's, or one of `CUSTOMERS_LEDGERS`."""
        request = service_pb2.GetLedgerStatusRequest(store_id=store_id)
        return models.ledger_status_from(await read(self, request, timeout_ms))

    async def verify_ledger(self, store_id: str, *, timeout_ms: int | None = None) -> models.Verification:
        """Compute a ledger again from its journal and compare: a shop's, or one of `CUSTOMERS_LEDGERS`.

        `timeout_ms` None is `Timeouts.verify_ms`.
        """
        timeout = self.internals.caller.timeouts.verify_ms if timeout_ms is None else timeout_ms
        request = service_pb2.VerifyLedgerRequest(store_id=store_id)
        return models.verification_from(await read(self, request, timeout, attempt_ms=timeout))

    async def verify_orders(self, *, timeout_ms: int | None = None) -> models.OrdersVerification:
        """Compare all orders with the parts that shops have of them. `timeout_ms` None is `Timeouts.verify_ms`."""
        timeout = self.internals.caller.timeouts.verify_ms if timeout_ms is None else timeout_ms
        request = service_pb2.VerifyOrdersRequest()
        return models.orders_verification_from(await read(self, request, timeout, attempt_ms=timeout))

    async def bar_claim(
        self, order_id: str, attempt: int, *, operator: str, why: str, timeout_ms: int | None = None
    ) -> models.BarredClaim:
        """Bar an undecided claim whose order is not known, as `verify_orders` tells it: its shop gives it back. Raises
        Conflict where its order's ledger knows it. A repeat is answered with the first record.
        """
        request = service_pb2.BarClaimRequest(order_id=order_id, attempt=attempt, operator=operator, why=why)
        answer = await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")
        return models.barred_from(answer.barred)

    async def bar_grant(
        self, grant_id: str, *, operator: str, why: str, timeout_ms: int | None = None
    ) -> models.BarredClaim:
        """Bar a grant by which its shop holds nothing, as `verify_orders` tells it: it counts no more. Raises Conflict
        where the shop holds by it, NotFound where no such grant counts. A repeat is answered with the first record.
        """
        request = service_pb2.BarGrantRequest(grant_id=grant_id, operator=operator, why=why)
        answer = await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")
        return models.barred_from(answer.barred)

    async def list_readers(self, *, timeout_ms: int | None = None) -> models.Readers:
        """The named readers of feeds, and how far each is behind."""
        return models.readers_from(await read(self, service_pb2.ListReadersRequest(), timeout_ms))

    async def drop_reader(self, reader: str, number: int, *, timeout_ms: int | None = None) -> None:
        """Keep nothing for a named reader any more; `number` as `list_readers` tells it. One that has been given the
        name since stays. Raises NotFound where none has both, nor had them lately.
        """
        request = service_pb2.DropReaderRequest(reader=reader, number=number)
        await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")

    async def promote_sku(
        self,
        sku: str,
        *,
        starts_at_ms: int | None = None,
        expected_revision: int | None = None,
        timeout_ms: int | None = None,
    ) -> models.HotSku:
        """Give a SKU in great demand a ledger of its own, at once or from an announced instant on, until `demote_sku`.
        Raises Conflict where there are too many, or they have changed since the `expected_revision`.
        """
        asked = {"starts_at_ms": starts_at_ms, "expected_revision": expected_revision}
        request = to_message(service_pb2.PromoteSkuRequest, sku=sku, **asked)
        answer = await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")
        return models.hot_sku_from(answer.hot_sku)

    async def demote_sku(
        self, sku: str, *, expected_revision: int | None = None, timeout_ms: int | None = None
    ) -> models.HotSku:
        """Take its ledger from a SKU, or its announcement back. What is held in it goes on. Raises Conflict where the
        hot SKUs have changed since the `expected_revision`.
        """
        request = service_pb2.DemoteSkuRequest(sku=sku, expected_revision=expected_revision)
        answer = await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")
        return models.hot_sku_from(answer.hot_sku)

    async def move_store(self, store_id: str, actor: str, *, timeout_ms: int | None = None) -> models.StoreMove:
        """Move a shop to another actor with all that it has; returns once it is served there. Safe to repeat: what was
        begun is gone on with. Raises Conflict where the shop is on its way to yet another, or no shops lie with one of
        that name.
        """
        request = service_pb2.MoveStoreRequest(store_id=store_id, actor=actor)
        answer = await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")
        return models.StoreMove(answer.store_id, answer.actor, answer.source, answer.move)

    async def hot_skus_revision(self, *, timeout_ms: int | None = None) -> int:
        """Grows with every change of the hot SKUs: a call that expects it undoes nothing that was not seen,
        however late it comes.
        """
        return int((await read(self, service_pb2.ListHotSkusRequest(), timeout_ms)).revision)

    async def list_hot_skus(self, *, timeout_ms: int | None = None) -> tuple[models.HotSku, ...]:
        """The SKUs that have a ledger of their own, are announced for one, or had one lately."""
        answer = await read(self, service_pb2.ListHotSkusRequest(), timeout_ms)
        return tuple(map(models.hot_sku_from, answer.hot_skus))

    async def health(self, service: str = "", *, timeout_ms: int = _HEALTH_ATTEMPT_MS) -> models.Health:
        """What the service says of its health, asked once; raises Unavailable where nobody answers."""
        request = StringValue(value=service)
        answer = await self.internals.caller.ask(
            request, method=CHECK_HEALTH, timeout_ms=timeout_ms, attempt_ms=timeout_ms, retry=NO_RETRY
        )
        return models.health_from(answer.value)

    async def wait_until_serving(self, *, timeout_ms: int) -> None:
        """Return once the service says that it is SERVING; raises Unavailable when `timeout_ms` are over."""
        loop = asyncio.get_running_loop()
        deadline_at = loop.time() + timeout_ms / 1000
        while True:
            remaining_ms = int((deadline_at - loop.time()) * 1000)
            try:
                found = await self.health(timeout_ms=max(1, min(_HEALTH_ATTEMPT_MS, remaining_ms)))
                if found is models.Health.SERVING:
                    return
                why = f"the service says {found.name}"
            except (Unavailable, Overloaded) as error:
                why = error.why
            if loop.time() + _HEALTH_PAUSE_S >= deadline_at:
                raise Unavailable("Check", where=self.internals.caller.connection.target, why=why)
            await asyncio.sleep(_HEALTH_PAUSE_S)


class BlockingAdministrationCalls(BlockingClient):
    """`AdministrationCalls` for threads."""

    put_stores = blocking(AdministrationCalls.put_stores)
    list_stores = iterating(AdministrationCalls.list_stores)
    get_policy = blocking(AdministrationCalls.get_policy)
    set_policy = blocking(AdministrationCalls.set_policy)
    ledger_status = blocking(AdministrationCalls.ledger_status)
    verify_ledger = blocking(AdministrationCalls.verify_ledger)
    verify_orders = blocking(AdministrationCalls.verify_orders)
    bar_claim = blocking(AdministrationCalls.bar_claim)
    bar_grant = blocking(AdministrationCalls.bar_grant)
    list_readers = blocking(AdministrationCalls.list_readers)
    drop_reader = blocking(AdministrationCalls.drop_reader)
    promote_sku = blocking(AdministrationCalls.promote_sku)
    demote_sku = blocking(AdministrationCalls.demote_sku)
    move_store = blocking(AdministrationCalls.move_store)
    hot_skus_revision = blocking(AdministrationCalls.hot_skus_revision)
    list_hot_skus = blocking(AdministrationCalls.list_hot_skus)
    health = blocking(AdministrationCalls.health)
    wait_until_serving = blocking(AdministrationCalls.wait_until_serving)
