"""Which requests the work at hand is for: the ids of callers, which follow a call from the gateway into the actors.

What carries none costs a look at the call's metadata and one at a context variable for each batch.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from actors.core.message import Value

REQUEST_ID_KEY: Final = "x-request-id"
TRACEPARENT_KEY: Final = "traceparent"
REQUEST_ID_CHARS_MAX: Final = 128
ENTRIES_MAX: Final = 16  # of one call to one actor that are named with its ids; a batch may have a thousand

_KEYS: Final = frozenset({REQUEST_ID_KEY, TRACEPARENT_KEY})
_REQUEST_ID: Final = re.compile(rf"[A-Za-z0-9._:@/+=-]{{1,{REQUEST_ID_CHARS_MAX}}}")
# W3C Trace Context, level 1: version, trace, parent and flags; neither version ff nor ids of zeros are valid.
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Trace(Value, frozen=True):
    """A request by its caller's ids. `key` is the key of what it concerns in a batch, empty for all that is done."""

    key: str
    request_id: str
    traceparent: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """What a log line says of it."""
        fields = {"request_id": self.request_id}
        if self.traceparent:
            _, fields["trace_id"], fields["parent_id"], _ = self.traceparent.split("-")
        return fields

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """What goes back to the caller."""
        pairs = [(REQUEST_ID_KEY, self.request_id)]
        return [*pairs, (TRACEPARENT_KEY, self.traceparent)] if self.traceparent else pairs


# What is done in a call, or in one step of an actor, is for these.
CARRIED: Final[ContextVar[tuple[Trace, ...]]] = ContextVar("carried", default=())


@contextmanager
def carrying(traces: tuple[Trace, ...]) -> Iterator[None]:
    """Do something for these requests."""
    token = CARRIED.set(traces)
    try:
        yield
    finally:
        CARRIED.reset(token)


def made_trace(traceparent: str = "") -> Trace:
    """A request whose caller gave no id, or none that is valid."""
    return Trace("", secrets.token_hex(8), traceparent)


def trace_of(metadata: Iterable[tuple[str, Any]]) -> Trace | None:
    """The ids that a caller gave, None where it gave neither. What is not valid counts as not given; of an id that is
    not valid, or of a trace alone, the id is made here.
    """
    given = {key: value for key, value in metadata if key in _KEYS}
    if not given:
        return None
    request_id, traceparent = given.get(REQUEST_ID_KEY, ""), given.get(TRACEPARENT_KEY, "")
    if not (isinstance(traceparent, str) and _TRACEPARENT.fullmatch(traceparent)):
        traceparent = ""
    if isinstance(request_id, str) and _REQUEST_ID.fullmatch(request_id):
        return Trace("", request_id, traceparent)
    return made_trace(traceparent)


def named(traces: Sequence[Trace], keys: Iterable[str]) -> tuple[Trace, ...]:
    """The same request for each of these keys of a batch."""
    return tuple(Trace(key, each.request_id, each.traceparent) for key in keys for each in traces)


def fields_for(key: str) -> dict[str, str]:
    """What a log line about a key says of its request, nothing where that gave no ids."""
    for trace in CARRIED.get():
        if trace.key in {"", key}:
            return trace.fields
    return {}
