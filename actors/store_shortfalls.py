"""What a shop's actor answers about tasks of shortfalls, and about when what was lost may come."""

from collections.abc import Mapping

from actors.core.status import Status, TransferStatus
from actors.rpc.methods import rpc
from actors.runtime.actor_runtime import LedgerActor
from actors.shop.lines.estimates import Rates
from actors.shop.shortfalls.shortfall import ShortfallTask
from actors.shop.state import Ledger


class ShortfallQuestions(LedgerActor):
    """Questions about shortfalls, of shops' ledgers."""

    @rpc
    def shortfalls(
        self, store_id: str, after: int, page_size: int, only_open: bool
    ) -> tuple[int, list[tuple[ShortfallTask, int]], int]:
        """The ledger's version, a page of tasks, open ones first, each with when units for it may come here, 0 where
        none are in sight or it is closed; and what to go on after, 0 at the end.
        """
        if not self.host.has_begun(store_id):
            return 0, [], 0
        with self.host.reading(store_id) as (hosted, now_ms):
            ledger = hosted.ledger
            page, after = ledger.tasks.page(after, page_size, only_open=only_open)
            arrivals, rates = _arrivals(ledger, now_ms), Rates(ledger, now_ms)
            return ledger.version, [(task, _expected_ms(ledger, task, arrivals, rates)) for task in page], after

    @rpc
    def shortfall(self, store_id: str, number: int) -> ShortfallTask | None:
        if not self.host.has_begun(store_id):
            return None
        with self.host.reading(store_id) as (hosted, _):
            ledger: Ledger = hosted.ledger
            return ledger.tasks.rows.get(number)

    @rpc
    def moving(self, after: Mapping[str, int], revision: int = 0) -> list[tuple[str, list[ShortfallTask], int]] | None:
        """Tasks that move by themselves, and were left on the way: (store, tasks, the number to continue after, 0 at
        the end); `after` has these numbers from the previous answer. None where the chain revision here is older.
        """
        if revision > self.told_revision:
            return None
        found: list[tuple[str, list[ShortfallTask], int]] = []
        for store_id in self.host.ledger_ids():
            if self.host.stale_read(store_id).tasks.moving:
                with self.host.reading(store_id) as (hosted, now_ms):
                    found.append((store_id, *hosted.ledger.tasks.left(now_ms, after.get(store_id, 0))))
        return found


def _arrivals(ledger: Ledger, now_ms: int) -> dict[str, int]:
    """By SKU when the next transfer with some of it is expected here; what is late may come at any time."""
    found: dict[str, int] = {}
    for number in ledger.transfers.inbound.values():
        transfer = ledger.transfers.live[number]
        if transfer.status is TransferStatus.SENT:
            at_ms = max(now_ms, transfer.expected_at_ms)
            for sku, _ in transfer.lines:
                found[sku] = min(at_ms, found.get(sku, at_ms))
    return found


def _expected_ms(ledger: Ledger, task: ShortfallTask, arrivals: dict[str, int], rates: Rates) -> int:
    if task.resolution is not None:
        return 0
    by_sku: list[int] = []
    waiting = ledger.reservations.get(task.place)
    for sku, lost in task.lost():
        is_in_line = waiting is not None and waiting.status is Status.QUEUED
        units = rates.estimate(waiting).units if waiting and is_in_line else lost  # as the first who would wait
        estimate_ms = rates.of(sku).expected_at_ms(units)
        by_sku.append(min(filter(None, (estimate_ms, arrivals.get(sku, 0))), default=0))
    return max(by_sku) if all(by_sku) else 0
