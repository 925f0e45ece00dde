"""A customers' ledger as rows of a snapshot and back. Equal states give the same rows in any process."""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Final

from actors.core.answers import EndedRow
from actors.core.message import Message, digest_of
from actors.core.overlay import OVERLAID_AT_ONCE, Overlay, lift, queued
from actors.core.packed import PackedRow, packed_rows
from actors.core.policy import Policy
from actors.orders.answers import FinishedRow, Told, all_told, finished_rows
from actors.orders.grants import Grant
from actors.orders.indexes import index_basket, index_customer, index_deadline, index_outbox
from actors.orders.state import Bar, Collected, Order, OrderLedger

FORMAT: Final = 1


class Head(Message, frozen=True, tag="customers"):
    """The first row."""

    format: int
    ledger_id: str
    version: int
    time_ms: int
    policy: Policy


class OrderRow(Message, frozen=True, tag="order_row"):
    """An order, and where the answers about it are."""

    order: Order
    told: Told


class BarredRow(Message, frozen=True, tag="barred_row"):
    """An order that is not to be placed, and since when."""

    number: int
    at_ms: int


Row = Head | OrderRow | Grant | Bar | BarredRow | EndedRow | Collected | PackedRow | FinishedRow


class Capture:
    """A customers' ledger's state as of one version, until the ledger's next event or thaw."""

    __slots__ = (
        "_barred",
        "_bars",
        "_collected",
        "_ended",
        "_finished",
        "_grants",
        "_head",
        "_later",
        "_ledger",
        "_orders",
        "_over",
        "_refused",
        "_told",
        "broken",
        "version",
    )

    def __init__(self, ledger: OrderLedger) -> None:
        self._ledger = ledger
        self.version = ledger.version
        self.broken = ""  # the state has no totals that orders could contradict
        self._head = Head(FORMAT, ledger.ledger_id, ledger.version, ledger.time_ms, ledger.policy)
        self._told, self._later = ledger.answers.told, ledger.answers.later
        self._orders = ledger.orders
        self._grants = ledger.grants.by_number
        self._barred = ledger.barred.copy()
        self._bars = list(ledger.bars.values())
        self._ended = ledger.ended.captured()
        self._collected = ledger.collected.captured()
        self._over = ledger.answers.over.captured()
        self._refused = ledger.answers.refused.captured()
        self._finished = ledger.answers.finished.captured()

    def freeze(self) -> None:
        """Keep what this reads as it is, whatever the ledger does from now on."""
        ledger, answers = self._ledger, self._ledger.answers
        ledger.orders, ledger.grants.by_number = Overlay(ledger.orders), Overlay(ledger.grants.by_number)
        answers.told, answers.later = Overlay(answers.told), Overlay(answers.later)
        answers.over.freeze()
        answers.refused.freeze()

    def thaw(self, count_max: int = OVERLAID_AT_ONCE) -> bool:
        """End that, a piece at a time; returns whether it is done. Nothing is read any more."""
        ledger, answers = self._ledger, self._ledger.answers
        answers.over.thaw()
        answers.refused.thaw()
        overlaid = [(ledger, "orders"), (ledger.grants, "by_number"), (answers, "told"), (answers, "later")]
        return lift(overlaid, count_max)

    def rows(self) -> Iterator[Row]:
        """Yield the head, orders, grants, what is barred, what was collected by time, what is remembered by version."""
        yield self._head
        for number, order in self._orders.items():
            yield OrderRow(order, all_told(self._told, self._later, number, self.version))
        yield from self._grants.values()
        for number, at_ms in self._barred.items():
            yield BarredRow(number, at_ms)
        yield from self._bars
        for at_ms, number in queued(self._ended):
            yield EndedRow(at_ms, number)
        yield from queued(self._collected)
        yield from packed_rows(self._over, self.version, refused=False)
        yield from packed_rows(self._refused, self.version, refused=True)
        yield from finished_rows(self._finished)

    def state_hash(self) -> str:
        """The hash of the rows: the same for equal states in any process."""
        return digest_of(self.rows())


def copied(ledger: OrderLedger) -> OrderLedger:
    """A copy of the ledger and its indexes, which later events do not change: orders and answers are immutable."""
    copied = copy(ledger)
    copied.orders = dict(ledger.orders)
    copied.customers = {customer_id: numbers.copy() for customer_id, numbers in ledger.customers.items()}
    copied.answers = ledger.answers.copied()
    copied.grants = ledger.grants.copied()
    copied.barred = ledger.barred.copy()
    copied.bars = ledger.bars.copy()
    copied.baskets = ledger.baskets.copy()
    copied.ended, copied.collected = ledger.ended.copied(), ledger.collected.copied()
    copied.collected_of = {customer_id: rows.copy() for customer_id, rows in ledger.collected_of.items()}
    copied.settled = ledger.settled.copy()
    copied.totals = {}  # made again when asked for
    copied.outbox, copied.deadlines = ledger.outbox.copied(), ledger.deadlines.copy()
    return copied


def restore(rows: Iterable[Row]) -> OrderLedger:
    """Return the ledger that was captured. Raises ValueError for rows that are not of this version's format."""
    iterator = iter(rows)
    head = next(iterator)
    if not isinstance(head, Head) or head.format != FORMAT:
        raise ValueError(f"this version reads format {FORMAT} of customers, and the snapshot begins with {head}")
    ledger = OrderLedger(head.ledger_id)
    ledger.version, ledger.time_ms, ledger.policy = head.version, head.time_ms, head.policy
    for row in iterator:
        match row:
            case OrderRow(order, told):
                ledger.orders[order.number] = order
                ledger.answers.restore_told(order.number, told)
                index_customer(ledger, order)
                index_basket(ledger, order)
                index_outbox(ledger, order)
                index_deadline(ledger, order)
                if order.open_attempt:
                    ledger.answers.pending[order.key] = order.number
                if order.is_settled():
                    ledger.settled[order.number] = None
            case Grant():
                ledger.grants.put(row)
            case BarredRow():
                ledger.barred[row.number] = row.at_ms
            case Bar():
                ledger.bars[row.number, row.attempt] = row
            case EndedRow():
                ledger.ended.append((row.at_ms, row.number))
            case Collected():
                ledger.collect(row)
            case PackedRow() | FinishedRow():
                ledger.answers.restore(row)
            case Head():
                raise ValueError("a second head among the rows of a snapshot")
    return ledger
