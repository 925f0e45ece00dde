"""ContactService: how customers are reached. No ledger is asked, and nothing of it is in a log line."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Final, TypeVar

import grpc

from actors.contacts.address_book import AddressBook, Known
from actors.contacts.cipher import ContactsAway, ContactsError, ContactsLimit, KeyMissing
from actors.contacts.contact import MessageChannel
from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Refusal
from holdfast.v1 import contact_service_pb2 as cs
from serve.calls import Call
from serve.wire.contacts import contact_of, fill_contact
from serve.wire.rules import Checked
from serve.wire.statuses import CallRefused, fill_rejection, refused

THREADS_MAX: Final = 2  # of a gateway that ask the store at once
RETRY_AFTER_S: Final = 0.5

log = logging.getLogger("holdfast.contacts")

T = TypeVar("T")


def without_key() -> AddressBook:
    """Of a service that has none."""
    raise KeyMissing("this service has no key of contacts")


class Contacts:
    """Serves ContactService. `open_book` opens the address book when it is first needed, and again after it failed: no
    other call needs it. It raises ContactsError.
    """

    def __init__(self, open_book: Callable[[], AddressBook]) -> None:
        self._open_book = open_book
        self.has_key: Final = open_book is not without_key
        self._book: AddressBook | None = None
        self._opening = Lock()
        # Of its own: a disk or a server that hangs keeps nobody else of the gateway waiting.
        self._threads = ThreadPoolExecutor(THREADS_MAX, "contacts")
        self.calls: Final = {
            "PutContact": Call(self._put),
            "GetContact": Call(self._get),
            "FindContacts": Call(self._find),
            "SetConsent": Call(self._set_consent),
            "SetCollector": Call(self._set_collector),
            "GetCollector": Call(self._collector),
            "EraseContact": Call(self._erase),
        }

    async def _put(self, request: cs.PutContactRequest, deadline: float, reply: cs.PutContactResponse) -> None:
        checked = Checked(request)
        checked.once("contact.consents", request.contact.consents, "channel")
        checked.raise_if_faulty()
        contact, consents = contact_of(request.contact)
        _fill(await self.ask(deadline, lambda book: book.put(request.idempotency_key, contact, consents)), reply)

    async def _get(self, request: cs.GetContactRequest, deadline: float, reply: cs.GetContactResponse) -> None:
        Checked(request).raise_if_faulty()
        known = await self.ask(deadline, lambda book: book.get(request.customer_id, request.purchase_id))
        if known is None:
            message = "there is no contact of this customer for this purchase, or it was erased; check both ids"
            raise refused(grpc.StatusCode.NOT_FOUND, "CONTACT_UNKNOWN", message)
        fill_contact(known, reply.contact)

    async def _find(self, request: cs.FindContactsRequest, deadline: float, reply: cs.FindContactsResponse) -> None:
        Checked(request).raise_if_faulty()
        found, reply.has_more = await self.found(request.display_name, request.last_digits, deadline)
        for known in found:
            fill_contact(known, reply.contacts.add())

    async def found(self, display_name: str, last_digits: str, deadline: float) -> tuple[list[Known], bool]:
        """Contacts by name and last digits, and whether there are more. Raises CallRefused."""
        return await self.ask(deadline, lambda book: book.find(display_name, last_digits))

    async def _set_consent(self, request: cs.SetConsentRequest, deadline: float, reply: cs.SetConsentResponse) -> None:
        Checked(request).raise_if_faulty()
        said = request.customer_id, MessageChannel(request.channel), request.granted
        _fill(await self.ask(deadline, lambda book: book.set_consent(request.idempotency_key, *said)), reply)

    async def _set_collector(
        self, request: cs.SetCollectorRequest, deadline: float, reply: cs.SetCollectorResponse
    ) -> None:
        Checked(request).raise_if_faulty()
        said = request.customer_id, request.purchase_id, request.display_name
        _fill(await self.ask(deadline, lambda book: book.set_collector(request.idempotency_key, *said)), reply)

    async def _collector(
        self, request: cs.GetCollectorRequest, deadline: float, reply: cs.GetCollectorResponse
    ) -> None:
        Checked(request).raise_if_faulty()
        asked = request.customer_id, request.purchase_id
        reply.display_name = await self.ask(deadline, lambda book: book.collector(*asked))

    async def _erase(self, request: cs.EraseContactRequest, deadline: float, reply: cs.EraseContactResponse) -> None:
        Checked(request).raise_if_faulty()
        _fill(await self.ask(deadline, lambda book: book.erase(request.idempotency_key, request.customer_id)), reply)

    async def ask(self, deadline: float, question: Callable[[AddressBook], T]) -> T:
        """Ask on a thread, as the store is a disk or a server. Raises CallRefused."""
        try:
            async with asyncio.timeout_at(deadline):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, lambda: question(self._opened()))
        except TimeoutError:
            raise _away("the contacts were not answered for in time") from None
        except ContactsError as error:
            raise _refusal_of(error) from error

    def _opened(self) -> AddressBook:
        with self._opening:
            if self._book is None:
                self._book = self._open_book()
            return self._book


def _fill(count: int | None, reply: Any) -> None:
    if count is None:
        fill_rejection(Refusal(0, Rejection(Reason.IDEMPOTENCY_KEY_REUSED)), "", reply.rejection)
    else:
        reply.contact_change.entries = count


def _refusal_of(error: ContactsError) -> CallRefused:
    if isinstance(error, KeyMissing):
        return refused(grpc.StatusCode.FAILED_PRECONDITION, "CONTACTS_WITHOUT_KEY", str(error))
    if isinstance(error, ContactsLimit):
        return refused(grpc.StatusCode.FAILED_PRECONDITION, "CONTACTS_LIMIT", str(error))
    log.error("contacts: %s", error)
    if isinstance(error, ContactsAway):
        return _away(str(error))
    return refused(grpc.StatusCode.DATA_LOSS, "CONTACTS_UNREADABLE", str(error))


def _away(why: str) -> CallRefused:
    message = f"{why}; the outcome is unknown, ask again with the same key"
    return refused(grpc.StatusCode.UNAVAILABLE, "CONTACTS_AWAY", message, retry_after_s=RETRY_AFTER_S)
