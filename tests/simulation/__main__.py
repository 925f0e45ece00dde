"""Many worlds of each kind, with progress: python -m tests.simulation [--seeds 3000] [--first 0].

The first of them are those of `make test`. A seed that breaks is named, with what it breaks and how to see it again.
"""

import argparse
import logging
import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final

from tests.simulation.cut_off_world import CutOffWorld
from tests.simulation.hint_world import HintWorld
from tests.simulation.hot_callers import HotWorld
from tests.simulation.test_chain_seeds import (
    CAUSES,
    CUT_OFF_CAUSES,
    HOT_CAUSES,
    RARER,
    STRUCK_MIN,
    TRANSFER_CAUSES,
    run as run_chain,
)
from tests.simulation.till_world import TillWorld
from tests.simulation.transfer_callers import TransferWorld
from tests.simulation.world import World

LINE_EVERY_S: Final = 10.0
CUT_OFF_EVERY: Final = 10  # seeds: such a world takes as long as three others
TILLS_EVERY: Final = 3  # seeds
HINTS_EVERY: Final = 3
HOT_EVERY: Final = 10
TRANSFERS_EVERY: Final = 5
# What worlds of some seeds alone have, and how often at least.
OF_SOME: Final = tuple(dict.fromkeys(cause for cause in (*HOT_CAUSES, *TRANSFER_CAUSES) if cause not in CAUSES))
OF_SOME_MIN: Final = 25


def run(seed: int) -> Counter[str]:
    """A shop and a chain by this seed, and for some a chain that a gateway is cut off from, one with a hot SKU and one
    with transfers; what struck the chains.
    """
    logging.disable()
    World(seed).run()
    if seed % TILLS_EVERY == 0:
        TillWorld(seed).run()
    struck = run_chain(seed).struck
    if seed % HINTS_EVERY == 0:
        run_chain(seed, HintWorld)
    some = (CUT_OFF_EVERY, CutOffWorld, CUT_OFF_CAUSES), (HOT_EVERY, HotWorld, HOT_CAUSES)
    for every, world, causes in (*some, (TRANSFERS_EVERY, TransferWorld, TRANSFER_CAUSES)):
        if seed % every == 0:
            here = run_chain(seed, world).struck
            struck.update({cause: here[cause] for cause in causes if cause not in CAUSES})
    return struck


def main() -> int:
    """Run them all, and say what struck."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3_000)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    began = said = time.monotonic()
    struck, broken = Counter[str](), 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        tasks = {pool.submit(run, seed): seed for seed in range(asked.first, asked.first + asked.seeds)}
        for done, task in enumerate(as_completed(tasks), start=1):
            error = task.exception()
            if error is not None:
                broken += 1
                print(f"seed {tasks[task]} breaks: {error!r}\n{' '.join(getattr(error, '__notes__', ()))}", flush=True)
            else:
                struck.update(task.result())
            now = time.monotonic()
            if now - said > LINE_EVERY_S:
                said, rate = now, done / (now - began)
                left_s = (asked.seeds - done) / rate
                print(
                    f"{done:,} of {asked.seeds:,} seeds, {rate:.1f}/s, {left_s:.0f} s left, {broken} broken", flush=True
                )
    least = dict.fromkeys((*CAUSES, *RARER, *CUT_OFF_CAUSES), STRUCK_MIN) | dict.fromkeys(OF_SOME, OF_SOME_MIN)
    for cause in least:
        print(f"{struck[cause]:10,} {cause}")
    rare = [cause for cause, times in least.items() if struck[cause] < times]
    print(f"struck less than {STRUCK_MIN} times, or {OF_SOME_MIN}: {', '.join(rare) or 'none'}")
    print(f"{asked.seeds:,} seeds, a shop and a chain of each, in {time.monotonic() - began:.0f} s: {broken} broken")
    return int(bool(broken or rare))


if __name__ == "__main__":
    raise SystemExit(main())
