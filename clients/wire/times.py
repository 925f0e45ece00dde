"""Milliseconds to and from the protobuf types of time."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def instant_ms(timestamp: Timestamp) -> int:
    """Milliseconds since 1970 UTC, rounded down."""
    return timestamp.seconds * 1000 + timestamp.nanos // 1_000_000


def interval_ms(duration: Duration) -> int:
    """Milliseconds, rounded towards zero."""
    return duration.seconds * 1000 + int(duration.nanos / 1_000_000)


def to_timestamp(at_ms: int) -> Timestamp:
    """An instant in milliseconds since 1970 UTC as a message."""
    return Timestamp(seconds=at_ms // 1000, nanos=at_ms % 1000 * 1_000_000)


def to_duration(length_ms: int) -> Duration:
    """An interval of at least zero milliseconds as a message."""
    return Duration(seconds=length_ms // 1000, nanos=length_ms % 1000 * 1_000_000)
