"""A batch request's items. One that is not UTF-8 or not a message must not cost the others their answer."""

from collections.abc import Sequence
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from serve.wire.statuses import Refused, Status
from serve.wire.validation import BATCH_REQUESTS_MAX

_REQUESTS_TAG: Final = 0x0A  # field 1, length-delimited: `repeated X requests = 1` of every batch request


def split_requests(batch: Any, kind: Any, payload: bytes) -> Sequence[Any]:
    """The requests; a Status in the place of one that cannot be read. Raises Refused where the batch is no message."""
    try:
        return batch.FromString(payload).requests  # type: ignore[no-any-return]
    except DecodeError as error:
        items = _cut(payload)
        if items is None:
            message = f"the request is not a {batch.DESCRIPTOR.full_name}: {error}"
            raise Refused(Status(grpc.StatusCode.INVALID_ARGUMENT, message, "REQUEST_UNREADABLE")) from error
    return [_parse(kind, item, place) for place, item in enumerate(items)]


def _parse(kind: Any, item: bytes, place: int) -> Any:
    try:
        return kind.FromString(item)
    except DecodeError as error:
        message = f"requests[{place}] is not a {kind.DESCRIPTOR.full_name}: {error}; text fields must be UTF-8"
        return Status(grpc.StatusCode.INVALID_ARGUMENT, message, "REQUEST_UNREADABLE")


def _cut(payload: bytes) -> list[bytes] | None:
    """The items' bytes, or None where the payload is not a sequence of as many as a batch may have."""
    items: list[bytes] = []
    place = 0
    while place < len(payload):
        if payload[place] != _REQUESTS_TAG:
            return None
        length, shift = 0, 0
        place += 1
        while True:
            if place >= len(payload) or shift > 28:
                return None
            byte = payload[place]
            place += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if place + length > len(payload):
            return None
        if len(items) == BATCH_REQUESTS_MAX:  # 16 MiB may have eight million, and to cut them takes seconds
            return None
        items.append(payload[place : place + length])
        place += length
    return items
