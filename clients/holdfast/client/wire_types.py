"""Messages to and from dataclasses, by the names and types of the dataclass's fields, so that each is listed once.

A field has the message's name. `NAME_ms` is an integer of milliseconds for a Timestamp or a Duration `NAME`; lines are
pairs of SKU and units; a field that may be None is None where the message does not set it.
"""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from enum import IntEnum
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar, get_args, get_origin

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

ValueT = TypeVar("ValueT")
MessageT = TypeVar("MessageT")

LineQuantities: TypeAlias = Iterable[tuple[str, int]]
"""Pairs of SKU and units, the units at least 1."""

LinePairs: TypeAlias = tuple[tuple[str, int], ...]
"""The same, as the service tells them."""

_Convert: TypeAlias = Callable[[Any], Any]


def milliseconds(time: Timestamp | Duration) -> int:
    """An instant since 1970 UTC, or an interval, rounded down."""
    return time.seconds * 1000 + time.nanos // 1_000_000


def reader(kind: type[ValueT], /, **special: _Convert) -> Callable[[Any], ValueT]:
    """A function that makes a value of a message; each of `special` makes a field of the whole message.

    It reads all fields by one call: a reservation takes 6 us, where one line of code for each field would take 5.
    """
    types = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    own = {name: of for name, of in types.items() if name not in special}
    names = [name.removesuffix("_ms") for name in own]
    read = attrgetter(*names) if len(names) > 1 else lambda message: (getattr(message, names[0]),)
    converters = [_converter(name, of) for name, of in own.items()]
    conversions = [(number, convert) for number, convert in enumerate(converters) if convert is not None]
    optional = [(number, names[number]) for number, of in enumerate(own.values()) if type(None) in get_args(of)]
    insertions = [(number, special[name]) for number, name in enumerate(types) if name in special]

    if not (conversions or optional or insertions):
        return lambda message: kind(*read(message))

    def value_from(message: Any) -> ValueT:
        values = list(read(message))
        for number, convert in conversions:
            values[number] = convert(values[number])
        for number, name in optional:
            if not message.HasField(name):
                values[number] = None
        for number, make in insertions:
            values.insert(number, make(message))
        return kind(*values)

    return value_from


def _converter(name: str, kind: Any) -> _Convert | None:
    """What makes a field of what protobuf gives, None where nothing has to be made."""
    if name.endswith("_ms"):
        return milliseconds
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return enum_reader(kind)
    if is_dataclass(kind):
        return reader(kind)  # type: ignore[arg-type]
    if get_origin(kind) is not tuple:
        return None
    of = get_args(kind)[0]
    if is_dataclass(of):
        return partial(_each, reader(of))  # type: ignore[arg-type]
    return line_pairs if get_origin(of) is tuple else tuple


def _each(read: _Convert, messages: Iterable[Any]) -> tuple[Any, ...]:
    return tuple([read(message) for message in messages])


EnumT = TypeVar("EnumT", bound=IntEnum)


def enum_reader(kind: type[EnumT]) -> Callable[[int], EnumT]:
    """A function that makes a member of a wire number; its zero for one that this client does not know."""
    known, unknown = {member.value: member for member in kind}, kind(0)
    return lambda number: known.get(number, unknown)


def line_pairs(lines: Iterable[Any]) -> LinePairs:
    """Messages of a SKU and its quantity as pairs."""
    return tuple([(line.sku, line.quantity) for line in lines])


def to_message(kind: Callable[..., MessageT], /, **given: Any) -> MessageT:
    """A message of given fields, named and typed as those of dataclasses; None leaves a field unset."""
    writers, made = _writers(kind), {}
    for name, value in given.items():
        if value is not None:
            field, write = writers[name]
            made[field] = value if write is None else write(value)
    return kind(**made)


def to_fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, as `to_message` takes them."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


@lru_cache(maxsize=256)
def _writers(kind: Any) -> dict[str, tuple[str, _Convert | None]]:
    """By the name in a dataclass the message's field, and what makes of a value what protobuf takes for it."""
    return dict(map(_writer, kind.DESCRIPTOR.fields))


def _writer(field: FieldDescriptor) -> tuple[str, tuple[str, _Convert | None]]:
    name, of = field.name, field.message_type
    if of is None or of.GetOptions().map_entry:
        return name, (name, None)
    if of in {Timestamp.DESCRIPTOR, Duration.DESCRIPTOR}:
        return f"{name}_ms", (name, partial(_to_time, GetMessageClass(of)))
    return name, (name, partial(_to_messages, GetMessageClass(of)))


def _to_time(kind: type[Any], length_ms: int) -> Any:
    return kind(seconds=length_ms // 1000, nanos=length_ms % 1000 * 1_000_000)


def _to_messages(kind: type[Any], value: Any) -> Any:
    """One message where the value is a dataclass, or a message already; else one for each, which may be a pair."""
    if is_dataclass(value):
        return to_message(kind, **to_fields(value))
    if isinstance(value, Message):
        return value
    return [
        kind(sku=each[0], quantity=each[1]) if isinstance(each, tuple | list) else to_message(kind, **to_fields(each))
        for each in value
    ]
