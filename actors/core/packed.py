"""Which versions of a ledger answered which keys, in some 20 bytes a key: the answers are in the journal.

An entry is the first half of the key's MD5 and the version of the event that answered it, 13 bytes; in some tables four
more say what it is about: something that was made so many versions before. Who reads the event
compares the key, so two keys of one hash cost a look-up and give no wrong answer. A new key costs one hash and a search
of some 25 entries.

Entries lie in buckets of bytes, of which one at a time is split into four as the table grows (linear hashing), so none
of its growth is a pause; splits into two would move each entry twice as often, for half of what a new key costs. The
bucket is drawn from the entry by a hash that is secret to the service: nobody can fill one. A snapshot has the buckets
as they lie, and a process of the same hash takes them as they are.
"""

from _md5 import md5  # type: ignore[import-not-found]  # a third of what OpenSSL's takes for a key
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from struct import Struct
from typing import Final

from actors.core.message import Message

HASH_BYTES: Final = 8
VERSION_BYTES: Final = 5
ENTRY_BYTES: Final = HASH_BYTES + VERSION_BYTES
ABOUT_BYTES: Final = 4
BUCKET_ENTRIES: Final = 18
PRUNED_A_STEP: Final = 4  # buckets
ROW_ENTRIES: Final = 32  # so a chunk of rows is as long as one of other rows
PILE: Final = 4_096
NEVER_MS: Final = 1 << 62
BACK_MAX: Final = (1 << 8 * ABOUT_BYTES) - 1  # what is about something older is forgotten by time alone
OF_CALL: Final = 1 << (8 * VERSION_BYTES - 1)  # beside the version, in the entry for the key of a claim's call
_OF_CALL_BYTE: Final = 0x80  # the same, of the first byte of a version
NEVER: Final = OF_CALL  # a version that is not reached
# By this a process knows its own hash again. Whoever has buckets drawn otherwise from it changes the words.
HASH_PRINT: Final = hash(b"buckets are split into four")

# Periods with their first versions, the buckets, the first version that is remembered, and the bytes of an entry that
# say what it is about.
Captured = tuple[tuple[tuple[int, int], ...], list[bytearray], int, int]


class PackedRow(Message, frozen=True, tag="keys"):
    """A row of a snapshot: entries, and in the first row the first version of each period. They are of what was made,
    or of what was refused. `laid` says for a bucket as it lay in memory in which process, by HASH_PRINT, which one it
    was, and of how many.
    """

    refused: bool
    periods: tuple[tuple[int, int], ...]
    entries: bytes
    laid: tuple[int, int, int] | None = None


def hash_of(key: str) -> bytes:
    """What an entry has of its key."""
    return md5(key.encode()).digest()[:HASH_BYTES]  # type: ignore[no-any-return]


def neither_has(hashed: bytes, one: "Packed", other: "Packed") -> bool:
    """True where there is no entry of this hash: all that a new key costs."""
    place = hash(hashed)
    if one.places[place & one.mask].find(hashed) >= 0:
        return False
    return not other.count or other.places[place & other.mask].find(hashed) < 0


def never(_version: int) -> bool:
    """Nothing is live."""
    return False


def _pack_version(hashed: bytes, high: int, low: int, _: int) -> bytes:
    return _PACK_VERSION(hashed, high, low)


# An entry, by the bytes that say what it is about: of the hash, the version's first byte and its last four, and these.
# To pack it takes half the time that to make one number of it does, as that is longer than a machine's.
_LOW_MAX: Final = (1 << 32) - 1
_PACK_VERSION: Final = Struct(f">{HASH_BYTES}sBI").pack
_PACKS: Final[dict[int, Callable[[bytes, int, int, int], bytes]]] = {
    0: _pack_version,
    1: Struct(f">{HASH_BYTES}sBIB").pack,
    4: Struct(f">{HASH_BYTES}sBII").pack,
}


class Packed:
    """The versions that answered keys within the last `kept_ms`, or that are about what lives, forgotten by periods of
    ledger time.

    What is out of date is not found any more at once, and its memory is used again a few buckets at a time.
    """

    __slots__ = (
        "_about_bits",
        "_about_bytes",
        "_about_mask",
        "_buckets",
        "_divided",
        "_each",
        "_entry_bytes",
        "_first",
        "_full",
        "_is_live",
        "_mixed",
        "_pack",
        "_period_ends_ms",
        "_period_ms",
        "_periods",
        "_pruned",
        "_restored",
        "_tail_bytes",
        "count",
        "forget_at_ms",
        "kept_ms",
        "mask",
        "places",
        "to_prune",
    )

    def __init__(
        self, period_ms: int, kept_ms: int, is_live: Callable[[int], bool] = never, about_bytes: int = 0
    ) -> None:
        self._is_live = is_live
        self._about_bytes, self._about_bits = about_bytes, 8 * about_bytes
        self._about_mask = (1 << self._about_bits) - 1
        self._entry_bytes, self._tail_bytes = ENTRY_BYTES + about_bytes, VERSION_BYTES + about_bytes
        self._pack = _PACKS[about_bytes]
        self._each = Struct(f"{HASH_BYTES}s{self._tail_bytes}s").iter_unpack
        self._period_ms = period_ms
        self.kept_ms = kept_ms
        self._buckets = [bytearray()]
        self._divided = 0
        self._full = BUCKET_ENTRIES
        # The bucket of a hash, by its last bits: those that are not divided yet stand in four places.
        self.places, self.mask = self._buckets.copy(), 0
        self._periods: deque[tuple[int, int]] = deque()  # each with its first version
        self._first = NEVER  # older versions are forgotten
        self.forget_at_ms = NEVER_MS
        self._period_ends_ms = 0
        self.to_prune = 0  # so many buckets, after this one and round
        self._pruned = 0
        self.count = 0
        self._restored = bytearray()  # entries of a snapshot that are in no bucket yet
        self._mixed = 0  # up to this version, entries may lie in another sequence than that of their versions

    def find(self, wanted: bytes, *, calls: bool = True) -> Sequence[int]:
        """The versions that may have answered the key of this hash, the newest first; hardly ever of another key. With
        `calls`, those too that are put with OF_CALL.
        """
        bucket, entry_bytes = self.places[hash(wanted) & self.mask], self._entry_bytes
        at = bucket.find(wanted)
        found: list[int] = []
        while at >= 0:
            if not at % entry_bytes:  # as `_version` and `_back`, read at once
                tail = int.from_bytes(bucket[at + HASH_BYTES : at + entry_bytes], "big")
                version, back = tail >> self._about_bits, tail & self._about_mask
                of_call = version & OF_CALL
                version -= of_call
                if (calls or not of_call) and (version >= self._first or self._is_live(version - back)):
                    found.append(version - back if of_call else version)
            at = bucket.find(wanted, at + 1)
        return sorted(found, reverse=True) if len(found) > 1 else found

    def version_at(self, bucket: bytearray, at: int) -> int:
        """The version of an entry that is remembered by time, 0 where it is no such entry."""
        if at % self._entry_bytes:
            return 0
        version = int.from_bytes(bucket[at + HASH_BYTES : at + ENTRY_BYTES], "big")
        return version if self._first <= version < OF_CALL else 0

    def about(self, wanted: bytes) -> tuple[int, int] | None:
        """The version put last under what is no hash, and what that is about; None where there is none."""
        bucket = self.places[hash(wanted) & self.mask]
        at = bucket.rfind(wanted)
        while at >= 0 and at % self._entry_bytes:
            at = bucket.rfind(wanted, 0, at + HASH_BYTES - 1)
        if at < 0 or (version := _version(bucket, at)) < self._first:
            return None
        return version, self._back(bucket, at)

    def _back(self, entries: bytes | bytearray, at: int) -> int:
        return int.from_bytes(entries[at + ENTRY_BYTES : at + self._entry_bytes], "big")

    def put(self, hashed: bytes, version: int, at_ms: int, back: int = 0) -> None:
        """Remember that the event of this version, the ledger's newest, answered the key of this hash, about what was
        made so many versions before. With OF_CALL added it is about a claim: that one's event has the answer.
        """
        if at_ms >= self._period_ends_ms:
            period = at_ms // self._period_ms
            self._periods.append((period, version & ~OF_CALL))
            self._period_ends_ms = (period + 1) * self._period_ms
            self._note_first()
        bucket = self.places[hash(hashed) & self.mask]
        if back > BACK_MAX:
            back = BACK_MAX
        high = 0 if version <= _LOW_MAX else version >> 32
        bucket += self._pack(hashed, high, version & _LOW_MAX if high else version, back)
        count = self.count = self.count + 1
        if count > self._full:
            self._split()

    def _note_first(self) -> None:
        """Note which versions are remembered now, and until when."""
        if not self._periods:
            self._first, self.forget_at_ms = NEVER, NEVER_MS
            return
        oldest, self._first = self._periods[0]
        self.forget_at_ms = (oldest + 1) * self._period_ms + self.kept_ms

    def _split(self) -> None:
        """Divide one bucket's entries among it and three new ones."""
        buckets, mask = self._buckets, self.mask
        if len(buckets) > mask:
            self._divided = 0
            mask = self.mask = 4 * mask + 3
            self.places = self.places * 4
        divided, bit = self._divided, (mask + 1) >> 2
        self._divided += 1
        bucket = self.places[divided]
        parts = bytearray(), bytearray(), bytearray(), bytearray()
        by_bits = {0: parts[0], bit: parts[1], 2 * bit: parts[2], 3 * bit: parts[3]}
        bits = 3 * bit
        for hashed, tail in self._each(bucket):
            part = by_bits[hash(hashed) & bits]
            part += hashed + tail
        bucket[:] = parts[0]
        for at in (1, 2, 3):
            self.places[divided + at * bit] = parts[at]
            buckets.append(parts[at])
        self._full = BUCKET_ENTRIES * len(buckets)

    def keep_for(self, kept_ms: int) -> None:
        """Remember for so long from now on; what is forgotten stays so."""
        self.kept_ms = kept_ms
        self._note_first()

    def forget(self, at_ms: int) -> None:
        """Forget what is out of date at this time, and free a little of its memory: there is nothing to forget before
        `forget_at_ms`, and nothing to free unless something is `to_prune`.
        """
        if at_ms >= self.forget_at_ms and self._periods:
            oldest_kept = (at_ms - self.kept_ms) // self._period_ms
            while self._periods and self._periods[0][0] < oldest_kept:
                self._periods.popleft()
            self._note_first()
            self.to_prune = len(self._buckets)
        for _ in range(0 if self._full == NEVER else min(PRUNED_A_STEP, self.to_prune)):
            self.to_prune -= 1
            self._pruned = (self._pruned + 1) % len(self._buckets)
            self._prune(self._buckets[self._pruned])

    def _prune(self, bucket: bytearray) -> None:
        """Drop what is forgotten from the bucket's front: entries are in the sequence of their versions, but for those
        that are kept because they are about what lives, and go to the end.
        """
        if self._mixed >= self._first:
            entries = sorted(_entries(bytes(bucket), self._entry_bytes), key=_version_of)
            bucket[:] = b"".join(entries)
        end, kept = 0, b""
        while end < len(bucket) and (version := _version(bucket, end)) < self._first:
            if self._is_live(version - self._back(bucket, end)):
                kept += bucket[end : end + self._entry_bytes]
            end += self._entry_bytes
        if end:
            del bucket[:end]
            bucket += kept
            self.count -= (end - len(kept)) // self._entry_bytes

    def captured(self) -> Captured:
        """All of it, to be read while entries are only added: until the next event, or as long as it is frozen."""
        return tuple(self._periods), self._buckets, self._first, self._about_bytes

    def freeze(self) -> None:
        """Neither split buckets nor drop entries, for `captured` to be read; events go on."""
        self._full = NEVER

    def thaw(self) -> None:
        """Split buckets again where they are full, one for each new key, and drop entries."""
        self._full = BUCKET_ENTRIES * len(self._buckets)

    def restore(self, row: PackedRow) -> None:
        """Take a row of a snapshot. Its entries are found once all rows are `placed`."""
        if row.periods:
            self._periods.extend(row.periods)
            self._period_ends_ms = (row.periods[-1][0] + 1) * self._period_ms
            self._note_first()
        self.count += len(row.entries) // self._entry_bytes
        if row.laid is None or row.laid[0] != HASH_PRINT:
            self._restored += row.entries
            return
        _, place, count = row.laid
        while len(self._buckets) < count:
            self._split()
        self._buckets[place] += row.entries

    def placed(self, last: int) -> None:
        """Put what was restored, of versions up to `last`, into as many buckets as it needs: none of them is split
        while it has entries, which takes a third of the time.
        """
        while self.count > self._full:
            self._split()
        places, mask = self.places, self.mask
        for hashed, tail in self._each(self._restored):
            bucket = places[hash(hashed) & mask]
            bucket += hashed
            bucket += tail
        # Also where it lay: whoever wrote it may have restored it from a process of another hash.
        self._restored, self._mixed = bytearray(), last

    def versions(self) -> list[int]:
        """All versions that can be found, ascending."""
        entries = b"".join(self._buckets)
        found: list[int] = []
        for at in range(0, len(entries), self._entry_bytes):
            version, back = _version(entries, at), self._back(entries, at)
            if version >= self._first or self._is_live(version - back):
                found.append(version - back if entries[at + HASH_BYTES] & _OF_CALL_BYTE else version)
        return sorted(found)

    def heads(self, count: int, first: int, buckets_max: int) -> tuple[bytes, int]:
        """The first `count` bytes of each hash in at most so many buckets, in no sequence, also of some that are
        forgotten; and the bucket to go on with, 0 at the end. Whatever was there when somebody began with the first
        bucket is among them: what is moved goes to a bucket behind all others.
        """
        last = first + buckets_max
        entries = b"".join(self._buckets[first:last])
        found = bytearray(count * (len(entries) // self._entry_bytes))
        for at in range(count):
            found[at::count] = entries[at :: self._entry_bytes]
        return bytes(found), last if last < len(self._buckets) else 0

    def entries_kept(self, last: int = NEVER) -> int:
        """The entries in the buckets, counted: those up to this version, where others may have been added since."""
        kept = sum(map(len, self._buckets)) // self._entry_bytes
        if kept == self.count:
            return kept
        entries = b"".join(self._buckets)
        return sum(1 for at in range(0, len(entries), self._entry_bytes) if _version(entries, at) <= last)


def packed_rows(captured: Captured, last: int, *, refused: bool) -> Iterator[PackedRow]:
    """Yield what was captured, up to the version `last`, as it lies in the buckets: no entry is looked at."""
    periods, buckets, _, about_bytes = captured
    entry_bytes, count = ENTRY_BYTES + about_bytes, len(buckets)
    for place, bucket in enumerate(buckets):
        end = len(bucket)
        while end and _version(bucket, end - entry_bytes) > last:  # added since
            end -= entry_bytes
        if end:
            yield PackedRow(refused, periods, bytes(bucket[:end]), (HASH_PRINT, place, count))
            periods = ()


def rows_by_version(captured: Captured, last: int, *, refused: bool, live: Collection[int] = ()) -> Iterator[PackedRow]:
    """Yield what was captured, up to the version `last`, by version, the same for equal tables in any process; of what
    is out of date, that about those in `live`. Sorted in piles: one sort of millions would hold everybody up.
    """
    periods, buckets, first, about_bytes = captured
    entry_bytes = ENTRY_BYTES + about_bytes
    piles: dict[int, list[tuple[int, bytes]]] = {}
    for entry in (entry for bucket in buckets for entry in _entries(bytes(bucket), entry_bytes)):
        version = _version(entry, 0)
        if version > last:
            continue
        if version >= first or version - int.from_bytes(entry[ENTRY_BYTES:], "big") in live:
            piles.setdefault(version // PILE, []).append((version, entry))
    for _, pile in sorted(piles.items()):
        entries = b"".join(entry for _, entry in sorted(pile))
        for at in range(0, len(entries), ROW_ENTRIES * entry_bytes):
            yield PackedRow(refused, periods, entries[at : at + ROW_ENTRIES * entry_bytes])
            periods = ()


def _version(entries: bytes | bytearray, at: int) -> int:
    return int.from_bytes(entries[at + HASH_BYTES : at + ENTRY_BYTES], "big") & ~OF_CALL


def _version_of(entry: bytes) -> int:
    return _version(entry, 0)


def _entries(entries: bytes, entry_bytes: int) -> list[bytes]:
    return [entries[at : at + entry_bytes] for at in range(0, len(entries), entry_bytes)]
