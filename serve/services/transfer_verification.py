"""VerifyTransfers: both ends of every transfer compared, as their ledgers have them.

What is held against something is always read before it: what a destination has, before what its source says that it
sent; what a source has heard, before what its destination says that came. So nothing but what is on its way may differ.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from actors.core.policy import DAY_MS
from actors.core.status import TransferStatus
from actors.protocol.messages import Unseen
from actors.runtime.clock import Clock
from actors.shop.transfers.transfer import Transfer, Units
from holdfast.v1 import transfer_service_pb2 as ts
from serve.calls import Call
from serve.routing.beside import KEPT, OneByOne
from serve.routing.router import Router

VERIFY_S: Final = 120.0  # where the caller named no time
COMPARED_MAX: Final = 500  # transfers read and compared at a time
DISCREPANCIES_MAX: Final = 100

Found = Transfer | Unseen | None


class TransferVerification:
    """Serves VerifyTransfers."""

    def __init__(self, router: Router, clock: Clock) -> None:
        self._router = router
        self._clock = clock
        self.calls: Final = {"VerifyTransfers": Call(self._verify, timeout_s=VERIFY_S)}

    async def _verify(
        self, _request: ts.VerifyTransfersRequest, deadline: float, reply: ts.VerifyTransfersResponse
    ) -> None:
        comparison, questions = Comparison(reply, self._clock.now_ms()), OneByOne(self._router, deadline)
        left_out: set[str] = set()
        left = frozenset(TransferStatus) - {TransferStatus.PROPOSED, TransferStatus.CANCELLED}
        for store_id in await self._router.shops_with_actors():
            after = 0
            while True:
                asked = (store_id, sorted(left), after, COMPARED_MAX)
                try:
                    _, page, after = await questions.ask(store_id, "transfers", *asked)
                except KEPT:
                    left_out.add(store_id)
                    break
                left_out |= await _other_ends(store_id, page, comparison, questions)
                if not after:
                    break
        reply.left_out.extend(sorted(left_out))
        reply.holds = not reply.discrepancies


async def _other_ends(
    store_id: str, page: Iterable[Transfer], comparison: "Comparison", questions: OneByOne
) -> set[str]:
    """Compare these transfers with their other ends; those of which these are stopped, or do not answer."""
    away: set[str] = set()
    by_other: dict[str, list[Transfer]] = {}
    for transfer in page:
        other = transfer.destination if transfer.source == store_id else transfer.source
        by_other.setdefault(other, []).append(transfer)
    for other, mine in by_other.items():
        names = [transfer.transfer_id for transfer in mine]
        try:
            theirs = await questions.ask(other, "transfers_of", other, names)
        except KEPT:
            away.add(other)
            continue
        for transfer, there in zip(mine, theirs, strict=True):
            compare: Callable[[Transfer, Found], None] = (
                comparison.of_source if transfer.source == store_id else comparison.of_destination
            )
            compare(transfer, there)
    return away


class Comparison:
    """What was found, in the reply."""

    def __init__(self, reply: ts.VerifyTransfersResponse, now_ms: int) -> None:
        self._reply = reply
        self._now_ms = now_ms

    def of_destination(self, mine: Transfer, sent: Found) -> None:
        """What a destination expects or has received was sent, as it says."""
        if isinstance(sent, Unseen) or self._may_be_forgotten(mine, sent):
            return
        lines = sent.lines if sent is not None and _has_left(sent) else ()
        if mine.lines != lines:
            self._missing(_difference(mine.lines, lines), mine, f"{lines} sent", f"{mine.lines} at its destination")

    def of_source(self, mine: Transfer, there: Found) -> None:
        """What a source has sent is in transit, or was received; what it has heard is what was received."""
        self._reply.transfers += 1
        received = isinstance(there, Transfer) and there.status is TransferStatus.RECEIVED
        if isinstance(there, Unseen) or self._may_be_forgotten(mine, there):
            return
        if there is not None and received:
            came = dict(there.received)
            self._reply.units_short += sum(max(0, units - came.get(sku, 0)) for sku, units in there.lines)
        elif mine.status is TransferStatus.SENT:
            self._reply.units_in_transit += sum(units for _, units in mine.lines)
        if mine.status is TransferStatus.RECEIVED:
            came_there = there.received if there is not None and received else ()
            if came_there != mine.received:
                expected, found = f"{came_there} received", f"{mine.received} by what its source has heard"
                self._missing(_difference(mine.received, came_there), mine, expected, found)

    def _may_be_forgotten(self, mine: Transfer, there: Found) -> bool:
        """Whether the other end may have forgotten it: what is over is remembered for a day at least."""
        is_old = mine.status is TransferStatus.RECEIVED and mine.received_at_ms < self._now_ms - DAY_MS
        return there is None and is_old

    def _missing(self, units: int, of: Transfer, expected: str, found: str) -> None:
        self._reply.units_missing += units
        if len(self._reply.discrepancies) < DISCREPANCIES_MAX:
            self._reply.discrepancies.add(invariant="I17", subject=of.transfer_id, expected=expected, found=found)


def _has_left(transfer: Transfer) -> bool:
    return transfer.status in (TransferStatus.SENT, TransferStatus.RECEIVED)


def _difference(mine: Units, others: Units) -> int:
    units = Counter(dict(mine))
    units.subtract(dict(others))
    return sum(map(abs, units.values()))
