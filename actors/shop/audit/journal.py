"""An independent check of a shop's journal: stock and promises computed again, by code that the ledger does not use.

It uses the events and enums, and nothing of `decide`, `evolve`, `state`, `transact`, `invariants` or the transition
table: a mistake in one of them must not be repeated here. It folds the events into books of its own and checks each
rule, I1 to I22 of docs/design.md, at the event that could break it. VerifyLedger compares it with live positions.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from actors.core.rejection import Violation
from actors.core.status import ReleaseReason, Status
from actors.core.transact import PolicyAdopted, Refused
from actors.shop import events
from actors.shop.audit.allotments import HandedOut
from actors.shop.audit.books import (
    ALL_LIVE,
    DAY_MS,
    LIVE,
    STEPS,
    VIOLATIONS_MAX,
    AuditResult,
    Book,
    Hold,
    Places,
    Rules,
    is_of_shortfall,
    over_limits,
    unbalanced,
)
from actors.shop.audit.hot import HotAudit
from actors.shop.audit.keys import Keys
from actors.shop.audit.line import Lines as WaitingLines
from actors.shop.audit.picking import PickAudit
from actors.shop.audit.sales import SalesAudit
from actors.shop.audit.stock import StockAudit
from actors.shop.audit.transfers import TransferAudit
from actors.shop.commands import Lines
from actors.shop.lines.events import GrantAwaited, PassedOver
from actors.shop.shortfalls.events import Requeued
from actors.shop.transfers.events import Promised


class Audit:
    """The audit of one ledger's journal, fed record by record from version 1; `result` returns the findings."""

    def __init__(self, ledger_id: str = "") -> None:
        self._version = self._epoch = self._at_ms = self._events = self._accepted = 0
        self._books: defaultdict[str, Book] = defaultdict(Book)
        self._claims: dict[int, Hold] = {}
        self._final: dict[int, Status] = {}
        self._keys = Keys.none()
        self._rules = Rules()
        # SKUs that the next event may take past a line, its own or a quota's, and what must be free of them then.
        self._own: dict[str, int] = {}
        self._by_customer: defaultdict[str, set[int]] = defaultdict(set)  # kept only while there are rules
        self._places = Places(self._rules, lambda: self._version, self._found)
        self._holders: dict[str, int] = {}  # parts of orders
        self._applied: dict[str, int] = {}  # the newest revision applied, by holder
        self._handed_out = HandedOut(self._books, self._found, self._answered, lambda: self._version)
        quota_left = self._handed_out.quota_left
        self._lines = WaitingLines(self._books, quota_left, self._found, lambda: self._version, self._places)
        self._stock = StockAudit(self._books, self._claims, self._rules, self._handed_out, self._found, self._answered)
        self._violations: list[Violation] = []
        told = (lambda: self._version), self._found, self._answered
        self._transfers = TransferAudit(self._books, *told, self._promise, self._stock)
        holds = self._claims, self._by_customer, self._live, self._answered, self._stock.note
        self._hot = HotAudit(ledger_id, self._books, self._rules, lambda: self._version, self._found, *holds)
        self._picks = PickAudit(self._books, self._claims, self._rules, self._handed_out, *told, self._stock.begun)
        self._sales = SalesAudit(self._books, *told)
        self._folds: dict[type, Callable[[Any, int], None]] = {
            **dict.fromkeys(STEPS, self._stepped),
            **dict.fromkeys((events.Reserved, Promised), self._reserved),
            Refused: lambda event, at_ms: self._answered(event.key, at_ms, event.call_key, refused=True),
            events.Collected: self._collected,
            events.Released: self._released,
            events.Expired: self._expired,
            events.Amended: self._amended,
            events.Queued: self._queued,
            events.Served: self._served,
            PassedOver: self._passed_over,
            GrantAwaited: self._lines.await_grant,
            events.Left: self._left,
            events.Claimed: self._claimed,
            events.OutcomeApplied: self._outcome_applied,
            events.Acknowledged: self._acknowledged,
            Requeued: self._requeued,
            PolicyAdopted: self._policy_adopted,
            **self._stock.folds(),
            **self._handed_out.folds(),
            **self._transfers.folds,
            **self._hot.folds,
            **self._picks.folds,
            **self._sales.folds,
        }

    def add(self, version: int, epoch: int, at_ms: int, event: events.Event) -> None:
        """Fold the next event. The events of one decision follow each other; chunks may have any size."""
        if not is_of_shortfall(event):
            self._close_shortfalls()
        if version != self._version + 1:
            self._found("I8", f"version {version}", f"version {self._version + 1}", f"version {version}")
        if epoch < self._epoch:
            self._found("I9", f"version {version}", f"an epoch from {self._epoch} on", f"epoch {epoch}")
        if at_ms < self._at_ms:
            self._found("I11", f"version {version}", f"ledger time from {self._at_ms} on", f"ledger time {at_ms}")
        self._version, self._epoch, self._at_ms = version, max(epoch, self._epoch), max(at_ms, self._at_ms)
        self._events += 1
        before = {}
        if isinstance(event, events.QuotaDrawn):
            before = {sku: (0, self._books[sku].free()) for _, sku, _ in event.drawn if sku not in self._own}
            for _, sku, units in event.drawn:
                if sku in before:
                    before[sku] = before[sku][0] + units, before[sku][1]
                self._own.setdefault(sku, min(0, self._books[sku].free()))
        self._folds[type(event)](event, at_ms)
        self._picks.follow(event, at_ms)
        self._lines.drawn = before

    def result(self) -> AuditResult:
        """The findings so far. Call it at the end of a decision: shortfalls must be resolved by then."""
        self._close_shortfalls()
        return AuditResult(
            version=self._version,
            events=self._events,
            accepted=self._accepted,
            units_sold=sum(book.sold for book in self._books.values()),
            units_reserved=sum(book.reserved for book in self._books.values()),
            units_oversold=sum(book.oversold for book in self._books.values()),
            positions={sku: (of.on_hand, of.reserved, of.allotted, of.safety_stock) for sku, of in self._books.items()},
            violations=(*unbalanced(self._books), *self._violations)[:VIOLATIONS_MAX],
            transfers=self._transfers.ends(),
            hot=self._hot.end(),
            tasks=self._picks.ends(),
        )

    def _found(self, invariant: str, subject: str, expected: str, found: str) -> None:
        if len(self._violations) < VIOLATIONS_MAX:
            self._violations.append(Violation(invariant, subject, expected, found))

    def _answered(self, key: str, at_ms: int, call_key: str = "", *, refused: bool = False) -> None:
        """Check that a key is answered by one event, within the memory of answers, and that of a claim's call by none
        but claims. An event that goes with another has none.
        """
        if key and (twice := self._keys.answered_twice(key, call_key, at_ms, refused=refused)):
            self._found("I5", f"key {twice}", "one event", f"another at version {self._version}")

    def _reserved(self, event: events.Reserved | Promised, at_ms: int) -> None:
        asked = event.command
        self._answered(asked.key, at_ms)
        self._accepted += 1
        self._hot.check_word(asked)
        self._check_grant(asked.channel, {sku for sku, _ in asked.lines}, asked.grant is not None)
        self._hold(Hold.of(event))

    def _queued(self, event: events.Queued, at_ms: int) -> None:
        asked = event.command
        self._answered(asked.key, at_ms)
        self._accepted += 1
        hold = Hold(asked.customer_id, asked.channel, asked.lines, event.expires_at_ms, asked.slot_start_ms)
        hold.lost_as, hold.since_ms = event.lost_as, at_ms
        self._lines.enter(self._version, hold)

    def _served(self, event: events.Served, at_ms: int) -> None:
        self._stock.served(event.number)
        hold = self._lines.serve(event.number, at_ms, event.status, self._transfers.coming(event))
        if hold is not None:
            hold.deadline_ms, hold.status, hold.is_served = event.expires_at_ms, event.status, True
            self._check_grant(hold.channel, {sku for sku, _ in hold.held}, granted=event.grant != 0)
            self._hold(hold, number=event.number)

    def _passed_over(self, event: PassedOver, at_ms: int) -> None:
        number, hold = event.number, self._live(event.number, "pass over", (Status.HELD,), -1)
        if hold is None:
            return
        if at_ms < hold.deadline_ms:
            self._found("I11", f"reservation {number}", f"held until {hold.deadline_ms}", f"passed over at {at_ms}")
        self._take(number, hold, event.lines, Status.QUEUED)
        self._wait(number, hold, event)
        self._lines.pass_over(number, hold, self._version)

    def _requeued(self, event: Requeued, _: int) -> None:
        hold = self._live(event.number, "requeue", LIVE, -1)
        if hold is not None:
            self._stock.lost(event, self._version)
            self._take(event.number, hold, event.lines, Status.QUEUED, is_lost=True)
            hold.lost_as = hold.status
            self._wait(event.number, hold, event)
            self._lines.enter(event.number, hold)

    def _wait(self, number: int, hold: Hold, event: PassedOver | Requeued) -> None:
        """All units were taken from a reservation, which goes on."""
        if self._final.pop(number, None) is not Status.QUEUED:
            self._found("I1", f"reservation {number}", "nothing held in line", f"{hold.held}")
        hold.held, hold.deadline_ms = event.lines, event.expires_at_ms

    def _left(self, event: events.Left, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        self._lines.leave(event, at_ms)
        self._final[event.number] = event.status

    def _claimed(self, event: events.Claimed, at_ms: int) -> None:
        asked, holder = event.command, event.command.holder
        self._answered(asked.key, at_ms, asked.call_key, refused=True)  # for as long, until its order is decided
        if holder in self._holders or holder in self._applied:
            self._found("I7", holder, "one claim, before its order is over", f"another at version {self._version}")
        self._holders[holder] = self._version
        self._hold(Hold.of_part(event), asked.whole)

    def _hold(self, claim: Hold, whole: Lines = (), number: int = 0) -> None:
        """Enter a new reservation at the version of its event, or the one of this number, which has waited. `whole` is
        what its order is to hold, if it says so.
        """
        claim.since_ms, number = claim.since_ms or self._at_ms, number or self._version
        self._claims[number] = claim
        asked = self._transfers.promised(number, claim) if claim.awaits else self._promise(claim.held, Counter())
        self._check_line(set() if claim.is_served else asked, claim.channel)
        self._places.take(claim)
        if self._rules.limits:
            self._by_customer[claim.customer_id].add(number)
            self._check_limits(claim, asked, whole)

    def _check_line(self, asked: set[str], channel: str) -> None:
        """Check that nobody takes more of what others wait for."""
        for sku in () if self._rules.line_may_pass else asked:
            if self._lines.is_passed(sku, channel, self._own):
                self._found("I18", f"{sku} at version {self._version}", "none taken past the line", "some taken")
        self._own.clear()

    def _promise(self, lines: Lines, had: Counter[str]) -> set[str]:
        """Promise these units. Returns the SKUs with more units than the claim had; only those must be available."""
        for sku, quantity in lines:
            book = self._books[sku]
            book.reserved += quantity
            had[sku] -= quantity
            if had[sku] < 0 and book.free() < self._own.get(sku, 0):
                self._overpromised(sku, book)
        return {sku for sku, units in had.items() if units < 0}

    def _amended(self, event: events.Amended, at_ms: int) -> None:
        """Replace the claim's units; none may have been sold or released before."""
        self._answered(event.key, at_ms)
        claim = self._live(event.number, "amend", (Status.HELD, Status.CONFIRMED), at_ms)
        if claim is None:
            return
        had = Counter[str]()
        for sku, units in claim.held:
            self._books[sku].reserved -= units
            had[sku] += units
        self._lines.move_end(event.number, claim, event.expires_at_ms, self._rules.line_take_up_ms)
        claim.held = event.lines
        self._picks.amended(event.number, had, claim.held)
        asked = self._promise(event.lines, had)
        if event.slot_start_ms != claim.slot_start_ms:
            self._places.leave(claim)
            claim.slot_start_ms = event.slot_start_ms
            self._places.take(claim)
        self._check_line(asked, claim.channel)
        if self._rules.limits and asked:
            self._check_limits(claim, asked)
        self._check_grant(claim.channel, asked, event.grant != 0)

    def _check_grant(self, channel: str, skus: set[str], granted: bool) -> None:
        """Check that units under a limit of the whole chain were granted by the customer's ledger."""
        if skus and not granted and self._rules.are_granted(channel, skus):
            self._found("I15", f"version {self._version}", "a grant for what a limit of the chain applies to", "none")

    def _outcome_applied(self, event: events.OutcomeApplied, at_ms: int) -> None:
        """Apply an order's outcome to its part: revisions only grow, and the status never moves back."""
        holder, revision, number, status = event.holder, event.revision, event.number, event.status
        known = self._holders.get(holder, 0)
        if number != known and (number or known in self._claims):  # the ledger may have forgotten a final one
            self._found("I7", holder, f"reservation {known}", f"reservation {number}")
        if number and revision <= self._applied.get(holder, 0):
            self._found("I7", holder, f"a revision above {self._applied.get(holder, 0)}", f"revision {revision}")
        self._applied[holder] = revision
        claim = self._claims.get(number)
        if claim is None:
            if number:
                self._found("I3", f"reservation {number}", "a live reservation", f"applied at {at_ms}")
            return
        gives_back = status in (Status.RELEASED, Status.EXPIRED)
        self._accepted += claim.status is Status.CLAIMED and not gives_back
        self._keys.decided(claim, at_ms, goes_on=not gives_back)
        if not gives_back and ALL_LIVE.index(status) < ALL_LIVE.index(claim.status):
            self._found("I3", f"reservation {number}", f"no way back from {claim.status.name}", status.name)
        self._take(number, claim, event.lines, status if gives_back else Status.RELEASED)
        if number in self._claims:
            if gives_back:
                self._found("I1", f"reservation {number}", "nothing held once its order is over", f"{claim.held}")
            claim.status, claim.deadline_ms = status, event.expires_at_ms
            claim.channel = event.channel or claim.channel

    def _acknowledged(self, event: events.Acknowledged, _: int) -> None:
        for number, version in [part for part in event.parts if part[1] > self._version]:
            self._found("I7", f"reservation {number}", f"noted as of {self._version} at most", f"{version}")

    def _overpromised(self, sku: str, book: Book) -> None:
        book.oversold = max(book.oversold, book.missing())
        most = max(0, book.on_hand - book.allotted - book.safety_stock)
        self._found("I2", f"{sku} at version {self._version}", f"at most {most} reserved", f"{book.reserved} reserved")

    def _check_limits(self, claim: Hold, asked: set[str], whole: Lines = ()) -> None:
        mine = [self._claims[number] for number in self._by_customer[claim.customer_id]]
        for expected, found in over_limits(self._rules.limits, claim, asked, mine, whole):
            self._found("I15", f"customer {claim.customer_id} at version {self._version}", expected, found)

    def _live(self, number: int, step: str, allowed: tuple[Status, ...], at_ms: int) -> Hold | None:
        """The live reservation, None without one; records a violation where status or deadline forbid the step."""
        claim = self._claims.get(number)
        if claim is None:
            status = self._final.get(number)
            found = f"{step} after {status.name}" if status is not None else f"{step} of none"
            self._found("I3", f"reservation {number}", "a live reservation", f"{found} at version {self._version}")
            return None
        if claim.holder and step in ("confirm", "extend", "amend", "expire"):
            self._found("I7", f"reservation {number}", f"a {step} by its order", "one by the shop")
        if claim.status not in allowed or claim.forbids(step):
            self._found("I3", f"reservation {number}", f"no {step} from {claim.status.name}", f"one at {at_ms}")
        if at_ms >= claim.deadline_ms:
            self._found("I11", f"reservation {number}", f"no {step} from {claim.deadline_ms} on", f"one at {at_ms}")
        return claim

    def _stepped(self, event: Any, at_ms: int) -> None:
        """A step that moves no units: one of `STEPS`."""
        self._answered(event.key, at_ms)
        step, allowed, leads_to, moves_deadline = STEPS[type(event)]
        claim = self._live(event.number, step, allowed, at_ms)
        if claim is not None:
            claim.status = leads_to or claim.status
            if moves_deadline:
                self._lines.move_end(event.number, claim, event.expires_at_ms, self._rules.line_take_up_ms)

    def _collected(self, event: events.Collected, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        claim = self._live(event.number, "collect", LIVE, at_ms)
        if claim is not None:
            claim.any_sold = True
            self._sales.collect(event)
            self._take(event.number, claim, event.lines, Status.COLLECTED)

    def _released(self, event: events.Released, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        shortfall, is_replaced = event.reason is ReleaseReason.SHORTFALL, event.reason is ReleaseReason.REPLACED
        allowed = ALL_LIVE if shortfall else (Status.HELD,) if is_replaced else LIVE
        # The ledger itself releases the losses of a shortfall, so no deadline forbids it.
        claim = self._live(event.number, "release", allowed, -1 if shortfall else at_ms)
        if claim is not None:
            if event.cause is not None or shortfall:
                self._stock.lost(event, self._version)
            self._take(event.number, claim, event.lines, Status.RELEASED, is_lost=shortfall)
            self._own = dict.fromkeys(self._lines.own_of(claim, event.lines), 0) if is_replaced else {}
            if event.number not in self._claims:  # its order may go on
                self._keys.decided(claim, at_ms, goes_on=True)

    def _expired(self, event: events.Expired, at_ms: int) -> None:
        claim = self._live(event.number, "expire", LIVE, -1)
        if claim is not None:
            subject, found = f"reservation {event.number}", f"{event.lines} expired at {at_ms}"
            if at_ms < claim.deadline_ms:
                self._found("I11", subject, f"held until {claim.deadline_ms}", found)
            self._take(event.number, claim, event.lines, Status.EXPIRED)
            if event.number in self._claims:
                self._found("I1", subject, "nothing held once expired", found)

    def _take(self, number: int, claim: Hold, lines: Lines, final: Status, *, is_lost: bool = False) -> None:
        """Remove units from the reservation's lines; it is final where none is left."""
        left = []
        sound = len(lines) == len(claim.held)
        for (held_sku, held), (sku, units) in zip(claim.held, lines, strict=False):
            sound = sound and sku == held_sku and 0 <= units <= held
            self._books[sku].reserved -= 0 if claim.awaits else units
            left.append((held_sku, held - units))
        if not sound:
            self._found("I1", f"reservation {number}", f"at most {claim.held} taken", f"{lines}")
        claim.held = tuple(left)
        if final is not Status.COLLECTED and not is_lost:
            self._picks.given_back(number, lines, claim.held)
        if not any(units for _, units in left):
            self._handed_out.over(number)
            del self._claims[number]
            self._places.leave(claim)
            self._final[number] = Status.COLLECTED if claim.any_sold else final
            if self._rules.limits:
                self._by_customer[claim.customer_id].discard(number)

    def _close_shortfalls(self) -> None:
        for sku in self._stock.close():
            if self._books[sku].missing() > 0:
                self._overpromised(sku, self._books[sku])
            self._handed_out.check_quotas(sku)

    def _policy_adopted(self, event: PolicyAdopted, _: int) -> None:
        self._keys.accepted.memory_ms = event.policy.ttl_ms_max + DAY_MS
        self._rules.adopt(event)
        self._picks.adopt()
        self._by_customer.clear()
        for number, claim in self._claims.items() if self._rules.limits else ():
            self._by_customer[claim.customer_id].add(number)
