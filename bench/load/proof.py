"""What callers were told, held against the journals. No run counts without it.

- `VerifyLedger` computes every shop's ledger again from its journal; `VerifyOrders` compares orders with their parts.
- The feed of each shop is read from where it stood when the run began: every answer that said yes has its event there,
  at the version that the answer named; no call has two reservations in a shop; and no reservation was made that nobody
  was told of, beyond the calls without an answer. The ledger of a hot SKU has no feed: its reservations are read one by
  one, and counted by its audit.
"""

import asyncio
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import numpy as np

from bench.load.chain import versions
from bench.load.loops import gathered
from bench.load.worker import Told
from bench.record import DISCREPANCIES_TOLD_MAX, Conservation, Counts
from holdfast.client import ChannelClient, Discrepancy, NotFound, Status
from holdfast.v1 import event_service_pb2, stock_service_pb2

WATCH: Final = "/holdfast.v1.EventService/WatchEvents"
SILENCE_S_MAX: Final = 60.0
QUIET_S_MAX: Final = 60.0
QUIET_POLL_S: Final = 0.5
AGAIN_S: Final = 0.2
READ_AT_ONCE: Final = 64
HOT: Final = "hot/"
GOES_ON: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED)
CURSORS_MAX: Final = 1_024
VERIFY_MS: Final = 600_000
LEDGERS_AT_ONCE: Final = 4
RECEIVE_BYTES_MAX: Final = 64 << 20
CERTAIN: Final = (Status.HELD, Status.CONFIRMED, Status.READY, Status.COLLECTED)


@dataclass(slots=True)
class Feed:
    """One ledger's feed from a version on: the versions of what callers may be told of, and who has a reservation."""

    after: int
    version: int = 0
    seen: "array[int]" = field(default_factory=lambda: array("q"))
    customers: Counter[str] = field(default_factory=Counter)
    claims: dict[str, str] = field(default_factory=dict)
    gap: str = ""

    def see(self, event: Any) -> None:
        """The next event. A part of an order is made once its order is certain."""
        before = self.version or self.after
        if event.version != before + 1 and not self.gap:
            self.gap = f"version {event.version} after {before}"
        self.version = event.version
        self.seen.append(event.version)
        match event.WhichOneof("change"):
            case "reserved":
                self.customers[event.reserved.reservation.customer_id] += 1
            case "claimed":
                claim = event.claimed.reservation
                self.claims[claim.reservation_id] = claim.customer_id
            case "outcome_applied" if event.outcome_applied.status in CERTAIN:
                if customer := self.claims.pop(event.outcome_applied.reservation_id, ""):
                    self.customers[customer] += 1


@dataclass(slots=True)
class Evidence:
    """All that is compared. `before` are the versions of the run's ledgers when it began; `counted` are the
    reservations of those without a feed, which began with the run.
    """

    before: Mapping[str, int]
    told: Sequence[Told]
    feeds: dict[str, Feed] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counts:
        return Counts(sum(each.accepted for each in self.told), sum(each.unknown for each in self.told))


def compared(evidence: Evidence) -> Conservation:
    """The verdict over what was read."""
    found = list(evidence.found)
    said: defaultdict[str, list[Any]] = defaultdict(list)
    for told in evidence.told:
        for ledger, each in told.versions.items():
            said[ledger].append(np.frombuffer(each, dtype=np.int64))
    for ledger, told_of in sorted((ledger, each) for ledger, each in said.items() if ledger not in evidence.counted):
        feed = evidence.feeds.get(ledger)
        seen = np.frombuffer(feed.seen, dtype=np.int64) if feed is not None and feed.seen else np.empty(0, np.int64)
        lost = np.setdiff1d(np.concatenate(told_of), seen)
        if len(lost):
            found.append(f"{ledger}: {len(lost):,} answers are not in its feed, the first of version {lost[0]}")
    for ledger, feed in sorted(evidence.feeds.items()):
        if feed.gap:
            found.append(f"{ledger}: its feed has {feed.gap}")
        if twice := [customer for customer, times in feed.customers.items() if times > 1]:
            found.append(f"{ledger}: {len(twice):,} calls were done twice, one of them of customer {twice[0]}")
    made = sum(feed.customers.total() for feed in evidence.feeds.values()) + sum(evidence.counted.values())
    return Conservation(evidence.counts, made, found[:DISCREPANCIES_TOLD_MAX])


async def prove(client: ChannelClient, target: str, before: Mapping[str, int], told: Sequence[Told]) -> Conservation:
    """Read everything back and compare. `before` names the ledgers, and where they stood."""
    evidence = Evidence(before, told)
    await _until_quiet(client)

    async def audit(ledger: str) -> None:
        audited = await client.verify_ledger(ledger, timeout_ms=VERIFY_MS)
        if ledger.startswith(HOT):
            evidence.counted[ledger] = audited.accepted
        evidence.found += (f"{ledger} {_told(each)}" for each in audited.discrepancies)
        if audited.units_oversold:
            evidence.found.append(f"{ledger}: {audited.units_oversold:,} units oversold")
        if not (audited.holds or audited.discrepancies):
            evidence.found.append(f"{ledger}: its journal does not verify")

    await gathered(before, audit, at_once=LEDGERS_AT_ONCE)
    orders = await client.verify_orders(timeout_ms=VERIFY_MS)
    evidence.found += (f"orders: {_told(each)}" for each in orders.discrepancies if _is_ours(each, before))
    await _look_up(client, evidence)
    until = await versions(client, [ledger for ledger in before if ledger not in evidence.counted])
    try:
        evidence.feeds = await read_feeds(target, before, until)
    except TimeoutError:
        evidence.found.append(f"the feeds fell silent for {SILENCE_S_MAX:g} s before their end")
    except grpc.aio.AioRpcError as error:
        evidence.found.append(f"the feeds cannot be read: {error.code().name}: {error.details()}")
    return compared(evidence)


async def _look_up(client: ChannelClient, evidence: Evidence) -> None:
    """Read what callers were told that ledgers without a feed have made."""

    async def look(reservation_id: str) -> None:
        try:
            await client.get_reservation(reservation_id)
        except NotFound:
            evidence.found.append(f"{reservation_id} was accepted, and nobody knows it")

    made = {
        f"{ledger}:{version}" for told in evidence.told for ledger in evidence.counted for version in told.made(ledger)
    }
    await gathered(sorted(made), look, at_once=READ_AT_ONCE)


def _told(each: Discrepancy) -> str:
    return f"{each.invariant} {each.subject}: expected {each.expected}, found {each.found}"


def _is_ours(each: Discrepancy, ledgers: Iterable[str]) -> bool:
    """Whether a part of it is in one of our shops; what others have in a service that they share is theirs."""
    return any(ledger in part for ledger in ledgers for part in (each.subject, each.expected, each.found))


async def _until_quiet(client: ChannelClient) -> None:
    """Until orders and shops have heard of each other, or long enough: what is open then is counted as it is."""
    for _ in range(int(QUIET_S_MAX / QUIET_POLL_S)):
        if not (await client.verify_orders(timeout_ms=VERIFY_MS)).on_the_way:
            return
        await asyncio.sleep(QUIET_POLL_S)


async def read_feeds(target: str, after: Mapping[str, int], until: Mapping[str, int]) -> dict[str, Feed]:
    """The events of each ledger behind one version and up to another. Raises TimeoutError where they do not come.

    Messages are read as they are: our client's typed events would take a multiple of the time, for millions of them.
    """
    feeds = {ledger: Feed(after[ledger]) for ledger in until}
    unfinished = {ledger for ledger, version in until.items() if version > after[ledger]}
    options = [("grpc.max_receive_message_length", RECEIVE_BYTES_MAX)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        watch: Any = channel.unary_stream(
            WATCH,
            event_service_pb2.WatchEventsRequest.SerializeToString,
            event_service_pb2.WatchEventsResponse.FromString,
        )
        async with asyncio.timeout(SILENCE_S_MAX) as patience:
            while unfinished:
                cursors = [
                    stock_service_pb2.StoreCursor(store_id=each, after_version=feeds[each].version or after[each])
                    for each in sorted(unfinished)[:CURSORS_MAX]
                ]
                try:
                    await _read(
                        watch(event_service_pb2.WatchEventsRequest(cursors=cursors)), feeds, until, unfinished, patience
                    )
                except grpc.aio.AioRpcError as error:  # a gateway ends its connections now and then: it goes on
                    if error.code() not in GOES_ON:
                        raise
                if unfinished:
                    await asyncio.sleep(AGAIN_S)
    return feeds


async def _read(
    stream: Any, feeds: Mapping[str, Feed], until: Mapping[str, int], unfinished: set[str], patience: asyncio.Timeout
) -> None:
    """One stream, until it has told all that its ledgers have, or ends."""
    watched = len(unfinished) - max(0, len(unfinished) - CURSORS_MAX)
    left = len(unfinished) - watched
    async for message in stream:
        patience.reschedule(asyncio.get_running_loop().time() + SILENCE_S_MAX)
        for event in message.events:
            feed = feeds[event.store_id]
            if event.version <= until[event.store_id]:
                feed.see(event)
            if event.version >= until[event.store_id]:
                unfinished.discard(event.store_id)
        if len(unfinished) <= left:
            stream.cancel()
            return
