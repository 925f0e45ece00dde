"""The naive model: one shop's ledger by lists and loops, slow and plain, written from the design and not from the core.

It never deletes, indexes or caches anything: stock is the sum of all movements, what is held is the sum over all
reservations, and every question is answered by going through everything again. It takes the core's commands and rules,
which are the vocabulary, and shares none of its code.
"""

from collections.abc import Sequence

from actors.core.policy import Policy
from actors.core.status import ReleaseReason, Status
from actors.shop import commands as ask
from actors.shop.commands import AdjustmentKind as Kind
from actors.shop.returns.sale_return import Return
from actors.shop.shortfalls.shortfall import ResolveShortfall, ShortfallCause
from tests.shop.model_books import (
    FROM,
    LACKS,
    LIVE,
    PASSING,
    Line,
    Move,
    Outcome,
    Reservation,
    Wanted,
    beyond,
    more,
    order_of,
    taken_by_line,
)
from tests.shop.model_hours import deadline_ms
from tests.shop.model_line import falls_due, gives, lacks_slot, leave, left, most_ms, queue, unpromised
from tests.shop.model_returns import take_back
from tests.shop.model_rules import over_a_limit, rule_ms
from tests.shop.model_shortfalls import Task, resolve, shortfalls

CAUSES = (ShortfallCause.CORRECTION, ShortfallCause.SALE)
Step = ask.Confirm | ask.MarkReady | ask.Collect | ask.Release | ask.Extend | ask.Amend | Return


class Model:
    """Everything that was ever said, and the rules."""

    def __init__(self, store_id: str) -> None:
        self.store_id = store_id
        self.policy = Policy()
        self.events = 0  # the ledger's version: each thing that happens is one
        self.reservations: list[Reservation] = []
        self.moved: list[Move] = []
        self.rows: list[ask.Movement] = []
        self.promised: list[Move] = []
        self.seen_since: list[tuple[str, int]] = []
        self.counted: list[tuple[str, int]] = []
        self.marks: dict[str, int] = {}
        self.kept_back: list[tuple[str, int]] = []
        self.answers: list[tuple[ask.Command, Outcome]] = []
        self.tasks: list[Task] = []
        self.abandoned: dict[str, int] = {}  # holders whose orders were over before their claims came, and when

    def parts(self) -> list[Reservation]:
        return [reservation for reservation in self.reservations if reservation.holder]

    def knows(self, sku: str) -> bool:
        return any(known == sku for known, _ in self.seen_since)

    def on_hand(self, sku: str, as_of_ms: int | None = None) -> int:
        return sum(
            move.units for move in self.moved if move.sku == sku and (as_of_ms is None or move.at_ms <= as_of_ms)
        )

    def held(self, sku: str) -> int:
        return sum(found.held(sku) for found in self.reservations)

    def held_then(self, sku: str, as_of_ms: int) -> int:
        return sum(move.units for move in self.promised if move.sku == sku and move.at_ms <= as_of_ms)

    def having_a_place(self, slot_start_ms: int, apart: Sequence[Reservation] = ()) -> set[int | str]:
        live = [found for found in self.reservations if found.status in LIVE and found not in apart]
        return {found.whose() for found in live if found.slot_start_ms == slot_start_ms}

    def keeps_back(self, sku: str) -> int:
        return ([0] + [units for kept, units in self.kept_back if kept == sku])[-1]

    def last_count_ms(self, sku: str) -> int:
        return ([0] + [at_ms for counted, at_ms in self.counted if counted == sku])[-1]

    def stock(self) -> dict[str, tuple[int, int, int, int]]:
        skus = [sku for sku, _ in self.seen_since]
        return {sku: (self.on_hand(sku), self.held(sku), 0, self.keeps_back(sku)) for sku in skus}

    def flows(self) -> dict[str, tuple[int, int]]:
        """What came in from suppliers and what was sold over a counter, by SKU; all other change is a correction."""
        found = {}
        for sku, _ in self.seen_since:
            received = sum(row.delta for row in self.rows if (row.sku, row.kind) == (sku, Kind.RECEIPT))
            over_tills = sum(-row.delta for row in self.rows if row.sku == sku and row.kind in (Kind.SALE, Kind.RETURN))
            collected = sum(line.sold - line.came for of in self.reservations for line in of.lines if line.sku == sku)
            found[sku] = received, over_tills + collected
        return found

    expire = falls_due  # what is due goes back, and who waits in line is served

    def _give_back(
        self, of: Reservation, units: list[int], final: Status, now_ms: int, why: ReleaseReason | None = None
    ) -> None:
        for line, back in zip(of.lines, units, strict=True):
            line.back += back
            self.promised.append(
                Move(line.sku, of.deadline_ms if final is Status.EXPIRED and not of.holder else now_ms, -back)
            )
        of.reason = why or of.reason
        self._end(of, final)

    def _end(self, of: Reservation, final: Status) -> None:
        self.events += 1
        of.version = self.events
        if all(line.held() == 0 for line in of.lines):
            of.status = Status.COLLECTED if any(line.sold for line in of.lines) else final

    def say(self, command: ask.Command, now_ms: int) -> Outcome:
        """Answer a command after what is due has expired; a retry is the same sentence said twice."""
        self.expire(now_ms)
        outcome = self._answer(command, now_ms)
        self.expire(now_ms)  # who waits in line is served in the same step
        return outcome

    def _answer(self, command: ask.Command, now_ms: int) -> Outcome:
        if isinstance(command, ask.ApplyOutcome):
            return self._apply_outcome(command, now_ms)
        if isinstance(command, ask.Acknowledge):
            return self._acknowledge(command)
        if isinstance(command, ask.Claim) and command.holder in self.abandoned:
            return ("no", "CLAIM_ABANDONED")
        for earlier, outcome in self.answers:
            if earlier.key == command.key:
                same = type(earlier) is type(command) and earlier == command
                other = "ORDER_UNDECIDED" if isinstance(command, ask.Claim) else "IDEMPOTENCY_KEY_REUSED"
                return outcome if same else ("no", other)
        if isinstance(command, ResolveShortfall):
            outcome = resolve(self, command, now_ms)
        elif isinstance(command, ask.Reserve):
            outcome = self._reserve(command, now_ms)
        elif isinstance(command, ask.Claim):
            outcome = self._claim(command, now_ms)
        elif isinstance(command, ask.AdjustStock):
            outcome = self._adjust(command, now_ms)
        elif isinstance(command, ask.CountStock):
            outcome = self._count(command, now_ms)
        elif isinstance(command, ask.SetSafetyStock):
            self.events += 1
            for sku, units in command.safety_stocks:
                self._meet(sku, now_ms)
                self.kept_back.append((sku, units))
            outcome = ("stock", len(command.safety_stocks), 0, 0, ())
        else:
            outcome = self._step(command, now_ms)  # type: ignore[arg-type]  # no grant is settled here
        if outcome not in PASSING:  # which are not written down
            self.events += outcome[0] == "no"
            self.answers.append((command, outcome))
        return outcome

    def _meet(self, sku: str, now_ms: int) -> None:
        if not self.knows(sku):
            self.seen_since.append((sku, now_ms))

    def _reserve(self, said: ask.Reserve, now_ms: int) -> Outcome:
        if self.policy.paused:
            return ("no", "STORE_NOT_ACCEPTING")
        if said.ttl_ms > self.policy.ttl_ms_max:
            return ("no", "TTL_TOO_LONG")
        replaced = None
        for earlier in self.reservations:
            same = (earlier.customer_id, earlier.basket_id) == (said.customer_id, said.basket_id)
            if said.basket_id and same and earlier.status in [*LIVE, Status.QUEUED]:
                replaced = earlier
        place = replaced if replaced and replaced.status is Status.QUEUED else None
        if place and place.lost_as in (Status.CONFIRMED, Status.READY):
            return ("no", "BASKET_CONFIRMED")
        if replaced and not place and (replaced.status is not Status.HELD or any(line.sold for line in replaced.lines)):
            return ("no", "BASKET_CONFIRMED")
        wanted = Wanted(said.customer_id, said.channel, said.lines, said.slot_start_ms)
        lacks = self.cannot_be_had(wanted, now_ms, [replaced] if replaced else [], None)
        refusal = self._is_refused(wanted, now_ms, replaced)
        if said.wait_ms and "INSUFFICIENT_STOCK" in (lacks, refusal):
            return queue(self, said, now_ms, lacks, replaced)
        if refusal:
            return ("no", refusal)
        if place:
            leave(self, place, Status.RELEASED, ReleaseReason.REPLACED)
        elif replaced:
            units = [line.held() for line in replaced.lines]
            self._give_back(replaced, units, Status.RELEASED, now_ms, ReleaseReason.REPLACED)
        ttl_ms = said.ttl_ms or min(rule_ms(self.policy, self.store_id, said.channel, sku) for sku, _ in said.lines)
        return self._hold(said, now_ms + ttl_ms, now_ms)

    def _claim(self, said: ask.Claim, now_ms: int) -> Outcome:
        """A part is held at once, or refused, until its order says what becomes of it. A holder claims once."""
        if self.policy.paused:
            return ("no", "STORE_NOT_ACCEPTING")
        if any(part.holder == said.holder for part in self.reservations):
            return ("no", "CLAIM_ABANDONED")
        wanted = Wanted(said.customer_id, said.channel, said.lines, said.slot_start_ms)
        refusal = self._is_refused(wanted, now_ms, None, said)
        return ("no", refusal) if refusal else self._hold(said, 0, now_ms)

    def _hold(self, said: ask.Reserve | ask.Claim, deadline_ms: int, now_ms: int) -> Outcome:
        self.events += 1
        new = Reservation(said, self.events, deadline_ms, now_ms)
        self.reservations.append(new)
        self.promised.extend(Move(sku, now_ms, units) for sku, units in said.lines)
        return new.outcome()

    def _is_refused(
        self, wanted: Wanted, now_ms: int, instead_of: Reservation | None, part: ask.Claim | None = None
    ) -> str:
        """Why, for good: what claims of the last ten minutes are in the way of is not decided yet."""
        apart = [] if instead_of is None else [instead_of]
        refusal = self.cannot_be_had(wanted, now_ms, apart, part)
        young = self.undecided(now_ms)
        if refusal not in LACKS or not young:
            return refusal
        return self.cannot_be_had(wanted, now_ms, apart + young, part) or (refusal if part else "ORDER_UNDECIDED")

    def undecided(self, now_ms: int) -> list[Reservation]:
        """Claims of which it will soon be known what becomes."""
        claims = [found for found in self.reservations if found.status is Status.CLAIMED]
        return [claim for claim in claims if now_ms - claim.made_ms < 600_000]

    def cannot_be_had(self, wanted: Wanted, now_ms: int, apart: list[Reservation], part: ask.Claim | None) -> str:
        """Why not: limits, then stock, then a place in the slot. What is apart is free for it."""
        customer_id, channel, lines, slot_start_ms = wanted
        asked = {sku: sum(units for other, units in lines if other == sku) for sku, _ in lines}
        mine = [found for found in self.reservations if found.customer_id == customer_id and found not in apart]
        refusal = over_a_limit(self.policy, mine, channel, asked, part) if asked or part else ""
        if refusal:
            return refusal
        if not all(self.knows(sku) for sku in asked):
            return "SKU_NOT_STOCKED"
        for sku, units in asked.items():
            if units > unpromised(self, sku) + sum(gives(self, found, sku) for found in apart):
                return "INSUFFICIENT_STOCK"
        if part and order_of(part.holder) in self.having_a_place(slot_start_ms):
            return ""
        return lacks_slot(self, slot_start_ms, now_ms, apart)

    def _apply_outcome(self, said: ask.ApplyOutcome, now_ms: int) -> Outcome:
        """A part goes on as its order says, never back in its life; only a word that is newer counts."""
        parts = [part for part in self.reservations if part.holder == said.holder]
        if not parts:
            if said.status in LIVE:
                return ("no", "RESERVATION_NOT_FOUND")
            claimed = {earlier.holder for earlier, _ in self.answers if isinstance(earlier, ask.Claim)}
            if said.holder not in claimed and said.holder not in self.abandoned:
                self.abandoned[said.holder] = now_ms
                self.events += 1
            return ("no", "CLAIM_ABANDONED")
        (part,) = parts
        if part.status not in LIVE or said.revision <= part.applied_revision:
            return part.outcome()
        over = said.status not in LIVE
        part.let_go_ms = now_ms if over and part.status is Status.CLAIMED else part.let_go_ms
        back = [0 for _ in part.lines]
        if over or said.keep:
            back = beyond(part, () if over else said.keep)
        why = said.reason if (any(back) or not back) and said.status is not Status.EXPIRED else None
        part.applied_revision = said.revision
        self._give_back(part, back, said.status if over else Status.RELEASED, now_ms, why)
        if part.status in LIVE:
            part.status = max(part.status, said.status, key=LIVE.index)
            part.deadline_ms, part.channel = said.expires_at_ms, said.channel or part.channel
        return part.outcome()

    def _acknowledge(self, said: ask.Acknowledge) -> Outcome:
        """The orders know of these parts, unless more has happened to them since."""
        reported = [
            part
            for number, version in said.parts
            for part in self.reservations
            if part.number == number and part.outbox and part.version <= version
        ]
        for part in reported:
            part.outbox = False
        self.events += bool(reported)
        return ("stock", 0, 0, 0, ())

    def _step(self, command: Step, now_ms: int) -> Outcome:
        found = [reservation for reservation in self.reservations if reservation.number == command.number]
        if not found:
            return ("no", "RESERVATION_NOT_FOUND")
        (of,) = found
        if isinstance(command, Return):
            return take_back(self, of, command, now_ms)
        if of.status is Status.CLAIMED or (of.holder and of.status in LIVE and of.deadline_ms <= now_ms):
            return ("no", "ORDER_UNDECIDED")
        if of.status is Status.EXPIRED:
            return ("no", "RESERVATION_EXPIRED")
        if of.status is Status.QUEUED and isinstance(command, ask.Release):
            return left(self, of, command)
        if of.status not in FROM.get(type(command), LIVE):
            return ("no", "TRANSITION_NOT_ALLOWED")
        if of.holder and isinstance(command, ask.Confirm | ask.Extend | ask.Amend):
            return ("no", "PART_OF_ORDER")
        if isinstance(command, ask.Collect | ask.Release):
            return self._hand_over(of, command, now_ms)
        if isinstance(command, ask.Amend) and of.touched():
            return ("no", "TRANSITION_NOT_ALLOWED")
        if isinstance(command, ask.Amend) and more(of, command) and self.policy.paused:
            return ("no", "STORE_NOT_ACCEPTING")
        if not isinstance(command, ask.MarkReady):
            asked_ms = command.collect_within_ms if isinstance(command, ask.Confirm) else command.ttl_ms
            is_confirm = isinstance(command, ask.Confirm)
            if asked_ms > (self.policy.ttl_ms_max if is_confirm else most_ms(self, of, now_ms)):
                return ("no", "TTL_TOO_LONG")
            refusal = self._amend(of, command, now_ms) if isinstance(command, ask.Amend) else ""
            if refusal:
                return ("no", refusal)
            if isinstance(command, ask.Confirm):
                of.status = Status.CONFIRMED
                asked_ms = asked_ms or self.policy.collect_within_ms
            of.deadline_ms = now_ms + asked_ms if asked_ms else of.deadline_ms
            if of.status is not Status.HELD:  # a checkout keeps its time, a pickup needs an open door
                of.deadline_ms = deadline_ms(self.policy.calendar, of.slot_start_ms, of.deadline_ms)
        else:
            of.status = Status.READY
        self.events += 1
        of.happened(self.events)
        return of.outcome()

    def _amend(self, of: Reservation, said: ask.Amend, now_ms: int) -> str:
        """All of it or nothing. The slot that it has is not asked for again."""
        lines = said.lines or tuple((line.sku, line.quantity) for line in of.lines)
        another_ms = said.slot_start_ms if said.slot_start_ms != of.slot_start_ms else 0
        refusal = self._is_refused(Wanted(of.customer_id, of.channel, more(of, said), another_ms), now_ms, of)
        if not refusal:
            self.promised.extend(Move(line.sku, now_ms, -line.quantity) for line in of.lines)
            self.promised.extend(Move(sku, now_ms, units) for sku, units in lines)
            of.lines = [Line(sku, units) for sku, units in lines]
            of.slot_start_ms = another_ms or of.slot_start_ms
        return refusal

    def _hand_over(self, of: Reservation, command: ask.Collect | ask.Release, now_ms: int) -> Outcome:
        asked = command.lines or tuple((line.sku, line.held()) for line in of.lines)
        skus = [line.sku for line in of.lines]
        if any(sku not in skus for sku, _ in asked):
            return ("no", "LINE_NOT_FOUND")
        for sku in skus:
            if sum(units for other, units in asked if other == sku) > of.held(sku):
                return ("no", "QUANTITY_EXCEEDS_HELD")
        taken = taken_by_line(of, asked)
        if isinstance(command, ask.Release):
            self._give_back(of, taken, Status.RELEASED, now_ms, command.reason)
        else:
            for line, units in zip(of.lines, taken, strict=True):
                line.sold += units
                self.promised.append(Move(line.sku, now_ms, -units))
                self.moved.append(Move(line.sku, now_ms, -units))
            of.payment = command.payment_reference
            self._end(of, Status.COLLECTED)
        of.happened(self.events)
        return of.outcome()

    def _adjust(self, command: ask.AdjustStock, now_ms: int) -> Outcome:
        before = mark = self.marks.get(command.source, 0)
        for row in command.movements:
            if row.sequence > mark + 1:
                return ("no", "SOURCE_GAP")
            mark += row.sequence in {0, mark + 1}
        rows = [row for row in command.movements if not 0 < row.sequence <= before][: mark - before]
        self.events += 1
        self.marks[command.source] = mark
        for row in rows:
            self._meet(row.sku, now_ms)
            self.rows.append(row)
            if row.age_ms and now_ms - row.age_ms <= self.last_count_ms(row.sku):
                continue  # the count has seen it
            self.moved.append(Move(row.sku, now_ms - row.age_ms, row.delta))
        repeated = len(command.movements) - len(rows)
        by_sale = {row.sku: row.kind is Kind.SALE for row in rows if row.delta < 0}  # by the last row that takes some
        causes = {row.sku: CAUSES[by_sale.get(row.sku, False)] for row in rows}
        return ("stock", len(rows), repeated, 0, shortfalls(self, causes, now_ms))

    def _count(self, command: ask.CountStock, now_ms: int) -> Outcome:
        as_of_ms = command.as_of_ms if 0 < command.as_of_ms < now_ms else now_ms
        counts = [(sku, units) for sku, units in command.counts if as_of_ms >= self.last_count_ms(sku)]
        late = len(command.counts) - len(counts)
        for sku, _ in counts:
            if as_of_ms < now_ms and any(sku == known and as_of_ms < at_ms for known, at_ms in self.seen_since):
                return ("no", "COUNT_TOO_OLD")
        self.events += 1
        for sku, units in counts:
            self._meet(sku, now_ms)
            then = self.on_hand(sku, as_of_ms if as_of_ms < now_ms else None)
            set_aside = self.held_then(sku, as_of_ms) if as_of_ms < now_ms else self.held(sku)
            self.moved.append(Move(sku, as_of_ms, units + (0 if command.holds_included else set_aside) - then))
            self.counted.append((sku, as_of_ms))
        causes = {sku: ShortfallCause.COUNT for sku, _ in counts}
        return ("stock", len(counts), 0, late, shortfalls(self, causes, now_ms))
