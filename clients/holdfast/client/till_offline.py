"""How a till is given units and reservations for the time that it is cut off, hands those out, and settles it all; it
sells as ever (`till.py`), of what it was given (`till_allotments.py`).

All of it is on disk before a call returns, and is settled by `flush`, in sequence, as often as that takes.
"""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass

from holdfast.client import errors, till_rows
from holdfast.client.channel import ChannelClient
from holdfast.client.models import stock as models
from holdfast.client.models.allotments import Allotment, AllotmentOutcome, HolderKind
from holdfast.client.models.reservations import HandOver, Reason, Rejection, Reservation
from holdfast.client.pickup_codes import ReadCode, code_refused, read_pickup_code
from holdfast.client.statuses import NOTHING_DONE
from holdfast.client.till_allotments import Collect, HandOut, Term, now_ms
from holdfast.client.till_journal import TillJournal
from holdfast.client.wire_types import LineQuantities

_OVER = frozenset({Reason.ALLOTMENT_ENDED, Reason.ALLOTMENT_NOT_FOUND})
# Raised only where no attempt can have done anything.
_NOTHING_DONE = (errors.InvalidArgument, *NOTHING_DONE)


@dataclass(frozen=True, slots=True)
class HandOutConflict:
    """A reservation that this till has handed out while it was cut off, and that the service refused, as it was
    released or has expired meanwhile. Its units are booked as sold over the counter; `rejection` says what had become
    of it. It is None where the service takes the hand-out itself for wrong, and `why` says what is.
    """

    reservation_id: str
    payment_reference: str
    rejection: Rejection | None
    why: str


@dataclass(frozen=True, slots=True)
class FlushReport:
    """What a flush did. `unsent` is what is left; `refused` and `why` say why, where something is.

    `applied` and `dropped_repeated` are the service's own counts; rows of a flush whose answer was lost are sent again
    by the next one, and get their first answer. `recorded` are the movements of the call itself: with a receipt that is
    known, those of its first call.

    `doubtful` is how many movements are in doubt: another file had used their numbers, a copy of this one, so they are
    booked only where the copy held the same sales. See `TillClient.settle_doubtful`. `lost` is how many movements a
    shop that was restored from a copy has lost, and this file has not any more: count the shop.

    `settled_late` of the movements applied were sold from an allotment that had ended and was counted since: they
    changed nothing on hand. `handed_out` is how many hand-outs the service took, `conflicts` are those that it refused,
    each told once; those of a call that has no report are in the next one.
    """

    applied: int = 0
    dropped_repeated: int = 0
    unsent: int = 0
    shortfalls: tuple[models.Shortfall, ...] = ()
    refused: Rejection | None = None
    why: str = ""
    recorded: tuple[models.Adjustment, ...] = ()
    doubtful: int = 0
    lost: int = 0
    settled_late: int = 0
    handed_out: int = 0
    conflicts: tuple[HandOutConflict, ...] = ()


class OfflineTill(ABC):
    """The calls of a till that need no network, once it was given something."""

    store_id: str
    till: str
    journal: TillJournal
    channel_client: ChannelClient
    _conflicts: list[HandOutConflict]  # that no report has told yet

    @abstractmethod
    async def _settle(self, timeout_ms: int | None) -> FlushReport:
        """Send what is unsent, as `TillClient.flush`; conflicts stay for the next report."""

    async def take_allotment(
        self, lines: LineQuantities, *, ttl_ms: int, reason: str = "", timeout_ms: int | None = None
    ) -> AllotmentOutcome:
        """Take units that only this till sells until then, also while it is cut off: `sell` draws from them first.

        Refused where the shop has fewer available. Asked for again after an error or a restart, with the same lines and
        time, it is the same allotment. What is not sold is given back by `return_allotments`. Once the machine was
        started anew nothing more is sold from it, for nobody knows for how long that was off; nor is a reservation that
        was given handed out then. Where the machine does not say which of its starts it is, a restart of the program
        ends them as well.
        """
        chosen = sorted(lines)
        content = repr((chosen, ttl_ms))
        key, term = await asyncio.to_thread(self.journal.ask, content, ttl_ms)
        outcome = await self.channel_client.allot_stock(
            self.store_id,
            self.till,
            chosen,
            kind=HolderKind.TILL,
            ttl_ms=ttl_ms,
            reason=reason,
            idempotency_key=key,
            timeout_ms=timeout_ms,
        )
        allotment = outcome if isinstance(outcome, Allotment) else None
        await asyncio.to_thread(self.journal.took, content, allotment, term)
        if allotment is None or term.taken_s is not None:
            return outcome
        # It was asked for before the machine was started anew, so its end is not known; nothing was sold from it.
        await self._return(allotment.allotment_id, timeout_ms)
        return await self.take_allotment(chosen, ttl_ms=ttl_ms, reason=reason, timeout_ms=timeout_ms)

    def allotted(self, sku: str) -> int:
        """Units of a SKU that this till was given and may sell now."""
        return self.journal.allotments.left(sku)

    async def return_allotments(self, *, timeout_ms: int | None = None) -> tuple[Allotment, ...]:
        """Give back what is left of all that this till has taken: nothing is sold from it from now on, and its sales
        are sent first. Raises Unavailable where that cannot be done; it may be called again.
        """
        closed = await asyncio.to_thread(self.journal.close_allotments)
        report = await self._settle(timeout_ms)
        if report.unsent:
            where = f"till {self.till} of shop {self.store_id}"
            raise errors.Unavailable("return", where=where, why=f"{report.unsent} movements are unsent: {report.why}")
        outcomes = [await self._return(name, timeout_ms) for name in closed]
        return tuple(outcome for outcome in outcomes if outcome is not None)

    async def _return(self, name: str, timeout_ms: int | None) -> Allotment | None:
        """Give back what is left of one; None where it was over."""
        outcome = await self.channel_client.return_allotment(
            name, settled=True, idempotency_key=f"return-{name}", timeout_ms=timeout_ms
        )
        if isinstance(outcome, Rejection) and outcome.reason not in _OVER:
            raise errors.Conflict("return an allotment", where=name, why=outcome.message)
        await asyncio.to_thread(self.journal.returned, name)
        return outcome if isinstance(outcome, Allotment) else None

    async def take_reservation(
        self, reservation_id: str, *, ttl_ms: int, timeout_ms: int | None = None
    ) -> Reservation | Rejection:
        """Have a reservation given to this till, which alone hands it out until then, within its deadline: by
        `hand_out` also while it is cut off, by this id or by that of the answer. It may be released or expire
        meanwhile; see `HandOutConflict`.
        """
        began_ms, began_s = now_ms(), till_rows.clock_s()
        outcome = await self.channel_client.give(reservation_id, self.till, ttl_ms=ttl_ms, timeout_ms=timeout_ms)
        if isinstance(outcome, Reservation):
            given_ms = ttl_ms
            if outcome.till_until_ms == outcome.expires_at_ms:
                # By the wall clock: where that is wrong, there may be a conflict.
                given_ms = min(ttl_ms, outcome.expires_at_ms - began_ms)
            term = Term.beginning(began_ms, began_s, given_ms)
            await asyncio.to_thread(self.journal.was_given, outcome, term, reservation_id)
        return outcome

    async def read_pickup_keys(self, *, timeout_ms: int | None = None) -> int:
        """Keep the keys of pickup codes in the till's file, for when it is cut off; returns how many are good. Once a
        day, and when a code is refused as revoked.
        """
        keys = {key.key_id: key.public_key for key in await self.channel_client.list_pickup_keys(timeout_ms=timeout_ms)}
        await asyncio.to_thread(self.journal.keep_pickup_keys, keys)
        return len(keys)

    def read_code(self, code: str, *, at_ms: int | None = None) -> ReadCode:
        """What a pickup code says that is for this shop, by the keys in the till's file. `at_ms` is when it was shown,
        None now. Raises InvalidArgument, with the `reason` that LookupPickup has, or PICKUP_CODE_OVER for one whose
        time was over then.
        """
        read = read_pickup_code(code, self.journal.allotments.pickup_keys)
        if read.store_id != self.store_id:
            why, mend = f"it is for shop {read.store_id}", "The customer collects there"
            raise code_refused("PICKUP_CODE_ELSEWHERE", why, mend)
        if read.not_after_ms <= (now_ms() if at_ms is None else at_ms):
            mend = "It may have been extended: look it up over the network, or have the customer open the page again"
            raise code_refused("PICKUP_CODE_OVER", "its time to collect was over", mend)
        return read

    async def hand_out_code(
        self,
        code: str,
        *,
        payment_reference: str,
        recipient_id: str = "",
        id_checked: bool = False,
        at_ms: int | None = None,
        timeout_ms: int | None = None,
    ) -> bool:
        """`hand_out` of what a pickup code is for, which this till was given. Raises as `read_code` and that."""
        reservation_id = self.read_code(code, at_ms=at_ms).reservation_id
        return await self.hand_out(
            reservation_id,
            payment_reference=payment_reference,
            recipient_id=recipient_id,
            id_checked=id_checked,
            timeout_ms=timeout_ms,
        )

    async def hand_out(
        self,
        reservation_id: str,
        *,
        payment_reference: str,
        recipient_id: str = "",
        id_checked: bool = False,
        timeout_ms: int | None = None,
    ) -> bool:
        """Hand out all of a reservation that this till was given, and then try to say so; a lost network is no error.

        It is on disk when this returns. True where the service knows it by now, or it is a conflict; else a later
        `flush` says it. Raises NotFound where this till was not given it, or its time is over, and InvalidArgument for
        a reference that is not 1 to 128 printable characters, and Conflict where it has done so with another payment;
        then nothing was recorded. `recipient_id` is a key of whoever came in the customer's place.
        """
        made = await asyncio.to_thread(
            lambda: self.journal.hand_out(reservation_id, payment_reference, recipient_id, id_checked=id_checked)
        )
        try:
            await self._settle(timeout_ms)
        except errors.HoldfastError:  # it is recorded, whatever else there is
            return False
        return made not in self.journal.allotments.hand_outs

    async def _settle_hand_outs(self, timeout_ms: int | None) -> tuple[int, int, str]:
        """Say what was handed out: how many the service took, how many it refused, and why some are unsaid.

        All under one deadline, for each is of another reservation: while one waits for a ledger that is away, the
        others' holds must not expire unsaid, and a broken connection costs no more than the call that finds it.
        """
        waiting = tuple(self.journal.allotments.hand_outs)
        said = await asyncio.gather(*(self._say(made, timeout_ms) for made in waiting), return_exceptions=True)
        taken = refused = 0
        why = ""
        for each in said:
            match each:
                case None:
                    taken += 1
                case HandOutConflict():
                    refused += 1
                case errors.ClientClosed() | errors.TillJournalDamaged():
                    raise each
                case errors.HoldfastError():
                    why = why or str(each)
                case _:
                    raise each
        return taken, refused, why

    async def _say(self, made: HandOut, timeout_ms: int | None) -> HandOutConflict | None:
        """One hand-out. What the service refuses for good is a conflict, and is settled as well."""
        conflict = None
        try:
            outcome = await self._collect(made, timeout_ms)
            if isinstance(outcome, Rejection):
                conflict = HandOutConflict(made.reservation_id, made.payment_reference, outcome, outcome.message)
        except errors.InvalidArgument as error:
            conflict = HandOutConflict(made.reservation_id, made.payment_reference, None, str(error))
        if conflict:
            self._conflicts.append(conflict)
        await asyncio.to_thread(self.journal.settled, made, sold_anyway=conflict is not None)
        return conflict

    async def _collect_noted(
        self,
        reservation_id: str,
        payment_reference: str,
        lines: LineQuantities,
        hand_over: HandOver,
        timeout_ms: int | None,
    ) -> Reservation | Rejection:
        """Collect over the network. Of what this till was given that is on disk before, and so is the answer: nobody
        gets from its file what was collected, and what nobody knows of is not handed out in other words.
        """
        asked = tuple(sorted(lines))
        if violations := till_rows.lines_violations(asked):  # what is noted and cannot be said would stay so
            why = "its lines are not valid, and nothing was asked"
            raise errors.InvalidArgument("collect a reservation", where=reservation_id, why=why, violations=violations)
        noted = await asyncio.to_thread(self.journal.collecting, reservation_id, payment_reference, asked)
        collect, is_new = noted or (Collect(reservation_id, payment_reference, asked, asked), False)
        try:
            outcome = await self.channel_client.collect(
                collect.reservation_id,
                payment_reference=payment_reference,
                lines=collect.lines,
                till=self.till,
                hand_over=hand_over,
                idempotency_key=collect_key(collect.reservation_id, payment_reference, collect.lines),
                timeout_ms=timeout_ms,
            )
        except _NOTHING_DONE:
            if is_new:
                await asyncio.to_thread(self.journal.collected, collect, None)
            raise
        if noted:
            await asyncio.to_thread(self.journal.collected, collect, outcome)
        return outcome

    async def _collect(self, made: HandOut, timeout_ms: int | None) -> Reservation | Rejection:
        return await self.channel_client.collect(
            made.reservation_id,
            payment_reference=made.payment_reference,
            lines=made.lines,
            till=self.till,
            hand_over=HandOver(self.till, made.recipient_id, made.id_checked),
            idempotency_key=collect_key(made.reservation_id, made.payment_reference, made.lines),
            timeout_ms=timeout_ms,
        )


def collect_key(reservation_id: str, payment_reference: str, lines: LineQuantities) -> str:
    """The key of a hand-over, made of what it says: a till that lost its answer, or its power, says the same again."""
    return _key("collect", (reservation_id, payment_reference, sorted(lines)))


def return_key(reservation_id: str, refund_reference: str, lines: LineQuantities, unsellable: LineQuantities) -> str:
    """The key of a return, likewise."""
    return _key("return", (reservation_id, refund_reference, sorted(lines), sorted(unsellable)))


def _key(what: str, content: tuple[object, ...]) -> str:
    return f"{what}-{hashlib.sha256(repr(content).encode()).hexdigest()[:40]}"
