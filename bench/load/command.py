"""The load scenarios on the command line: options, the live picture, result lines, the report, and the exit code.

Exit code 0 where the verdict holds, 1 where it does not, 2 for a wrong option, 3 where the service is not there.
"""

import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import orjson
import typer
from rich.console import Console

from bench import record
from bench.load import report
from bench.load.fleet import GeneratorFailed
from bench.load.season import Result, Scenario, conduct
from bench.load.session import Asked, NeedsItsOwn
from bench.service import ServiceFailed
from holdfast.client import HoldfastError

SCENARIOS: Final = {
    "peak": "a year's busiest day, with all shops and a million holds",
    "mixed": "a channel's whole day of calls",
    "overload": "2, 3 and 5 times what can be served",
    "flash": "one announced SKU, a herd at its opening, and ordinary traffic beside it",
    "split": "orders over two shops, and limits of the whole chain",
    "failover": "kills, of an actor, a gateway and the proxy, and an actor that hangs",
    "soak": "an hour of mixed traffic; --seconds says another",
}
SEASON: Final = "season"
OF_SEASON: Final = ("peak", "mixed", "overload")
EXIT_BROKEN: Final = 1
EXIT_NOT_THERE: Final = 3
PIPE_COLUMNS: Final = 240
Way = Literal["client", "unary"]
CORES: Final = os.cpu_count() or 2


def load(
    context: typer.Context,
    target: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="A service that runs; without it one is started for the run.")
    ] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Seconds: shows that it works, measures nothing.")] = False,
    via: Annotated[
        Way,
        typer.Option(help="How calls are sent: by our client, or plain and one by one; overload has both."),
    ] = "client",
    rate: Annotated[float, typer.Option(min=0, help="Arrivals a second to take for the knee; 0 looks for it.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=0, help="Length of each stage; 0 leaves it to the scenario.")] = 0.0,
    generators: Annotated[
        int, typer.Option(min=0, help="Processes that call; 0: half of the cores, all for a --target.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="The same seed asks the same at the same moments.")] = 2017,
    store_actors: Annotated[int, typer.Option(min=1, help="Actors of a service of its own.")] = record.STORE_ACTORS,
    scratch: Annotated[Path | None, typer.Option(help="Where its journals go: a folder on the disk.")] = None,
    html: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("bench.html"),
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON line for each scenario on stdout.")] = False,
    no_record: Annotated[bool, typer.Option("--no-record", help="Do not append to bench/results.")] = False,
) -> None:
    """Load a service in an open loop, and report how much it takes, how fast, and whether it stayed correct."""
    name = context.info_name or ""
    if not html.absolute().parent.is_dir():
        raise typer.BadParameter(f"{html.absolute().parent} is not a folder", param_hint="--html")
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else PIPE_COLUMNS)
    lines: list[dict[str, Any]] = []
    holds = True
    for each in OF_SEASON if name == SEASON else (name,):
        with tempfile.TemporaryDirectory(prefix="hf-bench-", dir=scratch, ignore_cleanup_errors=True) as folder:
            asked = Asked(
                scratch=Path(folder),
                target=target,
                seed=seed,
                generators=generators or max(1, CORES if target else CORES // 2),
                via=via,
                quick=quick,
                seconds=seconds,
                rate=rate,
                store_actors=store_actors,
                brief=name == SEASON,
            )
            result = _conducted(each, asked, console)
        line = line_of(each, " ".join(["python -m bench", *sys.argv[1:]]), result)
        lines.append(line)
        _tell(each, result, console)
        if not no_record:
            console.print(f"[dim]appended to {record.append(recorded(line))}[/dim]")
        if as_json:
            sys.stdout.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode())
        html.write_text(report.page([orjson.loads(orjson.dumps(one)) for one in lines]), encoding="utf-8")
        holds = holds and result.holds
        if result.interrupted:
            break
    console.print(f"The report: {html}", highlight=False)
    raise typer.Exit(0 if holds else EXIT_BROKEN)


def _conducted(name: str, asked: Asked, console: Console) -> Result:
    """A scenario by its name; ends the program where the service is not there."""
    scenario: Scenario = importlib.import_module(f"bench.scenarios.{name}").SCENARIO
    try:
        return conduct(name, scenario, asked, console)
    except NeedsItsOwn as error:
        raise typer.BadParameter(str(error), param_hint="--target") from error
    except (ServiceFailed, GeneratorFailed, HoldfastError) as error:
        console.print(f"holdfast: bench {name} could not be run: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_NOT_THERE) from error


def line_of(name: str, command: str, result: Result) -> dict[str, Any]:
    """The scenario's result as one JSON object: as any other measurement's, and under `load` what the report draws."""
    about = {"holds": result.holds, "late": result.late}
    return {**record.line(name, command, result.outcome), "load": {**about, **result.document}}


def recorded(line: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a run: all but what went on second by second, which the page draws and --json prints."""
    return {**line, "load": {name: value for name, value in line["load"].items() if name != "stages"}}


def _tell(name: str, result: Result, console: Console) -> None:
    record.show(name, result.outcome, console)
    alone, limit = (result.document[f"generator_{each}_per_s"] for each in ("alone", "limit"))
    said = f"{record.number(alone)} calls/s alone, {record.number(limit)} as they called here"
    console.print(f"  each generator is good for, by its CPU: {said}", highlight=False)
    for late in result.late:
        console.print(f"  THE GENERATOR WAS THE BOTTLENECK: {late}", style="bold red", markup=False)
    if result.document["left"]:
        console.print(f"  {result.document['left']}", markup=False, highlight=False)
    verdict = "[bold green]HOLDS[/]" if result.holds else "[bold red]DOES NOT HOLD[/]"
    console.print(f"  {name}: {verdict}")
