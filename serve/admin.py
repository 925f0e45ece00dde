"""AdminService: stores and policy, and the state of the ledgers."""

import asyncio
from bisect import bisect_right
from typing import Any, Final

import grpc
import orjson

from actors.batcher import DeadlinePassed
from actors.chain import Store
from actors.journal.codec import decode_events
from actors.ledger.audit import Audit, compare
from actors.ledger.evolve import evolve
from actors.ledger.policy import TTL_MS_CEILING, LimitRule, Policy, TtlRule, to_document
from actors.ledger.snapshot import Capture
from actors.ledger.state import Ledger
from actors.router import Router
from actors.store_actor import FeedRecord
from holdfast.v1 import admin_service_pb2 as ad, store_pb2
from serve import validation as va
from serve.calls import deadline_of, parse
from serve.replies import fill_instant
from serve.reservations import PAGE_SIZE_DEFAULT, Reservations
from serve.statuses import Refused, Status
from serve.validation import Checked

VERIFY_S: Final = 120.0  # where the caller named no time; a million events take some 20 s
VERIFICATIONS_MAX: Final = 2  # at once in one gateway; each keeps a second copy of its ledger, and the others wait
VERIFY_EVENTS_MAX: Final = 2_000  # read, replayed and audited at a time: 30 ms
DISCREPANCIES_MAX: Final = 100


class Admin:
    """The room of AdminService."""

    def __init__(self, router: Router, reservations: Reservations) -> None:
        self._router = router
        self._known = reservations.known
        self._verifications = asyncio.Semaphore(VERIFICATIONS_MAX)

    async def put_stores(self, payload: bytes, context: Any, reply: ad.PutStoresResponse) -> None:
        """PutStores."""
        request = parse(ad.PutStoresRequest, payload)
        checked = Checked()
        if checked.count("stores", request.stores, va.STORES_MAX):
            for index, store in enumerate(request.stores):
                field = f"stores[{index}]"
                checked.store_id(f"{field}.store_id", store.store_id)
                checked.text(f"{field}.name", store.name, va.NAME_CHARS_MAX, required=False)
                if not -90 <= store.latitude <= 90:
                    checked.fault(f"{field}.latitude", f"is {store.latitude}; send -90 to 90 degrees")
                if not -180 <= store.longitude <= 180:
                    checked.fault(f"{field}.longitude", f"is {store.longitude}; send -180 to 180 degrees")
            checked.once("stores", (store.store_id for store in request.stores), "store_id")
        checked.raise_if_faulty()
        rows = [(s.store_id, s.name, s.latitude, s.longitude, s.paused) for s in request.stores]
        await self._router.change_chain("put_stores", rows, deadline=deadline_of(context))
        reply.chain_version = self._router.chain.revision

    async def list_stores(self, payload: bytes, context: Any, reply: ad.ListStoresResponse) -> None:
        """ListStores."""
        del context
        request = parse(ad.ListStoresRequest, payload)
        checked = Checked()
        checked.whole("page_size", request.page_size, 0, va.PAGE_SIZE_MAX)
        checked.raise_if_faulty()
        await self._router.refresh_chain()
        chain = self._router.chain
        store_ids = list(chain.stores)
        start = bisect_right(store_ids, request.page_token) if request.page_token else 0
        end = start + (request.page_size or PAGE_SIZE_DEFAULT)
        for store_id in store_ids[start:end]:
            reply.stores.append(_store_message(chain.stores[store_id]))
        reply.next_page_token = store_ids[end - 1] if end < len(store_ids) else ""
        reply.chain_version = chain.revision

    async def get_policy(self, payload: bytes, context: Any, reply: ad.GetPolicyResponse) -> None:
        """GetPolicy."""
        del context
        parse(ad.GetPolicyRequest, payload)
        await self._router.refresh_chain()
        _fill_policy(self._router.chain.policy, reply.policy)

    async def set_policy(self, payload: bytes, context: Any, reply: ad.SetPolicyResponse) -> None:
        """SetPolicy."""
        request = parse(ad.SetPolicyRequest, payload)
        policy = _policy(request.policy)
        document = orjson.dumps(to_document(policy))
        if not await self._router.change_chain("set_policy", document, policy.version, deadline=deadline_of(context)):
            await self._router.refresh_chain()
            message = (
                f"policy.version is {policy.version}, version {self._router.chain.policy.version} is in force; "
                "read it again with GetPolicy and send your change with that version"
            )
            raise Refused(Status(grpc.StatusCode.FAILED_PRECONDITION, message))
        _fill_policy(self._router.chain.policy, reply.policy)

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


def _store_message(store: Store) -> store_pb2.Store:
    return store_pb2.Store(**store._asdict())


def _fill_policy(policy: Policy, reply: store_pb2.Policy) -> None:
    reply.version = policy.version
    reply.ttl_default.FromMilliseconds(policy.ttl_ms_default)
    reply.ttl_max.FromMilliseconds(policy.ttl_ms_max)
    reply.collect_within.FromMilliseconds(policy.collect_within_ms)
    for ttl_rule in policy.ttl_rules:
        row = reply.ttl_rules.add(channel=ttl_rule.channel, sku=ttl_rule.sku, store_id=ttl_rule.store_id)
        row.ttl.FromMilliseconds(ttl_rule.ttl_ms)
    for limit_rule in policy.limit_rules:
        reply.limit_rules.add(**limit_rule._asdict())


def _policy(request: store_pb2.Policy) -> Policy:
    """The policy of a request. Raises InvalidRequest."""
    checked = Checked("policy.")
    if request.ttl_rules:
        checked.count("ttl_rules", request.ttl_rules, va.RULES_MAX)
    if request.limit_rules:
        checked.count("limit_rules", request.limit_rules, va.RULES_MAX)
    checked.raise_if_faulty()
    ttl_ms_max = checked.duration_ms("ttl_max", request.ttl_max)
    if checked.violations:
        ttl_ms_max = TTL_MS_CEILING  # one fault is told once, not of every time that is held against it
    ttl_ms_default = checked.duration_ms("ttl_default", request.ttl_default)
    collect_within_ms = checked.duration_ms("collect_within", request.collect_within)
    for field, ms in (("ttl_default", ttl_ms_default), ("collect_within", collect_within_ms)):
        if ms > ttl_ms_max:
            checked.fault(field, "is longer than ttl_max; shorten it or raise ttl_max")
    ttl_rules = []
    for index, ttl_rule in enumerate(request.ttl_rules):
        field = f"ttl_rules[{index}]"
        ttl_ms = checked.duration_ms(f"{field}.ttl", ttl_rule.ttl)
        if ttl_ms > ttl_ms_max:
            checked.fault(f"{field}.ttl", "is longer than ttl_max; shorten it or raise ttl_max")
        checked.text(f"{field}.channel", ttl_rule.channel, va.CHANNEL_CHARS_MAX, required=False)
        checked.text(f"{field}.sku", ttl_rule.sku, va.SKU_CHARS_MAX, required=False)
        if ttl_rule.store_id:
            checked.store_id(f"{field}.store_id", ttl_rule.store_id)
        ttl_rules.append(TtlRule(ttl_rule.channel, ttl_rule.sku, ttl_rule.store_id, ttl_ms))
    limit_rules = []
    for index, rule in enumerate(request.limit_rules):
        field = f"limit_rules[{index}]"
        checked.text(f"{field}.channel", rule.channel, va.CHANNEL_CHARS_MAX, required=False)
        checked.text(f"{field}.sku", rule.sku, va.SKU_CHARS_MAX, required=False)
        checked.whole(f"{field}.open_reservations_max", rule.open_reservations_max, 0, va.QUANTITY_MAX)
        checked.whole(f"{field}.units_max", rule.units_max, 0, va.QUANTITY_MAX)
        limit_rules.append(LimitRule(rule.channel, rule.sku, rule.open_reservations_max, rule.units_max))
    checked.raise_if_faulty()
    return Policy(
        version=request.version,
        ttl_ms_default=ttl_ms_default,
        ttl_ms_max=ttl_ms_max,
        collect_within_ms=collect_within_ms,
        ttl_rules=tuple(ttl_rules),
        limit_rules=tuple(limit_rules),
    )
