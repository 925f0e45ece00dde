"""`python -m bench SCENARIO`, also `holdfast bench SCENARIO`: measures, prints a table, appends one JSON line, and
fails where stock does not add up.
"""

import importlib
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console

from bench import record
from bench.record import Options

try:
    from bench.load.command import OF_SEASON, SCENARIOS, SEASON, load
except ModuleNotFoundError as missing:
    if missing.name not in ("hdrh", "matplotlib"):
        raise
    sys.exit(f"holdfast: {missing.name} is not installed. pip install 'holdfast[bench]', or make install-dev")

QUICK_SECONDS: Final = 0.4
PIPE_COLUMNS: Final = 240


MEASURED: Final = {  # from the inside out
    "core": "the ledger alone",
    "journal": "durable writes",
    "gateway": "protobuf and back",
    "actor": "through Ray",
    "grpc": "the service beside an echo and a hand-written one",
    "peers": "the service beside what one would build by hand, how fast, and how correct under kills",
    "kills": "the second half of it alone",
    "client": "the channel client",
    "idle": "200 tills and 200 tablets while nothing happens, and the board of a shop with 500 tasks",
    "cost": "CPU of a reservation, over shops and over live holds",
    "memory": "what holds and positions take",
    "recovery": "from kill -9 until it serves",
    "sourcing": "ranking shops",
    "across": "orders over several ledgers",
    "sold-out": "refusals in batches",
    "hot": "SKUs in demand",
    "month": "what stays in memory over a month",
    "refusals": "what stays of refusals",
}
ALL: Final = "all"

# Where a scenario is not in the module of its own name.
MODULES: Final = {
    **dict.fromkeys(("core", "journal"), "ledger"),
    **dict.fromkeys(("grpc", "client", "across", "sold-out"), "service"),
    "kills": "peers",
    "sourcing": "gateway",
    "memory": "actor",
    "refusals": "month",
}


def measure(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Smoke sizes: shows that it works, measures nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run's JSON line on stdout.")] = False,
    no_record: Annotated[bool, typer.Option("--no-record", help="Do not append to bench/results.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, of which the median is told.")] = 3,
    seconds: Annotated[  # a round has one connection, which a gateway ends after a minute
        float, typer.Option(min=0.1, max=45, help="Length of each round under load; longer: more rounds.")
    ] = 1.0,
    store_actors: Annotated[int, typer.Option(min=1, help="Actors that share the shops.")] = record.STORE_ACTORS,
    rate: Annotated[
        float, typer.Option(min=0, help="Calls a second of grpc's open loop; 0: 70 % of the closed.")
    ] = 0.0,
    scratch: Annotated[Path | None, typer.Option(help="Where journals go: a folder on the disk to measure.")] = None,
) -> None:
    """Measure one thing in short rounds, beside what it is compared with."""
    scenario = context.info_name or ""
    # Leave through every `finally`, so that the services that were started end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if scenario == ALL:
        raise typer.Exit(_all(sys.argv[1:]))
    # Tables go to stderr where stdout is for machines; a file or a pipe has room for every column.
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else PIPE_COLUMNS)
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", dir=scratch) as folder:
        options = Options(
            scratch=Path(folder),
            say=lambda what: console.print(f"[dim]{what}[/dim]"),
            quick=quick,
            rounds=1 if quick else rounds,
            seconds=QUICK_SECONDS if quick else seconds,
            store_actors=store_actors,
            rate=rate,
        )
        # By name: importing them all would import Ray for a measurement of the core.
        module = importlib.import_module(f"bench.scenarios.{MODULES.get(scenario, scenario)}")
        outcome = getattr(module, f"run_{scenario.replace('-', '_')}")(options)
        disk = record.file_system_of(options.scratch)
        outcome.parameters.update(rounds=options.rounds, quick=options.quick, file_system=disk)
    line = record.line(scenario, " ".join(["python -m bench", *sys.argv[1:]]), outcome)
    record.show(scenario, outcome, console)
    if not no_record:
        console.print(f"[dim]appended to {record.append(line)}[/dim]")
    if outcome.page is not None:
        path = Path(f"bench-{scenario}.html")
        path.write_text(outcome.page(orjson.loads(orjson.dumps(line))), encoding="utf-8")
        console.print(f"The report: {path}", highlight=False)
    if as_json:
        sys.stdout.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode())
    if outcome.conservation is not None and not outcome.conservation.holds:
        raise typer.Exit(1)


def show_latest() -> None:
    """Draw charts, and print a table of the latest runs that measured."""
    latest, console = record.latest_runs([*SCENARIOS, *MEASURED]), Console()
    for path in importlib.import_module("bench.charts").draw(latest):
        console.print(f"[dim]drew {path}[/dim]")
    console.print(record.markdown(latest), markup=False, highlight=False, soft_wrap=True)


def _all(arguments: list[str]) -> int:
    """Each scenario in a process of its own, so that none inherits another's heap; the number of those that failed."""
    failed = 0
    for number, scenario in enumerate(MEASURED, start=1):
        sys.stderr.write(f"bench: {scenario} ({number} of {len(MEASURED)})\n")
        rest = [scenario if each == ALL else each for each in arguments]
        process = subprocess.Popen([sys.executable, "-m", "bench", *rest])  # noqa: S603  # ourselves
        try:
            failed += process.wait() != 0
        finally:
            process.terminate()  # nothing where it has ended; else it ends what it started
            process.wait()
    return failed


def application() -> typer.Typer:
    """Every scenario as a command: loads in an open loop, and measurements in short rounds."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help=__doc__)
    app.command(SEASON, help=f"Load: {', '.join(OF_SEASON)} one after the other, in brief; some ten minutes.")(load)
    for name, what in SCENARIOS.items():
        app.command(name, help=f"Load: {what}.")(load)
    for name, what in MEASURED.items():
        app.command(name, help=f"Measure {what}.")(measure)
    app.command(ALL, help="Measure all of these, each in a process of its own.")(measure)
    app.command("report")(show_latest)
    return app


if __name__ == "__main__":
    application()(prog_name="holdfast bench")
