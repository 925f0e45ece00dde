"""AdminService: the policy, and the state of the ledgers. `stores` has its calls about shops."""

import asyncio
from typing import Any, Final

import grpc
import orjson

from actors.batcher import DeadlinePassed
from actors.journal.codec import decode_events
from actors.ledger.audit import Audit
from actors.ledger.audit_books import compare
from actors.ledger.evolve import evolve
from actors.ledger.policy import to_document
from actors.ledger.snapshot import Capture
from actors.ledger.state import Ledger
from actors.office import FeedRecord
from actors.router import Router
from holdfast.v1 import admin_service_pb2 as ad
from serve.calls import deadline_of, parse
from serve.policies import fill_policy, policy_of
from serve.replies import fill_instant
from serve.reservations import Reservations
from serve.statuses import Refused, Status
from serve.validation import Checked

VERIFY_S: Final = 120.0  # where the caller named no time; a million events take some 20 s
VERIFICATIONS_MAX: Final = 2  # at once in one gateway; each keeps a second copy of its ledger, and the others wait
VERIFY_EVENTS_MAX: Final = 2_000  # read, replayed and audited at a time: 30 ms
DISCREPANCIES_MAX: Final = 100


class Admin:
    """The room of AdminService, the calls about shops apart."""

    def __init__(self, router: Router, reservations: Reservations) -> None:
        self._router = router
        self._known = reservations.known
        self._verifications = asyncio.Semaphore(VERIFICATIONS_MAX)

    async def get_policy(self, payload: bytes, context: Any, reply: ad.GetPolicyResponse) -> None:
        """GetPolicy."""
        del context
        parse(ad.GetPolicyRequest, payload)
        await self._router.refresh_chain()
        fill_policy(self._router.chain.policy, reply.policy)

    async def set_policy(self, payload: bytes, context: Any, reply: ad.SetPolicyResponse) -> None:
        """SetPolicy."""
        request = parse(ad.SetPolicyRequest, payload)
        policy = policy_of(request.policy)
        document = orjson.dumps(to_document(policy))
        if not await self._router.change_chain("set_policy", document, policy.version, deadline=deadline_of(context)):
            await self._router.refresh_chain()
            message = (
                f"policy.version is {policy.version}, version {self._router.chain.policy.version} is in force; "
                "read it again with GetPolicy and send your change with that version"
            )
            raise Refused(Status(grpc.StatusCode.FAILED_PRECONDITION, message))
        fill_policy(self._router.chain.policy, reply.policy)

    async def ledger_status(self, payload: bytes, context: Any, reply: ad.GetLedgerStatusResponse) -> None:
        """GetLedgerStatus."""
        request = parse(ad.GetLedgerStatusRequest, payload)
        store_id = await self._store(request.store_id)
        status = await self._router.ask(store_id, "status", store_id, deadline=deadline_of(context))
        fill_instant(status.pop("ledger_time_ms"), reply.ledger_time)
        reply.recovery.FromMicroseconds(status.pop("recovery_us"))
        reply.store_id = store_id
        for field, value in status.items():
            setattr(reply, field, value)

    async def verify_ledger(self, payload: bytes, context: Any, reply: ad.VerifyLedgerResponse) -> None:
        """VerifyLedger: the journal audited by code that shares nothing with the ledger's, and replayed."""
        request = parse(ad.VerifyLedgerRequest, payload)
        store_id = await self._store(request.store_id)
        deadline = deadline_of(context, VERIFY_S)
        try:
            async with asyncio.timeout_at(deadline):
                await self._verifications.acquire()
        except TimeoutError:
            raise DeadlinePassed(sent=False) from None
        try:
            await self._verify(store_id, deadline, reply)
        finally:
            self._verifications.release()

    async def _verify(self, store_id: str, deadline: float, reply: ad.VerifyLedgerResponse) -> None:
        version, live_hash, positions, _ = await self._router.ask(
            store_id, "live_state", store_id, deadline=deadline, attempt_s=VERIFY_S
        )
        audit, replayed = Audit(), Ledger(store_id)
        while replayed.version < version:
            records = await self._router.ask(
                store_id, "records", store_id, replayed.version, VERIFY_EVENTS_MAX, deadline=deadline
            )
            await asyncio.to_thread(_replay, audit, replayed, [FeedRecord(*row) for row in records], version)
        result = await asyncio.to_thread(audit.result)
        violations = [*result.violations, *await asyncio.to_thread(compare, result, positions)]
        state_hash = await asyncio.to_thread(Capture(replayed).state_hash)
        if state_hash != live_hash:
            reply.discrepancies.add(invariant="I13", subject=store_id, expected=state_hash, found=live_hash)
        for violation in violations[:DISCREPANCIES_MAX]:
            reply.discrepancies.add(
                invariant=violation.invariant,
                subject=violation.subject,
                expected=violation.expected,
                found=violation.found,
            )
        reply.store_id = store_id
        reply.version = version
        reply.holds = not reply.discrepancies
        reply.events = result.events
        reply.accepted = result.accepted
        reply.units_sold = result.units_sold
        reply.units_reserved = result.units_reserved
        reply.units_oversold = result.units_oversold
        reply.state_hash = state_hash

    async def _store(self, store_id: str) -> str:
        checked = Checked()
        checked.store_id("store_id", store_id)
        checked.raise_if_faulty()
        await self._known(store_id)
        return store_id


def _replay(audit: Audit, ledger: Ledger, records: list[FeedRecord], version_max: int) -> None:
    for record in records:
        first = record.seq - record.event_count + 1  # the journal's own numbers, so that a gap would show
        for version, event in enumerate(decode_events(record.payload), start=first):
            if ledger.version == version_max:
                return
            audit.add(version, record.epoch, record.at_ms, event)
            evolve(ledger, event, record.at_ms)
