"""`holdfast transfer`: units that go from one shop to another."""

from typing import Annotated, Any

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import options
from holdfast.client.cli.options import Session, changing, quantities, with_session
from holdfast.client.cli.output import ExitCode, to_document
from holdfast.client.cli.tables import TRANSFER, TRANSFERS, TRANSFERS_VERIFICATION, facts_of, table_of
from holdfast.client.models.reservations import TransferStatus
from holdfast.client.models.transfers import LossBearer

app = typer.Typer(no_args_is_help=True, help="Transfers between shops: proposed, sent, received short or over.")

TransferArgument = Annotated[str, typer.Argument(help="The transfer's id, S1:T7 for example.", metavar="TRANSFER")]
ArrivesInOption = Annotated[
    int | None, options.duration_option("How long from now until it is expected, 4h for example.", "--arrives-in")
]


@app.command()
@changing
def propose(
    session: Session,
    source: Annotated[str, typer.Argument(help="The shop that sends.", metavar="SOURCE")],
    destination: Annotated[str, typer.Argument(help="The shop that receives.", metavar="DESTINATION")],
    lines: Annotated[list[str], typer.Argument(help="SKU=UNITS, or SKU for one unit.", metavar="LINE...")],
    arrives_in: ArrivesInOption = None,
) -> None:
    """Set units aside at the source, all of them or none."""
    wanted = quantities(lines, "LINE")
    session.change(ChannelClient.propose_transfer, source, destination, wanted, arrives_in_ms=arrives_in)


@app.command()
@changing
def send(session: Session, transfer: TransferArgument, arrives_in: ArrivesInOption = None) -> None:
    """Say that the units have left; they are in transit until they are received."""
    session.change(ChannelClient.send_transfer, transfer, arrives_in_ms=arrives_in)


@app.command()
@changing
def receive(
    session: Session,
    store: options.StoreArgument,
    transfer: TransferArgument,
    lines: Annotated[
        list[str] | None,
        typer.Argument(
            help="SKU=UNITS as counted; what is not named did not come. None: all came as it was sent.",
            metavar="[LINE...]",
        ),
    ] = None,
    loss_bearer: Annotated[
        Any, options.choice_option(LossBearer, "Whose loss a difference is. Otherwise the carrier's.", "--borne-by")
    ] = None,
) -> None:
    """Book what came at its destination."""
    came = quantities(lines, "LINE", missing=None)
    bearer = loss_bearer or LossBearer.UNSPECIFIED
    session.change(ChannelClient.receive_transfer, store, transfer, came, loss_bearer=bearer)


@app.command()
@changing
def cancel(session: Session, transfer: TransferArgument) -> None:
    """Return what was set aside and has not left."""
    session.change(ChannelClient.cancel_transfer, transfer)


@app.command()
@with_session
def show(session: Session, transfer: TransferArgument) -> None:
    """Read a transfer as both ends have it."""
    found = session.run(lambda client: client.get_transfer(transfer))
    session.show({"transfer": to_document(found)}, facts_of(TRANSFER, found))


@app.command("list")
@with_session
def list_transfers(
    session: Session,
    store: options.StoreArgument,
    status: Annotated[Any, options.choice_option(TransferStatus, "Only these.", "--status")] = None,
    limit: options.LimitOption = 100,
) -> None:
    """List transfers from a shop and to it."""
    statuses = [status] if status else []
    page_size = min(limit, 1_000)
    listed = session.list(lambda client: client.list_transfers(store, statuses=statuses, page_size=page_size), limit)
    session.show({"transfers": to_document(listed)}, table_of(TRANSFERS, listed))


@app.command()
@with_session
def verify(session: Session) -> None:
    """Compare both ends of all transfers; exit code 1 where units are missing."""
    found = session.run(lambda client: client.verify_transfers(timeout_ms=session.timeout_ms))
    session.show({"transfers": to_document(found)}, facts_of(TRANSFERS_VERIFICATION, found))
    if not found.holds:
        raise typer.Exit(ExitCode.REFUSED)
