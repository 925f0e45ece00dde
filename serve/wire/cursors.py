"""Where a feed of all shops stands, as one opaque value."""

import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import grpc
import msgspec

from serve.wire.statuses import CallRefused, refused

CURSOR_BYTES_MAX: Final = 16 * 1024 * 1024  # unpacked: more shops than a chain may have
_FORMAT: Final = b"\x02"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[dict[str, int], dict[str, int]]).decode


def pack_cursor(cursors: Mapping[str, int], hashes: Mapping[str, int] = MappingProxyType({})) -> bytes:
    """By shop, the last version that a feed has sent, and the hash of its record, as far as it is known."""
    known = {store_id: hashes[store_id] for store_id in cursors if store_id in hashes}
    return _FORMAT + zlib.compress(_encode((dict(cursors), known)), level=1)


def unpack_cursor(packed: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """The inverse of `pack_cursor`, empty for an empty one. Raises CallRefused for what is none."""
    if not packed:
        return {}, {}
    try:
        unpacking = zlib.decompressobj()
        cursors, hashes = _decode(unpacking.decompress(packed.removeprefix(_FORMAT), CURSOR_BYTES_MAX))
        if not packed.startswith(_FORMAT) or not unpacking.eof or any(version < 0 for version in cursors.values()):
            raise ValueError
    except (ValueError, zlib.error) as error:
        message = "is none that a feed of all stores has sent; take the last one, or leave it out"
        raise refused(grpc.StatusCode.INVALID_ARGUMENT, "CURSOR_UNREADABLE", message, field="cursor") from error
    return cursors, hashes


def history_changed(field: str, store_id: str, after: int) -> CallRefused:
    """The refusal of a cursor at which its shop has another event than the one that was read."""
    message = (
        f"is {after}, where shop {store_id} has other events than were read, as it was restored from an older copy; "
        "read it anew from a version that the copy had"
    )
    code = grpc.StatusCode.OUT_OF_RANGE
    return refused(code, "HISTORY_CHANGED", message, field=field, store_id=store_id)


def beyond_head(field: str, store_id: str, after: int, head: int) -> CallRefused:
    """The refusal of a cursor that lies beyond its shop's head."""
    message = f"is {after}, beyond shop {store_id}'s head, which is {head}; resume from {head} or before"
    code = grpc.StatusCode.OUT_OF_RANGE
    return refused(code, "CURSOR_BEYOND_HEAD", message, field=field, store_id=store_id, head=str(head))
