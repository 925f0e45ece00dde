"""Protobuf's encoding by hand: it can say what no library would, such as text that is not UTF-8."""

import struct
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor as Field

VARINT, FIXED64, LENGTH, START_GROUP, END_GROUP, FIXED32 = range(6)
_FIXED: Final = {
    Field.TYPE_DOUBLE: (FIXED64, "<d"),
    Field.TYPE_FLOAT: (FIXED32, "<f"),
    Field.TYPE_FIXED64: (FIXED64, "<Q"),
    Field.TYPE_SFIXED64: (FIXED64, "<q"),
    Field.TYPE_FIXED32: (FIXED32, "<I"),
    Field.TYPE_SFIXED32: (FIXED32, "<i"),
}
_ZIGZAG: Final = (Field.TYPE_SINT32, Field.TYPE_SINT64)


def varint(number: int) -> bytes:
    """Of the lowest 64 bits."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    """What a field begins with."""
    return varint(number << 3 | wire_type)


def framed(number: int, content: bytes) -> bytes:
    """A field with a length: text, bytes, or a message."""
    return tag(number, LENGTH) + varint(len(content)) + content


def scalar(field: Any, value: Any) -> bytes:
    """A field that is no message, with any value that fits the kind of its encoding."""
    if isinstance(value, bytes):
        return framed(field.number, value)
    if field.type in _FIXED:
        wire_type, form = _FIXED[field.type]
        return tag(field.number, wire_type) + struct.pack(form, value)
    number = (value << 1) ^ (value >> 63) if field.type in _ZIGZAG else value
    return tag(field.number, VARINT) + varint(number)
