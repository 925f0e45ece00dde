"""The store of contacts in the Redis of the journals. Each change is one script, safe to send twice.

What is erased is gone from memory at once, and from the logs of the server and of its replicas with their next rewrite.
That one is due is noted by the erasure itself, so whoever comes next asks for it where the one that erased has died.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Final

from actors.contacts.cipher import ContactsAway
from actors.contacts.port import KEYS_S, Entry, Kept, KeptKey
from actors.journal.open import server_of
from actors.journal.port import JournalError
from actors.journal.redis_server import CLIENT, PATIENCE_S, RedisServer

REWRITE_S_MAX: Final = 2.0  # so long an erasure waits for a rewrite that is under way
REWRITE_POLL_S: Final = 0.02
REWRITE_PAUSE_S: Final = 10.0  # between two that fail
ENTRIES_AT_ONCE: Final = 1_000  # of a copy

ENTRIES: Final = b"holdfast:contacts"  # a hash: place, sealed entry
_OWNER: Final = b"holdfast:contacts:of:"  # and the owner: a set of places
_FOUND: Final = b"holdfast:contacts:found:"  # and the index: a set of places
_KEY: Final = b"holdfast:contacts:key:"  # and the key of a change: what was noted with it
_REWRITES: Final = "holdfast:contacts:rewrites"  # a hash: how often logs were `due` to be, and were, written anew

log = logging.getLogger("holdfast.contacts")


def open_redis(journals: str) -> "RedisContacts":
    """The store in the server of that setting. Raises ContactsAway."""
    url, accepted, replicas = server_of(journals)
    server = RedisServer(url, CLIENT, accepted, PATIENCE_S, replicas)
    try:
        with _named():
            server.prove()
    except ContactsAway:
        server.close()
        raise
    store = RedisContacts(server)
    store.rewrite_if_due()
    return store


class RedisContacts:
    """See `ContactStore`."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._not_before = 0.0  # on the monotonic clock: when a rewrite that failed is asked for again

    def read(self, place: bytes) -> bytes | None:
        with _named():
            found: bytes | None = self._server.ask("HGET", ENTRIES, place)
        return found

    def of_owner(self, owner: bytes) -> list[tuple[bytes, bytes]]:
        return self._entries(_OWNER + owner.hex().encode())

    def found(self, index: bytes, entries_max: int) -> list[tuple[bytes, bytes]]:
        return self._entries(_FOUND + index.hex().encode())[:entries_max]

    def said(self, key: bytes) -> bytes | None:
        with _named():
            found: bytes | None = self._server.ask("GET", _KEY + key.hex().encode())
        if found is not None:
            self.rewrite_if_due()
        return found

    def write(self, owner: bytes, entries: Sequence[Entry], key: bytes, said: bytes, at_s: int) -> bool:
        del at_s  # the server forgets keys by its own clock
        keys = [ENTRIES, _OWNER + owner.hex().encode(), _KEY + key.hex().encode(), _REWRITES.encode()]
        words: list[bytes | int] = [said, KEYS_S]
        for each in entries:
            words += [each.place, each.was or b"", each.now or b"", len(each.found_before), len(each.found)]
            for index in (*each.found_before, *each.found):
                keys.append(_FOUND + index.hex().encode())
                words.append(len(keys))
        with _named():
            is_done = bool(self._server.run("write_contacts", [each.decode() for each in keys], *words, writes=True))
        if is_done:
            self.rewrite_if_due()
        return is_done

    def entries(self) -> Iterator[Kept]:
        with _named():
            owners = {place: owner for owner, places in self._sets(_OWNER) for place in places}
            found: dict[bytes, list[bytes]] = {}
            for index, places in self._sets(_FOUND):
                for place in places:
                    found.setdefault(place, []).append(index)
            stored = sorted(self._server.ask("HKEYS", ENTRIES))
            for first in range(0, len(stored), ENTRIES_AT_ONCE):
                mine = stored[first : first + ENTRIES_AT_ONCE]
                for place, sealed in zip(mine, self._server.ask("HMGET", ENTRIES, *mine), strict=True):
                    yield Kept(place, owners[place], sealed, tuple(sorted(found.get(place, ()))))

    def keys(self, now_s: int) -> list[KeptKey]:
        kept: list[KeptKey] = []
        with _named():
            for name in self._names(_KEY):
                said, left_s = self._server.ask("GET", name), self._server.ask("TTL", name)
                if said is not None and left_s > 0:
                    kept.append(KeptKey(_word_of(name, _KEY), said, now_s - KEYS_S + left_s))
        return sorted(kept)

    def put(self, entries: Sequence[Kept], keys: Sequence[KeptKey], now_s: int) -> None:
        with _named():
            for key in keys:
                left_s = key.at_s + KEYS_S - now_s
                if left_s > 0:
                    name = (_KEY + key.key.hex().encode()).decode()
                    self._server.run("put_contact_key", [name], key.said, left_s, writes=True)
            for each in entries:
                names = [ENTRIES, _OWNER + each.owner.hex().encode()]
                names += [_FOUND + index.hex().encode() for index in each.found]
                names_of = [name.decode() for name in names]
                self._server.run("put_contact", names_of, each.place, each.sealed, writes=True)

    def close(self) -> None:
        self._server.close()

    def _names(self, prefix: bytes) -> list[bytes]:
        """The keys of the server that begin so, sorted."""
        names: set[bytes] = set()
        at, is_done = 0, False
        while not is_done:
            at, some = self._server.ask("SCAN", at, "MATCH", prefix + b"*", "COUNT", ENTRIES_AT_ONCE)
            names.update(some)
            is_done = not at
        return sorted(names)

    def _sets(self, prefix: bytes) -> Iterator[tuple[bytes, set[bytes]]]:
        """The sets of places whose names begin so, with the word that follows."""
        for name in self._names(prefix):
            yield _word_of(name, prefix), self._server.ask("SMEMBERS", name)

    def _entries(self, places: bytes) -> list[tuple[bytes, bytes]]:
        with _named():
            wanted = sorted(self._server.ask("SMEMBERS", places))
            sealed = self._server.ask("HMGET", ENTRIES, *wanted) if wanted else []
        return [(place, each) for place, each in zip(wanted, sealed, strict=True) if each is not None]

    def rewrite_if_due(self) -> None:
        """Have the server and its replicas write their logs anew, without what was erased since they last did. One that
        is under way began with it, so another follows; where that takes longer, or one of them is away, after a later
        change.
        """
        try:
            due, done = self._server.ask("HMGET", _REWRITES, "due", "done")
            if due == done or monotonic() < self._not_before:
                return
            until = monotonic() + REWRITE_S_MAX
            while True:
                try:
                    self._server.ask_all("BGREWRITEAOF")
                    break
                except JournalError as error:
                    if "in progress" not in str(error) or monotonic() > until:
                        raise
                    sleep(REWRITE_POLL_S)
            self._server.ask("HSET", _REWRITES, "done", due)
        except JournalError as error:  # of it, or of a replica; or the server has no log
            self._not_before = monotonic() + REWRITE_PAUSE_S
            log.warning("what was erased stays in a log of the server until its next rewrite: %s", error)


def _word_of(name: bytes, prefix: bytes) -> bytes:
    return bytes.fromhex(name.removeprefix(prefix).decode())


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except JournalError as error:
        raise ContactsAway(str(error)) from error
