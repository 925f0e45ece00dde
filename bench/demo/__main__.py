"""`python -m bench.demo`: start a service, replay months of orders and place some over several shops, kill what serves
them, and prove what the journal says.

Exit code 0 where the verdict holds, 1 where it does not, 2 for a wrong option, 3 where the service did not start.
"""

import asyncio
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console

from bench import record
from bench.demo.across_plan import Across, across_plan, shops_with_slots, write_chain_file
from bench.demo.progress import Phases
from bench.demo.recovery import NotRecovered
from bench.demo.report import document, tell, verdict_of
from bench.demo.run import prove_again, run, state_differs
from bench.service import Service, ServiceFailed, running
from bench.workload import Workload
from bench.workload_real import SharedDataMissing, load_workload
from holdfast.client import HoldfastError

EXIT_BROKEN: Final = 1
EXIT_NOT_STARTED: Final = 3
EXIT_INTERRUPTED: Final = 130

SCRATCH_CHARS_MAX: Final = 32
"""Ray puts sockets below its own folder, and a socket's path has at most 107 characters."""

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PLAIN_WIDTH: Final = 120


def main(
    seed: Annotated[int, typer.Option(help="The same seed asks the same.")] = 2017,
    orders: Annotated[int | None, typer.Option(min=1, help="Only so many baskets; all where it is left out.")] = None,
    shared_data: Annotated[
        Path | None, typer.Option(help="Folder of the real orders; without it ../shared/data, else made-up ones.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the service's data goes and stays: a new folder, or an empty one.")
    ] = None,
    store_actors: Annotated[int, typer.Option(min=1, max=64, help="Actors that share the shops.")] = 2,
    callers: Annotated[int, typer.Option(min=1, max=4_096, help="Callers at once.")] = 256,
    kill: Annotated[bool, typer.Option(help="Kill -9 actors and the gateway in the middle.")] = True,
    across: Annotated[bool, typer.Option(help="Place orders over several shops, too.")] = True,
    restart: Annotated[bool, typer.Option(help="Start the service again at the end, and prove it all again.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the result as JSON, too.")] = None,
) -> None:
    """Replay months of real orders against a service of its own, and prove that nothing was lost or sold twice."""
    if data_dir is not None and data_dir.exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
        raise typer.BadParameter(f"{data_dir} is not an empty folder; name a new one", param_hint="--data-dir")
    if json is not None and not json.absolute().parent.is_dir():
        raise typer.BadParameter(f"{json.absolute().parent} is not a folder", param_hint="--json")
    console = Console(width=None if Console().is_terminal else PLAIN_WIDTH)
    phases = Phases(console)
    began = perf_counter()
    try:
        workload = load_workload(seed, shared_data=shared_data, orders_max=orders)
    except SharedDataMissing as error:
        raise typer.BadParameter(str(error), param_hint="--shared-data") from error
    _introduce(workload, phases)
    for number in STOPPING:
        signal.signal(number, signal.default_int_handler)  # end as on Ctrl-C: with everything put away
    try:
        with _folder(data_dir) as folder:
            plan = across_plan(workload.shops, seed) if across else None
            result = _demo(
                workload, plan, folder, store_actors, callers, phases, kill=kill, restart=restart, began=began
            )
    except ServiceFailed as error:
        console.print(f"holdfast: the service did not start: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_NOT_STARTED) from error
    except (HoldfastError, NotRecovered) as error:
        console.print(f"holdfast: the demo could not go on: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_BROKEN) from error
    except KeyboardInterrupt as interrupt:
        console.print("holdfast: stopped; the service was ended and nothing is left of it")
        raise typer.Exit(EXIT_INTERRUPTED) from interrupt
    tell(result, console)
    if json is not None:
        json.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    raise typer.Exit(0 if result["verdict"]["holds"] else EXIT_BROKEN)


def _introduce(workload: Workload, phases: Phases) -> None:
    lines = sum(len(order.lines) for order in workload.orders)
    phases.say(
        f"{len(workload.orders):,} orders of {lines:,} lines for {len(workload.shops)} shops, seed {workload.seed}"
    )
    phases.say(f"  {workload.source}")
    for note in workload.notes:
        phases.say(f"  {note}")


def _demo(
    workload: Workload,
    plan: Across | None,
    folder: Path,
    store_actors: int,
    callers: int,
    phases: Phases,
    *,
    kill: bool,
    restart: bool,
    began: float,
) -> Mapping[str, Any]:
    chain_file = folder / "chain.yaml"
    with_slots = shops_with_slots(workload.shops, workload.seed) if plan is not None else frozenset[str]()
    write_chain_file(chain_file, workload.shops, with_slots)
    with _service(folder, chain_file, store_actors, phases) as service:
        told, proof = asyncio.run(run(service, workload, callers=callers, kill=kill, plan=plan, phases=phases))
    more_faults: tuple[str, ...] = ()
    if restart:
        write_chain_file(chain_file, workload.shops, with_slots, limits_across=plan is not None)
        with _service(folder, chain_file, store_actors, phases) as service:
            again = asyncio.run(prove_again(service, workload, told, phases))
        more_faults = tuple(state_differs(proof, again))
        proof = again
    verdict = verdict_of(told, proof, more_faults)
    about = {**record.describe(), "date": record.today(), "file_system": record.file_system_of(folder)}
    return document(workload, told, proof, verdict, machine=about, seconds=perf_counter() - began)


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    """The demo's folder: the one that was named and stays, or a temporary one that goes."""
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
        yield data_dir.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="hf-demo-", ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)


@contextmanager
def _service(folder: Path, chain_file: Path, store_actors: int, phases: Phases) -> Iterator[Service]:
    """A service of the demo's own. Ended with all that it started, however the demo ends."""
    data_dir = folder / "data"
    data_dir.mkdir(exist_ok=True)
    command = ["-m", "serve", "--data-dir", str(data_dir), "--chain-file", str(chain_file)]
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    with ExitStack() as stack:
        # What Ray writes down on the side goes when the service does, where its sockets' paths allow another folder.
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="hf-ray-", ignore_cleanup_errors=True))
        environment = {"RAY_TMPDIR": scratch} if len(scratch) <= SCRATCH_CHARS_MAX else {}
        with phases.phase("Starting the service"):
            service = stack.enter_context(
                running([*command, "--store-actors", str(store_actors)], data_dir, environment)
            )
        try:
            yield service
        finally:
            phases.say("Ending the service ...")
            for number in STOPPING:
                signal.signal(number, signal.SIG_IGN)  # nothing may come between now and the end of its last process
    for number, handler in handlers.items():
        signal.signal(number, handler)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app(prog_name="holdfast demo")
