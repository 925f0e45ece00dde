"""What a shop's actor answers about pick tasks, and about what a customer is to collect."""

from itertools import islice
from typing import Final

from actors.core.status import PickStatus, Status
from actors.rpc.methods import rpc
from actors.runtime.actor_runtime import LedgerActor
from actors.shop.picking.pick_task import PickTask
from actors.shop.state import AnyReservation, Ledger

Told = tuple[PickTask, AnyReservation | None]  # a task, and its reservation while that goes on

_TO_COLLECT: Final = frozenset({Status.CONFIRMED, Status.READY})
_NOT_OVER: Final = (
    *(PickStatus.TO_PICK, PickStatus.PICKING, PickStatus.PICKED, PickStatus.READY),
    PickStatus.TO_PUT_BACK,
)


PICKUPS_TOLD_MAX: Final = 100  # of one customer
LOOKED_AT_MAX: Final = 1_000  # a marketplace may place all of its orders as one


class PickQuestions(LedgerActor):
    """Questions about pick tasks and pickups, of shops' ledgers."""

    @rpc
    def pick_tasks(
        self, store_id: str, statuses: list[int], after: str, page_size: int
    ) -> tuple[int, int, list[Told], str]:
        """The ledger's version and time, a page of tasks in the sequence of `Picks.page`, and what to go on after,
        empty at the end. A page costs what is on it.
        """
        if not self.host.has_begun(store_id):
            return 0, 0, [], ""
        with self.host.reading(store_id) as (hosted, now_ms):
            ledger: Ledger = hosted.ledger
            wanted = tuple(PickStatus(each) for each in statuses) or _NOT_OVER
            page, after = ledger.picks.page(wanted, after, page_size, now_ms)
            return ledger.version, now_ms, [_told(ledger, task) for task in page], after

    @rpc
    def pick_task(self, store_id: str, number: int) -> tuple[int, int, Told | None]:
        """The ledger's version and time, and a task; one that was handed over as it was then, but for its lines."""
        if not self.host.has_begun(store_id):
            return 0, 0, None
        with self.host.reading(store_id) as (hosted, now_ms):
            ledger: Ledger = hosted.ledger
            task, over = ledger.picks.rows.get(number), ledger.finished.ended_as(number)
            if task is not None:
                return ledger.version, now_ms, _told(ledger, task)
            if over is None or over[0] is not Status.COLLECTED:
                return ledger.version, now_ms, None
            version = ledger.finished.version_of(number)
            return ledger.version, now_ms, (PickTask(number, PickStatus.HANDED_OVER, 0, (), 0, version), None)

    @rpc
    def pickups_of(self, store_id: str, customer_id: str) -> list[AnyReservation]:
        """What a customer is to collect here, the newest first: at most PICKUPS_TOLD_MAX."""
        if not self.host.has_begun(store_id):
            return []
        with self.host.reading(store_id) as (hosted, _):
            ledger: Ledger = hosted.ledger
            found = ledger.customers.get(customer_id, ())
            newest = (found,) if isinstance(found, int) else islice(reversed(found), LOOKED_AT_MAX)
            mine = (ledger.reservations[number] for number in newest)
            return list(islice((each for each in mine if each.status in _TO_COLLECT), PICKUPS_TOLD_MAX))


def _told(ledger: Ledger, task: PickTask) -> Told:
    goes_on = task.status is not PickStatus.TO_PUT_BACK
    return task, ledger.reservations.get(task.number) if goes_on else None
