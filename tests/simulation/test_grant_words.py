"""However late the words of grants come, and whatever a shop has lost that was restored from a copy: what it holds by a
grant counts, and what it does not hold does not count for ever.

Both cores, and between them calls and words that come in any sequence, twice or never: calls that amend one reservation
at once and are asked again, holds from before the limit, releases, and whoever asks a shop about old grants.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import pytest
from msgspec.structs import replace

from actors.core.answers import KeyedAnswer, Recorded
from actors.core.policy import ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, ReleaseReason
from actors.core.transact import adopting
from actors.orders import commands as cm, decide_grants
from actors.orders.evolve import evolve as evolve_orders
from actors.orders.invariants import check
from actors.orders.state import OrderLedger
from actors.orders.transact import answered_by as said_by_orders, transact as transact_orders
from actors.runtime.kinds import SHOP
from actors.shop import commands as shop
from actors.shop.commands import by_sku, void_key
from actors.shop.events import Event
from actors.shop.projections import answered_by, known
from actors.shop.state import Ledger, Reservation
from actors.shop.transact import transact as transact_shop
from tests.reading import decided

T = TypeVar("T")

LIMITED: Final = Policy(version=2, chain_limit_rules=(ChainLimitRule("", "A", 0, 9, 0),))
RUNS: Final = 100  # of each seed
STEPS_MAX: Final = 60


class Town:
    """A customer, his ledger, one shop, and whoever carries calls and words between them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_ms, self.keys = 1_700_000_000_000, 0
        self.orders, self.shop = OrderLedger("customers/0001"), Ledger("S1")
        self.told: list[tuple[int, Any]] = []  # of the customers' ledger: when, and what
        self.commits: list[tuple[int, tuple[Event, ...]]] = []  # of the shop
        self.asked: list[shop.Reserve | shop.Amend] = []  # by callers, who may ask again
        self.calls: list[tuple[shop.Grant, shop.Reserve | shop.Amend]] = []  # on their way to the shop
        self.words: list[tuple[Reservation, int] | int] = []  # of reservations, as of when asked; or of grants, void
        self.used: set[int] = set()  # the grants that the shop has used, since it was restored
        self.doubts = 0
        self.is_restored = False
        receipt = shop.AdjustStock("stock", "w", (shop.Movement("A", 99, 1, shop.AdjustmentKind.RECEIPT, 0),))
        self.ask(receipt)
        for _ in range(self.random.randint(0, 2)):
            self.ask(self.reserve())
        self.adopt()

    def adopt(self) -> None:
        event = SHOP.adopting(self.shop, LIMITED)
        SHOP.evolve(self.shop, event, self.now_ms)
        self.commits.append((self.now_ms, (event,)))
        if self.orders.policy.version != LIMITED.version:
            told = adopting(self.orders, LIMITED)
            evolve_orders(self.orders, told, self.now_ms)
            self.told.append((self.now_ms, told))

    def key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def reserve(self) -> shop.Reserve:
        return shop.Reserve(self.key(), "ann", "web", "", (("A", self.random.randint(1, 3)),), 0)

    def ask(self, command: shop.Command) -> Any:
        """What the shop answers: recorded or not."""
        found = self.read_back(partial(transact_shop, self.shop, command, self.now_ms))
        if found.events:
            self.commits.append((self.now_ms, found.events))
        return found.answer

    def read_back(self, decide: Callable[[], T]) -> T:
        events = [(at_ms, event) for at_ms, events in self.commits for event in events]

        def said(version: int) -> KeyedAnswer:
            at_ms, event = events[version - 1]
            return answered_by(event, version, at_ms)

        return decided(self.shop, said, decide)

    def tell(self, command: cm.Command) -> Any:
        """What the customer's ledger answers."""

        def said(version: int) -> KeyedAnswer:
            at_ms, event = self.told[version - 1]
            return said_by_orders(event, version, at_ms)

        found = decided(self.orders, said, partial(transact_orders, self.orders, command, self.now_ms))
        self.told += [(self.now_ms, event) for event in found.events]
        return found.answer.answer if isinstance(found.answer, Recorded) else found.answer

    def live(self) -> list[Reservation]:
        return [each for each in self.shop.reservations.values() if each.status in LIVE]

    def call(self, command: shop.Reserve | shop.Amend) -> None:
        """A gateway asks for a grant."""
        lines = by_sku(command.lines)
        if isinstance(command, shop.Reserve):
            request = cm.RequestGrant("ann", "web", "S1", command.key, "", lines, lines)
        else:
            now = self.shop.reservations.get(command.number)
            if now is None:
                return
            has = dict(by_sku(now.lines))
            more = tuple((sku, units) for sku, units in lines if units > has.get(sku, 0))
            request = cm.RequestGrant("ann", "web", "S1", command.key, "", lines, more, now.grant, now.number)
        said = self.tell(request)
        if isinstance(said, shop.Grant):
            self.calls.append((said, command))

    def arrive(self) -> None:
        """A call comes to the shop."""
        place = self.random.randrange(len(self.calls))
        grant, command = self.calls[place] if self.random.random() < 0.2 else self.calls.pop(place)
        answer = self.ask(replace(command, grant=grant))
        if isinstance(answer, Recorded) and isinstance(answer.answer, Reservation):
            answer = answer.answer
        if isinstance(answer, Reservation) and answer.grant == grant.number:
            self.used.add(grant.number)
            self.words.append((answer, 0))
        elif isinstance(answer, Reservation) or answer.version:
            self.words.append(grant.number)

    def hear(self) -> None:
        """A word comes to the customer's ledger, whose gateway asks the shop where it is doubted."""
        place = self.random.randrange(len(self.words))
        word = self.words[place] if self.random.random() < 0.2 else self.words.pop(place)
        if isinstance(word, int):
            self.tell(cm.ReportGrant(word, 0, 0, (), (), "S1"))
            return
        reservation, as_of = word
        number, grant = reservation.number, reservation.grant
        told = self.tell(_said_of(reservation, as_of))
        if isinstance(told, Rejection):
            assert told.reason is Reason.ORDER_UNDECIDED
            self.doubts += 1
            now = None if as_of else self.read_back(lambda: known(self.shop, number))
            if now is not None and now.grant == grant:
                self.words.append((now, told.number))
            return
        counted = ((number, told.number),) if isinstance(told, shop.Grant) else ()
        self.used.update(each for _, each in counted)
        self.ask(shop.Acknowledge(((number, reservation.version),), counted))

    def tell_outbox(self) -> None:
        uncounted = tuple(each.number for each in self.shop.reservations.values() if each.is_uncounted_by(LIMITED))
        self.ask(shop.Acknowledge((), (), uncounted))
        self.words += [(self.shop.reservations[number], 0) for number in self.shop.outbox]

    def settle(self) -> None:
        """The shop is asked about grants of which nothing was reported."""
        for number in list(self.orders.grants.unsettled):
            grant = self.orders.grants.by_number[number]
            answer = self.ask(shop.SettleGrant(void_key("ann", number), grant.call_key, number, grant.reservation))
            if isinstance(answer, Recorded) and isinstance(answer.answer, Reservation):
                self.words.append((answer.answer, 0))
            elif answer.version:
                self.words.append(number)

    def restore(self) -> None:
        """The shop goes on from a copy; all that was on its way has ended with it."""
        commits = self.commits[: self.random.randint(1, len(self.commits))]
        self.shop, self.commits = Ledger("S1"), commits
        for at_ms, events in commits:
            for event in events:
                SHOP.evolve(self.shop, event, at_ms)
        self.calls, self.used, self.is_restored = [], set(), True
        self.words = []
        if self.shop.policy.version != LIMITED.version:
            self.adopt()

    def step(self) -> None:
        self.now_ms += self.random.choice((0, 1, 50, 1_000))
        chance, live = self.random.random(), self.live()
        if chance < 0.1:
            self.asked.append(self.reserve())
            self.call(self.asked[-1])
        elif chance < 0.3 and live:
            number, units = self.random.choice(live).number, self.random.randint(2, 5)
            self.asked.append(shop.Amend(self.key(), number, (("A", units),), 0, 0))
            self.call(self.asked[-1])
        elif chance < 0.4 and self.asked:
            self.call(self.random.choice(self.asked))
        elif chance < 0.6 and self.calls:
            self.arrive()
        elif chance < 0.85 and self.words:
            self.hear()
        elif chance < 0.9 and live:
            held = self.random.choice(live)
            fewer = shop.Amend(self.key(), held.number, (("A", 1),), 0, 0)
            self.ask(self.random.choice((fewer, shop.Release(self.key(), held.number, ReleaseReason.OTHER, ()))))
        elif chance < 0.95:
            self.tell_outbox()
        elif chance < 0.97:
            self.settle()

    def rest(self) -> None:
        """Everybody hears everything."""
        self.calls = []
        for _ in range(20):
            self.settle()
            self.tell_outbox()
            while self.words:
                self.hear()
            if not (self.orders.grants.unsettled or self.shop.outbox):
                return
        raise AssertionError(f"untold for ever: {[*self.orders.grants]} {[*self.shop.outbox]}")

    def check(self) -> None:
        assert not check(self.orders)
        counted = {grant.number: dict(grant.held) for grant in self.orders.grants if grant.reservation}
        held = {each.grant: dict(by_sku(each.held_lines())) for each in self.live()}
        if not self.is_restored:
            assert counted == held
        for number in self.used & held.keys():  # what was lost may count beside
            there = counted.get(number, {}).get("A", 0)
            assert there >= held[number]["A"], f"of grant {number} {held[number]} is held: {counted}"


def _said_of(reservation: Reservation, as_of: int) -> cm.ReportGrant | cm.CountHold:
    held, none = by_sku(reservation.held_lines()), (("A", 0),)
    if not reservation.grant:
        return cm.CountHold("ann", "web", "S1", "", reservation.number, reservation.version, held, none, as_of)
    return cm.ReportGrant(reservation.grant, reservation.number, reservation.version, held, none, "S1", as_of)


def _run(seed: int, *, restores: bool) -> Town:
    town = Town(seed)
    steps = town.random.randint(20, STEPS_MAX)
    at = town.random.randrange(steps) if restores else -1
    for step in range(steps):
        if step == at:
            town.restore()
        town.step()
        assert not check(town.orders)
    town.rest()
    town.check()
    return town


@pytest.mark.parametrize("restores", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_what_is_held_by_grants_counts_and_nothing_else_for_ever(seed: int, restores: bool) -> None:
    doubts = sum(_run(RUNS * seed + run, restores=restores).doubts for run in range(RUNS))
    assert doubts > RUNS // 10, "much came late"


def _by_numbers(ledger: OrderLedger, store_id: str, reservation: int, version: int, as_of: int) -> bool:
    """What is told late is believed."""
    return False


def _for_good(ledger: OrderLedger) -> tuple[Any, ...]:
    """What is doubted is dropped, and its shop is not asked."""
    return ()


@pytest.mark.parametrize(
    ("name", "wrong", "restores"), [("_may_be_late", _by_numbers, False), ("_doubted", _for_good, True)]
)
def test_what_is_believed_or_dropped_without_asking_is_seen(
    name: str, wrong: Any, restores: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide_grants, name, wrong)
    with pytest.raises(AssertionError):
        [_run(run, restores=restores) for run in range(RUNS)]
