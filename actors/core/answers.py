"""Answers by idempotency key: a repeated call gets its first answer, a different call under a used key is refused.

A call's content is kept as a fingerprint: a hash of a canonical form that omits trailing fields at their defaults, so
that a field added later does not change the fingerprint of a call that does not use it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args

import msgspec

from actors.core.message import Message, Value, to_json
from actors.core.policy import DAY_MS

FINGERPRINT_BYTES: Final = 12
GENERATION_MS: Final = DAY_MS  # answers are forgotten a day's worth at a time
REMEMBERED_ANSWERS_MAX: Final = 8_000_000  # by ledger; some 3 GB
MESSAGE_TYPES_MAX: Final = 256
NO_CONTENT: Final = ("key", "grant")  # fields of a command that are not what its caller asked for
FORGET_A_STEP_MAX: Final = 64  # of what has ended, by event, so that no event pays for a whole day

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Recorded(Message, Generic[A_co], frozen=True):
    """An answer as it was given, with the call's fingerprint and the ledger version that recorded it, 0 for none."""

    fingerprint: str
    version: int
    answer: A_co


class Answers(Generic[A]):
    """The answers that a ledger remembers, in generations of one day; a generation is forgotten as a whole."""

    __slots__ = ("count", "generations")

    def __init__(self) -> None:
        self.generations: dict[int, dict[str, A]] = {}  # by day, then by key
        self.count = 0

    def get(self, key: str) -> A | None:
        """Return the answer to this key, or None where none is remembered."""
        for generation in self.generations.values():
            answer = generation.get(key)
            if answer is not None:
                return answer
        return None

    def put(self, key: str, answer: A, at_ms: int) -> A:
        """Remember and return the first answer to a key; its day has begun."""
        self.generations[at_ms // GENERATION_MS][key] = answer
        self.count += 1
        return answer

    def begin(self, day: int, memory_ms: int, is_live: Callable[[A], bool]) -> None:
        """Begin a day's generation, and drop those older than `memory_ms`, but for answers about what is live: the hold
        may have been extended, or the policy shortened since, and a repeat would take a second one.
        """
        oldest_kept = (day * GENERATION_MS - memory_ms) // GENERATION_MS
        begun: dict[str, A] = {}
        for old in [each for each in self.generations if each < oldest_kept]:
            dropped = self.generations.pop(old)
            begun.update((key, answer) for key, answer in dropped.items() if is_live(answer))
            self.count -= len(dropped)
        self.count += len(begun)
        self.generations[day] = begun

    def replace(self, key: str, answer: A) -> bool:
        """Replace the remembered answer to a key. Returns False where none is remembered."""
        for generation in self.generations.values():
            if key in generation:
                generation[key] = answer
                return True
        return False

    def forget(self, key: str) -> None:
        """Forget the answer to this key, if there is one. A generation without answers has not begun, as in a snapshot:
        else a ledger that was restored would begin it again, and drop older ones, where this one does not.
        """
        for day, generation in self.generations.items():
            if generation.pop(key, None) is not None:
                self.count -= 1
                if not generation:
                    del self.generations[day]
                return

    def restore(self, day: int, key: str, answer: A) -> None:
        """Enter an answer from a snapshot into the generation of its day."""
        self.generations.setdefault(day, {})[key] = answer
        self.count += 1

    def captured(self) -> list[tuple[int, list[str], list[A]]]:
        """Day, keys and answers of each generation, by day, as lists: a fifth of a dictionary's memory."""
        return [(day, list(kept), list(kept.values())) for day, kept in sorted(self.generations.items())]

    def items(self) -> Iterator[tuple[str, A]]:
        """Yield every key with its answer."""
        for generation in self.generations.values():
            yield from generation.items()


class EndedRow(Message, frozen=True, tag="ended"):
    """The row of a snapshot for what has ended, and when: a final reservation, or a settled order."""

    at_ms: int
    number: int


def forgotten(ended: deque[tuple[int, int]], time_ms: int, kept_ms: int) -> list[int]:
    """Remove from `ended`, which has (instant, number), and return the numbers of what ended in generations of answers
    that are older than `kept_ms`: at most FORGET_A_STEP_MAX.
    """
    oldest_kept_ms = (time_ms - kept_ms) // GENERATION_MS * GENERATION_MS
    numbers: list[int] = []
    while ended and ended[0][0] < oldest_kept_ms and len(numbers) < FORGET_A_STEP_MAX:
        numbers.append(ended.popleft()[1])
    return numbers


def fingerprint(command: Message, apart: tuple[str, ...] = NO_CONTENT) -> str:
    """The hash of a command without the fields named in `apart`: 24 hex digits, stable across versions."""
    content = to_json([type(command).__name__, *_content(command, apart)])
    return blake2b(content, digest_size=FINGERPRINT_BYTES).hexdigest()


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
        return _content(value)
    if type(value) is tuple and value and isinstance(value[0], Value):
        return [_content(each) for each in value]
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
