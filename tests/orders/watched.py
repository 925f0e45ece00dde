"""A customers' ledger under watch: what it does is journalled as a host would, and its checkers can always be asked."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from msgspec.structs import replace

from actors.core.answers import KeyedAnswer
from actors.core.message import digest_of
from actors.core.policy import Policy
from actors.core.transact import PolicyAdopted, Transacted
from actors.journal.codec import encode, encode_rows
from actors.orders.audit import OrderAudit
from actors.orders.commands import Command
from actors.orders.events import Event, Settled
from actors.orders.evolve import evolve
from actors.orders.invariants import check
from actors.orders.snapshot import Capture, Row, restore
from actors.orders.state import Order, OrderLedger
from actors.orders.transact import answered_by, expire, transact
from actors.runtime.kinds import CUSTOMERS
from tests import reading
from tests.shop.watched import DAY_ZERO_MS

LEDGER: Final = "customers/0007"


class Core(NamedTuple):
    """What moves a ledger. The real thing, unless a test wants to see a checker catch something else."""

    transact: Callable[[OrderLedger, Command, int], Transacted] = transact
    expire: Callable[[OrderLedger, int], list[Event]] = expire


class Watched:
    """One ledger, its journal as bytes, and what it said."""

    def __init__(self, policy: Policy | None = None, core: Core | None = None) -> None:
        self.ledger = OrderLedger(LEDGER)
        self.records: list[tuple[int, bytes]] = []
        self.core = core or Core()
        self._replay, self._audit, self._heard = OrderLedger(LEDGER), OrderAudit(LEDGER), 0
        if policy is not None:
            self.adopt(policy, DAY_ZERO_MS)

    def say(self, command: Command, at_ms: int) -> Transacted:
        """Answer a command as the host does: never back in time, and after what is due has happened. The answer
        is the order or the rejection itself.
        """
        now_ms = self.wait(at_ms)
        told = reading.decided(
            self.ledger,
            self._answered_by,
            lambda: self.core.transact(self.ledger, command, now_ms),
        )
        self._journal(told.events, now_ms)
        return replace(told, answer=told.answer and told.answer.answer)

    def _answered_by(self, version: int) -> KeyedAnswer:
        events = [(event, at_ms) for at_ms, payload in self.records for event in CUSTOMERS.read_events(payload)]
        event, at_ms = events[version - 1]
        return answered_by(event, version, at_ms)

    def orders(self) -> dict[int, Order]:
        """By number all orders that are remembered, in the sequence of their numbers: those that are over from the
        journal.
        """
        orders = dict(self.ledger.orders)
        for version, event in enumerate(self.events(), start=1):
            if isinstance(event, Settled) and version in self.ledger.answers.where(event.order.number):
                orders[event.order.number] = event.order
        return dict(sorted(orders.items()))

    def wait(self, at_ms: int) -> int:
        """Let time pass; returns the ledger's time, which never runs backwards."""
        now_ms = max(at_ms, self.ledger.time_ms)
        self._journal(self.core.expire(self.ledger, now_ms), now_ms)
        return now_ms

    def adopt(self, policy: Policy, at_ms: int) -> None:
        """Decide by these rules from here on."""
        now_ms = self.wait(at_ms)
        event = PolicyAdopted(*policy.apart_from(self.ledger.policy))
        evolve(self.ledger, event, now_ms)
        self._journal([event], now_ms)

    def restart(self) -> None:
        """Another process takes over from a snapshot: the state goes through bytes."""
        self.ledger = self.restored()

    def restored(self) -> OrderLedger:
        """What a snapshot makes."""
        return self._through_bytes(Capture(self.ledger).rows(by_version=False))

    def replayed(self) -> OrderLedger:
        """What the journal alone makes of an empty ledger."""
        self._hear()
        return self._replay

    def audited(self) -> OrderAudit:
        """The second look at the journal."""
        self._hear()
        return self._audit

    def events(self) -> list[Event]:
        """All that happened."""
        return [event for _, payload in self.records for event in CUSTOMERS.read_events(payload)]

    def complaints(self) -> list[str]:
        """What every checker has to say; each line begins with the checker's name."""
        found = [f"invariants: {violation}" for violation in check(self.ledger)]
        found += [f"audit: {violation}" for violation in self.audited().violations]
        mine = list(Capture(self.ledger).rows())
        digest = digest_of(mine)
        for checker, other in (("replay", self.replayed()), ("snapshot", self.restored())):
            others = list(Capture(other).rows())
            found += [
                f"{checker}: {row!r} became {its!r}" for row, its in zip(mine, others, strict=False) if row != its
            ]
            if digest_of(others) != digest:
                found.append(f"{checker}: another hash")
            if other.grants.indexes() != self.ledger.grants.indexes():
                found.append(f"{checker}: grants {other.grants.indexes()}")
            for index in ("customers", "baskets", "outbox", "collected_of"):
                if getattr(other, index) != getattr(self.ledger, index):
                    found.append(f"{checker}: {index} {getattr(self.ledger, index)} became {getattr(other, index)}")
        return found

    def _through_bytes(self, rows: Iterable[Row]) -> OrderLedger:
        return restore(row for chunk in encode_rows(rows) for row in CUSTOMERS.read_rows(chunk))

    def _hear(self) -> None:
        """Replay and audit go on from where they were: from the beginning each time, a run would cost its square."""
        for at_ms, payload in self.records[self._heard :]:
            for event in CUSTOMERS.read_events(payload):
                evolve(self._replay, event, at_ms)
            for event in CUSTOMERS.read_events(payload):
                self._audit.add(self._audit.ledger.version + 1, 1, at_ms, event)
        self._heard = len(self.records)

    def _journal(self, events: list[Event] | tuple[Event, ...], at_ms: int) -> None:
        if events:
            self.records.append((at_ms, encode(events)))
