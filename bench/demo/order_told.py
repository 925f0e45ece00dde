"""The story of each order as its callers were told it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.demo.order_calls import PLACING, OrderAnswered, OrderCall, OrderKind
from holdfast.client import Order, Reservation


class Accepted(NamedTuple):
    """A call, and the order that it was answered with."""

    call: OrderCall
    order: Order


@dataclass(slots=True)
class OrderStory:
    """One order: the answers that accepted something, by the customer's ledger's version, the placing one first.

    `at_first` are the reservation ids that it was placed with, `promised` those that it was ever told to have; `sold`
    are those of which a shop told that units were collected.
    """

    answers: list[Accepted] = field(default_factory=list)
    at_first: frozenset[str] = frozenset()
    promised: frozenset[str] = frozenset()
    sold: frozenset[str] = frozenset()
    placings: int = 0

    @property
    def placed(self) -> Order | None:
        """The answer that placed it, None where nobody was told one."""
        return next((order for call, order in self.answers if call.kind in PLACING), None)

    @property
    def newest(self) -> Order | None:
        """The order as it was told last."""
        return self.answers[-1].order if self.answers else None


def stories_of(log: Iterable[OrderAnswered]) -> dict[str, OrderStory]:
    """By order id."""
    stories: dict[str, OrderStory] = {}
    for call, outcome in log:
        if isinstance(outcome, Order):
            story = stories.setdefault(outcome.order_id, OrderStory())
            story.answers.append(Accepted(call, outcome))
            ids = frozenset(part.reservation_id for part in outcome.parts)
            story.promised |= ids
            if call.kind in PLACING:
                story.placings += 1
                story.at_first = ids
        elif isinstance(outcome, tuple) and call.kind is OrderKind.COLLECT:
            story = stories.setdefault(call.order_id, OrderStory())
            sold = (each.answer for each in outcome if isinstance(each.answer, Reservation))
            story.sold |= frozenset(reservation.reservation_id for reservation in sold)
    for story in stories.values():
        story.answers.sort(key=lambda told: told.order.version)
    return stories
