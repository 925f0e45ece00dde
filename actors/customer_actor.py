"""The actor of customers: some of their hash slots, each a ledger of limits and of orders over several shops."""

from collections.abc import Iterable, Mapping
from heapq import nsmallest
from itertools import islice
from typing import Any, Final

from actors.core.ascending import in_turn
from actors.core.due import About
from actors.core.policy import Policy
from actors.core.rejection import Violation
from actors.orders.events import Settled
from actors.orders.grants import Grant
from actors.orders.invariants import check
from actors.orders.parts import is_promised
from actors.orders.state import OVER, BarredClaim, Collected, Order, OrderLedger, Since
from actors.protocol.messages import Unseen
from actors.rpc.methods import rpc
from actors.runtime.actor_runtime import PAGE_SCAN_MAX, LedgerActor
from actors.runtime.kinds import CUSTOMERS
from actors.runtime.read_back import events_at, seen_at

OUTBOX_MAX: Final = 500  # orders of one ledger to an answer
NEW_MS: Final = 2_000  # an order this new is being told to its shops by the gateway that has answered it

Counted = tuple[str, list[Order], list[Grant], list[Collected]]  # what counts for a customer's limits


class CustomerActor(LedgerActor):
    """The customers' ledgers of one journal."""

    core = CUSTOMERS

    @rpc
    def order(self, ledger_id: str, number: int) -> tuple[int, Order | None]:
        """The ledger's version, and the order or None."""
        if not self.host.has_begun(ledger_id):
            return 0, None
        with self.host.reading(ledger_id, About(numbers=(number,))) as (hosted, _):
            version, order = hosted.ledger.version, hosted.ledger.orders.get(number)
            places = () if order is not None else hosted.ledger.answers.where(number)
        return version, order or self._over(ledger_id, places).get(number)

    @rpc
    def orders_of(
        self, ledger_id: str, customer_id: str, standings: list[int], after_number: int, page_size: int
    ) -> tuple[int, list[Order], int]:
        """The ledger's version, a page of the customer's orders by number, and the number to continue after, 0 at the
        end. No standings: orders of any. Of orders that are over a page looks at so many as it may have.
        """
        if not self.host.has_begun(ledger_id):
            return 0, [], 0
        wanted = frozenset(standings)
        with self.host.reading(ledger_id, About(customer_id=customer_id)) as (hosted, _):
            ledger: OrderLedger = hosted.ledger
            version, answers = ledger.version, ledger.answers
            here = {order.number: order for order in ledger.orders_of(customer_id)}
        # The rest grows with what is remembered, and holds nobody up: what ended since is found among both.
        numbers = {number for number, order in here.items() if not wanted or order.standing in wanted}
        if not wanted or wanted & OVER:
            numbers.update(answers.finished.of(customer_id))
        page = nsmallest(page_size + 1, (number for number in numbers if number > after_number))
        resume = page[page_size - 1] if len(page) > page_size else 0
        missing = [number for number in page[:page_size] if number not in here]
        with self.host.reading(ledger_id, About(customer_id=customer_id)) as (hosted, _):
            places = [place for number in missing for place in answers.where(number)]
        here.update(self._over(ledger_id, places))
        found = (here[number] for number in page[:page_size] if number in here)
        mine = [each for each in found if each.customer_id == customer_id and (not wanted or each.standing in wanted)]
        return version, mine, resume

    def _over(self, ledger_id: str, versions: Iterable[int]) -> dict[int, Order]:
        """The orders that are over, by number, of which the events of these versions have all."""
        return _settled_in(events_at(self.core, self._journal, ledger_id, sorted(versions)))

    @rpc
    def order_of_basket(self, ledger_id: str, customer_id: str, basket_id: str) -> Order | None:
        """The order that a customer's basket has, None where there is none or it is over."""
        if not self.host.has_begun(ledger_id):
            return None
        with self.host.reading(ledger_id, About(customer_id=customer_id)) as (hosted, _):
            number = hosted.ledger.baskets.get((customer_id, basket_id))
            return None if number is None else hosted.ledger.orders[number]

    @rpc
    def outbox(
        self, age_ms: int, after: Mapping[str, tuple[int, int]], revision: int = 0
    ) -> list[tuple[str, list[Order], list[Grant], tuple[int, int] | None]] | None:
        """By ledger, orders with undelivered parts, but for new ones, grants older than `age_ms` of which no shop has
        reported anything, and the numbers of the order and of the grant to continue after, None where these are all.

        `after` has these numbers from the previous answer, so that each order and each grant has its turn: those whose
        shops are stopped stay in the outbox as long as these are. None where the chain revision here is older.
        """
        if revision > self.told_revision:
            return None
        found: list[tuple[str, list[Order], list[Grant], tuple[int, int] | None]] = []
        with self.host.reading_several() as reading:
            for ledger_id in self.host.ledger_ids():
                with reading(ledger_id) as (hosted, now_ms):
                    ledger = hosted.ledger
                    order_after, grant_after = after.get(ledger_id, (0, 0))
                    numbers, order_after = in_turn(order_after, OUTBOX_MAX, ledger.outbox)
                    undelivered = [
                        order for order in map(ledger.orders.__getitem__, numbers) if not _is_new(order, now_ms)
                    ]
                    unsettled, grant_after = in_turn(grant_after, OUTBOX_MAX, ledger.grants.unsettled)
                    resume = (order_after, grant_after) if order_after or grant_after else None
                    grants = map(ledger.grants.get, unsettled)
                    old = [grant for grant in grants if grant is not None and grant.granted_at_ms < now_ms - age_ms]
                    if undelivered or old or resume:
                        found.append((ledger_id, undelivered, old, resume))
        return found

    @rpc
    def bars(self, ledger_id: str) -> list[BarredClaim]:
        """The claims that operators have barred, the latest first."""
        if not self.host.has_begun(ledger_id):
            return []
        with self.host.reading(ledger_id) as (hosted, _):
            return list(reversed(hosted.ledger.bars.values()))

    @rpc
    def bar(self, ledger_id: str, number: int, attempt: int) -> BarredClaim | None:
        """The record of a barred claim, None where it is not."""
        if not self.host.has_begun(ledger_id):
            return None
        with self.host.reading(ledger_id) as (hosted, _):
            found: BarredClaim | None = hosted.ledger.bars.get((number, attempt))
            return found

    @rpc
    def orders(self, ledger_id: str, numbers: list[int]) -> list[Order | Grant | Unseen | None]:
        """For each number its order or grant, None where there is none, Unseen in an archive that is not there."""
        if not self.host.has_begun(ledger_id):
            return [None] * len(numbers)
        with self.host.reading(ledger_id, About(numbers=tuple(numbers))) as (hosted, _):
            orders, grants = hosted.ledger.orders, hosted.ledger.grants
            here = [orders.get(each) or grants.get(each) for each in numbers]
            missing = [number for number, found in zip(numbers, here, strict=True) if found is None]
            places = {number: hosted.ledger.answers.where(number) for number in missing}
        versions = sorted({place for each in places.values() for place in each})
        events = seen_at(self.core, self._journal, ledger_id, versions)
        over: dict[int, Order | Unseen] = {
            number: Unseen() for number, each in places.items() if not events.keys() >= {*each}
        }
        over.update(_settled_in(events))
        return [found or over.get(number) for number, found in zip(numbers, here, strict=True)]

    @rpc
    def promised(self, ledger_id: str, after_number: int, page_size: int) -> tuple[list[Order], int]:
        """A page of orders with committed live parts, by number, and the number to continue after, 0 at the end."""
        with self.host.reading(ledger_id) as (hosted, _):
            all_numbers = list(hosted.ledger.orders)  # which others are not held up to sort
        numbers = sorted(number for number in all_numbers if number > after_number)[:PAGE_SCAN_MAX]
        with self.host.reading(ledger_id) as (hosted, _):
            here = (order for number in numbers if (order := hosted.ledger.orders.get(number)) is not None)
            found = (order for order in here if any(map(is_promised, order.parts)))
            page = list(islice(found, page_size + 1))
            if len(page) > page_size:
                return page[:page_size], page[page_size - 1].number
            return page, numbers[-1] if len(numbers) == PAGE_SCAN_MAX else 0

    @rpc
    def counted(self, ledger_id: str, after: str, page_size: int) -> tuple[int, Policy, Since, list[Counted], str]:
        """Ledger time, the policy in force, since when its limits are, a page of customers by name with what counts for
        these, and the customer to continue after, empty at the end.
        """
        with self.host.reading(ledger_id) as (hosted, _):
            all_names = hosted.ledger.counted_customers()
        names = nsmallest(page_size, (name for name in all_names if name > after))
        with self.host.reading(ledger_id) as (hosted, now_ms):
            ledger: OrderLedger = hosted.ledger
            orders, grants, over = ledger.orders_of, ledger.grants.of, ledger.collected_of
            page = [(name, list(orders(name)), list(grants(name)), list(over.get(name, ()))) for name in names]
            return now_ms, ledger.policy, ledger.limited_since, page, names[-1] if len(names) == page_size else ""

    @rpc
    def status(self, ledger_id: str) -> dict[str, Any] | None:
        """A ledger's status, None where it has not begun."""
        if not self.host.has_begun(ledger_id):
            return None
        with self.host.reading(ledger_id) as (hosted, now_ms):
            ledger = hosted.ledger
            status = self._status_of(hosted, now_ms, open_reservations=len(ledger.orders), positions=0)
        return status | {"sealed_version": self._journal.sealed_seq(ledger_id)}

    @rpc
    def live_state(self, ledger_id: str) -> tuple[int, str, list[Violation]] | None:
        """Version, state hash and broken invariants, those of indexes included, for comparison with a replay. None
        where the ledger has not begun. Decisions go on.
        """
        if not self.host.has_begun(ledger_id):
            return None
        with self.host.captured(ledger_id) as (_, capture):
            state = capture.version, capture.state_hash(self.writing.json), check(capture.state)
        with self.host.reading(ledger_id):  # it is still the owner
            return state


def _settled_in(events: Mapping[int, tuple[Any, int]]) -> dict[int, Order]:
    return {event.order.number: event.order for event, _ in events.values() if isinstance(event, Settled)}


def _is_new(order: Order, now_ms: int) -> bool:
    return order.revision == 1 and now_ms < order.created_at_ms + NEW_MS
