"""`holdfast shortfalls`: who lost units that were promised, the ways out, and what becomes of each."""

from typing import Annotated

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import options
from holdfast.client.cli.options import Session, changing, with_session
from holdfast.client.cli.output import to_document
from holdfast.client.cli.tables import TASKS, table_of
from holdfast.client.models.shortfalls import ShortfallResolution

app = typer.Typer(no_args_is_help=True, help="Shortfalls: who lost units that were promised, and the ways out.")


@app.command("list")
@with_session
def list_shortfalls(
    session: Session,
    store: options.StoreArgument,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    limit: options.LimitOption = 100,
) -> None:
    """List a shop's tasks, open ones first, each with the nearest shops that have what was lost."""
    page_size = min(limit, 100)
    found = session.list(lambda client: client.list_shortfalls(store, only_open=only_open, page_size=page_size), limit)
    session.show({"tasks": to_document(found)}, table_of(TASKS, found))


@app.command()
@changing
def resolve(
    session: Session,
    task: Annotated[str, typer.Argument(help="The task's id, S1:7 for example.", metavar="TASK")],
    move_to: Annotated[str, typer.Option("--move-to", help="Hold the units in this other shop.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Let the customer wait first in line.")] = False,
    release: Annotated[bool, typer.Option("--release", help="The customer knows that there is nothing more.")] = False,
) -> None:
    """Close a task in one of three ways."""
    ways = {
        ShortfallResolution.MOVED: bool(move_to),
        ShortfallResolution.WAITING: wait,
        ShortfallResolution.RELEASED: release,
    }
    chosen = [resolution for resolution, is_chosen in ways.items() if is_chosen]
    if len(chosen) != 1:
        raise typer.BadParameter("Give one of --move-to STORE, --wait and --release.")
    session.change(ChannelClient.resolve_shortfall, task, chosen[0], to_store_id=move_to)
