"""The actor of customers: some of their hash slots, each a ledger of limits and of orders over several shops.

A plain class; `cluster` puts Ray on it. It is told and asked like a StoreActor; `coordinator` carries its words.
"""

from collections.abc import Callable, Mapping
from typing import Final

from actors.clock import Clock
from actors.envelope import Wire
from actors.host import Hosted
from actors.journal.port import Journal, JournalError
from actors.office import TIDY_EVERY_S, Office, in_turn
from actors.order_envelope import order_command_from_wire
from actors.orders.plain import order_to_plain

UNTOLD_MAX: Final = 500  # orders of one ledger to an answer


class CustomerActor:
    """The ledgers of one journal. `end` is called once when the journal fails or was taken over: it must not return."""

    def __init__(
        self,
        name: str,
        journal: Journal,
        clock: Clock,
        end: Callable[[JournalError], None],
        tidy_every_s: float = TIDY_EVERY_S,
    ) -> None:
        self._office = Office(name, journal, clock, end, order_command_from_wire, tidy_every_s)
        self._host = self._office.host

    def ping(self) -> int:
        """Answers with the process id when the actor serves."""
        return self._office.pid()

    def adopt(self, document: bytes) -> None:
        """See `Office.adopt`."""
        self._office.adopt(document)

    def step(self, batch: bytes) -> bytes:
        """See `Office.step`."""
        return self._office.step(batch)

    def close(self) -> None:
        """See `Office.close`."""
        self._office.close()

    def order(self, ledger_id: str, number: int) -> tuple[int, Wire | None]:
        """The ledger's version and an order, None where there is none."""

        def question(hosted: Hosted, _now_ms: int) -> tuple[int, Wire | None]:
            order = hosted.ledger.orders.get(number)
            return hosted.ledger.version, None if order is None else order_to_plain(order)

        return self._host.read(ledger_id, question)

    def order_of_basket(self, ledger_id: str, customer_id: str, basket_id: str) -> Wire | None:
        """The order that a customer's basket has, None where there is none that is not over."""

        def question(hosted: Hosted, _now_ms: int) -> Wire | None:
            ledger = hosted.ledger
            number = ledger.baskets.get((customer_id, basket_id))
            return None if number is None else order_to_plain(ledger.orders[number])

        return self._host.read(ledger_id, question)

    def untold(self, after: Mapping[str, int]) -> list[tuple[str, list[Wire], int]]:
        """By ledger, orders of which some shop has not heard the newest, and after which number to go on with it.

        `after` has such numbers from the answer before, so that every order has its turn: those whose shops are
        stopped stay for as long as these are.
        """

        def question(hosted: Hosted, _now_ms: int) -> tuple[str, list[Wire], int]:
            ledger = hosted.ledger
            numbers, resume = in_turn(ledger.untold, after.get(ledger.ledger_id, 0), UNTOLD_MAX)
            return ledger.ledger_id, [order_to_plain(ledger.orders[number]) for number in numbers], resume

        found = [self._host.read(ledger_id, question) for ledger_id in self._host.ledger_ids()]
        return [answer for answer in found if answer[1]]
