"""Batches of requests as bytes, put together from the bytes of their requests.

Every batch request is one repeated message in field 1, so its encoding is each item behind a tag and a length. Joining
the items' bytes costs 0.2 us an item where building the message of messages costs 1.5 us, and a retry sends an item's
very bytes again.
"""

from collections.abc import Sequence

_TAG = b"\x0a"  # field 1, length-delimited


def batch_bytes(items: Sequence[bytes]) -> bytes:
    """The encoding of a `*BatchRequest` whose `requests` are these encoded requests, in sequence."""
    parts: list[bytes] = []
    for item in items:
        parts.append(_TAG)
        parts.append(_varint(len(item)))
        parts.append(item)
    return b"".join(parts)


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
