"""A customers' ledger as rows of a snapshot and back. Equal states give the same rows in any process."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import Any, Final

from msgspec.structs import replace

from actors.core.answers import EndedRow
from actors.core.message import Message, digest_of, to_json
from actors.core.overlay import OVERLAID_AT_ONCE, Overlay, lift
from actors.core.packed import PackedRow, packed_rows, rows_by_version
from actors.core.policy import Policy
from actors.orders.answers import AnswerIndex, FinishedRow, finished_rows
from actors.orders.grants import Grant
from actors.orders.indexes import index_basket, index_customer, index_deadline, index_outbox
from actors.orders.state import BarredClaim, Collected, Order, OrderLedger, Since

FORMAT: Final = 1


class Head(Message, frozen=True, tag="customers"):
    """The first row."""

    format: int
    ledger_id: str
    version: int
    time_ms: int
    policy: Policy
    limited_since: Since | None = (
        None  # of an older one it is not known: nothing before it is taken for decided by them
    )


class OrderRow(Message, frozen=True, tag="order_row"):
    """An order, and where the answers about it are."""

    order: Order
    told: AnswerIndex


class BarredRow(Message, frozen=True, tag="barred_row"):
    """An order that is not to be placed, and since when."""

    number: int
    at_ms: int


Row = Head | OrderRow | Grant | BarredClaim | BarredRow | EndedRow | Collected | PackedRow | FinishedRow


class Capture:
    """A customers' ledger's state as of one version, until the ledger's next event or thaw."""

    __slots__ = ("_finished", "_ledger", "_over", "_refused", "broken", "state", "version")

    def __init__(self, ledger: OrderLedger) -> None:
        self._ledger = ledger
        self.version = ledger.version
        self.broken = ""  # the state has no totals that orders could contradict
        self.state = _as_it_is(ledger)
        self._over = ledger.answers.over.captured()
        self._refused = ledger.answers.refused.captured()
        self._finished = ledger.answers.finished.captured()

    def freeze(self) -> None:
        """Keep what this reads as it is, whatever the ledger does from now on."""
        answers = self._ledger.answers
        for holder, name, copied in tables(self._ledger):
            setattr(holder, name, Overlay(getattr(holder, name), copied))
        answers.over.freeze()
        answers.refused.freeze()

    def thaw(self, count_max: int = OVERLAID_AT_ONCE) -> bool:
        """End that, a piece at a time; returns whether it is done. Nothing is read any more."""
        answers = self._ledger.answers
        answers.over.thaw()
        answers.refused.thaw()
        return lift([(holder, name) for holder, name, _ in tables(self._ledger)], count_max)

    def rows(self, *, by_version: bool = True) -> Iterator[Row]:
        """Yield the head, orders, grants, what is barred, what was collected by time, what is remembered by version, or
        as it lies in memory, which takes a tenth.
        """
        state, answers = self.state, self.state.answers
        yield Head(FORMAT, state.ledger_id, state.version, state.time_ms, state.policy, state.limited_since)
        for number, order in state.orders.items():
            yield OrderRow(order, answers.all_told(number, self.version))
        yield from state.grants
        for number, at_ms in state.barred.items():
            yield BarredRow(number, at_ms)
        yield from state.bars.values()
        for at_ms, number in state.ended:
            yield EndedRow(at_ms, number)
        yield from state.collected
        packed = rows_by_version if by_version else packed_rows
        yield from packed(self._over, self.version, refused=False)
        yield from packed(self._refused, self.version, refused=True)
        yield from finished_rows(self._finished)

    def state_hash(self, encode: Callable[[Any], bytes] = to_json) -> str:
        """The hash of the rows: the same for equal states in any process, but for what older snapshots do not tell."""
        rows = (replace(row, limited_since=None) if isinstance(row, Head) else row for row in self.rows())
        return digest_of(rows, encode)


def tables(ledger: OrderLedger) -> list[tuple[Any, str, Callable[[Any], Any] | None]]:
    """The large tables, each an attribute of something, and how a value is copied that changes in itself."""
    answers, grants = ledger.answers, ledger.grants
    of_ledger = [(ledger, "orders"), (ledger, "baskets")]
    of_grants = [(grants, "by_number"), (grants, "by_call"), (grants, "by_hold")]
    of_answers = [(answers, "told"), (answers, "later"), (answers, "by_key")]
    sets = [(ledger, "customers"), (grants, "of_customers"), (grants, "by_basket")]
    return [
        *((holder, name, None) for holder, name in (*of_ledger, *of_grants, *of_answers)),
        *((holder, name, dict.copy) for holder, name in sets),
        (ledger, "collected_of", deque.copy),
    ]


def _as_it_is(ledger: OrderLedger) -> OrderLedger:
    """The ledger with the same tables, and with copies of what is not overlaid."""
    state = copy(ledger)
    state.answers, state.grants = copy(ledger.answers), copy(ledger.grants)
    state.answers.over, state.answers.refused = copy(ledger.answers.over), copy(ledger.answers.refused)
    state.answers.pending, state.settled = ledger.answers.pending.copy(), ledger.settled.copy()
    state.barred, state.bars = ledger.barred.copy(), ledger.bars.copy()
    state.ended, state.collected = ledger.ended.copied(), ledger.collected.copied()
    state.outbox, state.deadlines = ledger.outbox.copied(), ledger.deadlines.copied()
    state.grants.unsettled = ledger.grants.unsettled.copied()
    state.totals = {}  # made again when asked for
    return state


def restore(rows: Iterable[Row]) -> OrderLedger:
    """Return the ledger that was captured. Raises ValueError for rows that are not of this version's format."""
    iterator = iter(rows)
    head = next(iterator)
    if not isinstance(head, Head) or head.format != FORMAT:
        raise ValueError(f"this version reads format {FORMAT} of customers, and the snapshot begins with {head}")
    ledger = OrderLedger(head.ledger_id)
    ledger.version, ledger.time_ms, ledger.policy = head.version, head.time_ms, head.policy
    if head.limited_since is not None:
        ledger.limited_since = head.limited_since
    elif head.policy.chain_limit_rules:
        ledger.limited_since = Since(head.time_ms, head.policy.version)
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
            case BarredClaim():
                ledger.bars[row.number, row.attempt] = row
            case EndedRow():
                ledger.ended.append((row.at_ms, row.number))
            case Collected():
                ledger.collect(row)
            case PackedRow() | FinishedRow():
                ledger.answers.restore(row)
            case Head():
                raise ValueError("a second head among the rows of a snapshot")
    ledger.answers.placed(ledger.version)
    return ledger
