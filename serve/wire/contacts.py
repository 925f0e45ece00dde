"""Contacts between protobuf and what is kept of them."""

from actors.contacts.address_book import Known
from actors.contacts.contact import Contact, MessageChannel
from holdfast.v1 import contact_pb2
from serve.wire.fields import fill_instant


def contact_of(message: contact_pb2.Contact) -> tuple[Contact, list[tuple[MessageChannel, bool]]]:
    """A contact from a valid request, and the consents beside it."""
    contact = Contact(
        message.customer_id,
        message.purchase_id,
        message.email,
        message.telephone,
        message.language,
        message.display_name,
        int(message.preferred_channel),
    )
    return contact, [(MessageChannel(each.channel), each.granted) for each in message.consents]


def fill_contact(known: Known, reply: contact_pb2.Contact) -> None:
    """A contact, with all that its customer has said."""
    contact = known.contact
    reply.customer_id, reply.purchase_id = contact.customer_id, contact.purchase_id
    reply.email, reply.telephone = contact.email, contact.telephone
    reply.language, reply.display_name = contact.language, contact.display_name
    reply.preferred_channel = contact.preferred  # type: ignore[assignment]
    for consent in known.consents.said:
        told = reply.consents.add(channel=int(consent.channel), granted=consent.granted)
        fill_instant(consent.said_at_ms, told.said_at)
