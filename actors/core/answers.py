"""Answers by idempotency key: a repeated call gets its first answer, a different call under a used key is refused.

A call's content is kept as a fingerprint: a hash of a canonical form that omits trailing fields at their defaults, so
that a field added later does not change the fingerprint of a call that does not use it.
"""

from _md5 import md5  # type: ignore[import-not-found]  # as in packed.py
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args

import msgspec

from actors.core.message import Message, Value, to_json
from actors.core.overlay import Queue
from actors.core.packed import ABOUT_BYTES, HASH_BYTES, OF_CALL, Packed, PackedRow, hash_of, neither_has, never
from actors.core.policy import CALL_MS_MAX, DAY_MS

FINGERPRINT_BYTES: Final = 12
FORM: Final = "1"  # of contents, before the hash: a later version compares what is stored by the form that it names
GENERATION_MS: Final = DAY_MS  # of what is accepted
REFUSED_PERIOD_MS: Final = 60_000
MESSAGE_TYPES_MAX: Final = 256
# Fields that are not what the caller asked for.
NO_CONTENT: Final = (
    "key",
    "grant",
    "reservation",
    "whole",
    "advice",
    "moved_to",
    "only_known",
    "asked",
    "fetched",
    "page",
    "kept_at",
    "to_shop",
    "is_listed",
    "hand_over",
    "article",
    "near",
)
GROWING: Final = ("age_ms",)  # fields of a row that are others each time that it is said
FORGET_A_STEP_MAX: Final = 64  # of what has ended, by event, so that no event pays for a whole day

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Recorded(Message, Generic[A_co], frozen=True):
    """An answer as it was given, with the call's fingerprint and the ledger version that recorded it, 0 for none."""

    fingerprint: str
    version: int
    answer: A_co


KeyedAnswer = tuple[str, Any, str]  # as an event has them: a key and its answer, and the key of the call of a claim


class Unread(Exception):
    """To decide this, the events of these versions have to be read first: one of them may have answered the key."""

    def __init__(self, versions: Sequence[int]) -> None:
        super().__init__(f"the events of {versions} have to be read")
        self.versions = versions


class Answers(Generic[A]):
    """The answers that a shop remembers: what it accepted as long as the policy says, what it refused as long as a copy
    of the call can still arrive. So whoever is refused all day long cannot fill it, also where shops grant their parts
    of what is refused: a claim is among what was refused until its order is certain.

    Of each only the version is remembered, and what it is about. Who decides puts what the event says into `read`, by
    version. `is_live` tells whether keys about a reservation are kept on though they are out of date, `is_undecided`
    likewise of a claim.
    """

    __slots__ = ("forget_at_ms", "hash", "key", "made", "newest", "read", "refused")

    def __init__(self, is_live: Callable[[int], bool] = never, is_undecided: Callable[[int], bool] = never) -> None:
        self.made = Packed(GENERATION_MS, 0, is_live, ABOUT_BYTES)
        self.refused = Packed(REFUSED_PERIOD_MS, CALL_MS_MAX, is_undecided, ABOUT_BYTES)
        self.read: dict[int, KeyedAnswer] = {}
        self.key, self.hash = "", b""  # the last one that was looked up
        self.newest: tuple[str, Any] = ("", None)  # what was made or refused last
        self.forget_at_ms = 0  # nothing is out of date before

    def get(self, key: str) -> A | None:
        """Return the answer to this key, or None where none is remembered. Raises Unread."""
        # A new key costs this and no more, so it is spelled out.
        self.key = key
        self.hash = hashed = md5(key.encode()).digest()[:HASH_BYTES]
        place, made, refused = hash(hashed), self.made, self.refused
        bucket = made.places[place & made.mask]
        at = bucket.find(hashed)
        if at < 0 and (not refused.count or refused.places[place & refused.mask].find(hashed) < 0):
            return None
        # So does a repeat, where what the first entry leads to was read, and is the key's and not a claim's of it.
        said = self.read.get(made.version_at(bucket, at)) if at >= 0 and self.read else None
        if said is not None and said[0] == key:
            answer: A = said[1]
            return answer
        return self._read(key, self._found(hashed))

    def of_no_claim(self, key: str) -> A | None:
        """As `get`, but for the answers to claims that were made for the call with this key. Raises Unread."""
        hashed, made, refused = hash_of(key), self.made, self.refused
        if neither_has(hashed, made, refused):  # as most
            return None
        return self._read(key, (*made.find(hashed, calls=False), *refused.find(hashed, calls=False)))

    def was_refused(self, key: str) -> bool:
        """Whether a call under this key was refused, as far as hashes tell."""
        return bool(self.refused.find(hash_of(key)))

    def _read(self, key: str, versions: Sequence[int]) -> A | None:
        answer: A
        if self.newest[0] == key:
            return self.newest[1] if versions else None
        for version in versions:
            said = self.read.get(version)
            if said is None:
                raise Unread(versions)
            whose, answer, of_call = said
            if key in (whose, of_call):
                return answer
        return None

    def versions(self, key: str) -> Sequence[int]:
        """The versions that may have answered this key."""
        return self._found(hash_of(key))

    def _found(self, hashed: bytes) -> Sequence[int]:
        found = self.made.find(hashed)
        return (*found, *self.refused.find(hashed)) if self.refused.count else found

    @property
    def count(self) -> int:
        """The number of answers that are remembered."""
        return self.made.count + self.refused.count

    def row_count(self) -> int:
        """What of a snapshot they are, in rows of reservations."""
        return self.count // 32

    def refuse(self, key: str, answer: Recorded[Any], at_ms: int, of_call: str = "") -> None:
        """Remember what was refused, or a claim; `of_call` is the key of the call that it was a claim of."""
        self.refused.put(self.hash if key is self.key else hash_of(key), answer.version, at_ms)
        if of_call:
            self.refused.put(hash_of(of_call), answer.version | OF_CALL, at_ms)
        self.newest = (key, answer)

    def forget(self, at_ms: int, memory_ms: int) -> None:
        """Forget some of what is out of date: answers older than `memory_ms`, but for those about what is live, as the
        hold may have been extended, or the policy shortened since, and a repeat would take a second one.
        """
        made, refused = self.made, self.refused
        if made.kept_ms != memory_ms:
            made.keep_for(memory_ms)
        made.forget(at_ms)
        refused.forget(at_ms)
        if made.to_prune or refused.to_prune:
            self.forget_at_ms = at_ms
            return
        # What is remembered from here on is not out of date within a minute.
        minute_ms = (at_ms // REFUSED_PERIOD_MS + 1) * REFUSED_PERIOD_MS
        self.forget_at_ms = min(minute_ms, made.forget_at_ms, refused.forget_at_ms)

    def restore(self, row: PackedRow) -> None:
        """Take a row of a snapshot; once all were taken, `placed` is called."""
        (self.refused if row.refused else self.made).restore(row)

    def placed(self, last: int) -> None:
        """Enter what was restored, of versions up to `last`."""
        self.made.placed(last)
        self.refused.placed(last)


class EndedRow(Message, frozen=True, tag="ended"):
    """The row of a snapshot for a grant of which nothing is held any more, and since when."""

    at_ms: int
    number: int


def forgotten(ended: Queue[tuple[int, int]], time_ms: int, kept_ms: int) -> list[tuple[int, int]]:
    """Remove from `ended`, which has (instant, number), and return what ended in generations of answers that are older
    than `kept_ms`: at most FORGET_A_STEP_MAX.
    """
    oldest_kept_ms = (time_ms - kept_ms) // GENERATION_MS * GENERATION_MS
    old: list[tuple[int, int]] = []
    while ended.lists and ended.first()[0] < oldest_kept_ms and len(old) < FORGET_A_STEP_MAX:
        old.append(ended.popleft())
    return old


def fingerprint(command: Message, apart: tuple[str, ...] = NO_CONTENT) -> str:
    """The form of the content, and the hash of a command without the fields named in `apart`: 25 hex digits, the same
    in every version that has this form.
    """
    content = to_json([type(command).__name__, *_content(command, apart)])
    return FORM + blake2b(content, digest_size=FINGERPRINT_BYTES).hexdigest()


def _content(value: Value, apart: tuple[str, ...] = ()) -> list[Any]:
    """Field values without trailing ones at their defaults; nested values likewise."""
    form = _form_of(type(value), apart)
    said = list(form.fields_of(value))
    if form.nests:
        said = [_canonical(field) for field in said]
    for default in form.defaults:
        if said[-1] != default:
            break
        del said[-1]
    return said


def _canonical(value: Any) -> Any:
    if isinstance(value, Value):
        return _content(value, GROWING)
    if type(value) is tuple and value and isinstance(value[0], Value):
        return [_content(each, GROWING) for each in value]
    return value


class _Form(NamedTuple):
    """What a kind of message is made of: a getter of its fields, the defaults of those that have one, last field first,
    and whether a field may hold values, which most have not: it saves a third of a fingerprint.
    """

    fields_of: Callable[[Value], Iterable[Any]]
    defaults: tuple[Any, ...]
    nests: bool


@lru_cache(maxsize=MESSAGE_TYPES_MAX)
def _form_of(kind: type[Value], apart: tuple[str, ...]) -> _Form:
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in apart]
    defaults = [_canonical(field.default) for field in fields if field.default is not msgspec.NODEFAULT]
    names = [field.name for field in fields]
    get: Any = attrgetter(*names)
    fields_of = get if len(names) > 1 else lambda value: (get(value),)
    return _Form(fields_of, tuple(reversed(defaults)), any(_nests(field.type) for field in fields))


def _nests(kind: Any) -> bool:
    """True for a type of values, or one that is made of such."""
    return any(map(_nests, get_args(kind))) or (isinstance(kind, type) and issubclass(kind, Value))
