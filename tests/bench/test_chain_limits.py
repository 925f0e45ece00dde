"""Limits over the whole chain, judged by what callers were told: what counts, from when, and until when."""

from dataclasses import dataclass, field, replace

import pytest

from bench.demo.calls import OrderCall, OrderKind
from bench.demo.order_stories import Accepted, ChainLimit, OrderStory, customers_over, peak
from holdfast.client import Line, Order, OrderStatus
from tests.bench import order_history as history

HOT = ChainLimit(sku="apple", units_max=3)
HOT_FOR_GOOD = HOT._replace(collected_counts=True)
OPEN_ORDERS = ChainLimit(channel="app", open_reservations_max=1)


@dataclass
class Said:
    """Orders of Ann's as they were told: when each was opened, and what was asked of it later, and when."""

    stories: dict[str, OrderStory] = field(default_factory=dict)
    standing: dict[str, Order | None] = field(default_factory=dict)
    asked_ms: dict[str, int] = field(default_factory=dict)

    def order(
        self, units: int, from_ms: int, *, given_back_ms: int = 0, collected_ms: int = 0, expired_ms: int = 0, **of: str
    ) -> "Said":
        """One more order of so many apples."""
        name = f"order-{len(self.stories)}"
        [part, *_] = history.PLACED.parts
        placed = replace(
            history.PLACED,
            order_id=name,
            parts=(replace(part, lines=(Line("apple", units, 0, 0),)),),
            created_at_ms=from_ms,
            expires_at_ms=expired_ms,
            **of,  # type: ignore[arg-type]  # the constructor checks the names
        )
        story = OrderStory([Accepted(OrderCall(OrderKind.NEAR, name), placed)])
        for keys, key, at_ms in (
            (story.given_back, f"{name}-release", given_back_ms),
            (story.collected, f"{name}-collect", collected_ms),
        ):
            if at_ms:
                keys.append(key)
                self.asked_ms[key] = at_ms
        self.stories[name] = story
        self.standing[name] = replace(placed, status=OrderStatus.EXPIRED) if expired_ms else placed
        return self

    def over(self, limit: ChainLimit) -> bool:
        """Whether a customer is found over the limit."""
        return bool(list(customers_over([limit], self.stories, self.standing, self.asked_ms)))


@pytest.mark.parametrize(
    ("said", "over"),
    [
        (Said().order(2, 1).order(1, 1), False),
        (Said().order(2, 1).order(2, 1), True),
        (Said().order(2, 1).order(2, 90, channel="web"), True),
        (Said().order(2, 1, given_back_ms=50).order(3, 50), False),
        (Said().order(2, 1, given_back_ms=50).order(3, 49), True),
        (Said().order(2, 1, collected_ms=50).order(3, 60), False),
        (Said().order(2, 1, expired_ms=50).order(3, 60), False),
        (Said().order(2, 1, expired_ms=50).order(3, 40), True),
        (Said().order(2, 1).order(2, 1, customer_id="bob"), False),
    ],
)
def test_units_count_over_all_shops_and_channels_until_they_are_gone(said: Said, over: bool) -> None:
    assert said.over(HOT) == over


def test_what_was_collected_goes_on_counting_where_the_rule_says_so() -> None:
    said = Said().order(2, 1, collected_ms=50).order(2, 60)
    assert not said.over(HOT)
    assert said.over(HOT_FOR_GOOD)


@pytest.mark.parametrize(
    ("said", "over"),
    [
        (Said().order(1, 1), False),
        (Said().order(1, 1).order(1, 5), True),
        (Said().order(1, 1).order(1, 5, channel="web"), False),
        (Said().order(1, 1, given_back_ms=50).order(1, 55), False),
        (Said().order(1, 1, given_back_ms=50).order(1, 45), True),
    ],
)
def test_orders_count_from_where_they_were_opened_until_they_are_given_back(said: Said, over: bool) -> None:
    assert said.over(OPEN_ORDERS) == over


def test_units_that_an_amendment_took_away_do_not_count() -> None:
    said = Said().order(3, 1).order(1, 5)
    [amended, _] = said.stories.values()
    [placed] = amended.placings
    fewer = replace(placed, version=9, parts=(replace(placed.parts[0], lines=(Line("apple", 2, 0, 0),)),))
    assert said.over(HOT)
    amended.answers.append(Accepted(OrderCall(OrderKind.AMEND, "amend", placed.order_id), fewer))
    assert not said.over(HOT)


def test_of_one_millisecond_what_goes_comes_first() -> None:
    assert peak([(1, 1), (2, 1), (2, -1)]) == 1
    assert peak([(1, 1), (2, 1), (3, -1)]) == 2
