"""`holdfast pickup`: codes by which customers collect, what a till finds by them, and the keys."""

from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import segno
import typer
from rich.console import Group
from rich.text import Text

from holdfast.client.cli import options
from holdfast.client.cli.options import Session, with_session
from holdfast.client.cli.output import to_document
from holdfast.client.cli.tables import PICKUP_CODE, PICKUP_KEYS, PICKUP_LINK, RESERVATIONS, facts_of, table_of
from holdfast.client.errors import Conflict
from holdfast.client.models.pickups import CustomerSaid

app = typer.Typer(no_args_is_help=True, help="Pickup codes, links to customers' pages, and what a till finds by codes.")
LinksOption = Annotated[bool, typer.Option("--links", help="The keys of links to customers' pages.")]


@app.command()
@with_session
def code(
    session: Session,
    reservation: Annotated[str, typer.Argument(help="Its id, S1:7 for example.", metavar="RESERVATION")],
    svg: Annotated[
        Path | None, typer.Option("--svg", help="Write the QR code into this file as well.", metavar="FILE")
    ] = None,
) -> None:
    """Show the codes of a reservation that is confirmed: a QR code, and a short one for the eye."""
    found = session.run(lambda client: client.get_pickup_code(reservation))
    drawn = segno.make_qr(found.code, error="m")
    if svg is not None:
        drawn.save(str(svg), scale=8)
    squares = StringIO()
    drawn.terminal(squares, compact=True)
    for_people = Group(facts_of(PICKUP_CODE, found), Text.from_ansi(squares.getvalue()))
    session.show({"pickup_code": to_document(found)}, for_people)


@app.command()
@with_session
def link(
    session: Session,
    reservation: Annotated[str, typer.Argument(help="Its id, S1:7 for example.", metavar="RESERVATION")],
) -> None:
    """Show the link to the customer's page of a reservation that was confirmed. It is for the customer alone."""
    found = session.run(lambda client: client.get_pickup_link(reservation))
    session.show({"pickup_link": to_document(found)}, facts_of(PICKUP_LINK, found))


@app.command()
@with_session
def lookup(
    session: Session,
    store: options.StoreArgument,
    shown: Annotated[
        str | None, typer.Argument(help="A code, a short code, a reservation's id or an order's.", metavar="SHOWN")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The customer's name, or its last word.")] = "",
    digits: Annotated[str, typer.Option("--digits", help="The last four digits of the telephone.")] = "",
) -> None:
    """Look up what is to be handed over in a shop, by what a customer shows, or by --name and --digits."""
    asked: dict[str, Any] = {"customer": CustomerSaid(name, digits)}
    if shown is None:
        if not (name and digits):
            raise typer.BadParameter("Give what the customer shows, or --name and --digits.", param_hint="SHOWN")
    else:
        by = "code" if shown.upper().startswith("HF:") else "short_code"
        by = "reservation_id" if ":" in shown and by == "short_code" else "order_id" if "/" in shown else by
        asked = {by: shown}
    found = session.run(lambda client: client.lookup_pickup(store, **asked))
    session.show({"reservations": to_document(found)}, table_of(RESERVATIONS, found))


@app.command()
@with_session
def keys(session: Session, links: LinksOption = False) -> None:
    """List the keys of which codes are good; tills verify by them without network."""
    found = session.run(lambda client: client.list_pickup_keys(of_links=links))
    session.show({"keys": to_document(found)}, table_of(PICKUP_KEYS, found))


@app.command()
@with_session
def rotate(
    session: Session,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="What was made by all keys so far is not good any more: one may be known.")
    ] = False,
    links: LinksOption = False,
) -> None:
    """Sign codes by a new key; those before stay good for 31 days, and links for 62."""
    known = session.run(lambda client: client.list_pickup_keys(of_links=links))
    former = known[-1].key_id if known else 0
    try:
        found = session.run(lambda client: client.rotate_pickup_key(former, revoke=revoke, of_links=links))
    except Conflict:
        [*_, newest] = session.run(lambda client: client.list_pickup_keys(of_links=links)) or (None,)
        if newest is None or newest.key_id == former:
            raise
        found = newest  # this call, sent again, or another operator's: it signs now
    session.show({"key": to_document(found)}, table_of(PICKUP_KEYS, (found,)))
