"""`python -m bench.demo`: start a service, replay months of orders and place some over several shops, kill what serves
them, and prove what the journal says.

Exit code 0 where the verdict holds, 1 where it does not, 2 for a wrong option, 3 where the service did not start.
"""

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final, Literal

import orjson
import typer
from rich.console import Console

from bench import record
from bench.demo.across import place_orders
from bench.demo.calls import MEANWHILE_MS_MAX, Answers
from bench.demo.flash import sell_out
from bench.demo.line import wait_in_line
from bench.demo.mailbox import Mailbox, mailbox
from bench.demo.messages import Killer, write_messages_file
from bench.demo.plan import Across, across_plan, shops_with_slots, write_chain_file
from bench.demo.proof import Proof, prove, until_quiet
from bench.demo.report import Beside, document, tell
from bench.demo.run import Act, NotRecovered, Phases, kill_and_tell, replay
from bench.demo.tablets import NotTapped
from bench.demo.tills import sell_cut_off
from bench.demo.transfers import move_units
from bench.demo.walk import walk_over_counter
from bench.demo.walk_plan import STORE_ID as COUNTER, write_products_file
from bench.demo.walk_steps import NotServed
from bench.peers.redis_server import no_server, redis_server
from bench.service import CHAIN_FILE, Service, ServiceFailed, serving
from bench.workload import SharedDataMissing, Workload, load_workload
from holdfast.client import ChannelClient, HoldfastError

EXIT_BROKEN: Final = 1
EXIT_NOT_STARTED: Final = 3
EXIT_INTERRUPTED: Final = 130

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PLAIN_WIDTH: Final = 120
CHANNELS: Final = 2
STORE_ACTORS: Final = 2
SERVING_MS_MAX: Final = 30_000
ORDERS_MIN: Final = 20  # they are for some 18 shops; of far fewer none may have what an order must be split for


def main(
    seed: Annotated[int, typer.Option(help="The same seed asks the same.")] = 2017,
    orders: Annotated[
        int | None, typer.Option(help=f"Only so many baskets, {ORDERS_MIN} or more; all where it is left out.")
    ] = None,
    shared_data: Annotated[
        Path | None, typer.Option(help="Folder of the real orders; without it ../shared/data, else made-up ones.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the service's data goes and stays: a new folder, or an empty one.")
    ] = None,
    journal: Annotated[
        Literal["sqlite", "redis"], typer.Option(help="Where journals are: in files, or in a Redis of the demo's own.")
    ] = "sqlite",
    json: Annotated[Path | None, typer.Option(help="Write the result as JSON, too.")] = None,
) -> None:
    """Replay months of real orders against a service of its own, and prove that nothing was lost or sold twice."""
    _refuse_unfit(orders, data_dir, journal, json)
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
    try:
        with ExitStack() as stack:
            if data_dir is None:
                scratch = tempfile.TemporaryDirectory(prefix="hf-demo-", ignore_cleanup_errors=True)
                data_dir = Path(stack.enter_context(scratch))
            data_dir.mkdir(parents=True, exist_ok=True)
            box = stack.enter_context(mailbox())
            with _service(data_dir.resolve(), workload, phases, journal, box) as service:
                plan = across_plan(workload.shops, workload.seed)
                acts = _ask_and_prove(service, workload, plan, data_dir, phases, box)
                told, across, done, proof = asyncio.run(acts)
            about = {
                **record.describe(),
                "date": record.today(),
                "journal": journal,
                "file_system": record.file_system_of(data_dir),
            }
    except ServiceFailed as error:
        console.print(f"holdfast: the service did not start: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_NOT_STARTED) from error
    except (HoldfastError, NotRecovered, NotServed, NotTapped) as error:
        console.print(f"holdfast: the demo could not go on: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_BROKEN) from error
    except KeyboardInterrupt as interrupt:
        console.print("holdfast: stopped; the service was ended and nothing is left of it")
        raise typer.Exit(EXIT_INTERRUPTED) from interrupt
    result = document(workload, plan, told, across, done, proof, machine=about, seconds=perf_counter() - began)
    tell(result, console)
    if json is not None:
        json.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    raise typer.Exit(0 if result["verdict"]["holds"] else EXIT_BROKEN)


def _refuse_unfit(orders: int | None, data_dir: Path | None, journal: str, json: Path | None) -> None:
    """Raise BadParameter for what cannot be run with."""
    if data_dir is not None and data_dir.exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
        raise typer.BadParameter(f"{data_dir} is not an empty folder; name a new one", param_hint="--data-dir")
    if orders is not None and orders < ORDERS_MIN:
        why = f"{orders} baskets are for too few shops to split orders over; take {ORDERS_MIN} or more"
        raise typer.BadParameter(why, param_hint="--orders")
    if journal == "redis" and (why := no_server()):
        raise typer.BadParameter(why, param_hint="--journal")
    if json is not None and not json.absolute().parent.is_dir():
        raise typer.BadParameter(f"{json.absolute().parent} is not a folder", param_hint="--json")


async def _ask_and_prove(
    service: Service, workload: Workload, plan: Across, folder: Path, phases: Phases, box: Mailbox
) -> tuple[Act, Act, Beside, Proof]:
    """The acts and the proof: what callers were told, and what is there in the end."""
    async with ChannelClient(service.target, channels=CHANNELS) as client:
        await client.wait_until_serving(timeout_ms=SERVING_MS_MAX)
        told, across = Act(Answers(client)), Act(Answers(client, meanwhile_ms_max=MEANWHILE_MS_MAX))
        await replay(client, service, workload, plan.openings, told, phases)
        await place_orders(client, service, plan, told, across, phases, seed=workload.seed)
        with phases.phase("Selling at a till that is cut off"):
            till = await sell_cut_off(client, service.target, folder)
        store_ids = [shop.store_id for shop in workload.shops]
        moved = await move_units(client, service, store_ids, told, across, phases)
        kill = partial(kill_and_tell, client, service, store_ids, across, phases)
        await wait_in_line(client, store_ids, told, phases, kill)
        flash = await sell_out(client, phases, seed=workload.seed)
        kill = partial(kill_and_tell, client, service, [*store_ids, COUNTER], across, phases, COUNTER)
        where, killer = (service.target, service.pages), Killer(service.mark)
        walk = walk_over_counter(client, where, folder, box, killer, kill, phases=phases, seed=workload.seed)
        pickups, messages = await walk
        await until_quiet(client, (told, across), phases)
        beside = Beside(till, moved, flash, pickups, messages)
        return told, across, beside, await prove(client, store_ids, told, across, phases)


@contextmanager
def _service(folder: Path, workload: Workload, phases: Phases, journal: str, box: Mailbox) -> Iterator[Service]:
    """A service of the demo's own, with its data in the folder. Ended with all it started, however the demo ends."""
    write_chain_file(folder / CHAIN_FILE, workload.shops, shops_with_slots(workload.shops, workload.seed))
    for number in STOPPING:
        signal.signal(number, signal.default_int_handler)  # end as on Ctrl-C: with everything put away
    with ExitStack() as stack:
        more: tuple[str, ...] = ("--messages-file", str(write_messages_file(folder, box)))
        more = (*more, "--pages-port", "0", "--products", str(write_products_file(folder)))
        if journal == "redis":
            url = f"redis://127.0.0.1:{stack.enter_context(redis_server(folder / 'redis'))}/0"
            phases.say(f"  journals in a Redis of its own, {url}")
            more = (*more, "--journal", url)
        with phases.phase("Starting the service"):
            service = stack.enter_context(serving(folder, STORE_ACTORS, *more))
        try:
            yield service
        finally:
            phases.say("Ending the service ...")
            for number in STOPPING:
                signal.signal(number, signal.SIG_IGN)  # nothing may come before the end of its last process


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app(prog_name="holdfast demo")
