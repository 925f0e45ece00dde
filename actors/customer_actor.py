"""The actor of customers: some of their hash slots, each a ledger of limits and of orders over several shops.

A plain class; `ray_actors` makes it a Ray actor. Several threads call it. Queries raise JournalError.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.core.violation import Violation
from actors.journal.port import Journal, JournalError
from actors.orders.consistency import is_promised
from actors.orders.invariants import check
from actors.orders.snapshot import Capture, copied
from actors.orders.state import Order, OrderLedger
from actors.runtime.actor_runtime import TIDY_EVERY_S, ActorRuntime, FeedRecord, in_turn
from actors.runtime.clock import Clock
from actors.runtime.cores import CUSTOMERS
from actors.runtime.ledger_host import Hosted

ORDERS_SCAN_MAX: Final = 50_000  # versions looked at for one page of orders
OUTBOX_MAX: Final = 500  # orders of one ledger to an answer


class CustomerActor:
    """The ledgers of one journal. `end` is called once when the journal fails or was taken over; it must not return."""

    def __init__(
        self,
        name: str,
        journal: Journal,
        clock: Clock,
        end: Callable[[JournalError], None],
        tidy_every_s: float = TIDY_EVERY_S,
    ) -> None:
        self._runtime = ActorRuntime(name, CUSTOMERS, journal, clock, end, tidy_every_s)
        self._host = self._runtime.host

    def ping(self) -> int:
        """Return the process id once the actor serves."""
        return self._runtime.pid()

    def adopt(self, document: bytes) -> None:
        """See `ActorRuntime.adopt`."""
        self._runtime.adopt(document)

    def step(self, batch: bytes) -> bytes:
        """See `ActorRuntime.step`."""
        return self._runtime.step(batch)

    def close(self) -> None:
        """See `ActorRuntime.close`."""
        self._runtime.close()

    def order(self, ledger_id: str, number: int) -> tuple[int, Order | None]:
        """The ledger's version, and the order or None."""

        def question(hosted: Hosted, _now_ms: int) -> tuple[int, Order | None]:
            return hosted.ledger.version, hosted.ledger.orders.get(number)

        return self._host.read(ledger_id, question)

    def orders_of(
        self, ledger_id: str, customer_id: str, standings: list[int], after_number: int, page_size: int
    ) -> tuple[int, list[Order], int]:
        """The ledger's version, a page of the customer's orders by number, and the number to continue after, 0 at the
        end. No standings: orders of any.
        """
        if not self._host.has_begun(ledger_id):
            return 0, [], 0
        wanted = frozenset(standings)

        def question(hosted: Hosted, _now_ms: int) -> tuple[int, list[Order], int]:
            ledger = hosted.ledger
            page: list[Order] = []
            scanned = after_number + ORDERS_SCAN_MAX
            for number in range(after_number + 1, min(scanned, ledger.version) + 1):
                order = ledger.orders.get(number)
                if order is None or order.customer_id != customer_id or (wanted and order.standing not in wanted):
                    continue
                page.append(order)
                if len(page) == page_size:
                    return ledger.version, page, number if number < ledger.version else 0
            return ledger.version, page, scanned if scanned < ledger.version else 0

        return self._host.read(ledger_id, question)

    def order_of_basket(self, ledger_id: str, customer_id: str, basket_id: str) -> Order | None:
        """The order that a customer's basket has, None where there is none or it is over."""

        def question(hosted: Hosted, _now_ms: int) -> Order | None:
            ledger = hosted.ledger
            number = ledger.baskets.get((customer_id, basket_id))
            return None if number is None else ledger.orders[number]

        return self._host.read(ledger_id, question)

    def outbox(self, after: Mapping[str, int]) -> list[tuple[str, list[Order], int]]:
        """By ledger, orders with undelivered parts, and the number to continue after.

        `after` has these numbers from the previous answer, so that every order has its turn: those whose shops are
        stopped stay in the outbox as long as these are.
        """

        def question(hosted: Hosted, _now_ms: int) -> tuple[str, list[Order], int]:
            ledger = hosted.ledger
            numbers, resume = in_turn(ledger.outbox, after.get(ledger.ledger_id, 0), OUTBOX_MAX)
            return ledger.ledger_id, [ledger.orders[number] for number in numbers], resume

        found = [self._host.read(ledger_id, question) for ledger_id in self._host.ledger_ids()]
        return [answer for answer in found if answer[1]]

    def ledgers(self) -> list[str]:
        """The ledgers that are served: those that have begun and are not stopped."""
        return self._host.ledger_ids()

    def orders(self, ledger_id: str, numbers: list[int]) -> list[Order | None]:
        """For each number its order, None where there is none."""
        if not self._host.has_begun(ledger_id):
            return [None] * len(numbers)

        def question(hosted: Hosted, _now_ms: int) -> list[Order | None]:
            return [hosted.ledger.orders.get(number) for number in numbers]

        return self._host.read(ledger_id, question)

    def promised(self, ledger_id: str, after_number: int, page_size: int) -> tuple[list[Order], int]:
        """A page of orders with committed live parts, by number, and the number to continue after, 0 at the end."""

        def question(hosted: Hosted, _now_ms: int) -> tuple[list[Order], int]:
            ledger = hosted.ledger
            page: list[Order] = []
            scanned = after_number + ORDERS_SCAN_MAX
            for number in range(after_number + 1, min(scanned, ledger.version) + 1):
                order = ledger.orders.get(number)
                if order is not None and any(map(is_promised, order.parts)):
                    page.append(order)
                    if len(page) == page_size:
                        return page, number
            return page, scanned if scanned < ledger.version else 0

        return self._host.read(ledger_id, question)

    def status(self, ledger_id: str) -> dict[str, Any] | None:
        """A ledger's status, None where it has not begun."""
        if not self._host.has_begun(ledger_id):
            return None

        def question(hosted: Hosted, now_ms: int) -> dict[str, Any]:
            ledger = hosted.ledger
            return {
                **self._runtime.status_of(hosted, now_ms),
                "open_reservations": len(ledger.orders) - len(ledger.ended),  # orders that are not settled
                "positions": 0,
                "outbox": len(ledger.outbox),
            }

        return self._host.read(ledger_id, question)

    def knows(self, ledger_id: str, key: str) -> bool:
        """True where a call under this key was answered or is being decided here."""
        return self._host.read(ledger_id, lambda hosted, _now_ms: hosted.ledger.answers.get(key) is not None)

    def live_state(self, ledger_id: str) -> tuple[int, str, list[Violation]] | None:
        """Version, state hash and broken invariants, those of indexes included, for comparison with a replay. None
        where the ledger has not begun. Decisions stop for the copy only.
        """
        if not self._host.has_begun(ledger_id):
            return None

        def question(hosted: Hosted, _now_ms: int) -> OrderLedger:
            return copied(hosted.ledger)

        ledger = self._host.read(ledger_id, question)
        return ledger.version, Capture(ledger).state_hash(), check(ledger)

    def records(self, ledger_id: str, after: int, events_max: int) -> list[FeedRecord]:
        """See `ActorRuntime.records`."""
        return self._runtime.records(ledger_id, after, events_max)
