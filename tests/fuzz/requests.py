"""Draws a request's bytes from the descriptor of its message, so that a new method or field is drawn as well.

Most of what is drawn is good, or nothing would get past the rules; each field has edges, by its type and by its rules.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from math import inf, nan
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import FieldDescriptor as Field, MethodDescriptor
from hypothesis import strategies as st

from serve.wire.rules import _ruled, _rules_of
from tests.fuzz.encoding import END_GROUP, FIXED32, FIXED64, START_GROUP, VARINT, framed, scalar, tag, varint

Names = Mapping[str, Sequence[str]]  # by the name of a field, what it may be good to call there

SOUND: Final = 20  # times as often as an edge a field has what is good
WHOLE: Final = 40  # times as often as it is filled to its limit a list is short
OPTIONAL_LEFT_OUT: Final = 3  # times as often as they are there
REPEATED_BYTES_MAX: Final = 256 * 1024
HUGE_BYTES: Final = 10_000_000
KINDS: Final = "m" * 280 + "s" * 85 + "r" * 34 + "h"  # messages, spoiled ones, raw bytes, huge ones
TEXTS: Final = (Field.TYPE_STRING, Field.TYPE_BYTES)
FOREIGN: Final = 2_047  # the number of a field that nobody has

INT_EDGES: Final = (0, -1, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63), 10**9)
DOUBLES: Final = (52.5, 13.4, 5.0, 0.5, 120.0)
DOUBLE_EDGES: Final = (0.0, -0.0, nan, inf, -inf, 1.8e308, -90.1, 180.1, 5e-324)
TEXT_EDGES: Final = (
    *(b"", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\0", b"\n", b" ", b"\xe2\x80\xa8"),
    *("\u202ekcab".encode(), "é".encode() * 64, "\U0001f6d2".encode() * 65, b"a" * 64, b"a" * 65, b"a" * 129),
    *(
        b"../../etc/passwd",
        b"'; --",
        b"%s%n",
        b"x" * 100_000,
        b"customers/0007",
        b"hot/HOT",
        b"S1:0",
        b"S1:" + b"9" * 19,
    ),
)
BYTES: Final = (b"", b"\0", b"\xff" * 8, bytes(range(256)), b"x" * 65_536)
# Of intervals, and of instants as they lie from now.
SECONDS: Final = (1, 60, 3_600, 86_400)
SECONDS_EDGES: Final = (0, -1, 2_592_000, 2_592_001, 31_536_001, 315_576_000_000, 315_576_000_001, 2**63 - 1, -(2**63))
NANOS_EDGES: Final = (1, 1_000_000, 999_999_999, 10**9, -1, 2**31 - 1, -(2**31))
TIMES: Final = ("google.protobuf.Duration", "google.protobuf.Timestamp")


class Shot(NamedTuple):
    """A call: the service and method, the request, and the metadata beside it."""

    service: str
    method: str
    payload: bytes
    metadata: tuple[tuple[str, str], ...] = ()


METADATA: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    *[()] * 12,
    (("x-request-id", "r-1"),),
    (("x-request-id", "x" * 4_000), ("traceparent", "00-" + "0" * 32 + "-" + "0" * 16 + "-00")),
    (("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),),
    (("traceparent", "ff-zz"), ("traceparent", "")),
    (("holdfast-timeout-ms", "0"),),
    (("holdfast-timeout-ms", "-1"), ("holdfast-timeout-ms", "9" * 40)),
    (("grpc-previous-rpc-attempts", "1"),),
)


class Drawing:
    """Draws calls with these names; `now_s` is what the service's clock says, in seconds since 1970."""

    def __init__(self, names: Names, now_s: int) -> None:
        self._names, self._now_s = names, now_s
        self._messages: dict[str, st.SearchStrategy[bytes]] = {}

    def shot(self, method: MethodDescriptor) -> st.SearchStrategy[Shot]:
        """A call of a method."""
        service, payload = method.containing_service.full_name, self.payload(method.input_type)
        return st.builds(Shot, st.just(service), st.just(method.name), payload, st.sampled_from(METADATA))

    def payload(self, descriptor: Any) -> st.SearchStrategy[bytes]:
        """A message, one that was spoiled, or bytes that never were one."""
        message = self.message(descriptor)
        raw = st.binary(max_size=64) | st.sampled_from((b"\xff", b"\x0f", b"\0" * 9, b"\x0a" * 1_000, b"\x0b" * 500))
        texts = [field.number for field in descriptor.fields if field.type == Field.TYPE_STRING]
        huge = st.sampled_from(texts or [FOREIGN]).map(lambda number: framed(number, b"x" * HUGE_BYTES))
        spoiled = st.builds(_spoil, message, st.lists(_HARMS, min_size=1, max_size=3))
        return st.sampled_from(KINDS).flatmap({"m": message, "s": spoiled, "r": raw, "h": huge}.__getitem__)

    def message(self, descriptor: Any) -> st.SearchStrategy[bytes]:
        """The bytes of a message of this kind."""
        if descriptor.full_name in TIMES:
            return st.sampled_from(_times(self._now_s if descriptor.full_name == TIMES[1] else 0))
        if descriptor.full_name not in self._messages:
            ruled = _ruled(descriptor.full_name).DESCRIPTOR.fields_by_name
            fields = [self._field(field, _rules_of(ruled[field.name])) for field in descriptor.fields]
            self._messages[descriptor.full_name] = st.tuples(*fields).map(b"".join)
        return self._messages[descriptor.full_name]

    def _field(self, field: Any, rules: Any) -> st.SearchStrategy[bytes]:
        if not field.is_repeated and field.message_type is None:
            is_wanted = _is_required(rules) or (field.type not in TEXTS and field.name in self._names)
            return st.sampled_from(_choices(*self._values(field, rules), field, is_wanted))
        if field.message_type is None:
            good, edges = self._values(field, rules.repeated.items)
            one: st.SearchStrategy[bytes] = st.sampled_from(_choices(good, edges, field, required=True))
        else:
            one = self.message(field.message_type).map(lambda content: framed(field.number, content))
        if not field.is_repeated:
            left_out = [st.just(b"") for _ in range(0 if _is_required(rules) else OPTIONAL_LEFT_OUT)]
            return st.one_of(*left_out, one)
        least, most = int(_is_required(rules)), rules.repeated.max_items or rules.map.max_pairs or 1_000
        times = st.sampled_from((*[1] * WHOLE, most, most + 1))
        rows = st.lists(one, min_size=least, max_size=3)
        present = st.builds(_repeated, rows, times)
        return present if least else st.one_of(st.just(b""), present)

    def _values(self, field: Any, rules: Any) -> tuple[list[Any], list[Any]]:
        """Of one scalar field: what is good, and its edges."""
        match field.type:
            case Field.TYPE_STRING:
                lengths = [rules.string.max_len] if rules.string.max_len else []
                edges = [b"a" * (length + more) for length in lengths for more in (0, 1)]
                return [name.encode() for name in self._names.get(field.name, ("web", "S1"))], [*TEXT_EDGES, *edges]
            case Field.TYPE_BYTES:
                return list(BYTES[:2]), list(BYTES[2:])
            case Field.TYPE_DOUBLE | Field.TYPE_FLOAT:
                return list(DOUBLES), list(DOUBLE_EDGES)
            case Field.TYPE_BOOL:
                return [0, 1], [2**63]
            case Field.TYPE_ENUM:
                numbers = [value.number for value in field.enum_type.values]
                return numbers[1:] or numbers, [0, max(numbers) + 1, -1, 2**31 - 1]
        good = [int(name) for name in self._names.get(field.name, ())] or [1, 2, 3]
        return good, [*INT_EDGES, *_limits_of(rules)]


def _choices(good: Sequence[Any], edges: Sequence[Any], field: Any, required: bool) -> list[bytes]:
    """What is drawn of one field, encoded: what is left out is first, so that examples shrink to it."""
    sound = [scalar(field, value) for value in good] * max(1, SOUND * len(edges) // len(good))
    left_out = [b""] * (1 if required else OPTIONAL_LEFT_OUT * len(sound))
    return [*left_out, *sound, *(scalar(field, value) for value in edges)]


def _limits_of(rules: Any) -> list[int]:
    """The greatest and the least that the rules of a number allow, and one beyond each."""
    found = []
    for limits in (rules.int32, rules.int64, rules.uint32, rules.uint64):
        found += [limits.lte, limits.lte + 1] if limits.HasField("lte") else []
        found += [limits.gte, limits.gte - 1] if limits.HasField("gte") else []
    return found


def _is_required(rules: Any) -> bool:
    """Whether a request without the field is refused; that it takes another one's place is not asked."""
    if rules.required or rules.repeated.min_items or rules.string.min_len or rules.enum.not_in:
        return True
    if max(rules.int32.gte, rules.int64.gte) > 0:
        return True
    return any(found.is_extension and found.name != "printable" for found, _ in rules.string.ListFields())


@cache
def _times(now_s: int) -> list[bytes]:
    """Intervals, or instants where it is some time now."""
    good = [_varint_field(1, now_s + seconds) for seconds in SECONDS]
    edges = [_varint_field(1, seconds) for seconds in chain(SECONDS_EDGES, (now_s - 1, now_s))]
    edges += [_varint_field(1, now_s + 1) + _varint_field(2, nanos) for nanos in NANOS_EDGES]
    return [*good * (SOUND * len(edges) // len(good)), *edges, b""]


def _varint_field(number: int, value: int) -> bytes:
    """A field that is a varint."""
    return tag(number, VARINT) + varint(value)


def _repeated(rows: list[bytes], times: int) -> bytes:
    """The rows, and the last of them so many times."""
    if times > 1 and rows and rows[-1]:
        times = min(times, REPEATED_BYTES_MAX // len(rows[-1]))
        return b"".join(rows) + rows[-1] * max(0, times - len(rows))
    return b"".join(rows)


# How bytes that are a message are harmed: what is done, where, and with what.
_HARMS: Final = st.tuples(st.integers(0, 5), st.integers(0, 2**16), st.integers(0, 255))
_UNKNOWN: Final = (
    tag(FOREIGN, VARINT) + varint(7),
    tag(FOREIGN, FIXED64) + bytes(8),
    tag(FOREIGN, FIXED32) + bytes(4),
    framed(FOREIGN, b"unknown"),
    tag(FOREIGN, START_GROUP) + tag(FOREIGN, END_GROUP),
    tag(FOREIGN, START_GROUP),
    tag(2**29 - 1, VARINT) + b"\xff" * 9 + b"\x01",
    tag(1, VARINT) + b"\x80" * 12,
    framed(1, b"twice"),
    tag(1, FIXED64) + bytes(8),
)


def _spoil(message: bytes, harms: list[tuple[int, int, int]]) -> bytes:
    """Bits flipped, bytes cut out, doubled or put in, and fields that are unknown, twice there or of another kind."""
    payload = bytearray(message)
    for harm, where, what in harms:
        place = where % (len(payload) + 1)
        match harm:
            case 0 if place < len(payload):
                payload[place] ^= 1 << what % 8
            case 1:
                del payload[place : place + 1 + what % 8]
            case 2:
                payload[place:place] = payload[place : place + 1 + what % 8]
            case 3:
                payload[place:place] = bytes([what])
            case 4:
                del payload[place:]
            case _:
                payload += _UNKNOWN[what % len(_UNKNOWN)]
    return bytes(payload)
