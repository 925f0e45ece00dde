"""The actor that tells customers what becomes of their orders: the only one, and the only writer of its ledger.

Gateways bring what the shops' feeds say, in turn; it decides what is due, and sends it from a thread of its own. A
second one, whoever lives on, is fenced by the journal before it sends anything: no attempt is made that is not recorded
under the epoch in force.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from threading import Event as Flag, RLock, Thread
from typing import Final

from actors.core.pickup_keys import PickupKey
from actors.delivery.links import NO_LINKS
from actors.delivery.round import Desk, Round
from actors.journal.codec import NONSENSE, Reader, damage_of, encode_rows
from actors.journal.port import Journal, JournalDamaged, JournalError, JournalFailed, Record
from actors.notices.audit import Audit, Auditor
from actors.notices.commands import Begin, Command, EndAttempt, Observe, Rejoin, Repeat, SetRules
from actors.notices.decide import decide, fronts
from actors.notices.events import Event
from actors.notices.evolve import evolve
from actors.notices.occasion import NoticeStatus, Outcome
from actors.notices.rules import Rules
from actors.notices.snapshot import Row, restored, rows_of
from actors.notices.state import Ledger, Notice
from actors.protocol.formats import CURRENT, Writing
from actors.rpc.methods import rpc
from actors.runtime.clock import Clock

LEDGER_ID: Final = "notices"
READ_EVENTS_MAX: Final = 10_000
SNAPSHOT_EVENTS: Final = 20_000
TURN_S: Final = 0.2  # between two looks at what is due, where nothing was
PLACES: Final = 8  # letters of one channel at once: of so many nobody knows where this process ends
CLOSE_S: Final = 10.0  # for which attempts are waited for that are under way
LEASE_MS: Final = 3_000  # for which one gateway brings the feeds, so that not all of them read the same
PAGE_MAX: Final = 100
SCAN_MAX: Final = 5_000  # notices that are looked at for a page
UNKNOWN_WHY: Final = "the notifier ended before it knew"

_read_events: Final = Reader[Event](Event)
_read_rows: Final = Reader[Row](Row)

log = logging.getLogger("holdfast.notices")


class NotifierActor:
    """`desk` has the rules and the ways out, None where nothing is sent. `end` as in LedgerActor. Raises
    JournalError.
    """

    def __init__(
        self,
        name: str,
        journal: Journal,
        clock: Clock,
        end: Callable[[JournalError], None],
        writing: Writing = CURRENT,
        desk: tuple[Rules, Desk] | None = None,
    ) -> None:
        self.name = name
        self._end = end
        self._journal = journal
        self._clock = clock
        self._writing = writing
        self._lock = RLock()
        head = journal.take_over(LEDGER_ID)
        self._epoch = head.epoch
        self._ledger, self._snapshot_seq = self._recovered(head.seq)
        self._clock.raise_to(self._ledger.time_ms)
        self._lease: tuple[str, int] = ("", 0)
        self._closing = Flag()
        self._decide([EndAttempt(*each, Outcome.UNKNOWN, UNKNOWN_WHY) for each in self._unended()])
        self._sender: Thread | None = None
        self._links = NO_LINKS if desk is None else desk[1].links
        if desk is not None:
            rules, of_desk = desk
            self._decide([SetRules(rules)])
            self._sender = Thread(target=self._send, args=(of_desk,), name="send", daemon=True)
            self._sender.start()

    @rpc
    def cursors(
        self, gateway: str, link_key: PickupKey | None = None
    ) -> tuple[bool, dict[str, tuple[int, int]]] | None:
        """Whether it has begun, and up to where each shop's feed was read: version and hash of its record. None where
        another gateway brings the feeds just now. Letters have links by `link_key` from here on, if one is given.
        """
        with self._lock:
            if link_key is not None:
                self._links.learn(link_key)
            now_ms = self._clock.now_ms()
            holder, until_ms = self._lease
            if holder not in ("", gateway) and now_ms < until_ms:
                return None
            self._lease = (gateway, now_ms + LEASE_MS)
            self._journal_owned()
            cursors = {store_id: (each.version, each.record_hash) for store_id, each in self._ledger.cursors.items()}
            return self._ledger.began_at_ms > 0, cursors

    @rpc
    def begin(self, versions: dict[str, int]) -> None:
        """Go on from these versions of the shops, if it has not begun."""
        self._decide([Begin(versions)])

    @rpc
    def observe(self, seen: list[Observe]) -> None:
        """Take in what feeds have said; what was read from elsewhere than they had come to is passed over."""
        self._decide(seen)

    @rpc
    def rejoin(self, store_id: str, after: int, version: int) -> None:
        """Go on from a version of a shop whose history is not the one that was read."""
        self._decide([Rejoin(store_id, after, version)])
        log.warning(
            "%s has another history than was read of it: customers are told from version %d on", store_id, version
        )

    @rpc
    def listed(
        self, statuses: list[int], store_id: str, customer_id: str, after: int, page_size: int
    ) -> tuple[list[Notice], int]:
        """A page of notices, the newest first, from below a number, 0 for the newest; and the number to go on below, 0
        at the end. No statuses: any.
        """
        wanted = frozenset(statuses)
        with self._lock:
            numbers = sorted((each for each in self._ledger.notices if not after or each < after), reverse=True)
            page: list[Notice] = []
            looked = 0
            for looked in numbers[:SCAN_MAX]:
                notice = self._ledger.notices[looked]
                is_meant = store_id in ("", notice.store_id) and customer_id in ("", notice.customer_id)
                if is_meant and (not wanted or notice.status in wanted):
                    page.append(notice)
                    if len(page) == min(page_size, PAGE_MAX):
                        break
            self._journal_owned()
            return page, looked if numbers and looked != numbers[-1] else 0

    @rpc
    def counted(self) -> tuple[dict[str, int], int, int]:
        """What was counted since it began, how many notices wait, and when it began, 0 for never."""
        with self._lock:
            self._journal_owned()
            ledger = self._ledger
            waiting = sum(notice.status is NoticeStatus.WAITING for notice in ledger.notices.values())
            return dict(ledger.counts), waiting + len(ledger.under_way), ledger.began_at_ms

    @rpc
    def audited(self) -> Audit:
        """What the journal says of all attempts since the beginning. Reads all of it. Raises JournalDamaged."""
        with self._lock:  # the records that there are, and what waits, are of one moment
            until = self._ledger.version
            waiting = [number for numbers in self._ledger.of.values() for number in numbers]
            self._journal_owned()
        auditor, seq = Auditor(), 0
        while seq < until:
            for record in self._journal.read(LEDGER_ID, seq, READ_EVENTS_MAX):
                seq = record.seq
                if seq <= until:
                    auditor.take(_read_events(record.payload))
        return auditor.result(waiting)

    @rpc
    def repeat(self, number: int, operator: str) -> tuple[bool, Notice | None]:
        """Have a notice sent once more that has failed, or of which nobody knows: whether it is, and how it stands."""
        with self._lock:
            events = self._decide([Repeat(number, operator)])
            return bool(events), self._ledger.notices.get(number)

    def close(self) -> None:
        """Send no more, write a snapshot, and close the journal."""
        self._closing.set()
        if self._sender is not None:
            self._sender.join()
        with self._lock:
            if self._ledger.version > self._snapshot_seq:
                self._snapshot()
            self._journal.close()

    def _decide(self, commands: Sequence[Command]) -> list[Event]:
        """Decide and record, all in one durable write. Raises JournalError, and this owner has ended."""
        with self._lock:
            now_ms = max(self._clock.now_ms(), self._ledger.time_ms)
            made = self._decided(commands, now_ms)
            if made:
                payload = self._writing.json(made)
                record = Record(LEDGER_ID, self._epoch, self._ledger.version, len(made), now_ms, payload)
                self._guarded(lambda: self._journal.append([record]))
            if self._ledger.version - self._snapshot_seq >= SNAPSHOT_EVENTS:
                self._snapshot()
            return made

    def _decided(self, commands: Sequence[Command], now_ms: int) -> list[Event]:
        """What comes of them, in memory. What decides the first one may raise anything, and nothing was done then."""
        made: list[Event] = []
        is_ahead = False  # of the disk
        try:
            for command in commands:
                for event in decide(self._ledger, command, now_ms):
                    is_ahead = True
                    evolve(self._ledger, event, now_ms)
                    made.append(event)
        except Exception as error:
            if is_ahead:
                failure = JournalFailed(f"deciding failed: {type(error).__name__}")
                self._end(failure)
                raise failure from error
            raise
        return made

    def _snapshot(self) -> None:
        chunks = encode_rows(rows_of(self._ledger), self._writing.json)
        seq = self._ledger.version
        self._guarded(lambda: self._journal.write_snapshot(LEDGER_ID, self._epoch, seq, chunks))
        self._snapshot_seq = seq
        self._guarded(self._journal.checkpoint)

    def _journal_owned(self) -> None:
        """Return while this is the owner: a replaced one knows nothing that has happened since. Raises JournalError."""
        self._guarded(lambda: self._journal.check_owner({LEDGER_ID: self._epoch}))

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except JournalError as failure:
            self._end(failure)
            raise

    def _unended(self) -> list[tuple[int, int]]:
        """Notices and attempts that were under way when their owner ended."""
        return [(number, self._ledger.notices[number].attempts) for number in sorted(self._ledger.under_way)]

    def _recovered(self, head_seq: int) -> tuple[Ledger, int]:
        """The ledger as the journal has it, and the sequence of its snapshot. Raises JournalDamaged."""
        snapshot = self._journal.newest_snapshot(LEDGER_ID)
        ledger, place = Ledger(), "its snapshot"
        try:
            if snapshot is not None:
                ledger = restored(row for chunk in snapshot.chunks for row in _read_rows(chunk))
            while ledger.version < head_seq:
                for record in self._journal.read(LEDGER_ID, ledger.version, READ_EVENTS_MAX):
                    place = f"seq {record.seq}"
                    for event in _read_events(record.payload):
                        evolve(ledger, event, record.at_ms)
        except NONSENSE as error:
            raise damage_of(LEDGER_ID, place, error) from error
        if ledger.version != head_seq:
            raise JournalDamaged(LEDGER_ID, place, f"its events end at {ledger.version}, not at {head_seq}")
        return ledger, 0 if snapshot is None else snapshot.seq

    def _send(self, desk: Desk) -> None:
        """Send what is due until this closes, or is not the owner any more."""
        try:
            asyncio.run(self._sending(desk))
        except JournalError:
            return  # `end` was called already
        except Exception as error:  # a notifier that cannot send must end, and its successor tries again
            self._end(JournalFailed(f"sending failed: {type(error).__name__}"))
            raise

    async def _sending(self, desk: Desk) -> None:
        sending = Round(desk, self._decide, self._clock.now_ms)
        try:
            while not self._closing.is_set():
                with self._lock:
                    now_ms = max(self._clock.now_ms(), self._ledger.time_ms)
                    notices = (
                        []
                        if desk.links.is_awaited
                        else fronts(self._ledger, now_ms, 2 * PLACES + sending.passed_over())
                    )
                if not sending.start(notices, PLACES):
                    await sending.pause(TURN_S)
            await sending.end(CLOSE_S)
        finally:
            sending.close()
