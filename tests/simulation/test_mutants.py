"""A checker that cannot fail proves nothing: each fault must be caught, and by the invariant that it breaks."""

from collections import Counter
from typing import Final

import pytest

from actors.journal.port import JournalFailed
from tests.simulation.checks import Broken
from tests.simulation.findings import causes_of
from tests.simulation.mutants import MUTANTS, PATCHES
from tests.simulation.world import Parts, World

SEEDS_MAX: Final = 40


@pytest.mark.parametrize("name", [*MUTANTS, *PATCHES])
def test_a_mutant_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in PATCHES:
        fault, invariants = PATCHES[name]
        monkeypatch.setattr(*fault)
        parts = Parts()
    else:
        parts, invariants = MUTANTS[name]
    found: Counter[str] = Counter()
    causes = causes_of(name)
    for seed in range(SEEDS_MAX):
        world = World(seed, parts)
        try:
            world.run()
        except (Broken, JournalFailed) as broken:  # the latter: it went on with a journal that had failed
            invariant = broken.invariant if isinstance(broken, Broken) else "I8"
            found[invariant] += 1
            if invariant in invariants:
                causes -= world.struck.keys()
                if not causes:
                    return
    why = f"by these causes: {causes}" if found.keys() & invariants else f"what was noticed: {dict(found)}"
    pytest.fail(f"{SEEDS_MAX} worlds, and nobody noticed that it {name}; {why}")
