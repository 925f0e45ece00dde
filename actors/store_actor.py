"""The actor that serialises reservations and deductions: one shop, or several that share a journal and a process.

A plain class; `cluster` puts Ray on it. Calls come in on several threads, the host serialises what must be.
"""

import gc
import logging
import os
from collections.abc import Callable
from threading import Event, Lock, Thread
from time import perf_counter_ns
from typing import Any, Final, NamedTuple

import orjson

from actors.chain import EMPTY, Chain, chain_from_document
from actors.clock import Clock
from actors.envelope import (
    RULES_ARE_STALE,
    Stopped,
    Wire,
    command_from_wire,
    pack_answers,
    reservation_to_wire,
    unpack_batch,
)
from actors.host import Hosted, LedgerHost
from actors.journal.port import Journal, JournalError, JournalFailed
from actors.ledger.lifecycle import LIVE
from actors.ledger.policy import Policy
from actors.ledger.snapshot import Capture
from actors.ledger.state import Remembered

log = logging.getLogger("holdfast.actor")

TIDY_EVERY_S: Final = 0.1  # expiry is visible within a second, so sweep well within one
SNAPSHOT_PAUSE_S: Final = 0.002  # between the pieces of a snapshot, for decisions to go first
SNAPSHOT_EVENTS_MIN: Final = 20_000
LIST_SCAN_MAX: Final = 50_000  # versions looked at for one page: 5 ms
FEED_EVENTS_MAX: Final = 1_000
FEED_BYTES_MAX: Final = 4 * 1024 * 1024  # by answer; a record that is larger goes alone


class FeedRecord(NamedTuple):
    """Durable events of one ledger, consecutive; `seq` is the last one's version."""

    seq: int
    event_count: int
    epoch: int
    at_ms: int
    payload: bytes


class StoreActor:
    """The ledgers of one journal. `end` is called once when the journal fails or was taken over: it must not return."""

    def __init__(self, name: str, journal: Journal, clock: Clock, end: Callable[[JournalError], None]) -> None:
        self._name = name
        self._journal = journal
        self._clock = clock
        self._end = end
        self._chain: Chain = EMPTY
        self._adopting = Lock()
        self._host = LedgerHost(journal, clock, self._policy_of, end)
        began_ns = perf_counter_ns()
        # The state is large, long-lived and free of cycles: the collector would walk it again and again, half the time
        # of a recovery, and find nothing.
        gc.disable()
        self._host.recover(journal.ledger_ids())
        took_ms = (perf_counter_ns() - began_ns) // 1_000_000
        gc.freeze()
        gc.set_threshold(100_000, 50, 1_000)
        gc.enable()
        log.info("%s serves %d ledgers, recovered in %d ms", name, len(self._host.ledger_ids()), took_ms)
        self._closing = Event()
        self._tidier = Thread(target=self._tidy, name="tidy", daemon=True)
        self._tidier.start()

    def ping(self) -> int:
        """Answers with the process id when the actor serves."""
        return os.getpid()

    def adopt(self, document: bytes) -> None:
        """Take over a revision of the chain, unless it is older than the one known."""
        chain = chain_from_document(orjson.loads(document))
        with self._adopting:  # of two gateways that hand theirs over at once, the newer one's stays
            if chain.revision > self._chain.revision:
                self._chain = chain

    def step(self, batch: bytes) -> bytes:
        """Answer a packed batch of commands; durable when this returns."""
        revision, entries = unpack_batch(batch)
        if revision > self._chain.revision:
            return RULES_ARE_STALE
        answers: list[Remembered | Stopped] = self._host.step(
            [(ledger_id, command_from_wire(wire)) for ledger_id, wire in entries]
        )
        return pack_answers(answers)

    def availability(self, store_ids: list[str], skus: list[str]) -> list[Wire]:
        """For each store (version, as_of_ms, positions).

        A position is (on_hand, reserved, allotted, safety_stock), or None where the SKU was never stocked.
        """

        def question(hosted: Hosted, now_ms: int) -> Wire:
            positions = hosted.ledger.positions
            rows = []
            for sku in skus:
                position = positions.get(sku)
                rows.append(
                    None
                    if position is None
                    else (position.on_hand, position.reserved, position.allotted, position.safety_stock)
                )
            return (hosted.ledger.version, now_ms, rows)

        return [self._host.read(store_id, question) for store_id in store_ids]

    def reservation(self, store_id: str, number: int) -> tuple[int, Wire | None]:
        """The ledger's version and the reservation, None where there is none."""

        def question(hosted: Hosted, _now_ms: int) -> tuple[int, Wire | None]:
            reservation = hosted.ledger.reservations.get(number)
            return hosted.ledger.version, None if reservation is None else reservation_to_wire(reservation)

        return self._host.read(store_id, question)

    def reservations(
        self, store_id: str, statuses: list[int], after_number: int, page_size: int
    ) -> tuple[int, list[Wire], int]:
        """The ledger's version, a page by number, and the number to go on after, 0 at the end."""
        wanted = frozenset(statuses)

        def question(hosted: Hosted, _now_ms: int) -> tuple[int, list[Wire], int]:
            ledger = hosted.ledger
            page: list[Wire] = []
            for number in range(after_number + 1, min(after_number + LIST_SCAN_MAX, ledger.version) + 1):
                reservation = ledger.reservations.get(number)
                if reservation is not None and (not wanted or reservation.status in wanted):
                    page.append(reservation_to_wire(reservation))
                    if len(page) == page_size:
                        return ledger.version, page, number if number < ledger.version else 0
            scanned = after_number + LIST_SCAN_MAX
            return ledger.version, page, scanned if scanned < ledger.version else 0

        return self._host.read(store_id, question)

    def feed(
        self, cursors: list[tuple[str, int]], skip_stopped: bool, bytes_max: int = FEED_BYTES_MAX
    ) -> list[tuple[str, list[FeedRecord]]]:
        """Durable records after each (store, version); stores with nothing new are left out.

        At least one record where there is any; stores behind the one that reaches `bytes_max` wait for another turn.
        A store whose ledger is stopped ends the feed of those who named it, and is skipped for those who follow all.
        """
        found: list[tuple[str, list[FeedRecord]]] = []
        left = bytes_max
        for store_id, after in cursors:
            if not self._host.has_begun(store_id) or (skip_stopped and self._host.is_stopped(store_id)):
                continue
            # Reading through the host expires what is due, and proves that this actor is in office.
            version = self._host.read(store_id, lambda hosted, _now_ms: hosted.ledger.version)
            if version > after:
                records = _within_bytes(self.records(store_id, after, FEED_EVENTS_MAX), left)
                found.append((store_id, records))
                left -= sum(len(record.payload) for record in records)
                if left <= 0:
                    break
        return found

    def status(self, store_id: str) -> dict[str, Any]:
        """Where a ledger stands."""

        def question(hosted: Hosted, now_ms: int) -> dict[str, Any]:
            ledger = hosted.ledger
            return {
                "version": ledger.version,
                "epoch": hosted.epoch,
                "actor": self._name,
                "pid": os.getpid(),
                "ledger_time_ms": now_ms,
                "open_reservations": ledger.open_reservations,
                "positions": len(ledger.positions),
                "remembered_answers": ledger.remembered,
                "snapshot_version": hosted.snapshot_seq,
                "replayed_events": hosted.recovery.replayed_events,
                "recovery_us": hosted.recovery.took_us,
                "repeats_answered": hosted.repeats_answered,
                "policy_version": ledger.policy.version,
            }

        return self._host.read(store_id, question)

    def live_state(self, store_id: str) -> tuple[int, str, dict[str, tuple[int, int, int, int]], int]:
        """Version, state hash, positions as in `availability`, and open reservations: what an audit is held against."""

        def question(hosted: Hosted, _now_ms: int) -> tuple[Capture, dict[str, tuple[int, int, int, int]], int]:
            ledger = hosted.ledger
            positions = {
                sku: (position.on_hand, position.reserved, position.allotted, position.safety_stock)
                for sku, position in ledger.positions.items()
            }
            live = sum(1 for reservation in ledger.reservations.values() if reservation.status in LIVE)
            return Capture(ledger), positions, live

        capture, positions, live = self._host.read(store_id, question)
        return capture.version, capture.state_hash(), positions, live

    def records(self, store_id: str, after: int, events_max: int) -> list[FeedRecord]:
        """Durable records after a version, whoever wrote them."""
        return [
            FeedRecord(r.seq, r.event_count, r.epoch, r.at_ms, r.payload)
            for r in self._journal.read(store_id, after, events_max)
        ]

    def close(self) -> None:
        """Write what makes the next start quick, and let go of the journal. Nothing accepted would be lost without."""
        self._closing.set()
        self._tidier.join()
        for ledger_id in self._host.ledger_ids():
            self._host.snapshot_if_moved(ledger_id)
        self._journal.close()

    def _policy_of(self, store_id: str) -> Policy | None:
        return self._chain.policy_of(store_id) if self._chain.revision else None

    def _pause(self) -> None:
        self._closing.wait(SNAPSHOT_PAUSE_S)

    def _tidy(self) -> None:
        """Sweep expired holds and write snapshots, until the actor closes or its journal ends it."""
        while not self._closing.wait(TIDY_EVERY_S):
            try:
                self._host.sweep()
                for ledger_id in self._host.snapshots_due(SNAPSHOT_EVENTS_MIN):
                    self._host.snapshot(ledger_id, self._pause)
            except JournalError:
                return  # `end` was told already
            except Exception as error:  # an actor that no longer expires anything must not go on
                self._end(JournalFailed(f"tidying failed: {error!r}"))
                raise


def _within_bytes(records: list[FeedRecord], bytes_max: int) -> list[FeedRecord]:
    """The first of them that fit, at least one."""
    total = 0
    for count, record in enumerate(records):
        total += len(record.payload)
        if count and total > bytes_max:
            return records[:count]
    return records
