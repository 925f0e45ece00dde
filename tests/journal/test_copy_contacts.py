"""Copies of contacts, from one kind of store to another: all of them, sealed and proved, or none."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from actors.contacts import copy as copying
from actors.contacts.address_book import PROOF, AddressBook
from actors.contacts.cipher import Cipher, ContactsUnreadable
from actors.contacts.contact import Contact
from actors.contacts.copy import copy_contacts
from actors.contacts.open import FILE, has_contacts, open_store
from actors.contacts.port import KEYS_S, ContactStore, Entry, Kept, KeptKey
from actors.contacts.sqlite import SqliteContacts
from actors.journal.open import stamp_of
from actors.journal.stamp import UNFINISHED
from serve.journal import main
from tests.journal.test_contacts import ANN, BOTH, EMAIL, KEY, SECRETS
from tests.journal.test_copy import KINDS, Place, fill, places
from tests.runtime.runtime_fixture import ManualClock

__all__ = ["places"]

BOB: Final = Contact("bob-1", "S1:7", "bob@example.com", "+4930999999", "en", "Bob Jones")
PEOPLE: Final = 30


def folder_of(setting: str) -> Path:
    return Path(setting.removeprefix("sqlite:"))


def put_all(setting: str, clock: ManualClock) -> None:
    """Some contacts, one with a purchase of its own, one that was erased, and what somebody has said of a channel."""
    with closing(open_store(setting)) as store:
        book = AddressBook(store, Cipher(KEY), clock.now_ms)
        book.put("k1", ANN, BOTH)
        book.put("k2", BOB, ())
        book.put("k3", Contact("cyd", "", "cyd@example.com"), BOTH)
        book.erase("k4", "cyd")
        book.set_consent("k5", "dan", EMAIL, granted=True)
        for number in range(PEOPLE):
            book.put(f"n{number}", Contact(f"c{number}", "", f"c{number}@example.com"), ())


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_a_copy_has_all_contacts_and_what_was_said_of_changes(
    places: dict[str, Place], source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ENTRIES_AT_ONCE", 7)
    clock, old, new = ManualClock(), places[source](), places[target]()
    put_all(old, clock)
    said: list[str] = []
    copy_contacts(old, new, clock.now_ms() // 1_000, said.append)
    assert said == [
        "contacts: 35 entries read back, sealed; the key that they are sealed with is not copied"
    ]  # each person with what was said, a purchase, and the proof of the key
    with closing(open_store(old)) as before, closing(open_store(new)) as after:
        assert list(after.entries()) == list(before.entries())
    with closing(open_store(new)) as store:
        book = AddressBook(store, Cipher(KEY), clock.now_ms)
        known, friend = book.get("ann-4711"), book.get("bob-1", "S1:7")
        assert known is not None
        assert friend is not None
        assert (known.contact, friend.contact) == (ANN, BOB)
        assert [each.contact for each in book.find("Ann Müller", "3456")[0]] == [ANN]
        assert book.put("k3", Contact("cyd", "", "cyd@example.com"), BOTH) == 2, "the first answer"
        assert book.get("cyd") is None, "a late copy brings nothing back"
        assert book.erase("e1", "ann-4711") == 2
        assert book.find("Ann Müller", "3456") == ([], False)
    with closing(open_store(new)) as store, pytest.raises(ContactsUnreadable):
        AddressBook(store, Cipher(bytes(32)), clock.now_ms)


def test_a_key_that_is_forgotten_soon_is_forgotten_as_soon_in_the_copy(places: dict[str, Place]) -> None:
    old, new, back = places["sqlite"](), places["redis"](), places["sqlite"]()
    now_s = 1_000_000
    keys = [KeptKey(b"a" * 16, b"1", now_s - KEYS_S + 600), KeptKey(b"b" * 16, b"2", now_s)]
    with closing(open_store(old)) as store:
        store.write(b"", [Entry(PROOF, None, b"x")], b"c" * 16, b"", now_s - KEYS_S - 1)
        store.put((), keys, now_s)
    copy_contacts(old, new, now_s, lambda _: None)
    copy_contacts(new, back, now_s, lambda _: None)
    with closing(open_store(back)) as store:
        kept = store.keys(now_s)
    assert [each[:2] for each in kept] == [each[:2] for each in keys]
    late_s = [each.at_s - was.at_s for each, was in zip(kept, keys, strict=True)]
    assert all(-600 < each <= 0 for each in late_s), "never kept for longer"


def test_the_command_copies_contacts_and_not_their_key(
    places: dict[str, Place], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = places["sqlite"]()
    data_dir = folder_of(old).parent
    fill(old)
    put_all(old, ManualClock())
    (data_dir / "contacts.key").write_text("secret")
    assert main(["copy", str(data_dir), str(tmp_path / "backup")]) == 0
    assert "contacts: 35 entries read back" in capsys.readouterr().out
    assert not list((tmp_path / "backup").rglob("contacts.key"))
    [copied] = (tmp_path / "backup").rglob(FILE)
    assert not [word for word in SECRETS if word in copied.read_bytes()]
    assert copied.stat().st_mode & 0o077 == 0


def test_a_service_without_contacts_has_none_in_its_copy(places: dict[str, Place]) -> None:
    old, new = places["sqlite"](), places["sqlite"]()
    fill(old)
    assert main(["copy", str(folder_of(old).parent), str(folder_of(new).parent)]) == 0
    assert not has_contacts(old)
    assert not has_contacts(new)


@pytest.mark.parametrize("target", KINDS)
def test_a_place_that_has_contacts_is_left_alone(
    places: dict[str, Place], target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = places["sqlite"](), places[target]()
    fill(old)
    put_all(new, ManualClock())
    given = str(folder_of(new).parent) if target == "sqlite" else new
    assert main(["copy", str(folder_of(old).parent), given]) == 1
    assert "has contacts already" in capsys.readouterr().err
    assert stamp_of(new) is None


class Forgetful(SqliteContacts):
    """A target that loses something of what it is given."""

    loses: Callable[[Sequence[Kept], Sequence[KeptKey]], tuple[Sequence[Kept], Sequence[KeptKey]]]

    def put(self, entries: Sequence[Kept], keys: Sequence[KeptKey], now_s: int) -> None:
        super().put(*type(self).loses(entries, keys), now_s)


@pytest.mark.parametrize(
    ("loses", "named"),
    [
        (lambda entries, keys: (entries[1:], keys), "something else at entry 1"),
        (lambda entries, keys: (entries[:-1], keys), "something else at entry 35"),
        (lambda entries, keys: ([each._replace(found=()) for each in entries], keys), "something else at entry"),
        (lambda entries, keys: ([each._replace(owner=b"nobody") for each in entries], keys), "something else at entry"),
        (lambda entries, keys: ([each._replace(sealed=b"\x01") for each in entries], keys), "something else at entry"),
        (lambda entries, keys: (entries, keys[1:]), "other keys of changes"),
        (lambda entries, keys: (entries, [each._replace(said=b"") for each in keys]), "other keys of changes"),
    ],
)
def test_a_copy_that_lacks_something_is_no_copy(
    places: dict[str, Place],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    loses: Callable[[Sequence[Kept], Sequence[KeptKey]], tuple[Sequence[Kept], Sequence[KeptKey]]],
    named: str,
) -> None:
    old, new = places["sqlite"](), places["sqlite"]()
    fill(old)
    put_all(old, ManualClock(at_ms=1_000 * 4_000_000_000))

    def opened(setting: str) -> ContactStore:
        return Forgetful(folder_of(setting) / FILE, KEYS_S) if setting == new else open_store(setting)

    monkeypatch.setattr(Forgetful, "loses", staticmethod(loses), raising=False)
    monkeypatch.setattr(copying, "open_store", opened)
    assert main(["copy", str(folder_of(old).parent), str(folder_of(new).parent)]) == 1
    assert named in capsys.readouterr().err
    stamp = stamp_of(new)
    assert stamp is not None
    assert stamp.id == UNFINISHED
