"""The client of a till: one shop, a poor network, and a file of its own so that no sale is lost or counted twice.

A movement is written to disk with its number before the call returns. `flush` sends what is unsent, in sequence;
the service drops by number what it has seen before, so a flush may be repeated at will, after a restart too.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import grpc

from holdfast.client import errors, till_rows
from holdfast.client.blocking import BlockingClient, blocking, iterating, opening, watching
from holdfast.client.channel import ChannelClient
from holdfast.client.limits import ROWS_PER_CALL_MAX, TILL_LIMITS, TILL_TIMEOUTS, Limits, RetryPolicy, Timeouts
from holdfast.client.models import stock as models
from holdfast.client.models.events import Event
from holdfast.client.models.pickups import CustomerSaid, PickupChange
from holdfast.client.models.reservations import HandOver, Reason, Rejection, Reservation, Status
from holdfast.client.pickup_codes import PREFIX as CODE_PREFIX, ReadCode
from holdfast.client.subscription import Subscription
from holdfast.client.till_journal import UNSENT_ROWS_MAX, TillJournal
from holdfast.client.till_offline import FlushReport, OfflineTill, return_key
from holdfast.client.wire_types import LineQuantities


class TillClient(OfflineTill, AbstractAsyncContextManager["TillClient"]):
    """One till of one shop. Make it inside the event loop that uses it, and close it (or use `async with`).

    `till` is its name, at most 47 characters; with the name of its file's series it is the source of its movements.
    `journal_path` is its file, made where there is none, and of no other till. Raises InvalidArgument and
    TillJournalDamaged. Without `may_exceed` it sells nothing beyond what it was given
    (`take_allotment`). The other arguments are those of `ChannelClient`.
    """

    def __init__(
        self,
        target: str,
        *,
        store_id: str,
        till: str,
        journal_path: Path,
        may_exceed: bool = True,
        unsent_rows_max: int = UNSENT_ROWS_MAX,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str]] = (),
        limits: Limits | None = TILL_LIMITS,
        timeouts: Timeouts = TILL_TIMEOUTS,
        retry: RetryPolicy | None = None,
    ) -> None:
        if violations := till_rows.till_violations(till):
            raise errors.InvalidArgument("open a till", where=f"shop {store_id}", violations=violations)
        self.store_id = store_id
        self.till = till
        self.may_exceed = may_exceed
        self.journal = TillJournal(journal_path, unsent_rows_max=unsent_rows_max)
        self.journal.belong_to(store_id, till)
        self.channel_client = ChannelClient(
            target, credentials=credentials, metadata=metadata, limits=limits, timeouts=timeouts, retry=retry
        )
        self._flushing = asyncio.Lock()
        self._conflicts = []

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection and the file. What is unsent stays in the file for the next start."""
        await self.channel_client.close()
        async with self._flushing:
            # Whoever still writes, after its caller was cancelled perhaps, is waited for.
            await asyncio.to_thread(self.journal.close)

    # -- movements

    async def sell(self, lines: LineQuantities, *, receipt: str = "", timeout_ms: int | None = None) -> FlushReport:
        """Record units sold over the counter, then try to send. A lost network is no error: see `unsent`.

        The receipt's number is the key of the sale: said again, it is recorded once. It is of what this till was given
        first, and beyond that of what everybody may take, unless `may_exceed` forbids it. Raises only where nothing was
        recorded, as `record` does.
        """
        sold = [(sku, -quantity) for sku, quantity in lines]
        return await self._record_and_send(models.AdjustmentKind.SALE, sold, receipt, timeout_ms)

    async def take_back(
        self, lines: LineQuantities, *, receipt: str = "", timeout_ms: int | None = None
    ) -> FlushReport:
        """Record units that customers brought back, then try to send, as `sell` does."""
        return await self._record_and_send(models.AdjustmentKind.RETURN, lines, receipt, timeout_ms)

    async def receive(self, lines: LineQuantities, *, receipt: str = "", timeout_ms: int | None = None) -> FlushReport:
        """Record goods that came in, then try to send, as `sell` does."""
        return await self._record_and_send(models.AdjustmentKind.RECEIPT, lines, receipt, timeout_ms)

    async def _record_and_send(
        self, kind: models.AdjustmentKind, lines: LineQuantities, receipt: str, timeout_ms: int | None
    ) -> FlushReport:
        if timeout_ms is not None and type(timeout_ms) is not int:  # what is wrong with it shows when it is recorded
            violation = errors.Violation("timeout_ms", f"{timeout_ms!r} is no number of milliseconds")
            where, why = f"till {self.till}", "nothing was recorded"
            raise errors.InvalidArgument("record a movement", where=where, why=why, violations=(violation,))
        recorded = await self.record(kind, lines, receipt=receipt)
        try:
            report = await self.flush(timeout_ms=timeout_ms)
        except errors.HoldfastError as error:  # it is recorded, whatever else there is
            report = FlushReport(unsent=len(self.journal.unsent), why=str(error))
        return replace(report, recorded=recorded)

    async def record(
        self, kind: models.AdjustmentKind, lines: LineQuantities, *, receipt: str = ""
    ) -> tuple[models.Adjustment, ...]:
        """Write movements, pairs of SKU and signed units, to the till's file; works without a network, sends nothing.

        They are on disk when it returns. With a receipt that is known for this kind, nothing is written, and what it
        recorded at first is returned. Raises InvalidArgument, also for a known receipt with other lines, Overloaded
        where the file is full, or BeyondAllotment.
        """
        now_ms = time.time_ns() // 1_000_000  # for its age, should this process not live to send it
        # A caller that is cancelled leaves the thread to finish; the journal takes one writer at a time by itself.
        chosen, may_exceed = list(lines), self.may_exceed
        return await asyncio.to_thread(
            lambda: self.journal.record(chosen, kind, now_ms, receipt, may_exceed=may_exceed)
        )

    async def settle_doubtful(self, *, book: bool) -> int:
        """End the doubt about movements whose numbers a copy of this file had used: record them anew where the copy did
        not hold these sales, or let go of them. Returns how many there were.
        """
        return await asyncio.to_thread(lambda: self.journal.settle_doubtful(book=book))

    async def flush(self, *, timeout_ms: int | None = None) -> FlushReport:
        """Send what is unsent, in sequence, and what was handed out, each by itself. Movements stop, without an error,
        where the service cannot be reached or refuses; hand-outs stop for none of them, nor for each other.

        Raises InvalidArgument or NotFound where the service takes a movement, or the shop, for wrong; all of it stays.
        `timeout_ms` is the deadline of each call of up to `ROWS_PER_CALL_MAX` movements, and of all the hand-outs.
        """
        report = await self._settle(timeout_ms)
        conflicts, self._conflicts = tuple(self._conflicts), []
        return replace(report, conflicts=conflicts)

    async def _settle(self, timeout_ms: int | None) -> FlushReport:
        async with self._flushing:
            # Together: what keeps one from being said, a ledger that is away, need not keep the other.
            both = self._send_movements(timeout_ms), self._settle_hand_outs(timeout_ms)
            report, said = await asyncio.gather(*both, return_exceptions=True)
            if isinstance(report, BaseException):
                raise report
            if isinstance(said, BaseException):
                raise said
            handed_out, refused, why = said
            told = replace(report, handed_out=handed_out, why=report.why or why)
            if refused:  # what was handed out then is sold
                more = await self._send_movements(timeout_ms)
                told = replace(
                    told,
                    unsent=more.unsent,
                    applied=told.applied + more.applied,
                    shortfalls=(*told.shortfalls, *more.shortfalls),
                    refused=more.refused,
                    why=more.why or why,
                )
            return told

    async def _send_movements(self, timeout_ms: int | None) -> FlushReport:
        applied = repeated = lost = late = 0
        shortfalls: list[models.Shortfall] = []
        refused: Rejection | None = None
        why = ""
        anew = False
        while True:
            key, rows = await asyncio.to_thread(self.journal.next_call, ROWS_PER_CALL_MAX)
            if not rows:
                break
            source = f"{self.till}/{self.journal.series}"
            try:
                outcome = await self.channel_client.adjust_stock(
                    self.store_id, source, rows, idempotency_key=key, timeout_ms=timeout_ms
                )
            except (errors.ClientClosed, errors.InvalidArgument, errors.NotFound, errors.TillJournalDamaged):
                raise
            except errors.HoldfastError as error:  # the rows are in the file, whatever the service says
                why = str(error)
                break
            if isinstance(outcome, Rejection):
                # A shop that was restored from a copy expects what it has taken before.
                if outcome.reason is Reason.SOURCE_GAP and outcome.available <= self.journal.sent and not anew:
                    anew = True
                    lost = await asyncio.to_thread(self.journal.go_back, outcome.available)
                    continue
                refused, why = outcome, outcome.message
                break
            await asyncio.to_thread(self.journal.answered, outcome.dropped_repeated)
            applied += outcome.applied
            late += outcome.settled_late
            repeated += outcome.dropped_repeated
            shortfalls.extend(outcome.shortfalls)
        unsent, doubtful = len(self.journal.unsent), len(self.journal.doubtful)
        told = FlushReport(applied, repeated, unsent, tuple(shortfalls), refused, why, doubtful=doubtful, lost=lost)
        return replace(told, settled_late=late)

    async def count(
        self,
        counts: LineQuantities,
        *,
        holds: models.HoldsCounted,
        allotted: models.AllottedCounted = models.AllottedCounted.INCLUDED,
        as_of_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.StockOutcome:
        """Set what was counted as of an instant (None: now). What this till sold before it is sent first.

        Raises Unavailable where that cannot be done: a count that overtakes its till's sales would bring them back.
        """
        report = await self._settle(timeout_ms)
        unsaid = report.unsent + len(self.journal.allotments.hand_outs)
        if unsaid:
            where = f"till {self.till} of shop {self.store_id}"
            raise errors.Unavailable("count", where=where, why=f"{unsaid} movements are unsent: {report.why}")
        return await self.channel_client.count_stock(
            self.store_id,
            counts,
            holds=holds,
            allotted=allotted,
            as_of_ms=as_of_ms,
            idempotency_key=idempotency_key,
            timeout_ms=timeout_ms,
        )

    # -- pickups

    async def pickup(self, reservation_id: str, *, timeout_ms: int | None = None) -> Reservation:
        """Look a pickup up. Raises NotFound. It may be another shop's: see its `store_id`."""
        return await self.channel_client.get_reservation(reservation_id, timeout_ms=timeout_ms)

    async def scanned(self, shown: str, *, timeout_ms: int | None = None) -> tuple[Reservation, ...]:
        """What this shop has for a pickup code, scanned or typed, as it is now; also what was collected. Raises
        InvalidArgument where it is no good here, and NotFound.
        """
        is_code = shown.strip().upper().startswith(CODE_PREFIX)
        code, short_code = (shown, None) if is_code else (None, shown)
        return await self.channel_client.lookup_pickup(
            self.store_id, code=code, short_code=short_code, timeout_ms=timeout_ms
        )

    async def pickups_of(
        self, display_name: str, last_digits: str, *, timeout_ms: int | None = None
    ) -> tuple[Reservation, ...]:
        """What a customer is to collect in this shop, by the name of the contact, or its last word, and the last four
        digits of the telephone. Raises NotFound, and Overloaded after some wrong ones. Look at an identity card.
        """
        said = CustomerSaid(display_name, last_digits)
        return await self.channel_client.lookup_pickup(self.store_id, customer=said, timeout_ms=timeout_ms)

    def ready_pickups(self, *, timeout_ms: int | None = None) -> AsyncIterator[Reservation]:
        """What waits at this shop's counter, oldest first."""
        return self.channel_client.list_reservations(self.store_id, statuses=[Status.READY], timeout_ms=timeout_ms)

    async def collect(
        self,
        reservation_id: str,
        *,
        payment_reference: str,
        lines: LineQuantities = (),
        recipient_id: str = "",
        id_checked: bool = False,
        timeout_ms: int | None = None,
    ) -> Reservation | Rejection:
        """Turn held into sold; `lines` empty collects all that is still held.

        The idempotency key is made of the arguments: a till that lost its answer, or its power, collects again with the
        same payment and gets the first answer, instead of being told that the goods are gone. Another till is told
        who has handed over and when (`hand_over`). `recipient_id` is a key of whoever came in the customer's place.
        """
        hand_over = HandOver(self.till, recipient_id, id_checked)
        return await self._collect_noted(reservation_id, payment_reference, lines, hand_over, timeout_ms)

    async def return_reservation(
        self,
        reservation_id: str,
        *,
        refund_reference: str,
        lines: LineQuantities = (),
        unsellable: LineQuantities = (),
        timeout_ms: int | None = None,
    ) -> Reservation | Rejection:
        """Take goods back by the receipt, which has the reservation's id; `lines` empty takes all that was collected
        and has not come back. `unsellable` are those of them that go to no shelf.

        As with `collect` the key is made of the arguments: said again, the goods come back once; two returns of the
        same lines need two references. What was sold over the counter comes back by `take_back`.
        """
        chosen, broken = sorted(lines), sorted(unsellable)
        return await self.channel_client.return_reservation(
            reservation_id,
            lines=chosen,
            unsellable=broken,
            refund_reference=refund_reference,
            till=self.till,
            idempotency_key=return_key(reservation_id, refund_reference, chosen, broken),
            timeout_ms=timeout_ms,
        )

    # -- stock and events

    async def availability(self, skus: Sequence[str], *, timeout_ms: int | None = None) -> models.StoreAvailability:
        """This shop's positions of the SKUs."""
        (found,) = await self.channel_client.get_availability([self.store_id], skus, timeout_ms=timeout_ms)
        if isinstance(found, models.UnreachableStore):
            raise found.error
        return found

    def watch(self, *, after_version: int = 0) -> Subscription[Event]:
        """What happens in this shop, from the event after `after_version` on."""
        return self.channel_client.watch_events({self.store_id: after_version})

    def watch_pickups(self, *, after_version: int = 0) -> Subscription[PickupChange]:
        """What became ready in this shop, was changed, collected, withdrawn or returned, after `after_version`."""
        return self.channel_client.watch_pickups({self.store_id: after_version})

    def watch_availability(
        self, *, after_version: int = 0, skus: Sequence[str] = ()
    ) -> Subscription[models.AvailabilityChange]:
        """This shop's positions as they change; `skus` empty watches all."""
        return self.channel_client.watch_availability({self.store_id: after_version}, skus=skus)


class BlockingTillClient(BlockingClient):
    """`TillClient` for threads, with the same arguments."""

    sell = blocking(TillClient.sell)
    take_back = blocking(TillClient.take_back)
    receive = blocking(TillClient.receive)
    record = blocking(TillClient.record)
    take_allotment = blocking(TillClient.take_allotment)
    return_allotments = blocking(TillClient.return_allotments)
    take_reservation = blocking(TillClient.take_reservation)
    hand_out = blocking(TillClient.hand_out)
    settle_doubtful = blocking(TillClient.settle_doubtful)
    flush = blocking(TillClient.flush)
    count = blocking(TillClient.count)
    pickup = blocking(TillClient.pickup)
    scanned = blocking(TillClient.scanned)
    pickups_of = blocking(TillClient.pickups_of)
    read_pickup_keys = blocking(TillClient.read_pickup_keys)
    hand_out_code = blocking(TillClient.hand_out_code)
    collect = blocking(TillClient.collect)
    return_reservation = blocking(TillClient.return_reservation)
    availability = blocking(TillClient.availability)
    ready_pickups = iterating(TillClient.ready_pickups)
    watch = watching(TillClient.watch)
    watch_pickups = watching(TillClient.watch_pickups)
    watch_availability = watching(TillClient.watch_availability)

    @opening(TillClient)
    def __init__(self, client: TillClient) -> None:
        self.client: TillClient = client

    def allotted(self, sku: str) -> int:
        """Units of a SKU that this till was given and may sell now."""
        return self.client.allotted(sku)

    def read_code(self, code: str, *, at_ms: int | None = None) -> ReadCode:
        """As `OfflineTill.read_code`."""
        return self.client.read_code(code, at_ms=at_ms)

    @property
    def unsent(self) -> tuple[models.Adjustment, ...]:
        """The movements that the service has not taken yet, in sequence."""
        return self.client.journal.unsent
