"""`python -m bench.demo`: start a service, replay months of orders and place some over several shops, kill what serves
them, and prove what the journal says.

Exit code 0 where the verdict holds, 1 where it does not, 2 for a wrong option, 3 where the service did not start.
"""

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console

from bench import record
from bench.demo.across import place_orders
from bench.demo.calls import Answers
from bench.demo.plan import Across, across_plan, shops_with_slots, write_chain_file
from bench.demo.proof import Proof, prove, state_differs, until_quiet, verdict_of
from bench.demo.report import document, tell
from bench.demo.run import NotRecovered, Phases, Told, replay
from bench.service import CHAIN_FILE, Service, ServiceFailed, serving
from bench.workload import SharedDataMissing, Workload, load_workload
from holdfast.client import ChannelClient, HoldfastError

EXIT_BROKEN: Final = 1
EXIT_NOT_STARTED: Final = 3
EXIT_INTERRUPTED: Final = 130

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PLAIN_WIDTH: Final = 120
CHANNELS: Final = 2
SERVING_MS_MAX: Final = 30_000


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
    lines = sum(len(order.lines) for order in workload.orders)
    phases.say(f"{len(workload.orders):,} orders of {lines:,} lines for {len(workload.shops)} shops, seed {seed}")
    for note in (workload.source, *workload.notes):
        phases.say(f"  {note}")
    plan = across_plan(workload.shops, seed) if across else None
    try:
        with ExitStack() as stack:
            if data_dir is None:
                scratch = tempfile.TemporaryDirectory(prefix="hf-demo-", ignore_cleanup_errors=True)
                data_dir = Path(stack.enter_context(scratch))
            data_dir.mkdir(parents=True, exist_ok=True)
            demo = Demo(workload, plan, data_dir.resolve(), store_actors, callers, kill, phases)
            told, proof = demo.run(restart=restart)
            about = {**record.describe(), "date": record.today(), "file_system": record.file_system_of(data_dir)}
    except ServiceFailed as error:
        console.print(f"holdfast: the service did not start: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_NOT_STARTED) from error
    except (HoldfastError, NotRecovered) as error:
        console.print(f"holdfast: the demo could not go on: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_BROKEN) from error
    except KeyboardInterrupt as interrupt:
        console.print("holdfast: stopped; the service was ended and nothing is left of it")
        raise typer.Exit(EXIT_INTERRUPTED) from interrupt
    verdict = verdict_of(told.answers, told.contests, proof.findings, proof.audits)
    result = document(workload, told, proof, verdict, machine=about, seconds=perf_counter() - began)
    tell(result, console)
    if json is not None:
        json.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    raise typer.Exit(0 if result["verdict"]["holds"] else EXIT_BROKEN)


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo. `plan` is the second act, None for none; `folder` is where the service's data is."""

    workload: Workload
    plan: Across | None
    folder: Path
    store_actors: int
    callers: int
    kill: bool
    phases: Phases

    def run(self, *, restart: bool) -> tuple[Told, Proof]:
        """Ask and prove; what callers were told, and the proof. What a restart changed is a fault."""
        with self._service() as service:
            told, proof = asyncio.run(self._prove(service))
        if not restart:
            return told, proof
        with self._service(limits_across=self.plan is not None) as service:
            _, again = asyncio.run(self._prove(service, told))
        again.findings.faults += state_differs(proof.audits, again.audits)
        return told, again

    async def _prove(self, service: Service, told: Told | None = None) -> tuple[Told, Proof]:
        """Both acts and the proof; the proof alone of what callers were told before."""
        workload, phases = self.workload, self.phases
        async with ChannelClient(service.target, channels=CHANNELS) as client:
            await client.wait_until_serving(timeout_ms=SERVING_MS_MAX)
            if told is None:
                told = Told(Answers(client))
                await replay(client, service, workload, told, phases, callers=self.callers, kill=self.kill)
                if self.plan is not None:
                    await place_orders(client, service, self.plan, told, phases, seed=workload.seed, kill=self.kill)
                await until_quiet(client, told, phases)
            return told, await prove(client, [shop.store_id for shop in workload.shops], told, phases)

    @contextmanager
    def _service(self, *, limits_across: bool = False) -> Iterator[Service]:
        """A service of the demo's own. Ended with all that it started, however the demo ends."""
        shops = self.workload.shops
        with_slots = shops_with_slots(shops, self.workload.seed) if self.plan is not None else ()
        write_chain_file(self.folder / CHAIN_FILE, shops, with_slots, limits_across=limits_across)
        for number in STOPPING:
            signal.signal(number, signal.default_int_handler)  # end as on Ctrl-C: with everything put away
        with ExitStack() as stack:
            with self.phases.phase("Starting the service"):
                service = stack.enter_context(serving(self.folder, self.store_actors))
            try:
                yield service
            finally:
                self.phases.say("Ending the service ...")
                for number in STOPPING:
                    signal.signal(number, signal.SIG_IGN)  # nothing may come before the end of its last process


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app(prog_name="holdfast demo")
