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

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

ValueT = TypeVar("ValueT")
MessageT = TypeVar("MessageT", bound=Message)

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

    What is always there is read by one call: a reservation takes 5.0 us, where a line of code for each field takes 4.5.
    """
    plain: list[str] = []
    conversions: list[tuple[int, _Convert]] = []
    apart: list[tuple[int, str | None, _Convert]] = []
    for number, field in enumerate(fields(kind)):  # type: ignore[arg-type]
        name, convert = field.name.removesuffix("_ms"), _converter(field.name, _without_none(field.type))
        if field.name in special:
            apart.append((number, None, special[field.name]))
        elif type(None) in get_args(field.type):
            apart.append((number, name, convert or (lambda value: value)))
        else:
            if convert is not None:
                conversions.append((len(plain), convert))
            plain.append(name)
    read = attrgetter(*plain) if len(plain) > 1 else lambda message: (getattr(message, plain[0]),)

    if not (conversions or apart):
        return lambda message: kind(*read(message))

    def value_from(message: Any) -> ValueT:
        values = list(read(message))
        for number, convert in conversions:
            values[number] = convert(values[number])
        for number, name, make in apart:
            if name is None:
                values.insert(number, make(message))
            else:
                # Where it is not set it is not read, for protobuf would make an empty message of it.
                values.insert(number, make(getattr(message, name)) if message.HasField(name) else None)
        return kind(*values)

    return value_from


def _without_none(kind: Any) -> Any:
    """The type of a field that may be None, where it is one of our values; else as it is."""
    values = [each for each in get_args(kind) if is_dataclass(each)]
    return values[0] if type(None) in get_args(kind) and values else kind


def _converter(name: str, kind: Any) -> _Convert | None:
    """What makes a field of what protobuf gives, None where nothing has to be made."""
    if name.endswith("_ms"):
        return milliseconds
    if type(None) in get_args(kind):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return enum_reader(kind)
    if is_dataclass(kind):
        return reader(kind)  # type: ignore[arg-type]
    if get_origin(kind) is not tuple:
        return None
    of = get_args(kind)[0]
    if is_dataclass(of):
        read: _Convert = reader(of)  # type: ignore[arg-type]
        # A slice is a list: its end costs no exception, which is 0.2 us of the 1.3 that a line takes.
        return lambda messages: tuple(map(read, messages[:]))
    return (lambda lines: tuple(map(_PAIR, lines))) if get_origin(of) is tuple else tuple


EnumT = TypeVar("EnumT", bound=IntEnum)


def enum_reader(kind: type[EnumT]) -> Callable[[int], EnumT]:
    """A function that makes a member of a wire number; its zero for one that this client does not know."""
    return _Members({member.value: member for member in kind}).__getitem__


class _Members(dict[int, EnumT]):
    def __missing__(self, number: int) -> EnumT:
        return self[0]


_PAIR = attrgetter("sku", "quantity")


def to_message(kind: type[MessageT], /, **given: Any) -> MessageT:
    """A message of given fields, named and typed as those of dataclasses; None leaves a field unset."""
    return kind(**_written(kind.DESCRIPTOR, given))


def to_fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, as `to_message` takes them."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


# Any: a descriptor of a message, of which the stubs know two classes.
def _written(of: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Given fields as protobuf takes them: it has a dict for a message, which costs less than the message itself."""
    for name, field, write in _writers(of):
        value = given.pop(name, None)
        if value is not None:
            given[field] = write(value)
    return given


@lru_cache(maxsize=256)
def _writers(of: Any) -> list[tuple[str, str, _Convert]]:
    """Of each field that is a message: its name in a dataclass, its own name, and what makes it of a value."""
    return [
        _writer(field.name, field.message_type)
        for field in of.fields
        if field.message_type is not None and not field.message_type.GetOptions().map_entry
    ]


def _writer(name: str, of: Any) -> tuple[str, str, _Convert]:
    if of in {Timestamp.DESCRIPTOR, Duration.DESCRIPTOR}:
        return f"{name}_ms", name, lambda ms: {"seconds": ms // 1000, "nanos": ms % 1000 * 1_000_000}
    if [field.name for field in of.fields] == ["sku", "quantity"]:
        return name, name, lambda lines: [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    return name, name, partial(_to_messages, of)


def _to_messages(of: Any, value: Any) -> Any:
    """One message where the value is a dataclass, or a message already; else one for each."""
    if is_dataclass(value):
        return _written(of, to_fields(value))
    if isinstance(value, Message):
        return value
    return [_written(of, to_fields(each)) for each in value]
