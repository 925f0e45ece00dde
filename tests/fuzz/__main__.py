"""Very many inputs against a service of its own: python -m tests.fuzz [--inputs 100000] [--seed 12] [--json].

They go over gRPC, to the line of its actors, and to that of an actor in this process that admits us. Exit code 1 where
anything was found, with what was asked, made as small as it could be.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.fuzz.findings import Records
from tests.fuzz.frames import Line
from tests.fuzz.run import Run
from tests.fuzz.targets import METHODS, Served

INPUTS: Final = 100_000
SEED: Final = 12
ROUND: Final = 4_000  # inputs, then audits
HOUR_S: Final = 3_600
LINE_EVERY_S: Final = 10.0


class Progress:
    """Says now and then how far a run is."""

    def __init__(self, run: Run, inputs: int) -> None:
        self._run, self._inputs = run, inputs
        self._said = 0.0

    def __call__(self) -> None:
        tally = self._run.tally
        now = time.monotonic()
        if now - self._said > LINE_EVERY_S:
            rate = tally.inputs / (now - tally.began)
            self._said = now
            left_s = max(0.0, (self._inputs - tally.inputs) / rate)
            found = f"{len(tally.found)} found"
            line = f"{tally.inputs:,} of {self._inputs:,} inputs, {rate:.0f}/s, {left_s:.0f} s left, {found}"
            print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Ask, tell what came of it, and exit."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=INPUTS)
    parser.add_argument("--seed", type=int, default=SEED, help="the same seed draws the same inputs")
    parser.add_argument("--json", action="store_true", help="tell the result as one line of JSON")
    asked = parser.parse_args()
    began, now_s = time.monotonic(), int(time.time()) // HOUR_S * HOUR_S  # so that a seed draws the same for a while
    with tempfile.TemporaryDirectory(prefix="hf-fuzz-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "line").mkdir()
        line = Line(folder / "line")
        try:
            with Records() as records, Served(folder, now_s) as served:
                outcome = _rounds(Run(served, line, records), asked.inputs, asked.seed)
        finally:
            line.close()
    outcome["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(outcome) if asked.json else _told(outcome))
    sys.exit(bool(outcome["found"]))


def _rounds(run: Run, inputs: int, seed: int) -> dict[str, Any]:
    progress = Progress(run, inputs)
    number = 0
    while run.tally.inputs < inputs and not run.tally.found:
        run.round(seed * 1_000 + number, min(ROUND, inputs - run.tally.inputs), progress)
        number += 1
    tally = run.tally
    codes: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for (method, code), count in tally.by_method.items():
        codes[code] += count
        answered[method] += count if code == "OK" else 0
    return {
        "seed": seed,
        "rounds": number,
        "inputs": tally.inputs,
        "connections_to_actors": tally.wires,
        "lines_of_actors": len(run.lines),
        "audits": tally.audits,
        "codes": dict(codes.most_common()),
        "methods": len(METHODS),
        "never_answered_ok": sorted(set(METHODS) - set(+answered)),
        "found": tally.found,
    }


def _told(result: dict[str, Any]) -> str:
    codes = ", ".join(f"{times:,} {code}" for code, times in result["codes"].items())
    return "\n".join(
        (
            f"{result['inputs']:,} inputs with seed {result['seed']} in {result['seconds']:.0f} s",
            f"of them {result['connections_to_actors']:,} connections to {1 + result['lines_of_actors']} actors",
            f"calls of {result['methods']} methods: {codes}",
            f"never answered OK: {', '.join(result['never_answered_ok']) or 'none'}",
            f"{result['audits']:,} audits",
            *(f"FOUND: {each}" for each in result["found"]),
            "nothing was found" if not result["found"] else f"{len(result['found'])} found",
        )
    )


if __name__ == "__main__":
    main()
