"""Chains in which gateways refuse by hints, each from a seed, and faults of hints that must be caught."""

import os
from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from actors.protocol.messages import refusal_of
from serve.routing.sold_out import SoldOut
from serve.services import hinting
from serve.wire import reservations
from tests.simulation.checks import Broken
from tests.simulation.hint_world import HintWorld
from tests.simulation.test_chain_seeds import VARIABLES, run

SEED: Final = os.environ.get(VARIABLES[HintWorld])
SEEDS: Final = 32
PARTS: Final = 4
STRUCK_MIN: Final = 15
SEEDS_MAX: Final = 20
CAUSES: Final = (
    *("refused by a hint", "decided after a hint", "refused by the shop", "held", "given back", "delivered"),
    *("sent again by gRPC", "sent again by the client", "asked again", "gateway cut off"),
    *("actor killed", "answer lost", "call lost", "call late", "queue full"),
)

struck: Counter[str] = Counter()


@pytest.mark.parametrize("part", range(PARTS) if not SEED else [0])
def test_no_hint_outlives_its_time_or_contradicts_an_answer(part: int) -> None:
    for seed in [int(SEED)] if SEED else range(part, SEEDS, PARTS):
        struck.update(run(seed, HintWorld).struck)


@pytest.mark.skipif(SEED is not None, reason="one seed need not have everything")
def test_everything_struck() -> None:
    rare = {cause: struck[cause] for cause in CAUSES if struck[cause] < STRUCK_MIN}
    assert not rare, f"{rare} of {dict(sorted(struck.items()))}"


def _lasts_twice_as_long(patch: pytest.MonkeyPatch) -> None:
    real = SoldOut.__init__
    patch.setattr(SoldOut, "__init__", lambda hints, hint_s: real(hints, 2 * hint_s))


def _never_asks_whether_it_was_sent_before(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reservations, "forget_first_attempt", lambda *_: None)


def _refuses_whoever_comes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hinting, "may_be_hinted", lambda _: True)


def _learns_from_repeats(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("actors.runtime.actor_runtime.refusal_of", lambda answer, _: refusal_of(answer, 0))


MUTANTS: Final[dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]]] = {
    "a hint lasts twice as long": (_lasts_twice_as_long, "I22"),
    "a hint takes what gRPC sends again for a first attempt": (_never_asks_whether_it_was_sent_before, "I5"),
    "a hint refuses whoever comes": (_refuses_whoever_comes, "I5"),
    "a hint is learned from a repeated refusal": (_learns_from_repeats, "I22"),
}

# The first world in which a mutant was noticed, where that is not among the first few.
FIRST_SEEDS: Final = {"a hint lasts twice as long": 16}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, invariant = MUTANTS[name]
    plant(monkeypatch)
    found: Counter[str] = Counter()
    first_seed = FIRST_SEEDS.get(name, 0)
    for seed in range(first_seed, first_seed + SEEDS_MAX):
        try:
            run(seed, HintWorld)
        except Broken as broken:
            found[broken.invariant] += 1
            if broken.invariant == invariant:
                return
    pytest.fail(f"{SEEDS_MAX} worlds, and nobody noticed that {name}; what was noticed: {dict(found)}")
