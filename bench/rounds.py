"""Several rounds of each load against one service, and all that its callers were told."""

from dataclasses import replace
from typing import Any

from bench.arithmetic import medians
from bench.conservation import Told
from bench.generator import Generator, Load
from bench.options import Options
from bench.service import Service

FAILURES_TOLD_MAX = 3
SEEDS_APART = 10_000  # each caller of a round has a seed of its own


class Rounds:
    """A service under a generator. `told` is for the verdict; `failures` and `stuck` say what went wrong."""

    def __init__(self, generator: Generator, service: Service, options: Options) -> None:
        self._generator = generator
        self._service = service
        self._options = options
        self.told: list[Told] = []
        self.failures: list[str] = []
        self.stuck: list[str] = []

    def measure(self, load: Load) -> dict[str, float]:
        """The median of each figure; the longest answer is the longest of all rounds."""
        rounds = []
        for number in range(1, self._options.rounds + 1):
            measured = self._generator.measure(replace(load, seed=SEEDS_APART * number), self._service)
            rounds.append(measured.figures)
            self.told.append(measured.told)
            self.failures += [measured.failure] if measured.failure else []
            self.stuck += measured.stuck
        longest = {"longest_ms": max(one["longest_ms"] for one in rounds)} if "longest_ms" in rounds[0] else {}
        return {**medians(rounds), **longest}


def run_parameters(options: Options, stores: int, skus: int, failures: list[str]) -> dict[str, Any]:
    """What the figures depend on, for the record."""
    return {
        "store_actors": options.store_actors,
        "stores": stores,
        "skus": skus,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "quick": options.quick,
        "failures": failures[:FAILURES_TOLD_MAX],
    }
