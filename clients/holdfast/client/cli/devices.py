"""`holdfast device`: who is let in to the service's pages."""

from io import StringIO
from typing import Annotated

import segno
import typer
from rich.console import Group
from rich.text import Text

from holdfast.client.cli import options
from holdfast.client.cli.options import Session, with_session
from holdfast.client.cli.output import facts, to_document
from holdfast.client.cli.tables import DEVICE, facts_of, table_of
from holdfast.client.errors import NotFound
from holdfast.client.models.devices import Device, make_token

app = typer.Typer(no_args_is_help=True, help="Devices that are let in to the service's pages: tablets of shops.")

NameArgument = Annotated[str, typer.Argument(help="The device's name in its shop: tablet-1, say.", metavar="NAME")]
PagesOption = Annotated[
    str | None,
    typer.Option(
        "--pages",
        envvar="HOLDFAST_PUBLIC_URL",
        help="Where the device finds the pages. Otherwise the address in the data directory.",
        metavar="URL",
    ),
]


@app.command()
@with_session
def add(session: Session, store: options.StoreArgument, name: NameArgument, pages: PagesOption = None) -> None:
    """Let a device in. Its token is shown once, and kept nowhere: scan the QR code with the device, or open the link
    there.
    """
    token = make_token()
    device = session.run(lambda client: client.add_device(store, name, token))
    url = pages or str(options.service_here().get("pages") or "")
    # Behind the #, which browsers keep to themselves: it is in no log.
    link = f"{url.rstrip('/')}/enter#{token}" if url else ""
    document = {"device": to_document(device), "token": token, "link": link}
    told = facts([("token", token), ("link", link or "the service has no pages here; give --pages-port")])
    squares = StringIO()
    segno.make_qr(link or token, error="m").terminal(squares, compact=True)
    session.show(document, Group(facts_of(DEVICE, device), told, Text.from_ansi(squares.getvalue())))


@app.command("list")
@with_session
def list_devices(
    session: Session, store: Annotated[str, typer.Option("--store", help="Only those of this shop.")] = ""
) -> None:
    """List the devices that are let in."""
    found = session.run(lambda client: client.list_devices(store))
    session.show({"devices": to_document(found)}, table_of(DEVICE, found))


@app.command()
@with_session
def revoke(session: Session, store: options.StoreArgument, name: NameArgument) -> None:
    """Let a device in no more: at once, also where it has a page open."""
    device = _named(session, store, name)
    session.run(lambda client: client.revoke_device(device.device_id))
    session.show({"device": to_document(device)}, facts_of(DEVICE, device))


def _named(session: Session, store: str, name: str) -> Device:
    found = session.run(lambda client: client.list_devices(store))
    device = next((each for each in found if each.name == name), None)
    if device is None:
        why = f"shop {store} has no device {name!r}"
        raise NotFound("RevokeDevice", where=session.target, why=why, mend="List them, and check the name")
    return device
