"""Answers by idempotency key: a repeated call gets its first answer, a different call under a used key is refused.

A call's content is kept as a fingerprint: a hash of a canonical form that omits trailing fields at their defaults, so
that a field added later does not change the fingerprint of a call that does not use it.
"""

from _md5 import md5  # type: ignore[import-not-found]  # as in packed.py
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args

import msgspec

from actors.core.message import Message, Value, to_json
from actors.core.packed import HASH_BYTES, Packed, PackedRow, hash_of, never
from actors.core.policy import CALL_MS_MAX, DAY_MS
from actors.core.rejection import Rejection

FINGERPRINT_BYTES: Final = 12
FORM: Final = "1"  # of contents, before the hash: a later version compares what is stored by the form that it names
GENERATION_MS: Final = DAY_MS  # of answers that accept
REFUSED_PERIOD_MS: Final = 60_000
REMEMBERED_ANSWERS_MAX: Final = 8_000_000  # that accept, by ledger; some 3 GB
LAST_CHARACTERS: Final = 64
NEVER: Final = 1 << 62  # later than any period
MESSAGE_TYPES_MAX: Final = 256
NO_CONTENT: Final = ("key", "grant")  # fields of a command that are not what its caller asked for
GROWING: Final = ("age_ms",)  # fields of a row that are others each time that it is said
FORGET_A_STEP_MAX: Final = 64  # of what has ended, by event, so that no event pays for a whole day

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Recorded(Message, Generic[A_co], frozen=True):
    """An answer as it was given, with the call's fingerprint and the ledger version that recorded it, 0 for none."""

    fingerprint: str
    version: int
    answer: A_co


Said = tuple[str, Any]  # a key and its answer, as an event has them

# Period, keys and answers of each generation, by period.
Captured = list[tuple[int, list[str], list[A]]]


class Generations(Generic[A]):
    """Answers by key, kept by the period of ledger time in which they were given.

    A new key costs one look-up however much is remembered, and no event pays for more than FORGET_A_STEP_MAX keys that
    are out of date. A dictionary of millions stops everybody for a quarter of a second when it grows, so there is one
    for each last character of a key, of which random keys have 16.
    """

    __slots__ = ("by_key", "count", "generations", "oldest")

    def __init__(self) -> None:
        self.by_key: tuple[dict[str, A], ...] = tuple({} for _ in range(LAST_CHARACTERS))
        self.generations: dict[int, tuple[list[str], list[A]]] = {}  # keys and answers by period, the oldest first
        self.oldest = NEVER  # period
        self.count = 0

    def get(self, key: str) -> A | None:
        """Return the answer to this key, or None where none is remembered."""
        return self.by_key[ord(key[-1]) % LAST_CHARACTERS].get(key)

    def put(self, key: str, answer: A, period: int) -> None:
        """Remember the first answer to a key in the generation of its period, which is the newest."""
        self.by_key[ord(key[-1]) % LAST_CHARACTERS][key] = answer
        generation = self.generations.get(period)
        if generation is None:
            generation = self.generations[period] = [], []
            self.oldest = min(self.oldest, period)
        generation[0].append(key)
        generation[1].append(answer)
        self.count += 1

    def replace_newest(self, key: str, answer: A) -> None:
        """Replace the answer to the key that was remembered last."""
        keys, answers = self.generations[next(reversed(self.generations))]
        assert keys[-1] == key, f"{key!r} was not remembered last"
        self.by_key[ord(key[-1]) % LAST_CHARACTERS][key] = answers[-1] = answer

    def forget(self, oldest_kept: int, newest: int, is_live: Callable[[A], bool] | None = None) -> None:
        """Forget what is older than `oldest_kept`, at most FORGET_A_STEP_MAX keys; what is live goes to `newest`."""
        for _ in range(FORGET_A_STEP_MAX):
            if self.oldest >= oldest_kept:
                return
            keys, answers = self.generations[self.oldest]
            key, answer = keys.pop(), answers.pop()
            if not keys:
                del self.generations[self.oldest]
                self.oldest = min(self.generations, default=NEVER)
            self.count -= 1
            if is_live is not None and is_live(answer):
                self.put(key, answer, newest)
            else:
                del self.by_key[ord(key[-1]) % LAST_CHARACTERS][key]

    def captured(self) -> Captured[A]:
        """All of it, in copies: lists take a fifth of a dictionary's memory."""
        return [(period, keys.copy(), answers.copy()) for period, (keys, answers) in self.generations.items()]

    def copied(self) -> "Generations[A]":
        """A copy that later events do not change."""
        copied = Generations[A]()
        copied.by_key = tuple(answers.copy() for answers in self.by_key)
        copied.generations = {period: (keys, answers) for period, keys, answers in self.captured()}
        copied.oldest, copied.count = self.oldest, self.count
        return copied

    def items(self) -> Iterator[tuple[str, A]]:
        """Yield every key with its answer."""
        for keys, answers in self.generations.values():
            yield from zip(keys, answers, strict=True)


class Unread(Exception):
    """To decide this, the events of these versions have to be read first: one of them may have answered the key."""

    def __init__(self, versions: Sequence[int]) -> None:
        super().__init__(f"the events of {versions} have to be read")
        self.versions = versions


class Answers(Generic[A]):
    """The answers that a ledger remembers: what it accepted as long as the policy says, what it refused as long as a
    copy of the call can still arrive. So whoever is refused all day long cannot fill it.

    Of what was made or refused only the version is remembered. Who decides puts what the event says into `read`, by
    version. `is_live` tells whether a key is kept on though it is out of date.
    """

    __slots__ = ("accepted", "forget_at_ms", "hash", "key", "made", "newest", "pending", "read", "refused")

    def __init__(self, is_live: Callable[[int], bool] = never) -> None:
        self.accepted = Generations[A]()
        self.made = Packed(GENERATION_MS, 0, is_live)
        self.refused = Packed(REFUSED_PERIOD_MS, CALL_MS_MAX)
        self.pending: dict[str, int] = {}  # the orders whose open attempts will answer these keys
        self.read: dict[int, tuple[str, Any]] = {}
        self.key, self.hash = "", b""  # the last one that was looked up
        self.newest: tuple[str, Any] = ("", None)  # what was made or refused last
        self.forget_at_ms = 0  # nothing is out of date before

    def get(self, key: str) -> A | Recorded[Rejection] | None:
        """Return the answer to this key, or None where none is remembered. Raises Unread."""
        # A new key costs this and no more, so it is spelled out.
        answer = self.accepted.by_key[ord(key[-1]) % LAST_CHARACTERS].get(key)
        if answer is not None:
            return answer
        self.key = key
        self.hash = hashed = md5(key.encode()).digest()[:HASH_BYTES]
        place, made, refused = hash(hashed), self.made, self.refused
        if made.places[place & made.mask].find(hashed) < 0 and (
            not refused.count or refused.places[place & refused.mask].find(hashed) < 0
        ):
            return None
        return self._read(key, (*made.find(hashed), *refused.find(hashed)))

    def _read(self, key: str, versions: Sequence[int]) -> A | None:
        answer: A
        for version in versions:
            said = self.newest if self.newest[0] == key else self.read.get(version)
            if said is None:
                raise Unread(versions)
            whose, answer = said
            if whose == key:
                return answer
        return None

    def versions(self, key: str) -> Sequence[int]:
        """The versions that may have answered this key."""
        hashed = hash_of(key)
        return (*self.made.find(hashed), *self.refused.find(hashed))

    def knows(self, key: str) -> bool:
        """True where a call under this key was answered or is being decided, as far as hashes tell."""
        return key in self.pending or self.accepted.get(key) is not None or bool(self.versions(key))

    def reopen(self, key: str) -> None:
        """The call that is being decided under this key will not be answered: it may be tried again."""
        self.pending.pop(key, None)

    @property
    def count(self) -> int:
        """The number of answers that are remembered."""
        return self.accepted.count + self.made.count + self.refused.count

    def row_count(self) -> int:
        """What of a snapshot they are, in rows of reservations."""
        return self.accepted.count // 2 + (self.made.count + self.refused.count) // 32

    def accept(self, key: str, answer: A, at_ms: int) -> None:
        """Remember what was accepted."""
        self.accepted.put(key, answer, at_ms // GENERATION_MS)

    def refuse(self, key: str, refusal: Recorded[Rejection], at_ms: int) -> None:
        """Remember what was refused."""
        self.refused.put(self.hash if key is self.key else hash_of(key), refusal.version, at_ms)
        self.newest = (key, refusal)

    def forget(self, at_ms: int, memory_ms: int, is_live: Callable[[A], bool]) -> None:
        """Forget some of what is out of date: answers older than `memory_ms`, but for those about what is live, as the
        hold may have been extended, or the policy shortened since, and a repeat would take a second one.
        """
        accepted, made, refused = self.accepted, self.made, self.refused
        oldest_kept = (at_ms - memory_ms) // GENERATION_MS
        if accepted.oldest < oldest_kept:
            accepted.forget(oldest_kept, at_ms // GENERATION_MS, is_live)
        if made.kept_ms != memory_ms:
            made.keep_for(memory_ms)
        made.forget(at_ms)
        refused.forget(at_ms)
        if accepted.oldest < oldest_kept or made.to_prune or refused.to_prune:
            self.forget_at_ms = at_ms
            return
        # What is remembered from here on is not out of date within a minute.
        minute_ms = (at_ms // REFUSED_PERIOD_MS + 1) * REFUSED_PERIOD_MS
        accepted_ms = (accepted.oldest + 1) * GENERATION_MS + memory_ms
        self.forget_at_ms = min(minute_ms, accepted_ms, made.forget_at_ms, refused.forget_at_ms)

    def restore(self, row: PackedRow) -> None:
        """Enter a row of a snapshot."""
        (self.refused if row.refused else self.made).restore(row)

    def copied(self) -> "Answers[A]":
        """A copy that later events do not change."""
        copied = Answers[A]()
        copied.accepted, copied.made = self.accepted.copied(), self.made.copied()
        copied.refused, copied.pending = self.refused.copied(), self.pending.copy()
        return copied


class EndedRow(Message, frozen=True, tag="ended"):
    """The row of a snapshot for what has ended, and when: a final reservation, or a settled order."""

    at_ms: int
    number: int


def forgotten(
    ended: deque[tuple[int, int]], time_ms: int, kept_ms: int, generation_ms: int = GENERATION_MS
) -> list[int]:
    """Remove from `ended`, which has (instant, number), and return the numbers of what ended in generations of answers
    that are older than `kept_ms`: at most FORGET_A_STEP_MAX.
    """
    oldest_kept_ms = (time_ms - kept_ms) // generation_ms * generation_ms
    numbers: list[int] = []
    while ended and ended[0][0] < oldest_kept_ms and len(numbers) < FORGET_A_STEP_MAX:
        numbers.append(ended.popleft()[1])
    return numbers


def forgotten_at_ms(ended: deque[tuple[int, int]], kept_ms: int, generation_ms: int = GENERATION_MS) -> int:
    """When the next of `ended` is to be forgotten, 0 without any."""
    return (ended[0][0] // generation_ms + 1) * generation_ms + kept_ms if ended else 0


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
