"""`holdfast contacts`: how customers are reached, what they have said of being told, and the end of both."""

from typing import Annotated, Any

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli.options import Session, changing, choice_option, with_session
from holdfast.client.cli.output import to_document
from holdfast.client.cli.tables import CONTACT, facts_of, table_of
from holdfast.client.models.contacts import Contact, ContactConsent, MessageChannel

app = typer.Typer(no_args_is_help=True, help="Contacts: how customers are reached, apart from all orders.")

CustomerArgument = Annotated[str, typer.Argument(help="The customer's id.", metavar="CUSTOMER")]
PurchaseOption = Annotated[str, typer.Option("--for", help="The order or reservation for which alone it is.")]
ChannelsOption = Annotated[
    list[Any] | None,
    choice_option(MessageChannel, "A channel to which the customer has consented; may be given twice.", "--consent"),
]


@app.command()
@changing
def put(
    session: Session,
    customer: CustomerArgument,
    email: Annotated[str, typer.Option("--email", help="The address for e-mail.")] = "",
    telephone: Annotated[str, typer.Option("--telephone", help="With its country: +4930123456.")] = "",
    name: Annotated[str, typer.Option("--name", help="How the customer is addressed.")] = "",
    language: Annotated[str, typer.Option("--language", help="de or en.")] = "",
    consent: ChannelsOption = None,
    purchase: PurchaseOption = "",
) -> None:
    """Keep a contact in place of the last one."""
    consents = tuple(ContactConsent(channel, granted=True) for channel in consent or ())
    contact = Contact(customer, purchase, email, telephone, language, name, consents)
    session.change(ChannelClient.put_contact, contact)


@app.command()
@with_session
def show(session: Session, customer: CustomerArgument, purchase: PurchaseOption = "") -> None:
    """Show a contact."""
    found = session.run(lambda client: client.get_contact(customer, purchase))
    session.show({"contact": to_document(found)}, facts_of(CONTACT, found))


@app.command()
@with_session
def find(
    session: Session,
    name: Annotated[str, typer.Argument(help="The name, or its last word.", metavar="NAME")],
    digits: Annotated[str, typer.Argument(help="The last four digits of the telephone.", metavar="DIGITS")],
) -> None:
    """Find contacts for the counter."""
    found = session.run(lambda client: client.find_contacts(name, digits))
    session.show({"contacts": to_document(found)}, table_of(CONTACT, found))


@app.command()
@changing
def consent(
    session: Session,
    customer: CustomerArgument,
    channel: Annotated[Any, choice_option(MessageChannel, "The channel of messages.", "--channel")],
    opt_out: Annotated[bool, typer.Option("--opt-out", help="Do not tell the customer by it any more.")] = False,
) -> None:
    """Note that a customer has consented to a channel of messages, or opted out of it."""
    session.change(ChannelClient.set_consent, customer, channel, granted=not opt_out)


@app.command()
@changing
def erase(session: Session, customer: CustomerArgument) -> None:
    """Erase all contacts of a customer."""
    session.change(ChannelClient.erase_contact, customer)
