"""Each checker of the chain's worlds sees what it is for: the code is broken on purpose, and some seed must say so."""

import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from actors.orders import decide, parts, transact
from actors.orders.state import Order, OrderLedger
from actors.protocol.messages import LedgerStopped
from actors.shop import decide_claims, preconditions
from serve.coordination.reconciler import Reconciler
from tests.simulation.checks import Broken
from tests.simulation.test_chain_seeds import run

SEEDS_MAX: Final = 100

Break = Callable[[pytest.MonkeyPatch], None]


def _no_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "over_limit", lambda *_, **__: None)


def _never_expires(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transact, "due_at_ms", lambda _: 0)


def _forgets_what_it_answered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OrderLedger, "remember", lambda *_: None)


def _one_place_too_many(patch: pytest.MonkeyPatch) -> None:
    real = preconditions.slot_refusal

    def generous(ledger: Any, slot_start_ms: int, now_ms: int, replaced: Any) -> Any:
        taken = ledger.slots_taken.get(slot_start_ms, 0)
        return None if taken == 2 else real(ledger, slot_start_ms, now_ms, replaced)

    patch.setattr(decide_claims, "slot_refusal", generous)


def _goes_on_before_it_is_certain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parts, "_STATUS_OF", {})  # every word is: give back


def _nobody_settles(patch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Reconciler) -> int:
        return 0

    patch.setattr(Reconciler, "deliver", nothing)
    patch.setattr(Reconciler, "collect_reports", nothing)  # shops would ask, once a lease is over


def _nothing_is_cut(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "reduction", lambda *_: ())
    patch.setattr(decide, "reduction_at_commit", lambda *_: ())


def _the_new_shop_hears_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Order, "next_deliveries", Order.undelivered_parts)


MUTANTS: Final[dict[str, tuple[Break, frozenset[str]]]] = {
    "the limit is not asked": (_no_limit, frozenset({"I15"})),
    "orders never expire": (_never_expires, frozenset({"I12", "I16"})),
    "answers are forgotten": (_forgets_what_it_answered, frozenset({"I5", "I13"})),
    "a place too many": (_one_place_too_many, frozenset({"I2"})),
    "shops give back what is certain": (_goes_on_before_it_is_certain, frozenset({"I7", "I3", "I12"})),
    "what was collected at the old shop is not cut at the new one": (_nothing_is_cut, frozenset({"I15"})),
    "the new shop hears before the old one": (_the_new_shop_hears_first, frozenset({"I15"})),
    "nobody settles": (_nobody_settles, frozenset({"I12", "I16"})),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_part_is_caught(monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    broken, caught_by = MUTANTS[mutant]
    broken(monkeypatch)
    found = set()
    for seed in range(SEEDS_MAX):
        try:
            run(seed)
        except Broken as caught:
            found.add(caught.invariant)
            break
        except LedgerStopped as caught:  # a recovery looked first, and names what it found
            found |= set(re.findall(r"invariant='(I\d+)'", str(caught)))
            break
        except (AssertionError, KeyError, RuntimeError) as caught:
            found.add(type(caught).__name__)
            break
    assert found & caught_by, f"{mutant}: {found or 'nobody noticed'}"
