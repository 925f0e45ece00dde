"""A ledger under watch: what it does is journalled as a host would, and every checker can be asked at any time."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeVar

from actors.core.answers import Recorded, fingerprint
from actors.core.message import to_json
from actors.core.policy import DAY_MS, Policy
from actors.core.rejection import UNRECORDED, Rejection
from actors.core.status import Status
from actors.core.transact import Decision, Refused, Transacted
from actors.journal.codec import encode_rows
from actors.runtime.kinds import SHOP
from actors.shop.audit.books import AuditResult, compare
from actors.shop.audit.journal import Audit
from actors.shop.audit.picking import compare_tasks
from actors.shop.commands import ApplyOutcome, Command, Lines, claim_key
from actors.shop.decide import decide
from actors.shop.events import (
    Event,
    Left,
    OutcomeApplied,
    Queued,
    SafetyStockSet,
    Served,
    StockAdjusted,
    StockCounted,
    touched_skus,
)
from actors.shop.evolve import evolve
from actors.shop.expiry import Due, due
from actors.shop.hot.decide import begin_keys
from actors.shop.hot.events import UnitsKept
from actors.shop.invariants import check
from actors.shop.lines.events import GrantAwaited, PassedOver
from actors.shop.picking.events import PickPutBack
from actors.shop.projections import answered_by, known, part_of
from actors.shop.snapshot import Capture, Row, restore
from actors.shop.state import Ledger, Remembered, Reservation
from actors.shop.transact import expire, recall, standing, transact, with_answer
from actors.shop.transfers.events import Promised
from serve.wire.pickups import TO_COLLECT, kind_of
from tests import reading

T = TypeVar("T")

DAY_ZERO_MS: Final = 19_700 * DAY_MS  # midnight, so that a page's days are the ledger's


class Core(NamedTuple):
    """What moves a ledger. The real thing, unless a test wants to see a checker catch something else."""

    transact: Callable[[Ledger, Command, int], Transacted] = transact
    expire: Callable[[Ledger, int], list[Event]] = expire


def assembled(
    *,
    recall: Callable[[Ledger, Command], Remembered | None] = recall,
    decided: Callable[[Ledger, Command, int], Decision] = decide,
    evolved: Callable[[Ledger, Event, int], object] = evolve,
    falling_due: Callable[[Ledger, int], Iterator[Due]] = due,
) -> Core:
    """A core of the real parts, or with one of them exchanged: how mutants are built."""

    def transact_parts(ledger: Ledger, command: Command, now_ms: int) -> Transacted:
        answer = recall(ledger, command)
        if answer is not None:
            return Transacted(answer, (), repeated=True)
        decision = decided(ledger, command, now_ms)
        if isinstance(decision, Rejection):
            if not command.key or decision.reason in UNRECORDED:
                return Transacted(Recorded("", 0, decision), ())
            events: tuple[Event, ...] = (Refused(command.key, fingerprint(command), type(command).__name__, decision),)
        else:
            events = decision
        for event in events:
            evolved(ledger, event, now_ms)
        answer = ledger.answers.get(command.key) if command.key else _standing(ledger, command, events, now_ms)
        assert answer is not None
        return Transacted(answer, with_answer(events, answer) if events and isinstance(answer, Recorded) else events)

    def expire_parts(ledger: Ledger, now_ms: int) -> list[Event]:
        events: list[Event] = []
        for event in falling_due(ledger, now_ms):
            evolved(ledger, event, now_ms)
            events.append(event)
        return events

    return Core(transact_parts, expire_parts)


def _standing(ledger: Ledger, command: Command, events: tuple[Event, ...], now_ms: int) -> Remembered | None:
    """The answer to a word that has no key: how the part stands by now, or that there never will be one."""
    if not isinstance(command, ApplyOutcome):
        return standing(ledger, command, events, now_ms)
    for version, event in enumerate(events, ledger.version - len(events) + 1):
        if isinstance(event, OutcomeApplied) and event.before is not None:
            ledger.answers.read[version] = answered_by(event, version, ledger.time_ms)
    part = part_of(ledger, command.holder)
    return ledger.answers.get(claim_key(command.holder)) if part is None else Recorded("", ledger.version, part)


class Record(NamedTuple):
    """One event as it was journalled."""

    version: int
    epoch: int
    at_ms: int
    event: Event


class Watched:
    """One ledger, its journal, and what it said."""

    def __init__(self, policy: Policy | None = None, core: Core | None = None, store_id: str = "S1") -> None:
        self.ledger = Ledger(store_id)
        self.records: list[Record] = []
        self.epoch = 1
        self.core = core or Core()
        if policy is not None:
            self.adopt(policy, DAY_ZERO_MS)

    def say(self, command: Command, at_ms: int) -> Transacted:
        """Answer a command as the host does: never back in time, and after what is due has expired."""
        now_ms = self.wait(at_ms)
        told = self._read_back(lambda: self.core.transact(self.ledger, command, now_ms))
        self._journal(told.events, now_ms)
        if self.ledger.line_due:  # in the same step
            self._journal(self.core.expire(self.ledger, now_ms), now_ms)
        return told

    def known(self, number: int) -> Reservation:
        """A reservation, read back where it is over."""
        found = self._read_back(lambda: known(self.ledger, number))
        assert found is not None, f"#{number} is forgotten"
        return found

    def all_known(self) -> list[Reservation]:
        """All of them by number."""
        version_of, rows = self.ledger.finished.version_of, self.ledger.reservations
        numbers = range(1, self.ledger.version + 1)
        return [self.known(number) for number in numbers if number in rows or version_of(number)]

    def _read_back(self, decide: Callable[[], T]) -> T:
        return reading.decided(
            self.ledger,
            lambda version: answered_by(self.records[version - 1].event, version, self.records[version - 1].at_ms),
            decide,
        )

    def wait(self, at_ms: int) -> int:
        """Let time pass; returns the ledger's time, which never runs backwards."""
        now_ms = max(at_ms, self.ledger.time_ms)
        self._journal(self.core.expire(self.ledger, now_ms), now_ms)
        return now_ms

    def adopt(self, policy: Policy, at_ms: int) -> None:
        """Decide by these rules from here on."""
        now_ms = self.wait(at_ms)
        event = SHOP.adopting(self.ledger, policy)
        evolve(self.ledger, event, now_ms)
        self._journal([event], now_ms)

    def restart(self) -> None:
        """Another process takes over from a snapshot: the state goes through bytes, the epoch rises."""
        self.ledger = restore(through_json(Capture(self.ledger)))
        self.epoch += 1
        begin_keys(self.ledger, self.epoch, None)

    def replayed(self) -> Ledger:
        """What the journal alone makes of an empty ledger."""
        ledger = Ledger(self.ledger.ledger_id)
        for record in self.records:
            evolve(ledger, record.event, record.at_ms)
        return ledger

    def mistold(self) -> list[str]:
        """Events that changed another position than they name, or none that they name, or have another answer than what
        applies them, or of which tills are told nothing though they change what is ready or what tills were told of.
        Rows of stock, lines, and what is in transit may name a position that stays as it was.
        """
        ledger, found = Ledger(self.ledger.ledger_id), []
        told_to_tills: set[int] = set()
        for record in self.records:
            before = shown(ledger)
            number = getattr(record.event, "number", 0)
            waited = to_collect(ledger, number)
            answer = evolve(ledger, record.event, record.at_ms)
            waits = to_collect(ledger, number)
            if kind_of(record.event) is not None:
                (told_to_tills.add if waits else told_to_tills.discard)(number)
            elif waits != waited and (number in told_to_tills or (waits and waits[0] is Status.READY)):
                found.append(f"tills: {record.event} told nothing, of {waited} and then {waits}")
            is_kept = answer is not None and ledger.answers.newest[1] is answer
            if is_kept and getattr(record.event, "answer", answer) is not None:  # a mutant's events may have none
                said = answered_by(record.event, record.version, record.at_ms)[:2]
                if said != ledger.answers.newest:
                    found.append(f"answer: {record.event} said {said}, and it is {ledger.answers.newest}")
            after = shown(ledger)
            changed = {sku for sku in after if after[sku] != before.get(sku)}
            told = set(touched_skus(record.event))
            of_stock = isinstance(
                record.event,
                StockAdjusted
                | StockCounted
                | SafetyStockSet
                | Queued
                | Left
                | Promised
                | Served
                | PassedOver
                | UnitsKept
                | GrantAwaited
                | PickPutBack,
            )
            if (changed - told) or (told - changed and not of_stock):
                found.append(f"told: {record.event} told {sorted(told)} and changed {sorted(changed)}")
        return found

    def audited(self) -> AuditResult:
        """The second opinion on the journal."""
        audit = Audit(self.ledger.ledger_id)
        for record in self.records:
            audit.add(*record)
        return audit.result()

    def stock(self) -> dict[str, tuple[int, int, int, int]]:
        """Live positions as the audit has them: on_hand, reserved, allotted, safety_stock."""
        return stock_of(self.ledger)

    def complaints(self) -> list[str]:
        """What every checker has to say; each line begins with the checker's name."""
        result = self.audited()
        return [
            *(f"invariants: {violation}" for violation in check(self.ledger)),
            *(f"audit: {violation}" for violation in result.violations),
            *(f"compare: {violation}" for violation in compare(result, self.stock())),
            *(f"compare: {violation}" for violation in compare_tasks(result.tasks, self.ledger.picks.ends())),
            *self._unlike("replay", self.replayed()),
            *self._unlike("snapshot", restore(through_json(Capture(self.ledger)))),
        ]

    def _unlike(self, checker: str, other: Ledger) -> list[str]:
        """Where another ledger's state is not this one's, byte for byte and by hash."""
        mine, others = written(Capture(self.ledger)), written(Capture(other))
        rows = [f"{checker}: {row!r} became {its!r}" for row, its in zip(mine, others, strict=False) if row != its]
        if len(mine) != len(others):
            rows.append(f"{checker}: {len(mine)} rows became {len(others)}")
        if not rows and Capture(self.ledger).state_hash() != Capture(other).state_hash():
            rows.append(f"{checker}: the same rows have another hash")
        return rows

    def _journal(self, events: list[Event] | tuple[Event, ...], at_ms: int) -> None:
        version = len(self.records)
        for event in events:
            version += 1
            self.records.append(Record(version, self.epoch, at_ms, event))


def stock_of(ledger: Ledger) -> dict[str, tuple[int, int, int, int]]:
    """Positions as callers see them: on_hand, reserved, allotted, safety_stock."""
    return {sku: position.stock() for sku, position in ledger.positions.items()}


def to_collect(ledger: Ledger, number: int) -> tuple[Status, Lines, int] | None:
    """What a till has to know of a reservation: status, units and deadline; None where there is nothing to collect."""
    reservation = ledger.reservations.get(number)
    if reservation is None or reservation.status not in TO_COLLECT:
        return None
    return reservation.status, reservation.held_lines(), reservation.expires_at_ms


def shown(ledger: Ledger) -> dict[str, tuple[int, ...]]:
    """The same, what is available, and what of it is kept for who waits."""
    positions = ledger.positions.items()
    return {sku: (*each.stock(), each.available, ledger.kept(sku, each.available)) for sku, each in positions}


def written(capture: Capture) -> list[bytes]:
    """A snapshot's rows as a journal writes them."""
    return [to_json(row) for row in capture.rows()]


def through_json(capture: Capture) -> list[Row]:
    """A snapshot's rows as another process reads them."""
    return [row for chunk in encode_rows(capture.rows(by_version=False)) for row in SHOP.read_rows(chunk)]
