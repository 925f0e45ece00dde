"""Opens the store of contacts, and the address book over it, beside the journals of a setting."""

from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Final

from actors.contacts.address_book import PROOF, AddressBook
from actors.contacts.cipher import Cipher, read_key
from actors.contacts.port import KEYS_S, ContactStore
from actors.contacts.sqlite import SqliteContacts
from actors.journal.open import is_server, place_of

FILE: Final = "contacts.sqlite3"  # no name of a journal


def open_store(journals: str) -> ContactStore:
    """The store beside the journals of that setting: a file in their folder, or in their server. Raises ContactsAway,
    ContactsUnreadable.
    """
    if is_server(journals):  # imported by name, as the journal is
        make: Callable[[str], ContactStore] = import_module("actors.contacts.redis").open_redis
        return make(journals)
    return SqliteContacts(Path(place_of(journals)) / FILE, KEYS_S)


def has_contacts(journals: str) -> bool:
    """Whether there is a store already, with somebody's key. Raises ContactsAway, ContactsUnreadable."""
    if not is_server(journals):
        return (Path(place_of(journals)) / FILE).exists()
    with closing(open_store(journals)) as store:
        return store.read(PROOF) is not None


def open_book(journals: str, key_path: Path, now_ms: Callable[[], int]) -> AddressBook:
    """The address book beside the journals of that setting. Raises ContactsError."""
    cipher = Cipher(read_key(key_path))
    store = open_store(journals)
    try:
        return AddressBook(store, cipher, now_ms)
    except BaseException:
        store.close()
        raise
