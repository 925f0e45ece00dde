"""The contacts of customers: who is reached how, what they have said of it, and how the counter finds them."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

import msgspec

from actors.contacts.cipher import INDEX_BYTES, Cipher, ContactsAway, ContactsLimit, ContactsUnreadable
from actors.contacts.contact import Consent, Consents, Contact, MessageChannel, normal_name
from actors.contacts.port import ContactStore, Entry
from actors.core.message import to_json

TRIES_MAX: Final = 16  # of a change that meets others of the same customer
PURCHASES_MAX: Final = 1_000  # of one customer, that have contacts of their own
FOUND_MAX: Final = 20
COUNT_BYTES: Final = 4
PROOF: Final = b"proof of the key"  # the place of an entry that says nothing else

_read_contact: Final = msgspec.json.Decoder(Contact).decode
_read_name: Final = msgspec.json.Decoder(str).decode
_read_consents: Final = msgspec.json.Decoder(Consents).decode

T = TypeVar("T")
Work = Callable[[], list[Entry]]


class Known(NamedTuple):
    """A contact, and all that its customer has said of channels."""

    contact: Contact
    consents: Consents


class AddressBook:
    """Over a store, by the service's key. Thread-safe. `now_ms` is the service's clock. Raises ContactsError.

    Each change has a key of its caller's; the same once more changes nothing and gives the first answer. Of a late copy
    that is more than convenience: it would bring back what was erased since.
    """

    def __init__(self, store: ContactStore, cipher: Cipher, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._cipher = cipher
        self._now_ms = now_ms
        self._prove_key()

    def put(self, key: str, contact: Contact, consents: Iterable[tuple[MessageChannel, bool]]) -> int | None:
        """Keep a contact in place of the one for the same purchase, and consents of channels of which nothing was said.
        Returns how many entries were written, None where the key was used for something else.
        """
        customer_id, wished = contact.customer_id, tuple(consents)

        def work() -> list[Entry]:
            place, was, before = self._contact(customer_id, contact.purchase_id)
            if was is None and contact.purchase_id:
                self._refuse_one_more(customer_id)
            found_before = () if before is None else self._found_by(before)
            entry = Entry(place, was, self._cipher.seal(place, to_json(contact)), found_before, self._found_by(contact))
            at, said_before, told = self._consents(customer_id)
            for channel, granted in wished:
                if told.of(channel) is None:
                    told = told.with_word(Consent(channel, granted, self._now_ms()))
            # Always, so that this and an erasure at the same time come one after the other.
            return [entry, Entry(at, said_before, self._cipher.seal(at, to_json(told)) if told.said else None)]

        content = [*map(str, msgspec.structs.astuple(contact)), *(f"{int(each)} {granted}" for each, granted in wished)]
        return self._change(key, customer_id, ["put", *content], work)

    def get(self, customer_id: str, purchase_id: str = "") -> Known | None:
        """The contact for that purchase, or for all that have none, and no other."""
        _, _, contact = self._contact(customer_id, purchase_id)
        return None if contact is None else Known(contact, self._consents(customer_id)[2])

    def set_consent(self, key: str, customer_id: str, channel: MessageChannel, granted: bool) -> int | None:
        """Note what a customer has said, with or without a contact. Returns as `put`."""

        def work() -> list[Entry]:
            place, was, known = self._consents(customer_id)
            now = known.with_word(Consent(channel, granted, self._now_ms()))
            return [Entry(place, was, self._cipher.seal(place, to_json(now)))]

        return self._change(key, customer_id, ["consent", customer_id, str(int(channel)), str(granted)], work)

    def set_collector(self, key: str, customer_id: str, purchase_id: str, name: str) -> int | None:
        """Note who else may collect a purchase, empty for nobody. Returns as `put`."""

        def work() -> list[Entry]:
            place = self._place("collector", customer_id, purchase_id)
            was = self._store.read(place)
            if was is None and name:
                self._refuse_one_more(customer_id)
            at, said, told = self._consents(customer_id)  # written always, for the reason that `put` has
            sealed = self._cipher.seal(at, to_json(told)) if told.said else None
            now = self._cipher.seal(place, to_json(name)) if name else None
            return [Entry(place, was, now), Entry(at, said, sealed)]

        return self._change(key, customer_id, ["collector", customer_id, purchase_id, name], work)

    def collector(self, customer_id: str, purchase_id: str) -> str:
        """Who else may collect a purchase, empty for nobody."""
        place = self._place("collector", customer_id, purchase_id)
        sealed = self._store.read(place)
        return "" if sealed is None else self._read(_read_name, place, sealed)

    def erase(self, key: str, customer_id: str) -> int | None:
        """Erase all entries of a customer, also unreadable ones. Returns how many there were, None as `put`."""

        def work() -> list[Entry]:
            entries: list[Entry] = []
            consents = self._place("consents", customer_id)
            for place, sealed in self._store.of_owner(self._owner(customer_id)):
                found: tuple[bytes, ...] = ()
                if place != consents:
                    with suppress(ContactsUnreadable):  # what it was found by leads nowhere then
                        found = self._found_by(self._opened(place, sealed))
                entries.append(Entry(place, sealed, None, found))
            return entries

        return self._change(key, customer_id, ["erase", customer_id], work)

    def find(self, display_name: str, last_digits: str) -> tuple[list[Known], bool]:
        """Contacts by name, or its last word, and the last digits of the telephone; and whether there are more."""
        index = self._cipher.index("found", normal_name(display_name), last_digits)
        found = self._store.found(index, FOUND_MAX + 1)
        contacts = [self._opened(place, sealed) for place, sealed in found[:FOUND_MAX]]
        return [Known(each, self._consents(each.customer_id)[2]) for each in contacts], len(found) > FOUND_MAX

    def close(self) -> None:
        self._store.close()

    def _change(self, key: str, customer_id: str, content: list[str], work: Work) -> int | None:
        place, hashed = self._cipher.index("key", key), self._cipher.index("content", *content)
        for _ in range(TRIES_MAX):
            said = self._store.said(place)
            if said is not None:
                return int.from_bytes(said[len(hashed) :], "big") if said.startswith(hashed) else None
            entries = work()
            count = sum((each.was or each.now) is not None for each in entries)
            noted = hashed + count.to_bytes(COUNT_BYTES, "big")
            if self._store.write(self._owner(customer_id), entries, place, noted, self._now_ms() // 1_000):
                return count
        raise ContactsAway("others change the same customer's contacts all the time; nothing was done")

    def _refuse_one_more(self, customer_id: str) -> None:
        if len(self._store.of_owner(self._owner(customer_id))) > PURCHASES_MAX:
            raise ContactsLimit(f"{PURCHASES_MAX:,} purchases of this customer have contacts of their own; erase them")

    def _contact(self, customer_id: str, purchase_id: str) -> tuple[bytes, bytes | None, Contact | None]:
        place = self._place("contact", customer_id, purchase_id)
        sealed = self._store.read(place)
        return place, sealed, None if sealed is None else self._opened(place, sealed)

    def _consents(self, customer_id: str) -> tuple[bytes, bytes | None, Consents]:
        place = self._place("consents", customer_id)
        sealed = self._store.read(place)
        return place, sealed, Consents() if sealed is None else self._read(_read_consents, place, sealed)

    def _opened(self, place: bytes, sealed: bytes) -> Contact:
        return self._read(_read_contact, place, sealed)

    def _read(self, decode: Callable[[bytes], T], place: bytes, sealed: bytes) -> T:
        plain = self._cipher.unseal(place, sealed)
        try:
            return decode(plain)
        except (msgspec.DecodeError, UnicodeDecodeError):  # whose text may say what stands there
            raise ContactsUnreadable("an entry has fields that this version does not know") from None

    def _place(self, *words: str) -> bytes:
        return self._cipher.index("place", *words)

    def _owner(self, customer_id: str) -> bytes:
        return self._cipher.index("owner", customer_id)

    def _found_by(self, contact: Contact) -> tuple[bytes, ...]:
        return tuple(self._cipher.index("found", *pair) for pair in contact.looked_up_by())

    def _prove_key(self) -> None:
        """Seal a first entry, or read it. Raises ContactsUnreadable where another key has sealed it: entries of two
        keys would stand side by side, and what is to be erased would not be found.
        """
        place = PROOF
        sealed = self._store.read(place)
        if sealed is None:
            first = Entry(place, None, self._cipher.seal(place, place))
            self._store.write(place, [first], os.urandom(INDEX_BYTES), b"", self._now_ms() // 1_000)
            sealed = self._store.read(place)
        assert sealed is not None, "somebody has written it"
        try:
            self._cipher.unseal(place, sealed)
        except ContactsUnreadable as error:
            raise ContactsUnreadable(
                "the contacts were sealed with another key; put that one back where the setting says"
            ) from error
