"""The address book over each store: what is kept, what is found, what is erased for good, and what nobody can read."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, strategies as st
from redis.exceptions import ResponseError

from actors.contacts.address_book import PURCHASES_MAX, AddressBook
from actors.contacts.cipher import (
    KEY_BYTES,
    Cipher,
    ContactsAway,
    ContactsLimit,
    ContactsUnreadable,
    KeyMissing,
    make_key,
    read_key,
)
from actors.contacts.contact import Contact, MessageChannel, normal_name
from actors.contacts.open import FILE, has_contacts, open_book, open_store
from actors.contacts.port import KEYS_S, ContactStore, Entry
from actors.contacts.redis import RedisContacts
from actors.journal.open import journal_names, sqlite_setting
from tests.journal.redis_process import ABSENT, RedisProcess
from tests.runtime.runtime_fixture import ManualClock
from tests.waiting import until

EMAIL, SMS = MessageChannel.EMAIL, MessageChannel.SMS
KEY: Final = bytes(range(KEY_BYTES))
ANN: Final = Contact("ann-4711", "", "ann@example.com", "+4930123456", "de", "Ánn  Müller")
SECRETS: Final = (b"ann-4711", b"ann@example.com", b"+4930123456", b"M\xc3\xbcller", "Müller".encode("utf-16-le"))
BOTH: Final = ((EMAIL, True), (SMS, False))


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    if ABSENT:
        pytest.skip(ABSENT)
    process = RedisProcess(tmp_path_factory.mktemp("redis"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(params=["sqlite", "redis"])
def journals(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The setting of journals, of each kind in turn, with nothing in it."""
    if request.param == "sqlite":
        return sqlite_setting(tmp_path)
    process: RedisProcess = request.getfixturevalue("redis")
    process.ask("FLUSHALL")
    return process.url


@pytest.fixture
def store(journals: str) -> Iterator[ContactStore]:
    with closing(open_store(journals)) as store:
        yield store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def book(store: ContactStore, clock: ManualClock) -> AddressBook:
    return AddressBook(store, Cipher(KEY), clock.now_ms)


def test_a_contact_is_kept_replaced_and_found_again_by_another_process(
    book: AddressBook, journals: str, clock: ManualClock
) -> None:
    assert book.get("ann-4711") is None
    assert book.put("k1", ANN, BOTH) == 2
    moved = Contact("ann-4711", "", "ann@example.org", "+4930123456", "de", "Ánn  Müller")
    assert book.put("k2", moved, ()) == 2
    with closing(open_store(journals)) as other:
        known = AddressBook(other, Cipher(KEY), clock.now_ms).get("ann-4711")
    assert known is not None
    assert known.contact == moved
    assert [(each.channel, each.granted, each.said_at_ms) for each in known.consents.said] == [
        (EMAIL, True, clock.at_ms),
        (SMS, False, clock.at_ms),
    ]


def test_a_purchase_may_have_a_contact_of_its_own(book: AddressBook) -> None:
    friend = Contact("ann-4711", "S1:7", "bob@example.com")
    book.put("k1", ANN, BOTH)
    book.put("k2", friend, ())
    found = [book.get("ann-4711", purchase) for purchase in ("", "S1:7", "S1:8")]
    assert [known and known.contact for known in found] == [ANN, friend, None]


def test_who_else_collects_is_kept_for_one_purchase_and_erased_with_the_customer(
    book: AddressBook, store: ContactStore
) -> None:
    book.put("k1", ANN, BOTH)
    assert book.set_collector("k2", "ann-4711", "S1:7", "Bob Example") == 2
    assert book.set_collector("k2", "ann-4711", "S1:7", "Bob Example") == 2, "sent again it is the same"
    assert book.set_collector("k2", "ann-4711", "S1:7", "Eve") is None
    assert [book.collector("ann-4711", each) for each in ("S1:7", "S1:8")] == ["Bob Example", ""]
    assert book.collector("bob", "S1:7") == ""
    sealed = store.of_owner(book._owner("ann-4711"))
    assert len(sealed) == 3
    assert not any(b"Bob" in each for _, each in sealed)
    book.set_collector("k3", "ann-4711", "S1:8", "Eve")
    book.set_collector("k4", "ann-4711", "S1:8", "")
    assert book.collector("ann-4711", "S1:8") == ""
    assert book.erase("k5", "ann-4711") == 3
    assert book.set_collector("k2", "ann-4711", "S1:7", "Bob Example") == 2, "a late copy"
    assert book.collector("ann-4711", "S1:7") == ""
    assert not store.of_owner(book._owner("ann-4711"))


def test_a_key_has_one_effect_and_the_first_answer(book: AddressBook) -> None:
    assert [book.put("k1", ANN, BOTH) for _ in range(3)] == [2, 2, 2]
    assert book.put("k1", Contact("ann-4711", "", "eve@example.com"), BOTH) is None
    assert book.put("k1", ANN, ()) is None
    assert book.erase("k1", "ann-4711") is None
    known = book.get("ann-4711")
    assert known is not None
    assert known.contact == ANN


def test_a_late_copy_brings_nothing_back_that_was_erased(book: AddressBook) -> None:
    book.put("k1", ANN, BOTH)
    assert [book.erase("k2", "ann-4711") for _ in range(2)] == [2, 2]
    assert book.put("k1", ANN, BOTH) == 2, "the first answer"
    assert book.get("ann-4711") is None
    assert book.find("Ann Müller", "3456") == ([], False)
    assert book.put("k3", ANN, ()) == 1, "anew, without what was said before"
    assert book.erase("k4", "nobody") == 0


def test_an_opt_out_stands_whatever_is_put_later(book: AddressBook) -> None:
    assert book.set_consent("k1", "ann-4711", EMAIL, False) == 1, "without a contact too"
    book.put("k2", ANN, BOTH)
    known = book.get("ann-4711")
    assert known is not None
    assert (known.consents.of(EMAIL), known.consents.of(SMS)) == (False, False)
    assert book.set_consent("k3", "ann-4711", EMAIL, True) == 1
    known = book.get("ann-4711")
    assert known is not None
    assert known.consents.of(EMAIL) is True


def test_the_counter_finds_by_name_and_last_digits(book: AddressBook) -> None:
    book.put("k1", ANN, BOTH)
    for name in ("ann müller", " ANN   MULLER ", "müller", "Mu\u0308ller"):
        found, has_more = book.find(name, "3456")
        assert [known.contact for known in found] == [ANN], name
        assert not has_more
    for name, digits in (("ann", "3456"), ("Müller", "1234"), ("", "3456")):
        assert book.find(name, digits) == ([], False)
    book.put("k2", Contact("ann-4711", "", "ann@example.com", "+4930129999", "", "Ann Meier"), ())
    assert book.find("Müller", "3456") == ([], False), "by her old name no more"
    for number in range(21):
        book.put(f"m{number}", Contact(f"c{number}", "", "", f"+49300{number:04}9999", "", "Meier"), ())
    found, has_more = book.find("Meier", "9999")
    assert (len(found), has_more) == (20, True)


def test_a_customer_has_a_bounded_number_of_purchases(book: AddressBook, store: ContactStore) -> None:
    owner = Cipher(KEY).index("owner", "ann-4711")
    entries = [Entry(number.to_bytes(2, "big"), None, b"x") for number in range(PURCHASES_MAX + 1)]
    assert store.write(owner, entries, b"filled", b"", 0)
    with pytest.raises(ContactsLimit):
        book.put("k1", Contact("ann-4711", "S1:7", "ann@example.com"), ())
    assert book.put("k2", ANN, ()) == 1, "the one for all"


class Interfering:
    """A store in which somebody else is quicker, `before` a write."""

    def __init__(self, store: ContactStore, before: Callable[[], object], times: int) -> None:
        self._store = store
        self._before = before
        self._times = times
        self.read, self.of_owner, self.found, self.said = store.read, store.of_owner, store.found, store.said
        self.close = store.close

    def write(self, owner: bytes, entries: list[Entry], key: bytes, said: bytes, at_s: int) -> bool:
        if self._times:
            self._times -= 1
            self._before()
        return self._store.write(owner, entries, key, said, at_s)


def test_of_two_who_change_a_customer_at_once_neither_is_lost(
    store: ContactStore, book: AddressBook, clock: ManualClock
) -> None:
    numbers = iter(range(100))

    def beside(act: Callable[[str], object], times: int = 1) -> AddressBook:
        interfering = Interfering(store, lambda: act(f"other {next(numbers)}"), times)
        return AddressBook(interfering, Cipher(KEY), clock.now_ms)  # type: ignore[arg-type]

    assert beside(lambda key: book.set_consent(key, "ann-4711", SMS, False)).put("k1", ANN, ((EMAIL, True),)) == 2
    known = book.get("ann-4711")
    assert known is not None
    assert (known.consents.of(EMAIL), known.consents.of(SMS)) == (True, False)
    erased = beside(lambda key: book.put(key, Contact("ann-4711", "S1:7", "x@example.com"), ())).erase("k2", "ann-4711")
    assert (erased, store.of_owner(Cipher(KEY).index("owner", "ann-4711"))) == (3, [])
    never = beside(lambda key: book.set_consent(key, "ann-4711", SMS, key.endswith("0")), times=100)
    with pytest.raises(ContactsAway):
        never.set_consent("k3", "ann-4711", EMAIL, True)


def test_a_change_that_is_sent_twice_is_made_once(store: ContactStore) -> None:
    first = [Entry(b"p", None, b"one", (), (b"i",))]
    assert [store.write(b"o", first, b"k", b"1", 0) for _ in range(2)] == [True, True]
    assert not store.write(b"o", first, b"k", b"2", 0), "another change under the key"
    assert not store.write(b"o", [Entry(b"q", None, b"two"), Entry(b"p", b"else", None)], b"l", b"1", 0)
    assert (store.read(b"q"), store.said(b"l")) == (None, None), "all or nothing"
    assert store.write(b"o", [Entry(b"p", b"one", None, (b"i",))], b"m", b"1", 0)
    assert (store.found(b"i", 9), store.of_owner(b"o"), store.read(b"p")) == ([], [], None)


def test_keys_are_forgotten_after_a_day(tmp_path: Path) -> None:
    with closing(open_store(sqlite_setting(tmp_path))) as store:
        store.write(b"o", [], b"k", b"1", 0)
        store.write(b"o", [], b"l", b"1", KEYS_S)
        assert (store.said(b"k"), store.said(b"l")) == (b"1", b"1")
        store.write(b"o", [], b"m", b"1", KEYS_S + 1)
        assert (store.said(b"k"), store.said(b"l")) == (None, b"1")


def test_at_rest_nobody_is_named_and_what_is_erased_is_gone(tmp_path: Path, clock: ManualClock) -> None:
    with closing(open_store(sqlite_setting(tmp_path))) as store:
        book = AddressBook(store, Cipher(KEY), clock.now_ms)
        book.put("k1", ANN, BOTH)
        stored = [sealed for _, sealed in store.of_owner(Cipher(KEY).index("owner", "ann-4711"))]
        before = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert [secret for secret in (*SECRETS, b"k1") if secret in before] == []
        assert len(stored) == 2
        assert all(sealed in before for sealed in stored)
        book.erase("k2", "ann-4711")
        after = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert [sealed for sealed in stored if sealed in after or sealed[20:40] in after] == []
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert journal_names(sqlite_setting(tmp_path)) == []


def test_in_a_redis_nobody_is_named_and_its_log_is_rewritten(redis: RedisProcess, clock: ManualClock) -> None:
    redis.ask("FLUSHALL")
    with closing(open_store(redis.url)) as store:
        book = AddressBook(store, Cipher(KEY), clock.now_ms)
        book.put("k1", ANN, BOTH)
        with suppress(ResponseError):  # one is under way that began with what is erased then, or begins so
            redis.ask("BGREWRITEAOF")
        before = redis.info()
        book.erase("k2", "ann-4711")
        after = redis.info()
    assert [secret for secret in SECRETS if secret in redis.log_path.read_bytes()] == []
    rewritten = [int(str(each["aof_rewrites"])) + int(str(each["aof_rewrite_in_progress"])) for each in (before, after)]
    assert rewritten[1] > rewritten[0]


def test_what_was_erased_leaves_all_logs_also_where_the_one_that_erased_it_died(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ABSENT:
        pytest.skip(ABSENT)
    master, replica = RedisProcess(tmp_path / "master"), RedisProcess(tmp_path / "replica")

    def logs_have(sealed: bytes) -> list[str]:
        found: list[str] = []
        for each in (*master.folder.rglob("*"), *replica.folder.rglob("*")):
            with suppress(FileNotFoundError, IsADirectoryError):  # a rewrite has just given its file another name
                found += [each.name] if sealed in each.read_bytes() else []
        return found

    def book() -> AddressBook:
        return AddressBook(open_store(f"{master.url}?replicas=1"), Cipher(KEY), clock.now_ms)

    try:
        master.start()
        replica.start()
        replica.ask("REPLICAOF", "127.0.0.1", str(master.port))
        until(lambda: replica.info().get("master_link_status") == "up", within_s=30, what="the replica's link")
        with closing(book()) as dying:
            dying.put("k1", ANN, BOTH)
            with closing(open_store(master.url)) as store:
                (_, sealed), *_ = store.of_owner(Cipher(KEY).index("owner", "ann-4711"))
            assert len(logs_have(sealed)) >= 2
            with monkeypatch.context() as patch:
                patch.setattr(RedisContacts, "rewrite_if_due", lambda _: None)
                dying.erase("k2", "ann-4711")
        with closing(book()) as another:
            another.erase("k2", "ann-4711")
            until(lambda: not logs_have(sealed), within_s=30, what="logs without it")
    finally:
        replica.stop()
        master.stop()


def test_who_cannot_be_read_any_more_can_be_erased(store: ContactStore, book: AddressBook) -> None:
    book.put("k1", ANN, BOTH)
    book.put("k2", Contact("ann-4711", "S1:7", "bob@example.com"), ())
    owner = Cipher(KEY).index("owner", "ann-4711")
    damaged = [Entry(place, sealed, sealed[:-1] + bytes([sealed[-1] ^ 1])) for place, sealed in store.of_owner(owner)]
    assert store.write(owner, damaged, b"d" * 16, b"", 1)
    with pytest.raises(ContactsUnreadable):
        book.get("ann-4711")
    assert book.erase("k3", "ann-4711") == 3
    assert store.of_owner(owner) == []
    assert book.get("ann-4711") is None
    assert book.find("Ann Müller", "3456") == ([], False)
    assert book.put("k4", ANN, BOTH) == 2, "anew"


def test_entries_of_another_key_or_place_are_not_read(store: ContactStore, book: AddressBook) -> None:
    book.put("k1", ANN, BOTH)
    with pytest.raises(ContactsUnreadable, match="sealed with another key"):
        AddressBook(store, Cipher(os.urandom(KEY_BYTES)), lambda: 0)
    cipher = Cipher(KEY)
    place, other = (cipher.index("place", "contact", "ann-4711", purchase) for purchase in ("", "S1:7"))
    sealed = store.read(place)
    assert sealed is not None
    store.write(b"", [Entry(other, None, sealed)], b"moved", b"", 0)
    with pytest.raises(ContactsUnreadable):
        book.get("ann-4711", "S1:7")
    later = cipher.seal(other, b'["a","b","","","","",0,"a later field ann@example.com"]')
    store.write(b"", [Entry(other, sealed, later)], b"later", b"", 0)
    with pytest.raises(ContactsUnreadable) as refused:
        book.get("ann-4711", "S1:7")
    assert "ann@example.com" not in f"{refused.value} {refused.value.__cause__}"


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "contacts.key"
    make_key(path)
    key = read_key(path)
    make_key(path)
    assert (read_key(path), path.stat().st_mode & 0o777, len(key)) == (key, 0o600, KEY_BYTES)
    assert [each.name for each in tmp_path.iterdir()] == ["contacts.key"]
    path.chmod(0o604)
    with pytest.raises(KeyMissing, match="chmod 600"):
        read_key(path)
    for text in ("", "c2hvcnQ=", "no base64!", "ä"):
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(KeyMissing, match=r"is no key|cannot be read"):
            read_key(path)
    with pytest.raises(KeyMissing, match="cannot be read"):
        read_key(tmp_path / "none")


def test_a_book_is_opened_by_the_setting_of_the_journals(journals: str, tmp_path: Path) -> None:
    path = tmp_path / "contacts.key"
    make_key(path)
    assert not has_contacts(journals)
    with closing(open_book(journals, path, lambda: 0)) as book:
        assert book.put("k1", ANN, BOTH) == 2
    assert has_contacts(journals)


def test_a_damaged_or_later_file_is_told_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"no database" * 100)
    with pytest.raises(ContactsUnreadable, match=FILE):
        open_store(sqlite_setting(tmp_path))
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(ContactsUnreadable, match="later version"):
        open_store(sqlite_setting(tmp_path))
    with pytest.raises(ContactsAway, match=FILE):
        open_store(sqlite_setting(tmp_path / "none"))


def test_what_prints_a_value_names_nobody() -> None:
    assert not any(part in f"{ANN!r} {ANN} {[ANN]}" for part in ("ann", "Müller", "4930"))


@given(st.text(max_size=40))
def test_a_name_compares_to_itself_however_it_is_typed(name: str) -> None:
    assert normal_name(normal_name(name)) == normal_name(name) == normal_name(f"  {name}\t")
