"""A short run of `make faults`: some faults under load, everything held, and lies in its record are found."""

import asyncio
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import service as processes
from bench.demo.run import Phases
from bench.faults.host import Host
from bench.faults.judge import Judgement, come_to_rest, judge
from bench.faults.plants import PLANTS, planted
from bench.faults.run import Evidence, Plan, patient_clients, strike_for

SECONDS: Final = 8.0
STRUCK: Final = ("F1", "F5", "F10", "F13")


def test_what_is_struck_holds_and_a_record_that_lies_is_found(tmp_path: Path) -> None:
    console = Console(quiet=True)
    phases, evidence = Phases(console), Evidence(seed=2017)

    async def main() -> tuple[str, dict[str, Judgement]]:
        async with Host(tmp_path) as host:
            await strike_for(host, evidence, Plan(SECONDS, STRUCK), asyncio.Event(), phases.say)
            async with patient_clients(host, 1) as (client,):
                rest = await come_to_rest(client, evidence, phases)
                found = {"": await judge(client, evidence, rest, phases)}
                for name, plant in PLANTS.items():
                    found[name] = await judge(client, planted(evidence, plant), rest, phases, plant.check_of)
            return host.service.mark, found

    mark, found = asyncio.run(main())
    assert not processes.marked(mark), "processes that outlived the run"

    honest = found.pop("")
    assert [(each.name, each.broken) for each in honest.invariants if not each.holds] == []
    assert [each.name for each in honest.invariants if not each.checks and each.name != "I6"] == []
    assert len(honest.invariants) == 16
    assert evidence.failed == []
    assert {each.fault for each in evidence.strikes} >= {"F1", "F5"}
    assert all(each.back_ns for each in evidence.strikes)
    assert evidence.recorder.outcomes["accepted"] > 100

    broken = {name: [each.name for each in lied.invariants if not each.holds] for name, lied in found.items()}
    assert all(PLANTS[name].invariant in names for name, names in broken.items()), broken
