"""Contacts of customers, which no ledger has. Keys and deadlines are as in `calls.reservations`."""

from collections.abc import Sequence
from typing import Protocol, cast

from holdfast.client.blocking import BlockingClient, blocking
from holdfast.client.internals import Client, change, read
from holdfast.client.models import contacts as models
from holdfast.client.wire_types import to_fields, to_message
from holdfast.v1 import contact_pb2, contact_service_pb2 as service_pb2


class ContactCalls(Client, Protocol):
    """Calls for contacts."""

    async def put_contact(
        self, contact: models.Contact, *, idempotency_key: str | None = None, timeout_ms: int | None = None
    ) -> models.ContactOutcome:
        """Keep a contact in place of the last one for the same purchase. Its consents count for channels of which its
        customer has said nothing yet.
        """
        message = to_message(contact_pb2.Contact, **to_fields(contact))
        request = service_pb2.PutContactRequest(contact=message)
        return cast("models.ContactOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def get_contact(
        self, customer_id: str, purchase_id: str = "", *, timeout_ms: int | None = None
    ) -> models.Contact:
        """A contact, with what its customer has said. Raises NotFound."""
        request = service_pb2.GetContactRequest(customer_id=customer_id, purchase_id=purchase_id)
        return models.contact_from((await read(self, request, timeout_ms)).contact)

    async def find_contacts(
        self, display_name: str, last_digits: str, *, timeout_ms: int | None = None
    ) -> Sequence[models.Contact]:
        """Contacts by name, or its last word, and the last four digits of the telephone: at most 20."""
        request = service_pb2.FindContactsRequest(display_name=display_name, last_digits=last_digits)
        return tuple(map(models.contact_from, (await read(self, request, timeout_ms)).contacts))

    async def set_consent(
        self,
        customer_id: str,
        channel: models.MessageChannel,
        *,
        granted: bool,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.ContactOutcome:
        """Whether a customer may be told by a channel of messages; it holds until it is said anew."""
        request = service_pb2.SetConsentRequest(customer_id=customer_id, channel=channel.value, granted=granted)  # type: ignore[arg-type]
        return cast("models.ContactOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def set_collector(
        self,
        customer_id: str,
        purchase_id: str,
        display_name: str,
        *,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.ContactOutcome:
        """Note who else may collect a purchase, empty for nobody. No ledger has the name; EraseContact erases it."""
        request = service_pb2.SetCollectorRequest(
            customer_id=customer_id, purchase_id=purchase_id, display_name=display_name
        )
        return cast("models.ContactOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def get_collector(self, customer_id: str, purchase_id: str, *, timeout_ms: int | None = None) -> str:
        """Who else may collect a purchase, empty for nobody."""
        request = service_pb2.GetCollectorRequest(customer_id=customer_id, purchase_id=purchase_id)
        return str((await read(self, request, timeout_ms)).display_name)

    async def erase_contact(
        self, customer_id: str, *, idempotency_key: str | None = None, timeout_ms: int | None = None
    ) -> models.ContactOutcome:
        """Erase all contacts of a customer, and what they have said of channels."""
        request = service_pb2.EraseContactRequest(customer_id=customer_id)
        return cast("models.ContactOutcome", await change(self, request, idempotency_key, timeout_ms))


class BlockingContactCalls(BlockingClient):
    """`ContactCalls` for threads."""

    put_contact = blocking(ContactCalls.put_contact)
    get_contact = blocking(ContactCalls.get_contact)
    find_contacts = blocking(ContactCalls.find_contacts)
    set_consent = blocking(ContactCalls.set_consent)
    set_collector = blocking(ContactCalls.set_collector)
    get_collector = blocking(ContactCalls.get_collector)
    erase_contact = blocking(ContactCalls.erase_contact)
