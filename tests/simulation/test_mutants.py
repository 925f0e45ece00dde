"""A checker that cannot fail proves nothing: each fault must be caught, and by the invariant that it breaks."""

from collections import Counter
from typing import Final

import pytest

from tests.simulation.checks import Broken
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import World

SEEDS_MAX: Final = 40


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str) -> None:
    parts, invariants = MUTANTS[name]
    found: Counter[str] = Counter()
    for seed in range(SEEDS_MAX):
        try:
            World(seed, parts).run()
        except Broken as broken:
            found[broken.invariant] += 1
            if broken.invariant in invariants:
                return
    pytest.fail(f"{SEEDS_MAX} worlds, and nobody noticed that it {name}; what was noticed: {dict(found)}")
