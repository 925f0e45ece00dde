"""AdminService: the policy, and the state of the ledgers. `stores` has its calls about shops, `verification` those that
read journals again.
"""

from typing import Any

import grpc

from actors.core.ids import is_customers
from holdfast.v1 import admin_service_pb2 as ad
from serve.admission import deadline_of, parse
from serve.routing.router import Router
from serve.services.reservations import Reservations
from serve.wire.fields import fill_instant
from serve.wire.rules import Checked
from serve.wire.statuses import Refused, Status
from serve.wire.stores import fill_policy, policy_of


class Admin:
    """The room of AdminService, the calls of `stores` and `verification` apart."""

    def __init__(self, router: Router, reservations: Reservations) -> None:
        self._router = router
        self._known = reservations.known

    async def get_policy(self, payload: bytes, context: Any, reply: ad.GetPolicyResponse) -> None:
        """GetPolicy."""
        del context
        parse(ad.GetPolicyRequest, payload)
        await self._router.refresh_chain()
        fill_policy(self._router.chain.policy, reply.policy)

    async def set_policy(self, payload: bytes, context: Any, reply: ad.SetPolicyResponse) -> None:
        """SetPolicy."""
        request = parse(ad.SetPolicyRequest, payload)
        policy = policy_of(request)
        if not await self._router.change_chain("set_policy", policy, policy.version, deadline=deadline_of(context)):
            await self._router.refresh_chain()
            message = (
                f"policy.version is {policy.version}, version {self._router.chain.policy.version} is in force; "
                "read it again with GetPolicy and send your change with that version"
            )
            about = (("version", str(self._router.chain.policy.version)),)
            raise Refused(Status(grpc.StatusCode.FAILED_PRECONDITION, message, "POLICY_CHANGED", metadata=about))
        fill_policy(self._router.chain.policy, reply.policy)

    async def ledger_status(self, payload: bytes, context: Any, reply: ad.GetLedgerStatusResponse) -> None:
        """GetLedgerStatus."""
        request = parse(ad.GetLedgerStatusRequest, payload)
        Checked(request).raise_if_faulty()
        ledger_id = request.store_id
        reply.store_id = ledger_id
        if not is_customers(ledger_id):
            await self._known(ledger_id)
        elif not await self._router.has_actor(ledger_id):
            return
        status = await self._router.ask(ledger_id, "status", ledger_id, deadline=deadline_of(context))
        if status is None:
            return
        fill_instant(status.pop("ledger_time_ms"), reply.ledger_time)
        reply.recovery.FromMicroseconds(status.pop("recovery_us"))
        for field, value in status.items():
            setattr(reply, field, value)
