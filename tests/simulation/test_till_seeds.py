"""Worlds with tills that are cut off, each from a seed, and faults of theirs that must be caught."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import pytest

from actors.runtime.ledger_host import LedgerHost
from actors.shop.allotments.allotment import HolderKind
from actors.shop.allotments.evolve import book_sale
from actors.shop.decide_stock import booking_of
from actors.shop.events import AllotmentExpired, StockAdjusted
from actors.shop.evolve import evolve
from actors.shop.expiry import due
from tests.simulation.checks import Broken
from tests.simulation.till_world import TillWorld
from tests.simulation.world import Parts

SEEDS: Final = 120
PARTS: Final = 4
STRUCK_MIN: Final = 15
SEEDS_MAX: Final = 40
CAUSES: Final = frozenset(
    {
        "allotted to a till",
        "unknown",
        "counted",
        "drawn",
        "served by a quota",
        "settled late",
        "sold cut off",
        "handed out in time",
        "refused to others",
        "recovery",
    }
)

struck: Counter[str] = Counter()


def run(seed: int) -> TillWorld:
    """One world; where it breaks, the failure has the seed and the end of the script."""
    world = TillWorld(seed)
    try:
        world.run()
    except Broken as broken:
        script = "\n".join(world.script[-40:])
        pytest.fail(f"{script}\n\nseed {seed} of a TillWorld breaks {broken}")
    except Exception as error:
        error.add_note(f"seed {seed} of a TillWorld")
        raise
    return world


@pytest.mark.parametrize("part", range(PARTS))
def test_every_world_keeps_its_promises(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        struck.update(run(seed).struck)


def test_everything_struck() -> None:
    assert set(struck) >= CAUSES
    assert min(struck[cause] for cause in CAUSES) >= STRUCK_MIN, struck


class _ReturnsByTime(LedgerHost):
    """What a till had comes back at its end, though it may be sold."""

    def __init__(self, core: Any, *arguments: Any) -> None:
        super().__init__(core._replace(expire=_expire_all), *arguments)


def _expire_all(ledger: Any, now_ms: int, events_max: int | None = None) -> list[Any]:
    events = []
    for event in islice(_due(ledger, now_ms), events_max):
        evolve(ledger, event, now_ms)
        events.append(event)
    return events


def _due(ledger: Any, now_ms: int) -> Iterator[Any]:
    for event in due(ledger, now_ms):
        of = ledger.allotments.rows.get(event.number)
        is_till = isinstance(event, AllotmentExpired) and of.kind is HolderKind.TILL
        yield AllotmentExpired(event.number, of.left_lines()) if is_till else event


class _SettlesTwice(LedgerHost):
    """What a till has sold is taken from its allotment, and taken from it again."""

    def __init__(self, core: Any, *arguments: Any) -> None:
        def transact(ledger: Any, command: Any, now_ms: int, is_behind: bool) -> Any:
            told = core.transact(ledger, command, now_ms, is_behind)
            for event in told[1]:
                for row in event.movements if isinstance(event, StockAdjusted) else ():
                    taken = booking_of(ledger, row, now_ms, {}).taken if row.allotment else 0
                    if taken:
                        book_sale(ledger, row, taken, now_ms)
            return told

        super().__init__(core._replace(transact=transact), *arguments)


class _AmendsWhatIsGiven(LedgerHost):
    """A reservation is amended as if no till had it."""

    def __init__(self, core: Any, *arguments: Any) -> None:
        def transact(*of: Any) -> Any:
            with pytest.MonkeyPatch.context() as patch:
                for module in ("decide", "decide_amend"):
                    patch.setattr(f"actors.shop.{module}.is_given", lambda *_: False)
                return core.transact(*of)

        super().__init__(core._replace(transact=transact), *arguments)


MUTANTS: Final[dict[str, tuple[Parts, set[str]]]] = {
    "returns what a till had by time": (Parts(host=_ReturnsByTime), {"I2"}),
    "amends what a till may have handed out": (Parts(host=_AmendsWhatIsGiven), {"I3"}),
    "settles a sale twice": (Parts(host=_SettlesTwice), {"I1", "I13"}),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str) -> None:
    parts, invariants = MUTANTS[name]
    found: Counter[str] = Counter()
    for seed in range(SEEDS_MAX):
        try:
            TillWorld(seed, parts).run()
        except Broken as broken:
            found[broken.invariant] += 1
            if broken.invariant in invariants:
                return
    pytest.fail(f"{SEEDS_MAX} worlds, and nobody noticed that it {name}; what was noticed: {dict(found)}")
