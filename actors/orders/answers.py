"""Where in its journal a customers' ledger has its answers, and the orders that are over.

The answers about an order are kept as long as the order: while that lives by a hash of the key and a version, 13 bytes
each, together with the customer's own keys among theirs; of one about which very much is said twice, by version and in
an index, so that none costs more than the one before. What is left of an order that is over is one event, which has
all of it: two packed entries lead there, of its number and of the customer's key, and one of the customer's finished
orders. A key about an order names that, so there is nothing else to remember of it.
"""

from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any, Final, NamedTuple

from actors.core.answers import REFUSED_PERIOD_MS, KeyedAnswer, Recorded, Unread
from actors.core.message import Message
from actors.core.packed import ENTRY_BYTES, HASH_BYTES, NEVER_MS, VERSION_BYTES, Packed, PackedRow, hash_of, neither_has
from actors.core.policy import CALL_MS_MAX, DAY_MS
from actors.orders.commands import order_key

NUMBER_BYTES: Final = 8
PLACE_BYTES: Final = HASH_BYTES + NUMBER_BYTES
SEARCHED_BYTES: Final = 65_536 * PLACE_BYTES  # at a time: others go on in between
ROW_BYTES: Final = 32 * PLACE_BYTES
VERSION_MAX: Final = 256**VERSION_BYTES
FIRST_BYTES: Final = 64 * ENTRY_BYTES  # of the entries about an order, which are looked through


class AnswerIndex(NamedTuple):
    """The answers about an order: the customer's keys among theirs, and of each a hash of the key and a version."""

    keys: tuple[str, ...] = ()
    entries: bytes = b""

    def versions(self, hashed: bytes) -> list[int]:
        """The versions that may have answered the key of this hash."""
        found: list[int] = []
        at = self.entries.find(hashed)
        while at >= 0:
            if not at % ENTRY_BYTES:
                found.append(int.from_bytes(self.entries[at + HASH_BYTES : at + ENTRY_BYTES], "big"))
            at = self.entries.find(hashed, at + 1)
        return found


NOTHING: Final = AnswerIndex()


class Later:
    """The entries about an order that come after the first ones, by version, and where a key's are."""

    __slots__ = ("entries", "index")

    def __init__(self) -> None:
        self.entries = bytearray()  # may be read while others are added
        self.index = Packed(DAY_MS, 0)

    def put(self, hashed: bytes, version: int) -> None:
        """Add an entry."""
        self.entries += hashed + version.to_bytes(VERSION_BYTES, "big")
        self.index.put(hashed, version, 0)

    def until(self, version: int) -> bytes:
        """The entries up to this version."""
        entries = bytes(self.entries)
        end = len(entries)
        while end and int.from_bytes(entries[end - VERSION_BYTES : end], "big") > version:
            end -= ENTRY_BYTES
        return entries[:end]


class FinishedRow(Message, frozen=True, tag="finished"):
    """The row of a snapshot for finished orders of one day."""

    day: int
    entries: bytes


class Finished:
    """Which orders of whom are over, 16 bytes each, by the day of ledger time on which they ended."""

    __slots__ = ("days",)

    def __init__(self) -> None:
        self.days: dict[int, bytearray] = {}  # a hash of the customer and a number, again and again; the oldest first

    def put(self, customer_id: str, number: int, at_ms: int) -> None:
        """Note an order that is over."""
        day = self.days.setdefault(at_ms // DAY_MS, bytearray())
        day += hash_of(customer_id) + number.to_bytes(NUMBER_BYTES, "big")

    def of(self, customer_id: str) -> Iterator[int]:
        """Yield the numbers of a customer's orders, and hardly ever another's. May be called while others put."""
        wanted = hash_of(customer_id)
        for day in list(self.days.values()):
            for begin in range(0, len(day), SEARCHED_BYTES):
                end = begin + SEARCHED_BYTES
                at = day.find(wanted, begin, end)
                while at >= 0:
                    if not at % PLACE_BYTES:
                        yield int.from_bytes(day[at + HASH_BYTES : at + PLACE_BYTES], "big")
                    at = day.find(wanted, at + 1, end)

    def forget(self, at_ms: int, kept_ms: int) -> int:
        """Forget days that are out of date; when the next one is."""
        for day in list(self.days):
            if day >= (at_ms - kept_ms) // DAY_MS:
                return (day + 1) * DAY_MS + kept_ms
            del self.days[day]
        return NEVER_MS

    def captured(self) -> list[tuple[int, bytearray, int]]:
        """All of it, to be read later too: days only grow."""
        return [(day, entries, len(entries)) for day, entries in self.days.items()]


class OrderAnswers:
    """What a customers' ledger remembers of answers. Who decides puts what events say into `read`, by version."""

    __slots__ = (
        "by_key",
        "finished",
        "forget_at_ms",
        "hash",
        "key",
        "later",
        "over",
        "pending",
        "read",
        "refused",
        "told",
        "told_count",
    )

    def __init__(self) -> None:
        self.told: MutableMapping[int, AnswerIndex] = {}  # by order; of those that are not over
        self.later: MutableMapping[int, Later] = {}  # by order; of the few about which very much was said
        self.told_count = 0
        self.by_key: MutableMapping[str, int] = {}  # the orders that these customers' keys are about, likewise
        self.over = Packed(DAY_MS, 0)  # by number or customer's key, the version of the event that has all of the order
        self.refused = Packed(REFUSED_PERIOD_MS, CALL_MS_MAX)  # likewise of what was refused, and never became certain
        self.finished = Finished()
        self.pending: dict[str, int] = {}  # the orders whose open attempts will answer these keys
        self.read: dict[int, KeyedAnswer] = {}
        self.key, self.hash = "", b""  # the last one that was looked up
        self.forget_at_ms = 0  # nothing is out of date before

    def get(self, key: str) -> Recorded[Any] | None:
        """Return the answer to this key, None where none is remembered. Raises Unread."""
        self.key, self.hash = key, (hashed := hash_of(key))
        if key[:1] != "\n" and key not in self.by_key and neither_has(hashed, self.over, self.refused):
            return None
        answer: Recorded[Any] | None = self._read(key, [*self._versions(key, hashed), *self.refused.find(hashed)])
        return answer

    def _versions(self, key: str, hashed: bytes) -> Sequence[int]:
        own = not key.startswith("\n")
        number = self.by_key.get(key) if own else _number_in(key)
        if number is not None and number in self.told:
            return self._told(number, hashed)
        if not own:
            assert number is not None, "it is in the key"
            over = self.settled(number)
            return () if over is None else over.told.versions(hashed)
        found: list[int] = []
        versions = self.over.find(hashed)
        for version in versions:
            found += self._event_at(version, versions)[1].told.versions(hashed)
        return found

    def _told(self, number: int, hashed: bytes) -> list[int]:
        """The versions that may have answered the key of this hash about an order that is not over."""
        found = self.told.get(number, NOTHING).versions(hashed)
        later = self.later.get(number)
        return found if later is None else [*found, *later.index.find(hashed)]

    def all_told(self, number: int, version: int = VERSION_MAX) -> AnswerIndex:
        """All answers about an order that is not over, up to this version."""
        keys, entries = self.told.get(number, NOTHING)
        later = self.later.get(number)
        return AnswerIndex(keys, entries if later is None else entries + later.until(version))

    def settled(self, number: int) -> Any:
        """The event that has all of an order that is over, None where there is none. Raises Unread."""
        key = order_key(number, "")
        hashed = hash_of(key)
        if neither_has(hashed, self.over, self.refused):
            return None
        return self._read(key, (*self.over.find(hashed), *self.refused.find(hashed)))

    def where(self, number: int) -> Sequence[int]:
        """The versions that may have all of an order that is over."""
        hashed = hash_of(order_key(number, ""))
        return (*self.over.find(hashed), *self.refused.find(hashed))

    def _read(self, key: str, versions: Sequence[int]) -> Any:
        for version in versions:
            whose, said, _ = self._event_at(version, versions)
            if whose == key:
                return said
        return None

    def _event_at(self, version: int, versions: Sequence[int]) -> KeyedAnswer:
        said = self.read.get(version)
        if said is None:
            raise Unread(versions)
        return said

    def versions(self, key: str) -> Sequence[int]:
        """The versions that have to be read next to know the answer to this key."""
        try:
            self.get(key)
        except Unread as unread:
            return unread.versions
        return ()

    def knows(self, key: str) -> bool:
        """True where a call under this key was answered or is being decided, as far as hashes tell; of keys about an
        order that is over it cannot tell.
        """
        hashed = hash_of(key)
        if key in self.pending or key in self.by_key or self.refused.find(hashed) or self.over.find(hashed):
            return True
        return key.startswith("\n") and bool(self._told(_number_in(key), hashed))

    def noted(self, key: str) -> list[tuple[int, Any]]:
        """The versions of the events by which something was noted under this, which is no call's key, and what they
        say. Raises Unread.
        """
        versions = self.refused.find(hash_of(key))
        return [(version, self._event_at(version, versions)[1]) for version in versions]

    def reopen(self, key: str) -> None:
        """The call that is being decided under this key will not be answered: it may be tried again."""
        self.pending.pop(key, None)

    def accept(self, key: str, number: int, version: int) -> None:
        """Remember that the event of this version answered a call about an order."""
        self.pending.pop(key, None)
        # It was looked up a moment ago, unless this is a replay.
        hashed = self.hash if key == self.key else hash_of(key)
        self.told_count += 1
        keys, entries = self.told.get(number, NOTHING)
        if key[:1] != "\n":
            keys, self.by_key[key] = (*keys, key), number
        if len(entries) < FIRST_BYTES:
            entries += hashed + version.to_bytes(VERSION_BYTES, "big")
        else:
            self._tell_later(number, hashed, version)
        self.told[number] = AnswerIndex(keys, entries)

    def _tell_later(self, number: int, hashed: bytes, version: int) -> None:
        later = self.later.get(number)
        if later is None:
            later = self.later[number] = Later()
        later.put(hashed, version)

    def refuse(self, key: str, version: int, at_ms: int) -> None:
        """Remember what was refused."""
        self.pending.pop(key, None)
        self.refused.put(self.hash if key == self.key else hash_of(key), version, at_ms)

    def end(self, number: int, customer_id: str, version: int, at_ms: int, *, refused: bool) -> None:
        """An order is over, of which the event of this version has all."""
        table = self.refused if refused else self.over
        table.put(hash_of(order_key(number, "")), version, at_ms)
        self.told_count -= len(self.all_told(number).entries) // ENTRY_BYTES
        self.later.pop(number, None)
        for key in self.told.pop(number, NOTHING).keys:
            del self.by_key[key]
            table.put(hash_of(key), version, at_ms)
        self.finished.put(customer_id, number, at_ms)

    def forget(self, at_ms: int, memory_ms: int) -> None:
        """Forget some of what is out of date."""
        over, refused = self.over, self.refused
        if over.kept_ms != memory_ms:
            over.keep_for(memory_ms)
        over.forget(at_ms)
        refused.forget(at_ms)
        finished_ms = self.finished.forget(at_ms, memory_ms)
        minute_ms = (at_ms // REFUSED_PERIOD_MS + 1) * REFUSED_PERIOD_MS
        due_ms = min(minute_ms, over.forget_at_ms, refused.forget_at_ms, finished_ms)
        self.forget_at_ms = at_ms if over.to_prune or refused.to_prune else due_ms

    @property
    def count(self) -> int:
        """The number of entries."""
        return self.told_count + self.over.count + self.refused.count

    def row_count(self) -> int:
        """What of a snapshot they are, in rows of orders."""
        return (self.over.count + self.refused.count) // 32

    def restore(self, row: PackedRow | FinishedRow) -> None:
        """Take a row of a snapshot; once all were taken, `placed` is called."""
        if isinstance(row, FinishedRow):
            self.finished.days.setdefault(row.day, bytearray()).extend(row.entries)
        else:
            (self.refused if row.refused else self.over).restore(row)

    def placed(self, last: int) -> None:
        """Enter what was restored, of versions up to `last`."""
        self.over.placed(last)
        self.refused.placed(last)

    def restore_told(self, number: int, told: AnswerIndex) -> None:
        """Enter the answers about an order from a snapshot."""
        if told.entries:
            self.told[number] = AnswerIndex(told.keys, told.entries[:FIRST_BYTES])
            self.told_count += len(told.entries) // ENTRY_BYTES
            self.by_key.update(dict.fromkeys(told.keys, number))
            for at in range(FIRST_BYTES, len(told.entries), ENTRY_BYTES):
                middle, end = at + HASH_BYTES, at + ENTRY_BYTES
                self._tell_later(number, told.entries[at:middle], int.from_bytes(told.entries[middle:end], "big"))


def _number_in(key: str) -> int:
    """The order that a key is scoped by."""
    return int(key.split("\n", 2)[1])


def finished_rows(captured: list[tuple[int, bytearray, int]]) -> Iterator[FinishedRow]:
    """Yield what was captured of finished orders."""
    for day, entries, length in captured:
        for at in range(0, length, ROW_BYTES):
            yield FinishedRow(day, bytes(entries[at : min(at + ROW_BYTES, length)]))
