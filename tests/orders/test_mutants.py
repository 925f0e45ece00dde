"""Checkers that cannot fail prove nothing: the ledger with one thing wrong, and the page or machine that says so."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest
from msgspec.structs import replace

from actors.core.status import LIVE
from actors.core.totals import Window
from actors.core.transact import Decision
from actors.orders import commands, commands as cm, decide, events as ev, evolve, indexes, limits, transact
from actors.orders.answers import OrderAnswers
from actors.orders.state import OVER, Order, OrderLedger, Part
from actors.shop.commands import Lines
from tests.mutating import run_mutant
from tests.orders import test_amend, test_limits, test_open, test_steps
from tests.orders.scenario import play
from tests.orders.test_machine import OrdersMachine
from tests.orders.watched import Core

PAGES: Final = {
    name: (page, policy)
    for pages, policy in (
        (test_open.PAGES, None),
        (test_steps.PAGES, None),
        (test_amend.PAGES, None),
        (test_limits.OPEN_PAGES, test_limits.OPEN),
        (test_limits.OPEN_WITH_A_PAGES, test_limits.OPEN_WITH_A),
        (test_limits.UNITS_PAGES, test_limits.UNITS),
        (test_limits.UNITS_A_DAY_PAGES, test_limits.UNITS_A_DAY),
    )
    for name, page in pages.items()
}


class Mutant(NamedTuple):
    """What is exchanged, by what, and how the page begins that shows it."""

    where: Any
    name: str
    wrong: Any
    caught_by: str


def commits_without_all_claims(ledger: OrderLedger, command: cm.Commit, now_ms: int) -> Decision:
    if command.number in ledger.orders:
        parts = ledger.orders[command.number].open_parts()
        command = replace(command, claims=tuple((part.store_id, 99) for part in parts))
    return COMMIT(ledger, command, now_ms)


def any_attempt(ledger: OrderLedger, number: int, _attempt: int) -> Order | None:
    order = ledger.orders.get(number)
    return order if order is not None and order.open_attempt else None


def believes_every_note(part: Part, report: cm.Report, at_ms: int) -> Part:
    return replace(
        part,
        applied_revision=max(part.applied_revision, report.revision),
        version=report.version,
        status=report.status,
        held=report.held,
        collected=report.collected,
    )


def hears_without_believing(part: Part, report: cm.Report, _at_ms: int) -> Part:
    return replace(part, applied_revision=max(part.applied_revision, report.revision), version=report.version)


def keeps_all(order: Order, part: Part, numbers: dict[str, int], _wanted: Any) -> Part:
    return COMMITTED(order, part, numbers, {})


def only_what_is_certain(part: Part) -> Lines:
    if part.status not in LIVE or not part.reservation:
        return ()
    return tuple((sku, units) for (sku, _), units in zip(part.lines, part.held, strict=True))


def tells_nobody(ledger: OrderLedger, order: Order) -> None:
    ledger.outbox.pop(order.number, None)


def steps_while_undecided(ledger: OrderLedger, number: int, allowed: Any) -> Any:
    order = ledger.orders.get(number)
    return order if order is not None and order.standing in allowed else STANDING_IN(ledger, number, allowed)


def forgets_when_told_to_release(order: Order) -> bool:
    return order.standing in OVER


COMMIT: Final = decide._decide_commit
COMMITTED: Final = evolve._committed
STANDING_IN: Final = decide._standing_in

MUTANTS: Final = {
    "skips the limit": Mutant(decide, "over_limit", lambda *_, **__: None, "units over all shops"),
    "commits without all claims": Mutant(decide, "_decide_commit", commits_without_all_claims, "a refused claim leads"),
    "commits an attempt that is over": Mutant(decide, "_with_open_attempt", any_attempt, "an amendment that is"),
    "forgets what it answered": Mutant(OrderAnswers, "get", lambda *_: None, "the key at each stage"),
    "takes a customer for an order": Mutant(commands, "order_key", lambda n, key: f"{n}\n{key}", "keys are the"),
    "keeps the claims of a plan that failed": Mutant(evolve, "_dropped", lambda order: order, "abandoned: the refusal"),
    "does not let others try the key again": Mutant(OrderAnswers, "reopen", lambda *_: None, "abandoned by time"),
    "forgets to give back": Mutant(evolve, "_reported", hears_without_believing, "so many open over all shops"),
    "believes a note that came late": Mutant(evolve, "_reported", believes_every_note, "released with a reason"),
    "keeps what was amended away": Mutant(evolve, "_committed", keeps_all, "amended to more"),
    "counts no claim before it is certain": Mutant(
        limits, "_outstanding", only_what_is_certain, "a channel of its own"
    ),
    "forgets what was collected": Mutant(Window, "units", lambda *_: 0, "what was collected goes on"),
    "tells no shop": Mutant(indexes, "index_outbox", tells_nobody, "opened, claimed, committed"),
    "steps while it is undecided": Mutant(decide, "_standing_in", steps_while_undecided, "amended to more"),
    "gives limits back before shops have": Mutant(
        Order, "is_settled", forgets_when_told_to_release, "an order that expired counts"
    ),
    "never ends by itself": Mutant(
        evolve, "_over_where_nothing_is_left", lambda order: order, "given back in the shop"
    ),
    "loses the slot to a deadline": Mutant(
        decide, "_pickup_deadline_ms", lambda ms, *_: ms, "a slot that was promised"
    ),
    "lets a deadline fall while a shop is closed": Mutant(
        decide, "_pickup_deadline_ms", lambda ms, *_: ms, "a deadline does not fall"
    ),
    "lets both be collected": Mutant(decide, "reduction", lambda *_: (), "who collected what"),
    "lets both be collected meanwhile": Mutant(decide, "reduction_at_commit", lambda *_: (), "collected while"),
    "gives a basket two orders": Mutant(decide, "_order_of_basket", lambda *_: None, "the same basket reserved"),
}

# Whom to tell first is for those who carry the words: no page says it.
BY_THE_MACHINE_ALONE: Final = {
    "tells the new shop first": Mutant(Order, "next_deliveries", Order.undelivered_parts, ""),
}

Expire = Callable[[OrderLedger, int], list[ev.Event]]
CLOCKS: Final[dict[str, Expire]] = {
    "expires a millisecond early": lambda ledger, now_ms: transact.expire(ledger, now_ms + 1),
    "expires a millisecond late": lambda ledger, now_ms: transact.expire(ledger, now_ms - 1),
    "never expires": lambda *_: [],
}


def page_of(beginning: str) -> tuple[str, Any]:
    """The one page that begins so."""
    (found,) = [name for name in PAGES if name.startswith(beginning)]
    return PAGES[found]


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_the_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    page, policy = page_of(mutant.caught_by)
    play(page, policy)
    monkeypatch.setattr(mutant.where, mutant.name, mutant.wrong)
    with pytest.raises((AssertionError, KeyError)):
        play(page, policy)


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
def test_a_clock_that_is_wrong_is_caught(clock: Expire) -> None:
    page, policy = page_of("a hold expires at its deadline")
    with pytest.raises(AssertionError):
        play(page, policy, Core(expire=clock))


SEEDS: Final[dict[str, int]] = {
    "commits without all claims": 5,
    "commits an attempt that is over": 2,
    "keeps the claims of a plan that failed": 1,
    "keeps what was amended away": 1,
    "steps while it is undecided": 1,
    "lets both be collected": 1,
    "lets both be collected meanwhile": 1,
    "tells the new shop first": 2,
}


@pytest.mark.parametrize(
    "name",
    [
        "skips the limit",
        "commits without all claims",
        "commits an attempt that is over",
        "keeps the claims of a plan that failed",
        "forgets to give back",
        "keeps what was amended away",
        "counts no claim before it is certain",
        "tells no shop",
        "steps while it is undecided",
        "lets both be collected",
        "lets both be collected meanwhile",
        "gives a basket two orders",
        *BY_THE_MACHINE_ALONE,
    ],
)
def test_the_machine_finds_a_mutant_by_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = (MUTANTS | BY_THE_MACHINE_ALONE)[name]
    monkeypatch.setattr(mutant.where, mutant.name, mutant.wrong)
    with pytest.raises((AssertionError, KeyError, ExceptionGroup)):
        run_mutant(OrdersMachine, SEEDS.get(name, 0))
