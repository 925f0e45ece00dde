"""The actor that serialises reservations and stock changes: of one shop, or of several that share a journal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from actors.core.ascending import in_turn
from actors.core.due import About
from actors.core.linear_hash import in_sequence
from actors.core.status import FINAL, LIVE, Status
from actors.journal.port import JournalDamaged
from actors.protocol.messages import LedgerAway, LedgerElsewhere, Unseen
from actors.rpc.methods import rpc
from actors.runtime.actor_runtime import PAGE_PIECES_MAX, PAGE_SCAN_MAX, PIECE_SCAN_MAX
from actors.runtime.kinds import SHOP
from actors.runtime.read_back import ReadEvents, events_at, seen_at
from actors.shop.allotments.allotment import Allotment
from actors.shop.commands import Acknowledge, claim_key
from actors.shop.decide_claims import claimed_beside
from actors.shop.expiry import is_undelivered, note_lapsed
from actors.shop.lines.decide import Row, free_of, row_of
from actors.shop.lines.estimates import Estimate, Found, found_now
from actors.shop.projections import over_in
from actors.shop.state import AnyReservation, Ledger, Reservation
from actors.shop.transfers.transfer import Transfer
from actors.store_moves import MoveSteps
from actors.store_picking import PickQuestions
from actors.store_shortfalls import ShortfallQuestions
from actors.store_transfers import TransferQuestions, outbox_in_turn

OUTBOX_MAX: Final = 500  # parts of one shop to an answer
NOTED_AT_ONCE: Final = 500  # of what is to be counted; some 0.5 ms under the lock

Stock = tuple[int, int, int, int]  # on_hand, reserved, allotted, safety_stock
# The ledger's version and time; a row is None where never stocked.
Availability = tuple[int, int, list[Row | None]]
Wanted = Callable[[Ledger, Reservation], bool]
WantedOver = Callable[[Status, bool], bool]


class StoreActor(MoveSteps, TransferQuestions, ShortfallQuestions, PickQuestions):
    """The shops' ledgers of one journal."""

    core = SHOP

    def __init__(self, *args: Any, **named: Any) -> None:
        self._looked_through: dict[str, int] = {}  # the version of the policy under which each shop's holds were
        super().__init__(*args, **named)

    def _note_uncounted(self, store_id: str) -> None:
        """Enter in the outbox what a new limit of the whole chain applies to and no grant was given for, to be counted.
        It is looked for once for each policy, and once by each process, while decisions go on.
        """
        ledger = self.host.stale_read(store_id)
        if ledger is None or not ledger.policy.chain_limit_rules:
            return
        if self._looked_through.get(store_id) == ledger.policy.version:
            return
        with self.host.captured(store_id) as (_, capture):
            policy = capture.policy
            found = [each.number for each in capture.reservations.values() if each.is_uncounted_by(policy)]
            found = [number for number in found if number not in capture.outbox]
        for first in range(0, len(found), NOTED_AT_ONCE):
            self.host.step_whole([(store_id, Acknowledge((), (), tuple(found[first : first + NOTED_AT_ONCE])))])
        self._looked_through[store_id] = policy.version

    @rpc
    def availability(self, store_ids: list[str], skus: list[str]) -> list[Availability | str]:
        """For each store its stock of these SKUs, or why it is stopped; "" beside others for one that is read anew."""
        found: list[Availability | str] = []
        with self.host.reading_several() as reading:
            for store_id in store_ids:
                try:
                    with reading(store_id, About(tuple(skus))) as (hosted, now_ms):
                        rows = [row_of(hosted.ledger, sku) for sku in skus]
                        found.append((hosted.ledger.version, now_ms, rows))
                except (JournalDamaged, LedgerAway) as away:  # of this ledger; the others are read
                    if isinstance(away, LedgerElsewhere) or (isinstance(away, LedgerAway) and len(store_ids) == 1):
                        raise
                    found.append(str(away) if isinstance(away, JournalDamaged) else "")
        return found

    @rpc
    def stock(
        self, store_ids: list[str], skus: list[str], slot_start_ms: int, revision: int = 0
    ) -> list[tuple[list[int], int | None, list[int], int, list[str]] | str | None] | None:
        """For each store the units available by SKU, the places left in a slot, -1 where none was asked for, None where
        there is no such slot, and what undecided orders have claimed and else were available beside: by SKU the units,
        nothing where there are none, and the places; and SKUs whose own ledgers may have units of the store. None for a
        store whose ledger is stopped, an empty text where it is read anew. None altogether where a slot was asked for
        and the chain revision here is older.

        For ranking only: a stale read that neither locks, expires nor waits for writes, so that thousands of shops are
        answered in milliseconds. The decision checks the stock anew.
        """
        if slot_start_ms and revision > self.chain.revision:
            return None
        found: list[tuple[list[int], int | None, list[int], int, list[str]] | str | None] = []
        for store_id in store_ids:
            try:
                ledger = self.host.stale_read(store_id)
            except LedgerElsewhere:
                raise
            except LedgerAway:  # the others are read
                found.append("")
                continue
            if self.host.is_stopped(store_id):
                found.append(None)
                continue
            if ledger is None:
                found.append(([0] * len(skus), self._places_left(store_id, 0, slot_start_ms), [], 0, []))
                continue
            left = [free_of(ledger, sku) for sku in skus]
            available = [max(0, units) for units in left]
            taken = ledger.slots_taken.get(slot_start_ms, 0)
            places = self._places_left(store_id, taken, slot_start_ms)
            claimed, claimed_places = list[int](), 0
            if ledger.undecided:
                claims = ledger.claims_under_way(ledger.time_ms)
                claimed = claimed_beside(claims, skus, left)
                if slot_start_ms and places is not None:
                    taken -= ledger.places_of(claims, slot_start_ms)
                    claimed_places = (self._places_left(store_id, taken, slot_start_ms) or 0) - places
            hot = [sku for sku in skus if ledger.hot.left(sku)] if ledger.hot.by else []
            found.append((available, places, claimed, claimed_places, hot))
        return found

    def _places_left(self, store_id: str, taken: int, slot_start_ms: int) -> int | None:
        if not slot_start_ms:
            return -1
        slot = self.chain.policy_of(store_id).calendar.slot_at(slot_start_ms)
        return None if slot is None else max(0, slot.capacity - taken)

    @rpc
    def reservation(self, store_id: str, number: int) -> tuple[int, AnyReservation | None]:
        """The ledger's version, and the reservation or None."""
        version, (found,) = self._known(store_id, [number])
        return version, found

    @rpc
    def reservations(
        self, store_id: str, statuses: list[int], after_number: int, page_size: int
    ) -> tuple[int, list[AnyReservation], int]:
        """The ledger's version, a page of reservations by number, and the number to continue after, 0 at the end."""
        wanted = frozenset(statuses) or frozenset(Status)
        version, page, resume, _ = self._page(
            store_id,
            after_number,
            page_size,
            lambda _, each: each.status in wanted,
            (lambda status, _: status in wanted) if wanted & FINAL else None,
        )
        return version, [each for each, _ in page], resume

    @rpc
    def allotments(
        self, store_id: str, statuses: list[int], after_number: int, page_size: int
    ) -> tuple[int, list[Allotment], int]:
        """The ledger's version, a page of allotments by number, and the number to continue after, 0 at the end."""
        with self.host.reading(store_id) as (hosted, _):
            return (hosted.ledger.version, *hosted.ledger.allotments.page(statuses, after_number, page_size))

    @rpc
    def outbox(
        self, claim_age_ms: int, after: Mapping[str, int], revision: int = 0
    ) -> list[tuple[str, int, list[AnyReservation], list[Transfer], int]] | None:
        """Reservations to report to customers' ledgers, and transfers to other shops: (store, ledger time, both,
        the number to continue after).

        Changed ones that are not acknowledged, claims older than `claim_age_ms` without an outcome, those in line whose
        grants are asked for, and parts whose leases are over. `after` has these numbers from the previous answer, so
        that each has its turn, even behind many that cannot be delivered. None where the chain revision here is older.
        """
        if revision > self.told_revision:
            return None
        found: list[tuple[str, int, list[Reservation], list[Transfer], int]] = []
        with self.host.reading_several() as reading:
            for store_id in self.host.ledger_ids():
                self._note_uncounted(store_id)
                with reading(store_id) as (hosted, now_ms):
                    ledger = hosted.ledger
                    note_lapsed(ledger, now_ms, OUTBOX_MAX)
                    outboxes = ledger.outbox, ledger.undecided, ledger.lapsed, ledger.awaiting
                    turn, resume = in_turn(after.get(store_id, 0), OUTBOX_MAX, *outboxes)
                    made_ms = now_ms - claim_age_ms
                    due = [number for number in turn if is_undelivered(ledger, number, now_ms, made_ms)]
                    moved = outbox_in_turn(ledger.transfers.outbox, ledger.transfers.live, now_ms)
                    if due or resume or moved:
                        parts = [ledger.reservations[number] for number in due]
                        found.append((store_id, now_ms, parts, moved, resume))
        return found

    @rpc
    def parts(
        self, store_id: str, after_number: int, page_size: int
    ) -> tuple[list[tuple[AnyReservation, bool]], int, int]:
        """A page of the shop's parts of orders, and of what limits of the whole chain count, by number, final ones too:
        (reservation, whether it is in the outbox), the number to continue after, 0 at the end, and how many are left
        out, as they are in an archive that is not there.
        """
        if not self.host.has_begun(store_id):
            return [], 0, 0
        self._note_uncounted(store_id)

        def is_shared(ledger: Ledger, each: Reservation) -> bool:
            return each.part is not None or each.grant > 0 or each.is_uncounted_by(ledger.policy)

        return self._page(store_id, after_number, page_size, is_shared, lambda _, shared: shared, read=seen_at)[1:]

    def _page(
        self,
        store_id: str,
        after_number: int,
        page_size: int,
        wanted: Wanted,
        wanted_over: WantedOver | None,
        read: ReadEvents = events_at,
    ) -> tuple[int, list[tuple[AnyReservation, bool]], int, int]:
        """The ledger's version, a page of reservations, each with whether it is in the outbox, the number to continue
        after, and how many were not read. It is looked for as in `page_by_number`, a piece at a time, so that nobody is
        held up for long.
        """
        here, places, undelivered = dict[int, Reservation | Estimate](), dict[int, int](), set[int]()
        numbers, version = list[int](), 0
        for _ in range(PAGE_PIECES_MAX):
            with self.host.reading(store_id) as (hosted, now_ms):
                ledger = hosted.ledger
                version = version or ledger.version
                piece, after_number = page_by_number(
                    ledger, after_number, page_size - len(numbers), wanted, wanted_over
                )
                in_memory, over = found_now(ledger, piece, now_ms)
                undelivered.update(number for number in piece if number in ledger.outbox)
            here.update(in_memory)
            places.update(over)
            numbers += piece
            if not after_number or len(numbers) == page_size or wanted_over is None:
                break
        known = self._read(store_id, (here, places), read)
        page = [(known[number], number in undelivered) for number in numbers if number in known]
        return version, page, after_number, len(numbers) - len(page)

    @rpc
    def uncounted(self) -> int:
        """How many holds the customers' ledgers do not count yet, which new limits of the whole chain apply to."""
        count = 0
        for store_id in self.host.whole_ids():
            self._note_uncounted(store_id)
            if self.host.stale_read(store_id).outbox:
                with self.host.captured(store_id) as (_, capture):
                    found = map(capture.reservations.get, capture.outbox)
                    count += sum(1 for each in found if each is not None and each.part is None and not each.grant)
        self.host.upkeep.check_owner()
        return count

    @rpc
    def holders_of(self, store_id: str, numbers: list[int]) -> list[str]:
        """For each reservation the holder that it is a part of, empty for one that is no part."""
        _, found = self._known(store_id, numbers)
        return [each.part.holder if each is not None and each.part is not None else "" for each in found]

    @rpc
    def reservations_of(self, store_id: str, numbers: list[int]) -> list[AnyReservation | Unseen | None]:
        """For each number its reservation, None where the shop has none, Unseen in an archive that is not there."""
        if not self.host.has_begun(store_id):
            return [None] * len(numbers)
        with self.host.reading(store_id) as (hosted, now_ms):
            found = found_now(hosted.ledger, numbers, now_ms)
        known = self._read(store_id, found, seen_at)
        return [known.get(number, Unseen() if number in found[1] else None) for number in numbers]

    @rpc
    def parts_of(self, store_id: str, holders: list[str]) -> list[AnyReservation | Unseen | None]:
        """For each holder its part, None where the shop has none, Unseen in an archive that is not there."""
        if not self.host.has_begun(store_id):
            return [None] * len(holders)
        with self.host.reading(store_id) as (hosted, now_ms):
            ledger = hosted.ledger
            numbers: dict[str, Sequence[int]] = {}
            for holder in holders:
                number = ledger.holders.get(holder)  # else the version of its claim is the number of its part
                numbers[holder] = ledger.answers.versions(claim_key(holder)) if number is None else (number,)
            found = found_now(ledger, [number for each in numbers.values() for number in each], now_ms)
        known = self._read(store_id, found, seen_at)
        parts = {each.part.holder: each for each in known.values() if each.part is not None}
        unseen = found[1].keys() - known.keys()
        return [parts.get(each, None if unseen.isdisjoint(numbers[each]) else Unseen()) for each in holders]

    def _known(self, store_id: str, numbers: Sequence[int]) -> tuple[int, list[Reservation | None]]:
        """The ledger's version, and for each number its reservation, None where there is none or it was forgotten."""
        with self.host.reading(store_id, About(numbers=tuple(numbers))) as (hosted, now_ms):
            version, found = hosted.ledger.version, found_now(hosted.ledger, numbers, now_ms)
        known = self._read(store_id, found)
        return version, [known.get(number) for number in numbers]

    def _read(self, store_id: str, found: Found, read: ReadEvents = events_at) -> dict[int, Reservation]:
        """What was found, holding nobody up: who waits with his place, and some of it read back from the journal."""
        rows, places = found
        here = {number: row.told() if isinstance(row, Estimate) else row for number, row in rows.items()}
        events = read(self.core, self._journal, store_id, sorted(set(places.values())))
        for number, version in places.items():
            if version not in events:
                continue
            _, said, _ = self.core.answered_by(events[version][0], version, 0)
            here[number] = over_in(said.answer, number)
        return here

    @rpc
    def slots(
        self, store_id: str, from_ms: int, window_ms: int, revision: int = 0
    ) -> tuple[int, int | None, str, list[tuple[int, int, int, int]]] | None:
        """The ledger's version, when an order placed now is ready, the zone, and the slots that can still be booked:
        (start_ms, end_ms, capacity, places taken). `from_ms` 0 is now. None where the chain revision here is older.
        """
        if revision > self.chain.revision:
            return None
        with self.host.reading(store_id) as (hosted, now_ms):
            version, taken = hosted.ledger.version, hosted.ledger.slots_taken.copy()
        calendar, first_ms = self.chain.policy_of(store_id).calendar, max(from_ms, now_ms)
        slots = [
            (*slot, taken.get(slot.start_ms, 0))
            for slot in calendar.slots_between(first_ms, first_ms + window_ms)
            if calendar.bookable(slot, now_ms)
        ]
        return version, calendar.earliest_ready_ms(now_ms), calendar.zone, slots

    @rpc
    def slots_taken(self, store_ids: list[str]) -> list[dict[int, int] | None]:
        """For each store the places taken by slot start; empty where the ledger has not begun, None where it is
        stopped.
        """
        found: list[dict[int, int] | None] = []
        with self.host.reading_several() as reading:
            for store_id in store_ids:
                if self.host.is_stopped(store_id):
                    found.append(None)
                elif not self.host.has_begun(store_id):
                    found.append({})
                else:
                    with reading(store_id) as (hosted, _):
                        found.append(dict(hosted.ledger.slots_taken))
        return found

    @rpc
    def in_slots(self, store_id: str, starts_ms: list[int], numbers_max: int) -> list[list[int]]:
        """For each slot the numbers of the live reservations in it, ascending, at most `numbers_max`."""
        found: dict[int, list[int]] = {start_ms: [] for start_ms in starts_ms}
        with self.host.reading(store_id):  # what is due has been expired
            pass
        with self.host.captured(store_id) as (_, capture):
            for each in map(capture.reservations.__getitem__, in_sequence(capture.reservations)):
                numbers = found.get(each.slot_start_ms) if each.status in LIVE else None
                if numbers is not None and len(numbers) < numbers_max:
                    numbers.append(each.number)
        return [found[start_ms] for start_ms in starts_ms]

    @rpc
    def status(self, store_id: str) -> dict[str, Any]:
        with self.host.reading(store_id) as (hosted, now_ms):
            status = self._status_of(hosted, now_ms, hosted.ledger.open_reservations, len(hosted.ledger.positions))
        return status | {"sealed_version": self._journal.sealed_seq(store_id)}

    @rpc
    def live_state(self, store_id: str) -> tuple[int, str, dict[str, Stock], int]:
        """Version, state hash, positions as in `availability` and open reservations, for comparison with an audit."""
        with self.host.captured(store_id) as (_, capture):
            positions = {sku: position.stock() for sku, position in capture.positions.items()}
            live = sum(1 for each in capture.reservations.values() if each.status in LIVE)
            state = capture.version, capture.state_hash(self.writing.json), positions, live
        with self.host.reading(store_id):  # it is still the owner
            return state


def page_by_number(
    ledger: Ledger, after_number: int, page_size: int, wanted: Wanted, wanted_over: WantedOver | None
) -> tuple[list[int], int]:
    """The numbers of a page of the wanted reservations, and the one to continue after, 0 at the end. `wanted_over` is
    asked about one that is over by its status, and whether a customers' ledger knows of it; None where no such one is
    wanted. What came before the first one that is known is forgotten, and not looked for.
    """
    page: list[int] = []
    rows, ended_as, version = ledger.reservations, ledger.finished.ended_as, ledger.version
    first = next(iter(rows), version + 1)
    if wanted_over is not None:
        first = min(first, *ledger.finished.least.values(), first)
    after_number = max(after_number, first - 1)
    last = min(after_number + (PAGE_SCAN_MAX if wanted_over is None else PIECE_SCAN_MAX), version)
    for number in range(after_number + 1, last + 1):
        row = rows.get(number)
        if row is None:
            ended = None if wanted_over is None else ended_as(number)
            if wanted_over is None or ended is None or not wanted_over(*ended):
                continue
        elif not wanted(ledger, row):
            continue
        page.append(number)
        if len(page) == page_size:
            last = number
            break
    return page, last if last < version else 0
