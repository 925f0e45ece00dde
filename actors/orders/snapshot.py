"""A customers' ledger as rows of plain lists and back. The same state gives the same rows on any process."""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final

from actors.core.policy import from_document, to_document
from actors.core.rejection import Rejection
from actors.orders.evolve import index_basket, index_deadline, index_outbox
from actors.orders.plain import order_from_plain, order_to_plain
from actors.orders.state import OrderLedger, Recorded
from actors.shop.snapshot import rejection_fields, rejection_from

# Of format 1 none is read: what a part keeps was counted otherwise, and cannot be told from it. The records can tell.
FORMAT: Final = 2

Row = list[Any]


class Capture:
    """A customers' ledger's state as of one version: quick to take, since orders are immutable."""

    __slots__ = ("_answers", "_ended", "_head", "_orders", "broken", "version")

    def __init__(self, ledger: OrderLedger) -> None:
        self.version = ledger.version
        self.broken = ""  # orders keep no sums that could contradict them
        self._head: Row = [
            "customers",
            FORMAT,
            ledger.ledger_id,
            ledger.version,
            ledger.time_ms,
            to_document(ledger.policy),
        ]
        self._orders = [
            (order, order.number in ledger.customers.get(order.customer_id, ())) for order in ledger.orders.values()
        ]
        self._answers = [(day, list(kept.items())) for day, kept in sorted(ledger.generations.items())]
        self._ended = list(ledger.ended)

    def rows(self) -> Iterator[Row]:
        """Head, orders by number, ended ones by time, answers by day and time."""
        yield self._head
        for order, counts in self._orders:
            yield ["order", counts, *order_to_plain(order)]
        for at_ms, number in self._ended:
            yield ["ended", at_ms, number]
        for day, answers in self._answers:
            for key, answer in answers:
                yield ["answer", day, key, *_answer_fields(answer)]

    def state_hash(self) -> str:
        """The same for the same state on any process: SHA-256 over the rows as JSON."""
        digest = sha256()
        for row in self.rows():
            digest.update(json.dumps(row).encode())
        return digest.hexdigest()


def copied(ledger: OrderLedger) -> OrderLedger:
    """The ledger as of now, its indexes too, to be looked at while it goes on: orders and answers are immutable."""
    copy = OrderLedger(ledger.ledger_id)
    copy.version, copy.time_ms, copy.policy = ledger.version, ledger.time_ms, ledger.policy
    copy.remembered = ledger.remembered
    copy.orders = ledger.orders.copy()
    copy.customers = {customer_id: numbers.copy() for customer_id, numbers in ledger.customers.items()}
    copy.generations = {day: answers.copy() for day, answers in ledger.generations.items()}
    copy.baskets = ledger.baskets.copy()
    copy.ended, copy.outbox, copy.deadlines = ledger.ended.copy(), ledger.outbox.copy(), ledger.deadlines.copy()
    return copy


def _answer_fields(answer: Recorded | int) -> Row:
    if isinstance(answer, int):
        return ["open", answer]
    if isinstance(answer.answer, Rejection):
        return ["rejection", answer.content, *rejection_fields(answer.answer)]
    return ["order", answer.content, *order_to_plain(answer.answer)]


def restore(rows: Iterable[Row]) -> OrderLedger:
    """The ledger that was captured. Raises ValueError where the rows are of a format that this version cannot read."""
    iterator = iter(rows)
    head = next(iterator)
    if head[0] != "customers" or head[1] != FORMAT:
        raise ValueError(f"a snapshot of format {head[:2]}, this version reads format {FORMAT} of customers")
    ledger = OrderLedger(head[2])
    ledger.version, ledger.time_ms = head[3], head[4]
    ledger.policy = from_document(head[5])
    for row in iterator:
        kind = row[0]
        if kind == "order":
            order = order_from_plain(row[2:])
            ledger.orders[order.number] = order
            if row[1]:
                ledger.customers.setdefault(order.customer_id, {})[order.number] = None
            index_basket(ledger, order)
            index_outbox(ledger, order)
            index_deadline(ledger, order)
        elif kind == "ended":
            ledger.ended.append((row[1], row[2]))
        elif kind == "answer":
            ledger.generations.setdefault(row[1], {})[row[2]] = _answer(row[3], row[4:])
        else:
            raise ValueError(f"a snapshot row of kind {kind!r}")
    ledger.remembered = sum(map(len, ledger.generations.values()))
    return ledger


def _answer(kind: str, fields: Row) -> Recorded | int:
    match kind:
        case "open":
            number: int = fields[0]
            return number
        case "rejection":
            return Recorded(fields[0], rejection_from(fields[1:]))
        case "order":
            return Recorded(fields[0], order_from_plain(fields[1:]))
        case _:
            raise ValueError(f"a snapshot answer of kind {kind!r}")
