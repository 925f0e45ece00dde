"""The actor that serialises the reservations of SKUs in great demand, over units of all shops: of each a ledger."""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from actors.core.ascending import Ascending, in_turn
from actors.core.ids import sku_of_ledger
from actors.rpc.methods import rpc
from actors.runtime.kinds import HOT
from actors.runtime.read_back import events_at
from actors.shop.hot.decide_sku import is_idle, moved_version
from actors.shop.hot.keys import HEAD_BYTES
from actors.shop.hot.projections import totals_of
from actors.shop.hot.units import DisownKey, HotTotals
from actors.shop.position import ByRank
from actors.shop.state import AnyReservation
from actors.store_actor import StoreActor

RESTING_KEY: Final = "\nrest"  # a ledger's own
MOVING_MAX: Final = 500  # of one ledger to an answer
BUCKETS_AT_ONCE: Final = 2_048  # of 16 keys each; some 1 ms under the lock

Position = tuple[HotTotals, int, int]  # and the units on hand, and those of them that are reserved
# Ledger, its time, reservations to report to customers' ledgers, those on their way to shops, and the number to
# continue after.
OutboxRow = tuple[str, int, list[AnyReservation], list[AnyReservation], int]


class HotSkuActor(StoreActor):
    """The ledgers of hot SKUs of one journal. They are as those of shops, with shops in the place of SKUs."""

    core = HOT

    @rpc
    def positions(self, ledger_id: str, store_ids: list[str]) -> tuple[int, int, dict[str, Position]]:
        """The ledger's version and time, and its units of these shops, or of all that it has known. A stale read, as
        `stock`: it neither locks nor waits.
        """
        ledger = self.host.stale_read(ledger_id)
        if ledger is None:
            return 0, 0, {}
        found: dict[str, Position] = {}
        for store_id in store_ids or list(ledger.hot.by):
            position = ledger.positions.get(store_id)
            if position is not None:
                found[store_id] = totals_of(ledger, store_id), position.on_hand, position.reserved
        return ledger.version, ledger.time_ms, found

    @rpc
    def held_of(self, ledger_id: str, store_id: str) -> list[int]:
        """Numbers of the reservations that hold units of this shop, the oldest first."""
        if not self.host.has_begun(ledger_id):
            return []
        with self.host.reading(ledger_id) as (hosted, _):
            position = hosted.ledger.positions.get(store_id)
            held_by = () if position is None else position.held_by or ()
            return sorted(chain.from_iterable(held_by) if isinstance(held_by, ByRank) else held_by)

    @rpc
    def answered(self, ledger_id: str) -> bytes:
        """The heads of the keys that it has answered; see `hot.keys`. None is left out that it answers again. Looked
        for a piece at a time, so that nobody is held up for long.
        """
        if not self.host.has_begun(ledger_id):
            return b""
        while True:
            heads = self._heads(ledger_id)
            if heads is not None:
                return heads

    def _heads(self, ledger_id: str) -> bytes | None:
        """The same, None where the ledger was read anew meanwhile: the pieces are of one table."""
        found = bytearray()
        with self.host.reading(ledger_id) as (hosted, _):
            ledger = hosted.ledger
        for table in (ledger.answers.made, ledger.answers.refused):
            first, is_whole = 0, False
            while not is_whole:
                with self.host.reading(ledger_id) as (hosted, _):
                    if hosted.ledger is not ledger:
                        return None
                    heads, first = table.heads(HEAD_BYTES, first, BUCKETS_AT_ONCE)
                found += heads
                is_whole = not first
        return bytes(found)

    @rpc
    def moved_from(self, ledger_id: str, number: int) -> AnyReservation | None:
        """A reservation that has moved into its shop, as it was; None where it has not, or was forgotten."""
        if not self.host.has_begun(ledger_id):
            return None
        with self.host.reading(ledger_id) as (hosted, _):
            version = moved_version(hosted.ledger, number)
        return self._moved(ledger_id, [version])[0] if version else None

    @rpc
    def hot_outbox(self, after: Mapping[str, int], revision: int = 0) -> list[OutboxRow] | None:
        """As `outbox`, with the reservations that are on their way, in turn: nobody may have told their shops, or the
        ledger that these have them.
        """
        rows = self.outbox(0, after, revision)
        if rows is None:
            return None
        of_parts = {ledger_id: (now_ms, parts, resume) for ledger_id, now_ms, parts, _, resume in rows}
        found: list[OutboxRow] = []
        read: dict[str, tuple[int, dict[int, int]]] = {}
        with self.host.reading_several() as reading:
            for ledger_id in self.host.ledger_ids():
                with reading(ledger_id) as (hosted, now_ms):
                    read[ledger_id] = now_ms, dict(hosted.ledger.hot.moving)
        for ledger_id, (read_ms, moving) in read.items():
            now_ms, parts, resume = of_parts.get(ledger_id, (read_ms, [], 0))
            last = after.get(ledger_id, 0)
            turn, moving_resume = in_turn(last, MOVING_MAX, Ascending(sorted(moving)))
            if resume and moving_resume:  # the nearer one: up to it both have had their turn
                resume = min(resume, moving_resume, key=lambda number: (number <= last, number))
            else:
                resume = resume or moving_resume
            versions = [moving[number] for number in turn]
            if versions or parts or resume:
                found.append((ledger_id, now_ms, parts, self._moved(ledger_id, versions), resume))
        return found

    def _let_rest(self) -> None:
        """Let ledgers rest of which the chain has forgotten the SKU. What is out of date there is forgotten before, or
        it would be read at each start.
        """
        for ledger_id in self.host.recovered_ids() if self.told_revision else ():
            if sku_of_ledger(ledger_id) in self.chain.hot:
                continue
            with self.host.reading(ledger_id) as (hosted, now_ms):
                ledger = hosted.ledger
                forgets = min(ledger.answers.made.forget_at_ms, ledger.finished.forget_at_ms) <= now_ms
            if is_idle(ledger):
                if forgets:  # with a refusal, and not beside its journal: a replay forgets the same
                    self.host.step_whole([(ledger_id, DisownKey(RESTING_KEY, ""))])
                self.host.snapshot_if_moved(ledger_id)
                self.host.rest(ledger_id, is_idle)

    def _moved(self, ledger_id: str, versions: list[int]) -> list[AnyReservation]:
        """The reservations that events of these versions moved, read back, holding nobody up."""
        events = events_at(self.core, self._journal, ledger_id, versions)
        return [events[version][0].before for version in versions]
