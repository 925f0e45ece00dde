"""`python -m bench.faults`: start a service, strike at it for a while with many callers, and report what held.

Exit code 0 where every invariant holds, 1 where one does not, 2 for a wrong option, 3 where the service did not start.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import orjson
import typer
from rich.console import Console

from bench import record
from bench.demo.run import Phases
from bench.faults.display import Display
from bench.faults.host import Host
from bench.faults.judge import Judgement, come_to_rest, judge
from bench.faults.page import page
from bench.faults.plants import PLANTS, planted
from bench.faults.report import document, tell
from bench.faults.run import FAULTS, Evidence, Plan, patient_clients, strike_for
from bench.service import ServiceFailed

EXIT_BROKEN: Final = 1
EXIT_NOT_STARTED: Final = 3
EXIT_INTERRUPTED: Final = 130
MINUTES: Final = 10.0
MINUTES_SETTING: Final = "HOLDFAST_FAULTS_MINUTES"
PLAIN_WIDTH: Final = 140
ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


class Asked(NamedTuple):
    """What a run is asked for."""

    seed: int
    minutes: float
    only: tuple[str, ...] = ()
    plant: str = ""
    kills: int = 0
    operations: int = 0


def main(
    minutes: Annotated[
        float, typer.Option(envvar=MINUTES_SETTING, min=0.05, help="How long to strike; rest and proof come on top.")
    ] = MINUTES,
    seed: Annotated[int, typer.Option(help="Which faults strike where; the same seed draws the same.")] = 2017,
    only: Annotated[str, typer.Option(help=f"Only these faults, with commas: {', '.join(FAULTS)}.")] = "",
    kills: Annotated[
        int,
        typer.Option(
            min=0,
            help="In place of all that: go on until so many kill -9 of actors, gateways, HAProxy and the service's own "
            "process have struck, beside a flood of reservations.",
        ),
    ] = 0,
    operations: Annotated[
        int, typer.Option(min=0, help="With --kills: go on until there were so many operations as well.")
    ] = 0,
    plant: Annotated[
        str, typer.Option(help=f"Falsify the record before it is judged, to see it found: {', '.join(PLANTS)}.")
    ] = "",
    html: Annotated[Path, typer.Option(help="Where the report goes, as a page.")] = Path("faults.html"),
    json: Annotated[Path, typer.Option(help="Where the report goes, as JSON.")] = Path("faults.json"),
) -> None:
    """Kill, freeze, cut off and flood a service of its own while many call, and report whether every invariant held."""
    chosen = tuple(each.strip().upper() for each in only.split(",") if each.strip())
    if unknown := sorted(set(chosen) - set(FAULTS)):
        raise typer.BadParameter(f"{', '.join(unknown)} do not strike here", param_hint="--only")
    if plant and plant not in PLANTS:
        raise typer.BadParameter(f"there is no {plant}", param_hint="--plant")
    for name, path in (("--html", html), ("--json", json)):
        if not path.absolute().parent.is_dir():
            raise typer.BadParameter(f"{path.absolute().parent} is not a folder", param_hint=name)
    console = Console(width=None if Console().is_terminal else PLAIN_WIDTH)
    try:
        result, drawings = asyncio.run(run(Asked(seed, minutes, chosen, plant, kills, operations), console))
    except ServiceFailed as error:
        console.print(f"holdfast: the service did not start: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_NOT_STARTED) from error
    except (KeyboardInterrupt, asyncio.CancelledError) as interrupt:
        console.print("holdfast: stopped; the service was ended and nothing is left of it")
        raise typer.Exit(EXIT_INTERRUPTED) from interrupt
    tell(result, console)
    html.write_text(page(result, drawings), encoding="utf-8")
    json.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    console.print(f"The report: {html}, {json}", highlight=False)
    raise typer.Exit(0 if result["holds"] else EXIT_BROKEN)


async def run(asked: Asked, console: Console) -> tuple[dict[str, Any], list[str]]:
    """The whole of it: the document, and the drawings of what no sequence explains."""
    phases, evidence = Phases(console), Evidence(asked.seed)
    plan = Plan(60 * asked.minutes, asked.only, asked.kills, asked.operations)
    for number in ENDING:  # as on Ctrl-C
        asyncio.get_running_loop().add_signal_handler(number, os.kill, os.getpid(), signal.SIGINT)
    with tempfile.TemporaryDirectory(prefix="hf-faults-", ignore_cleanup_errors=True) as folder:
        about = {**record.describe(), "date": record.today(), "commit": record.commit()}
        about["file_system"] = record.file_system_of(Path(folder))
        phases.say("Starting the service ...")
        async with Host(Path(folder)) as host:
            display = Display(console, evidence, plan)
            with _stopping() as over, display.shown():
                await strike_for(host, evidence, plan, over, display.say)
            judgement = await _judged(host, evidence, phases, asked.plant)
            phases.say("Ending the service ...")
    drawings = [drawing for each in judgement.examined for drawing in each.drawings]
    return document(evidence, judgement, minutes=asked.minutes, machine=about), drawings


async def _judged(host: Host, evidence: Evidence, phases: Phases, plant: str) -> Judgement:
    async with patient_clients(host, 1) as (client,):
        rest = await come_to_rest(client, evidence, phases)
        if not plant:
            return await judge(client, evidence, rest, phases)
        lie = PLANTS[plant]
        return await judge(client, planted(evidence, lie), rest, phases, lie.check_of)


@contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C sets: the run comes to its end with a report. Once more, and it ends at once."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        over.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield over
    finally:
        loop.remove_signal_handler(signal.SIGINT)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app(prog_name="python -m bench.faults")
