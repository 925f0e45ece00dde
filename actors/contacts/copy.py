"""Copies the contacts of a stopped service from one setting of journals to another, sealed as they are, and proves it.
The key of the service is not among them: who has a copy without it can neither read it nor try names.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice, zip_longest
from typing import Final

from actors.contacts.cipher import ContactsUnreadable
from actors.contacts.open import has_contacts, open_store
from actors.contacts.port import KEYS_S, ContactStore, KeptKey
from actors.journal.copy import CopyRefused
from actors.journal.open import place_of

ENTRIES_AT_ONCE: Final = 1_000
FORGOTTEN_SOON_S: Final = 3_600  # a key that is may be gone before it is read again


def refuse_contacts(target: str) -> None:
    """Raises CopyRefused where there are contacts already, and ContactsError."""
    if has_contacts(target):
        raise CopyRefused(f"{place_of(target)} has contacts already; take an empty place")


def copy_contacts(source: str, target: str, now_s: int, say: Callable[[str], None]) -> None:
    """Copy all entries, and the keys of changes, or a late copy of one would bring back what was erased since; then
    prove all. Raises ContactsError.
    """
    if not has_contacts(source):
        return
    with closing(open_store(source)) as old, closing(open_store(target)) as new:
        keys = old.keys(now_s)
        new.put((), keys, now_s)
        entries = old.entries()
        while some := list(islice(entries, ENTRIES_AT_ONCE)):
            new.put(some, (), now_s)
        count = _prove(old, new, keys, now_s)
    say(f"contacts: {count:,} entries read back, sealed; the key that they are sealed with is not copied")


def _prove(old: ContactStore, new: ContactStore, copied: Sequence[KeptKey], now_s: int) -> int:
    """Read both again; the number of entries."""
    count = 0
    for one, other in zip_longest(old.entries(), new.entries()):
        if one != other:
            raise ContactsUnreadable(f"the copy of the contacts has something else at entry {count + 1:,}")
        count += 1
    said, there = {each.key: each.said for each in copied}, {each.key: each.said for each in new.keys(now_s)}
    lasting = {each.key for each in copied if each.at_s + KEYS_S > now_s + FORGOTTEN_SOON_S}
    if lasting - there.keys() or any(said.get(key) != noted for key, noted in there.items()):
        raise ContactsUnreadable("the copy of the contacts has other keys of changes")
    return count
