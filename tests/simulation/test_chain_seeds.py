"""Many chains of shops, each from a seed: orders over several ledgers, under everything that can go wrong."""

import asyncio
import os
from collections import Counter
from typing import Final

import pytest

from tests.simulation.chain_checks import check_journals
from tests.simulation.chain_world import ChainWorld
from tests.simulation.virtual_loop import VirtualLoop

SEED: Final = os.environ.get("HOLDFAST_CHAIN_SEED")
SEEDS: Final = int(os.environ.get("HOLDFAST_CHAIN_SEEDS", "60"))
PARTS: Final = 6

struck: Counter[str] = Counter()


def run(seed: int) -> ChainWorld:
    """One world, and what its journals say."""
    world: list[ChainWorld] = []

    async def main() -> None:
        world.append(ChainWorld(seed))
        await world[0].run()

    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(main())
        live = {
            ledger_id: process.host.stale_read(ledger_id)
            for process in world[0].actors.made.values()
            for ledger_id in process.host.ledger_ids()
        }
        check_journals(world[0].actors.disks, live)
    except Exception as error:
        error.add_note(f"again: HOLDFAST_CHAIN_SEED={seed} python -m pytest {__file__}")
        raise
    finally:
        if world:
            for actor in list(world[0].actors.made):
                world[0].actors.kill(actor)
    return world[0]


@pytest.mark.parametrize("part", range(PARTS) if not SEED else [0])
def test_every_chain_keeps_its_promises(request: pytest.FixtureRequest, part: int) -> None:
    first = int(request.config.option.hypothesis_seed)
    for seed in [int(SEED)] if SEED else range(first + part, first + SEEDS, PARTS):
        struck.update(run(seed).struck)
